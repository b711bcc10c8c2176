"""What the looks at a workload's history tell, counted for the recorder's metrics. Pure.

The counts are of the history, not of what one recorder wrote: two recorders that race count the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubectl_kagent.lifecycle.history.diff import Difference, FieldChange, difference
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import Workload

FIRST, SEVERAL, ROLLBACK, UNKNOWN = "first", "several", "rollback", "unknown"
# What a revision changed, one word each: with its first revision a workload comes, UNKNOWN is one whose
# predecessor is not kept, SEVERAL changed more than one of the four before it.
KINDS = (FIRST, "model", "prompt", "tools", "spec", SEVERAL, ROLLBACK, UNKNOWN)
_SOURCES = {
    "modelconfig": "model",
    "configmap": "prompt",
    "remotemcpserver": "tools",
    "mcpserver": "tools",
    "service": "tools",
}
_PROMPT = ("spec.declarative.systemMessage", "spec.declarative.promptTemplate")
_TOOLS = "spec.declarative.tools"


@dataclass(frozen=True, slots=True)
class LastChange:
    """The newest revision's change; ``at`` is in seconds since the epoch, ``kind`` one of KINDS."""

    number: int
    kind: str
    changed_by: str
    at: float


@dataclass(frozen=True, slots=True)
class Tally:
    """``live`` and ``config_hash`` are 0 and empty while that is not known.

    ``changes`` has a number for each of KINDS; ``gaps`` are revisions before which a change was not recorded.
    """

    live: int = 0
    config_hash: str = ""
    last: LastChange | None = None
    changes: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    rollbacks: int = 0
    gaps: int = 0


def updated(
    tally: Tally, workload: Workload, revisions: Sequence[Revision], live: Revision | None, *, began: float
) -> Tally:
    """The tally after a look that found ``revisions``, oldest first.

    The first look counts what changed since the recorder ``began`` (seconds since the epoch): a counter
    tells what happened while it was there. Later ones count what is newer than the last.
    """
    changes, gaps, last = dict(tally.changes), tally.gaps, tally.last
    known = last.number if last else None
    for before, revision in zip((None, *revisions), revisions, strict=False):
        at = revision.changed_at.timestamp()
        is_new = at >= int(began) if known is None else revision.number > known
        if is_new or (revision is revisions[-1] and revision.number != known):
            last = LastChange(revision.number, kind_of(workload, before, revision), revision.changed_by, at)
            changes[last.kind] += is_new
            gaps += is_new and revision.gap_before
    return Tally(
        live=live.number if live else 0,
        config_hash=live.config_hash if live else "",
        last=last,
        changes=changes,
        rollbacks=changes[ROLLBACK],
        gaps=gaps,
    )


def kind_of(workload: Workload, before: Revision | None, after: Revision) -> str:
    """The word of KINDS for what ``after`` changed; ``before`` is the revision before it that is kept."""
    if after.rollback_of:
        return ROLLBACK
    if before is None:
        return FIRST if after.number == 1 else UNKNOWN
    kinds = _kinds(difference(workload, before, after))
    return SEVERAL if len(kinds) > 1 else next(iter(kinds), UNKNOWN)


def _kinds(found: Difference) -> set[str]:
    kinds = {_kind(change) for change in found.fields}
    kinds |= {"prompt"} if found.prompt else set()
    return kinds | ({"tools"} if found.tools else set())


def _kind(change: FieldChange) -> str:
    if change.where:
        return _SOURCES.get(change.where.partition("/")[0], "spec")
    if change.path.startswith(_PROMPT):
        return "prompt"
    if change.path.startswith(_TOOLS):
        return "tools"
    return "model" if change.path.endswith(".modelConfig") else "spec"
