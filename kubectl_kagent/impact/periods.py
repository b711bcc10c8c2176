"""When each revision was in effect. Pure.

A revision's time is from the start of its rollout until the start of the next one's, so that each turn counts
for one revision. kagent's rollouts take no old pod away before a new one is ready: until then the pods of the
one before answer. So a revision of which no pod was ever seen ready has no time, and ends no other's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from kubectl_kagent import clock
from kubectl_kagent.lifecycle.history.rows import HistoryRow
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.workload import Workload

# A rollout that is seen done within it is not worth a word: an image is pulled, a probe succeeds.
_SOON = timedelta(minutes=5)
# Times of changes are whole seconds.
_SHORTEST = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Period:
    """A row of history and from when until when it was in effect.

    ``start`` is None if it never was, as far as anybody saw; ``end`` is None if it is in effect now.
    """

    workload: Workload
    row: HistoryRow
    start: datetime | None
    end: datetime | None

    @property
    def name(self) -> str:
        """``revision 3``; what nobody recorded is called by its config hash."""
        return f"config {self.row.config_hash}" if self.row.number is None else f"revision {self.row.number}"

    def seconds(self, now: datetime) -> float:
        """How long it was in effect until ``now``."""
        return ((self.end or now) - self.start).total_seconds() if self.start else 0.0


def periods(
    workload: Workload, rows: Sequence[HistoryRow], *, now: datetime, since: datetime | None = None
) -> list[Period]:
    """Of each row of a workload's history, oldest first, but for those that ended before ``since``.

    No period begins before the workload was created, whatever a revision claims.
    """
    found: list[Period] = []
    end: datetime | None = None
    for place in reversed(range(len(rows))):
        start = _start(rows, place) if _was_ready(rows[place]) else None
        if start is not None:
            start = min(start, end or now)
        if start is None or (end or now) - start < _SHORTEST:
            period = Period(workload, rows[place], None, None)
        else:
            period, end = Period(workload, rows[place], start, end), start
        found.append(period)
    created = clock.parse_time(workload.obj["metadata"]["creationTimestamp"])
    floor = max(created, since or created)
    return [_from(each, floor) for each in reversed(found) if _reaches(each, floor)]


def _from(period: Period, floor: datetime) -> Period:
    return replace(period, start=max(period.start, floor)) if period.start else period


def _reaches(period: Period, floor: datetime) -> bool:
    if period.start is None:
        return period.row.changed_at >= floor
    return period.end is None or period.end > floor


def _was_ready(row: HistoryRow) -> bool:
    """Whether a pod of it was seen ready. Of an old ReplicaSet that nobody recorded that is not known."""
    return row.ready > 0 or (row.pods == 0 if row.number is None else row.ready_at is not None)


def _start(rows: Sequence[HistoryRow], place: int) -> datetime:
    """When its first ReplicaSet was made, if that was for this change.

    It was not if the config had one before, or was ready before: of many restarts' only the newest are kept.
    """
    row, made = rows[place], rows[place].rendered_at
    if made is None:
        return row.changed_at
    if made >= row.changed_at:
        followed = place + 1 < len(rows) and rows[place + 1].changed_at <= made
        restarted = row.ready_at is not None and row.ready_at < made
        return row.changed_at if followed or restarted else made
    before = rows[place - 1] if place else None
    # what was first recorded may have been there long before the write that history knows it by
    unrecorded = before is None or (before.number is None and before.changed_at <= made)
    return made if unrecorded else row.changed_at


def notes(found: Sequence[Period]) -> list[Note]:
    """What the periods of one workload do not tell."""
    return [*_never_ready(found), *_both_now(found), *_late(found), *_unseen(found)]


def _never_ready(found: Sequence[Period]) -> Iterator[Note]:
    before: Period | None = None
    for period in found:
        if period.start:
            before = period
            continue
        row = period.row
        if _was_ready(row):
            yield Note(f"{_of(period)}: it was in effect for less than a second")
            continue
        now = f" ({row.ready} of {row.pods} now)" if row.pods else ""
        since = f"; turns since {clock.timestamp(row.changed_at)} count for {before.name}" if before else ""
        yield Note(f"{_of(period)}: none of its pods was seen ready{now}{since}")


def _both_now(found: Sequence[Period]) -> Iterator[Note]:
    running = [period for period in found if period.row.ready]
    if len(running) > 1:
        pods = " and ".join(f"{each.row.ready} of {each.name}" for each in running)
        since = running[-1].start
        counted = f"; all turns since {clock.timestamp(since)} count for {running[-1].name}" if since else ""
        yield Note(f"{_workload(running[-1])}: pods of several revisions are ready now, {pods}{counted}")


def _late(found: Sequence[Period]) -> Iterator[Note]:
    """The time ready is when somebody looked, unless the recorder runs."""
    begun = [period for period in found if period.start]
    late = [
        period
        for period in begun[1:]
        if period.start and period.row.ready_at and period.row.ready_at - period.start > _SOON
    ]
    if late:
        yield Note(
            f"{several(late)}: first seen ready more than 5m after the start; until then pods of the "
            "revision before may have answered"
        )


def _unseen(found: Sequence[Period]) -> Iterator[Note]:
    for before, after in pairwise(found):
        if after.row.gap_before:
            yield Note(f"{_of(before)}: changes after it were not seen; its turns may be other configs' too")


def _workload(period: Period) -> str:
    return f"{period.workload.namespace}/{period.workload.name}"


def _of(period: Period) -> str:
    return f"{period.name} of {_workload(period)}"


def several(found: Sequence[Period]) -> str:
    """``revision 1, revision 3 of NAMESPACE/NAME``, and so of each workload."""
    names: dict[str, list[str]] = {}
    for period in found:
        names.setdefault(_workload(period), []).append(period.name)
    return "; ".join(f"{', '.join(those)} of {workload}" for workload, those in names.items())
