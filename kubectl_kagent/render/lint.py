"""What lint prints: the findings of each file by line, and what could not be judged. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Annotated, TypedDict

from kubectl_kagent.lint.findings import ERROR, WARNING, LintFinding, LintReport, NotJudged
from kubectl_kagent.masking import masked
from kubectl_kagent.render.junit import FAILED, PASSED, SKIPPED, Case, junit
from kubectl_kagent.render.table import plain


def lint_screen(found: LintReport) -> str:
    """``FILE:LINE: SEVERITY RULE OBJECT FIELD what is wrong``, a line each, and the counts below them."""
    lines = [_line(finding) for finding in found.findings]
    lines += [f"not judged: {_words(f'{note.rule}: {note.about}: {note.why}')}" for note in found.not_judged]
    counts = [_count(found.count(ERROR), "error"), _count(found.count(WARNING), "warning")]
    ignored = f", {found.ignored} ignored" if found.ignored else ""
    read = f"{_count(found.objects, 'object')} in {_count(found.files, 'file')}"
    return "".join(f"{line}\n" for line in (*lines, f"{', '.join(counts)}{ignored} ({read})"))


def _line(finding: LintFinding) -> str:
    place = f"{finding.file}:{finding.line}: {finding.severity} {finding.rule}"
    return _words(" ".join(filter(None, (place, finding.about, finding.message))))


def _words(text: str) -> str:
    return plain(masked(text))


def _count(number: int, of: str) -> str:
    return f"{number} {of}" if number == 1 else f"{number} {of}s"


class LintFindingView(TypedDict):
    """Something that is wrong."""

    rule: Annotated[str, "the rule's id; [lint.md](lint.md) has a section for each"]
    severity: Annotated[str, "`warning` or `error`"]
    file: Annotated[str, "the file, `<stdin>`, or `FOLDER (built)` of `-k`"]
    line: Annotated[int, "the line in it, from 1"]
    object: Annotated[str, "what it is about, like `agent NAMESPACE/NAME`; may be empty"]
    path: Annotated[str, "the field, like `spec.declarative.tools[0]`; may be empty"]
    text: Annotated[str, "what is wrong with it"]


class NotJudgedView(TypedDict):
    """What could not be judged."""

    rule: Annotated[str, "the rule's id"]
    object: Annotated[str, "what it would have been about"]
    text: Annotated[str, "why not"]


class LintView(TypedDict):
    """What lint finds in manifests."""

    failed: Annotated[bool, "whether there is an error: then the exit code is 1"]
    errors: Annotated[int, "how many there are"]
    warnings: Annotated[int, "how many there are"]
    ignored: Annotated[int, "how many findings comments and annotations ignore"]
    files: Annotated[int, "how many files were read"]
    objects: Annotated[int, "how many objects are in them"]
    items: Annotated[list[LintFindingView], "the findings, by file and line"]
    notJudged: Annotated[list[NotJudgedView], "what could not be judged from the files alone"]


def lint_view(found: LintReport) -> LintView:
    """The same for programs."""
    return {
        "failed": found.failed,
        "errors": found.count(ERROR),
        "warnings": found.count(WARNING),
        "ignored": found.ignored,
        "files": found.files,
        "objects": found.objects,
        "items": [_finding_view(finding) for finding in found.findings],
        "notJudged": [_not_judged_view(note) for note in found.not_judged],
    }


def _finding_view(finding: LintFinding) -> LintFindingView:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "file": finding.file,
        "line": finding.line,
        "object": finding.about,
        "path": finding.path,
        "text": finding.text,
    }


def _not_judged_view(note: NotJudged) -> NotJudgedView:
    return {"rule": note.rule, "object": note.about, "text": note.why}


def lint_junit(found: LintReport) -> str:
    """JUnit's XML: a suite for each file that has findings, a case for each; what was not judged is skipped.

    A warning passes, with its text in system-out.
    """
    suites = [(file, "lint", list(_cases(group))) for file, group in groupby(found.findings, key=_file)]
    skipped = [Case(f"{note.rule} {note.about}", SKIPPED, note.why) for note in found.not_judged]
    clean = [] if suites else [Case(f"{_count(found.objects, 'object')} without findings")]
    if skipped or clean:
        suites.append(("all files", "lint", [*clean, *skipped]))
    return junit("kubectl kagent lint", suites)


def _file(finding: LintFinding) -> str:
    return finding.file


def _cases(findings: Iterator[LintFinding]) -> Iterator[Case]:
    for finding in findings:
        outcome, message = (FAILED, finding.message) if finding.severity == ERROR else (PASSED, "")
        name = " ".join(filter(None, (f"{finding.line}", finding.rule, finding.about)))
        yield Case(name, outcome, message, _line(finding))
