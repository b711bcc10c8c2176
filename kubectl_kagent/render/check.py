"""What check prints: a line for each section, and below them what is not as it should be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, TypedDict

from kubectl_kagent.check.findings import FAILURE, WARNING, CheckFinding, CheckReport, Section
from kubectl_kagent.render.columns import Column, cells
from kubectl_kagent.render.junit import FAILED, PASSED, SKIPPED, Case, junit
from kubectl_kagent.render.observe_status import RemedyView, remedy_lines, remedy_view
from kubectl_kagent.render.table import plain

_MOST = 8

_COLUMNS: Sequence[Column[Section]] = (
    Column("SECTION", lambda section: section.name),
    Column("OK", lambda section: section.ok),
    Column("WARNING", lambda section: section.count(WARNING)),
    Column("FAILURE", lambda section: section.count(FAILURE)),
    Column("NOT-CHECKED", lambda section: len(section.unchecked)),
    Column("DETAIL", lambda section: section.detail),
)


def check_screen(found: CheckReport) -> str:
    """A line for each section; each finding and what was not checked below, under the section's name."""
    return cells(_COLUMNS, found.sections) + "".join(_below(section) for section in found.sections)


def _below(section: Section) -> str:
    if not section.findings and not section.unchecked:
        return ""
    lines = [line for finding in section.findings for line in _lines(finding)]
    lines += [
        f"  {line}" for line in _first([f"not checked: {plain(note.line)}" for note in section.unchecked])
    ]
    return "".join(f"{line}\n" for line in ("", f"{section.name}:", *lines))


def _lines(finding: CheckFinding, *, whole: bool = False) -> Iterator[str]:
    causes = [plain(cause) for cause in finding.causes]
    yield f"  {finding.level}: {plain(finding.line)}"
    yield from (f"    {line}" for line in (causes if whole else _first(causes)))
    yield from (f"    {line}" for line in remedy_lines(finding.remedy))


def _first(lines: Sequence[str]) -> Sequence[str]:
    """So that the rights of somebody without any don't push the rest off the screen."""
    more = len(lines) - _MOST
    return lines if more <= 1 else [*lines[:_MOST], f"... {more} more: see -o json"]


class CheckFindingView(TypedDict):
    """Something that is wrong."""

    level: Annotated[str, "`warning` or `failure`"]
    object: Annotated[str, "what it is about, like `agent NAMESPACE/NAME`"]
    text: Annotated[str, "what is wrong with it"]
    causes: Annotated[list[str], "why, as far as it is known"]
    remedy: Annotated[RemedyView, "what would mend it"]


class CheckSectionView(TypedDict):
    """What belongs together."""

    section: Annotated[str, "its name"]
    ok: Annotated[int, "how many were looked at and are fine"]
    detail: Annotated[str, "what else was learnt, like versions; may be empty"]
    findings: Annotated[list[CheckFindingView], "what is wrong"]
    notChecked: Annotated[list[str], "what could not be looked at, and why"]


class CheckView(TypedDict):
    """A check of kagent in a cluster."""

    failed: Annotated[bool, "whether there is a failure: then the exit code is 1"]
    failures: Annotated[int, "how many there are"]
    warnings: Annotated[int, "how many there are"]
    notChecked: Annotated[int, "how many things could not be looked at"]
    items: Annotated[list[CheckSectionView], "the sections"]


def check_view(found: CheckReport) -> CheckView:
    """The same for programs."""
    return {
        "failed": found.failed,
        "failures": found.count(FAILURE),
        "warnings": found.count(WARNING),
        "notChecked": found.unchecked,
        "items": [
            {
                "section": section.name,
                "ok": section.ok,
                "detail": section.detail,
                "findings": [_finding_view(finding) for finding in section.findings],
                "notChecked": [note.line for note in section.unchecked],
            }
            for section in found.sections
        ],
    }


def _finding_view(finding: CheckFinding) -> CheckFindingView:
    return {
        "level": finding.level,
        "object": finding.about,
        "text": finding.text,
        "causes": list(finding.causes),
        "remedy": remedy_view(finding.remedy),
    }


def check_junit(found: CheckReport) -> str:
    """JUnit's XML: a suite for each section, a case for each finding, what was not checked, and what is fine.

    A warning passes, with its text in system-out; what was not checked is skipped.
    """
    suites = [(section.name, f"check.{section.name}", list(_cases(section))) for section in found.sections]
    return junit("kubectl kagent check", suites)


def _cases(section: Section) -> Iterator[Case]:
    for finding in section.findings:
        told = "\n".join(line.strip() for line in _lines(finding, whole=True))
        outcome, message = (FAILED, finding.line) if finding.level == FAILURE else (PASSED, "")
        yield Case(finding.about, outcome, message, told)
    for note in section.unchecked:
        yield Case(note.about, SKIPPED, note.why or note.about)
    if section.ok:
        yield Case(f"{section.ok} ok")
