"""The rows of rollout history: revisions joined with what the ReplicaSets prove. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.lifecycle.history.diff import difference, summary
from kubectl_kagent.lifecycle.history.rendered import unrecorded
from kubectl_kagent.model.deployment import REVISION, config_hash, image
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import Workload, whole_number


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of history. ``number`` is None for a ReplicaSet whose config nobody recorded.

    ``pods`` and ``ready`` count the pods that run this config hash now. ``ready_at`` is when they were first
    seen ready, ``rendered_at`` when the oldest ReplicaSet of the hash was made.
    """

    number: int | None
    live: bool
    changed_at: datetime
    changed_by: str
    config_hash: str
    image: str
    pods: int
    ready: int
    change: str
    cause: str
    rollback_of: int | None
    gap_before: bool
    ready_at: datetime | None = None
    rendered_at: datetime | None = None


def rows(
    workload: Workload,
    revisions: Sequence[Revision],
    replica_sets: Sequence[Mapping[str, Any]],
    *,
    live: Revision | None = None,
) -> list[HistoryRow]:
    """Oldest first: the revisions, and between them the configs that only ReplicaSets know.

    Those stand by their age, against that of a revision's own ReplicaSet where its change made that one.
    """
    counts = _counts(workload, replica_sets)
    known = {revision.config_hash for revision in revisions}
    oldest: dict[str, HistoryRow] = {}  # a restart makes several ReplicaSets of one config
    in_order = sorted(replica_sets, key=_revision)  # of two in one second
    for row in sorted((_bare_row(workload, item, counts) for item in in_order), key=_changed_at):
        oldest.setdefault(row.config_hash, row)
    bare = [row for config_hash, row in oldest.items() if config_hash not in known]
    merged: list[HistoryRow] = []
    rendered = {config_hash: row.changed_at for config_hash, row in oldest.items()}
    recorded: list[HistoryRow] = []
    ours = _recorded(workload, revisions, live, counts, rendered)
    for row, following in zip_longest(ours, ours[1:]):
        while bare and bare[0].changed_at < row.changed_at:
            merged.append(_explained(workload, bare.pop(0), recorded, all_seen=not row.gap_before))
        while bare and _came_before(bare[0], row, following):
            merged.append(bare.pop(0))  # it may be this very change with a source as it was before
        merged.append(row)
        recorded.append(row)
    all_seen = bool(recorded) and recorded[-1].live
    return merged + [_explained(workload, row, recorded, all_seen=all_seen) for row in bare]


def _explained(
    workload: Workload, row: HistoryRow, recorded: Sequence[HistoryRow], *, all_seen: bool
) -> HistoryRow:
    """A row of a ReplicaSet after those revisions: when all changes were seen, none of them made it.

    Unless it may be what the controller made of one of them, of which the config hash is not noted.
    """
    before = recorded[-1] if recorded else None
    if not (all_seen and before and before.config_hash and row.config_hash):
        return row
    if _may_be_late(row, recorded):
        return row
    return replace(row, change=f"rendered anew without a recorded change: {unrecorded(workload)}")


def _came_before(bare: HistoryRow, row: HistoryRow, following: HistoryRow | None) -> bool:
    """Whether it was rolled out after the change of ``row``, but before ``row`` itself."""
    made = row.rendered_at
    if made is None or made < row.changed_at or (following and following.changed_at <= made):
        return False
    # of two in one second the live one is the newer
    return bare.changed_at <= made if row.live else bare.changed_at < made


def _may_be_late(row: HistoryRow, recorded: Sequence[HistoryRow]) -> bool:
    """Whether the controller may have made it before it came to the newest of them. Times are of a second."""
    newest = recorded[-1]
    if newest.rendered_at and newest.rendered_at >= newest.changed_at:
        return newest.rendered_at >= row.changed_at
    return len(recorded) > 1 and not recorded[-2].config_hash  # its own ReplicaSet is an older one's


def _revision(replica_set: Mapping[str, Any]) -> int:
    return whole_number((replica_set["metadata"].get("annotations") or {}).get(REVISION)) or 0


def _changed_at(row: HistoryRow) -> datetime:
    return row.changed_at


def _recorded(
    workload: Workload,
    revisions: Sequence[Revision],
    live: Revision | None,
    counts: Mapping[str, tuple[int, int]],
    rendered: Mapping[str, datetime],
) -> list[HistoryRow]:
    found: list[HistoryRow] = []
    before: Revision | None = None
    newest_of_hash = {revision.config_hash: revision.number for revision in revisions}
    for revision in revisions:
        runs = newest_of_hash[revision.config_hash] == revision.number and revision.config_hash
        pods, ready = counts.get(revision.config_hash, (0, 0)) if runs else (0, 0)
        found.append(
            HistoryRow(
                number=revision.number,
                live=live is not None and revision.number == live.number,
                changed_at=revision.changed_at,
                changed_by=revision.changed_by,
                config_hash=revision.config_hash,
                image=revision.image,
                pods=pods,
                ready=ready,
                change=_change(workload, before, revision),
                cause=revision.change_cause,
                rollback_of=revision.rollback_of,
                gap_before=revision.gap_before,
                ready_at=_ready_at(revision),
                rendered_at=rendered.get(revision.config_hash) if revision.config_hash else None,
            )
        )
        before = revision
    return found


def _change(workload: Workload, before: Revision | None, revision: Revision) -> str:
    if before is None:
        return "first recorded"
    return revision.recurrence + summary(difference(workload, before, revision))


def _ready_at(revision: Revision) -> datetime | None:
    """None also for what is no time: anybody can write annotations."""
    try:
        return clock.parse_time(revision.ready_at) if revision.ready_at else None
    except ValueError:
        return None


def _bare_row(
    workload: Workload, item: Mapping[str, Any], counts: Mapping[str, tuple[int, int]]
) -> HistoryRow:
    hash_ = config_hash(item, workload)
    pods, ready = counts.get(hash_, (0, 0))
    created = clock.parse_time(item["metadata"]["creationTimestamp"])
    return HistoryRow(
        number=None,
        live=False,
        changed_at=created,
        changed_by="",
        config_hash=hash_,
        image=image(item),
        pods=pods,
        ready=ready,
        change="not recorded: only its ReplicaSet is known",
        cause="",
        rollback_of=None,
        gap_before=False,
        rendered_at=created,
    )


def _counts(workload: Workload, replica_sets: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """Pods and ready pods by config hash; a restart makes several ReplicaSets of one hash."""
    found: dict[str, tuple[int, int]] = {}
    for item in replica_sets:
        pods, ready = found.get(config_hash(item, workload), (0, 0))
        status = item.get("status") or {}
        found[config_hash(item, workload)] = (
            pods + int(status.get("replicas", 0)),
            ready + int(status.get("readyReplicas", 0)),
        )
    return found
