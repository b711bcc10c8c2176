"""What lint says: findings with their rule and place, and what could not be judged."""

from __future__ import annotations

from dataclasses import dataclass

ERROR = "error"  # the API server refuses it, or it does not work, or it gives a secret away
WARNING = "warning"  # works, and will hurt


@dataclass(frozen=True, slots=True)
class LintFinding:
    """Something that is wrong at a line of a file; ``about`` is the object, ``path`` the field in it."""

    rule: str
    severity: str
    file: str
    line: int
    about: str
    path: str
    text: str

    @property
    def message(self) -> str:
        return " ".join(filter(None, (self.path, self.text)))


@dataclass(frozen=True, slots=True)
class NotJudged:
    """A rule that can't be judged from the input, and why."""

    rule: str
    about: str
    why: str


@dataclass(frozen=True, slots=True)
class LintReport:
    """Findings in the order of files and lines; ``files`` and ``objects`` count what was read."""

    files: int
    objects: int
    findings: tuple[LintFinding, ...]
    not_judged: tuple[NotJudged, ...]
    ignored: int = 0

    def count(self, severity: str) -> int:
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def failed(self) -> bool:
        return self.count(ERROR) > 0
