"""What a check says: sections with what is fine, what is wrong, and what could not be looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubectl_kagent.model.note import Note
from kubectl_kagent.observe.status.signals import Remedy

WARNING = "warning"  # works, but not all of it, or not for this user
FAILURE = "failure"  # does not work


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """Something that is wrong with an object: what, the lines that say why as far as is known, the fix."""

    level: str
    about: str
    text: str
    causes: tuple[str, ...] = ()
    remedy: Remedy = field(default_factory=Remedy)

    @property
    def line(self) -> str:
        return f"{self.about} {self.text}"


@dataclass(frozen=True, slots=True)
class Section:
    """``ok`` counts what was looked at and is fine; ``unchecked`` says what was not, and why.

    ``detail`` is what else was learnt, like versions.
    """

    name: str
    ok: int
    findings: tuple[CheckFinding, ...] = ()
    unchecked: tuple[Note, ...] = ()
    detail: str = ""

    def count(self, level: str) -> int:
        return sum(finding.level == level for finding in self.findings)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All sections, in the order in which one depends on another."""

    sections: tuple[Section, ...]

    def count(self, level: str) -> int:
        return sum(section.count(level) for section in self.sections)

    @property
    def unchecked(self) -> int:
        return sum(len(section.unchecked) for section in self.sections)

    @property
    def failed(self) -> bool:
        return self.count(FAILURE) > 0
