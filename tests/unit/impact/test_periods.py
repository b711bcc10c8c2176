"""When each revision was in effect, and what that does not tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubectl_kagent.impact.periods import Period, notes, periods
from kubectl_kagent.lifecycle.history.rows import HistoryRow
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.workload import Workload
from tests.objects import agent

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def at(moment: datetime | None) -> float | None:
    return (moment - START).total_seconds() / 60 if moment else None


def row(number: int | None, changed: float, ready: float | None = None, **more: Any) -> HistoryRow:
    """A revision that changed at a minute, and was first seen ready at another (default: at once)."""
    made = more.pop("made", None)
    return HistoryRow(
        number=number,
        live=False,
        changed_at=minute(changed),
        changed_by="",
        config_hash=more.pop("config_hash", str(number)),
        image="",
        pods=more.pop("pods", 0),
        ready=more.pop("up", 0),
        change="",
        cause="",
        rollback_of=None,
        gap_before=more.pop("gap_before", False),
        ready_at=None if number is None else minute(changed if ready is None else ready),
        rendered_at=None if made is None else minute(made),
    )


def never_ready(number: int, changed: float, **more: Any) -> HistoryRow:
    found = row(number, changed, **more)
    return HistoryRow(**{name: getattr(found, name) for name in found.__slots__} | {"ready_at": None})


CREATED = "2026-11-23T07:50:00Z"


def of(*rows: HistoryRow, now: float = 100, since: float | None = None) -> list[Period]:
    workload = Workload(
        AGENT, agent() | {"metadata": {"name": "clock", "namespace": "default", "creationTimestamp": CREATED}}
    )
    return periods(workload, rows, now=minute(now), since=None if since is None else minute(since))


def times(*rows: HistoryRow, **more: Any) -> list[tuple[int | None, float | None, float | None]]:
    return [(one.row.number, at(one.start), at(one.end)) for one in of(*rows, **more)]


def told(*rows: HistoryRow, **more: Any) -> list[str]:
    return [note.line for note in notes(of(*rows, **more))]


def test_each_from_its_change_until_the_next_one_s() -> None:
    rows = row(1, 0), row(2, 10), row(3, 30)
    assert times(*rows) == [(1, 0, 10), (2, 10, 30), (3, 30, None)]
    assert [one.seconds(minute(100)) for one in of(*rows)] == [600, 1200, 4200]
    assert told(*rows) == []
    assert times() == []


def test_the_replica_set_that_was_made_for_a_change_says_when_its_rollout_began() -> None:
    """A Deployment may be paused, or the controller away."""
    assert times(row(1, 0, ready=2, made=1), row(2, 10, ready=15, made=15), row(3, 30)) == [
        (1, 1, 15),
        (2, 15, 30),
        (3, 30, None),
    ]


def test_one_that_was_made_for_another_change_does_not() -> None:
    """An earlier one of the same config, before a rollback, or a later one."""
    assert times(row(1, 0, made=0), row(2, 10, made=10), row(3, 20, made=0))[2] == (3, 20, None)
    assert times(row(1, 0, ready=12, made=12), row(2, 10, ready=11, made=11))[0] == (1, 0, 11)
    assert times(row(1, 0, ready=10, made=10), row(2, 10, made=10))[0] == (1, 0, 10)


def test_a_restart_s_replica_set_is_no_beginning() -> None:
    """The Deployment keeps ten: after as many restarts the one of the change is gone."""
    assert times(row(1, 0), row(2, 10, ready=11, made=40)) == [(1, 0, 10), (2, 10, None)]


def test_what_was_first_recorded_has_been_there_since_its_replica_set() -> None:
    """History knows it by the last write to its spec, which may have set the count of replicas."""
    assert times(row(1, 60, made=5)) == [(1, 5, None)]
    assert times(row(None, 2), row(1, 60, made=5)) == [(None, 2, 5), (1, 5, None)]
    assert times(row(None, 30), row(1, 60, made=5)) == [(None, 30, 60), (1, 60, None)]


def test_nothing_begins_before_the_agent_was_made_or_after_now() -> None:
    """Who may write revisions may write any time into them."""
    assert times(row(1, -1_000_000)) == [(1, -10, None)]
    assert times(row(1, -1_000_000), row(2, -900_000), row(3, 1)) == [(2, -10, 1), (3, 1, None)]
    assert times(row(1, 0), row(2, 500)) == [(1, 0, None), (2, None, None)]
    assert times(row(1, 40), row(2, 20), row(3, 30)) == [(1, None, None), (2, 20, 30), (3, 30, None)]


def test_since() -> None:
    rows = row(1, 0), row(2, 10), never_ready(3, 20), row(4, 30)
    assert times(*rows, since=15) == [(2, 15, 30), (3, None, None), (4, 30, None)]
    assert times(*rows, since=30) == [(4, 30, None)]
    assert times(*rows, since=-500)[0] == (1, 0, 10)


def test_what_was_never_ready_has_no_time_and_ends_no_other_s() -> None:
    rows = row(1, 0), never_ready(2, 10), row(3, 30)
    assert times(*rows) == [(1, 0, 30), (2, None, None), (3, 30, None)]
    assert told(*rows) == [
        "revision 2 of default/clock: none of its pods was seen ready; turns since 2026-11-23T08:10:00Z "
        "count for revision 1"
    ]
    assert told(never_ready(1, 0, pods=2)) == [
        "revision 1 of default/clock: none of its pods was seen ready (0 of 2 now)"
    ]


def test_a_config_that_nobody_recorded_is_called_by_its_hash() -> None:
    rows = row(None, 0, config_hash="55"), never_ready(2, 10)
    assert told(*rows)[0].endswith("count for config 55")
    assert times(row(None, 0), row(None, 10, pods=1, up=0)) == [(None, 0, None), (None, None, None)]
    assert times(row(None, 0), row(None, 10, pods=1, up=1)) == [(None, 0, 10), (None, 10, None)]


def test_less_than_a_second_is_no_time() -> None:
    rows = row(1, 0), row(2, 10), row(3, 10)
    assert times(*rows) == [(1, 0, 10), (2, None, None), (3, 10, None)]
    assert told(*rows) == ["revision 2 of default/clock: it was in effect for less than a second"]


@pytest.mark.parametrize("running", [row(2, 10, pods=2, up=1), never_ready(2, 10, pods=2, up=1)])
def test_two_that_run_now_are_told(running: HistoryRow) -> None:
    """A canary, or a rollout that is stuck half-way."""
    rows = row(1, 0, pods=3, up=3), running
    assert times(*rows) == [(1, 0, 10), (2, 10, None)]
    assert told(*rows) == [
        "default/clock: pods of several revisions are ready now, 3 of revision 1 and 1 of revision 2; all "
        "turns since 2026-11-23T08:10:00Z count for revision 2"
    ]


def test_ready_long_after_its_change_is_told_once_for_all() -> None:
    rows = row(1, 0, ready=9), row(2, 10, ready=16), row(3, 20, ready=25), row(4, 30, ready=95)
    assert told(*rows) == [
        "revision 2, revision 4 of default/clock: first seen ready more than 5m after the start; until then "
        "pods of the revision before may have answered"
    ]


def test_a_gap_is_told_of_the_revision_before_it() -> None:
    assert told(row(1, 0, gap_before=True), row(4, 10, gap_before=True)) == [
        "revision 1 of default/clock: changes after it were not seen; its turns may be other configs' too"
    ]
