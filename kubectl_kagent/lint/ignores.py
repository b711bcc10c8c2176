"""Findings that somebody has decided to live with: a comment at the line, or an annotation of the object.

``# kagent-lint: ignore RULE[,RULE] REASON`` behind a line, or in a line of its own before it;
``lint-ignore.kubectl-kagent/RULE: REASON`` among the annotations, for all of the object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kubectl_kagent.lint.documents import Comment
from kubectl_kagent.lint.findings import WARNING, LintFinding
from kubectl_kagent.lint.manifests import Manifest
from kubectl_kagent.lint.rules import BY_ID

ANNOTATION = "lint-ignore.kubectl-kagent/"
UNUSED = "unused-ignore"
_NEVER = ("unreadable", UNUSED)
_COMMENT = re.compile(r"\s*ignore\s+(?P<rules>[\w-]+(?:\s*,\s*[\w-]+)*)(?P<reason>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Ignore:
    """One rule that is ignored: at ``target`` of a file, or for the whole of ``manifest``."""

    rule: str
    file: str
    line: int  # its own
    target: int = 0
    manifest: Manifest | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding, and the object that it is about, if any."""

    finding: LintFinding
    manifest: Manifest | None = None


def of_comments(file: str, comments: Sequence[Comment]) -> Iterator[Ignore | Placed]:
    """The ignores of a document; a comment that can't be one is a finding."""
    targets = _targets(comments)
    for comment in comments:
        match = _COMMENT.fullmatch(comment.text)
        if not match:
            yield Placed(_unused(file, comment.line, "", "is not: # kagent-lint: ignore RULE[,RULE] REASON"))
            continue
        for rule in re.split(r"\s*,\s*", match["rules"]):
            yield from _checked(Ignore(rule, file, comment.line, targets[comment.line]), match["reason"])


def _targets(comments: Sequence[Comment]) -> dict[int, int]:
    """The line that each comment is about: its own, or the next one that is more than a comment."""
    found: dict[int, int] = {}
    for comment in reversed(comments):
        below = comment.line + 1
        found[comment.line] = found.get(below, below) if comment.alone else comment.line
    return found


def of_annotations(manifest: Manifest) -> Iterator[Ignore | Placed]:
    """The ignores of an object."""
    for key, reason in manifest.annotations.items():
        if key.startswith(ANNOTATION):
            line = manifest.line(("metadata", "annotations", key))
            rule = key.removeprefix(ANNOTATION)
            ignore = Ignore(rule, manifest.file, line, manifest=manifest, about=manifest.label)
            yield from _checked(ignore, reason if isinstance(reason, str) else "")


def _checked(ignore: Ignore, reason: str) -> Iterator[Ignore | Placed]:
    if ignore.rule not in BY_ID or ignore.rule in _NEVER:
        why = "can't be ignored" if ignore.rule in _NEVER else "is not a rule"
        yield Placed(_unused(ignore.file, ignore.line, ignore.about, f"{ignore.rule} {why}"))
    elif not reason.strip(" \t\r:-"):
        yield Placed(
            _unused(ignore.file, ignore.line, ignore.about, f"{ignore.rule} is ignored without a reason")
        )
    else:
        yield ignore


def apply(found: Iterable[Placed], ignores: Sequence[Ignore]) -> tuple[list[LintFinding], int]:
    """What is left, with a warning for each ignore that hits nothing, and how many findings are ignored."""
    used: set[Ignore] = set()
    left: list[LintFinding] = []
    ignored = 0
    of_rule: dict[tuple[str, object], list[Ignore]] = {}
    for ignore in ignores:
        of_rule.setdefault((ignore.rule, ignore.manifest or (ignore.file, ignore.target)), []).append(ignore)
    for placed in found:
        finding = placed.finding
        hits = [
            ignore
            for where in (placed.manifest, (finding.file, finding.line))
            for ignore in of_rule.get((finding.rule, where), ())
        ]
        used.update(hits)
        ignored += bool(hits)
        if not hits:
            left.append(finding)
    for ignore in ignores:
        if ignore not in used:
            left.append(
                _unused(ignore.file, ignore.line, ignore.about, f"{ignore.rule} is ignored for nothing")
            )
    return left, ignored


def _unused(file: str, line: int, about: str, text: str) -> LintFinding:
    return LintFinding(UNUSED, WARNING, file, line, about, "", text)
