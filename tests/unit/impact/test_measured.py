"""Periods joined with the turns in them: windows that are the same are asked for once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kubectl_kagent.backends.prometheus import at_address
from kubectl_kagent.impact.measured import Impact, from_prometheus
from kubectl_kagent.impact.periods import Period
from kubectl_kagent.lifecycle.history.rows import HistoryRow
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.workload import Workload
from tests.fake.cluster import FakeCluster
from tests.fake.prometheus import CountedTurn, CountingPrometheus
from tests.loopback import response, serve

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def before(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def period(
    name: str, number: int, start: float | None, end: float | None = None, namespace: str = "a"
) -> Period:
    workload = Workload(AGENT, {"metadata": {"name": name, "namespace": namespace}})
    row = HistoryRow(
        number=number,
        live=False,
        changed_at=NOW,
        changed_by="",
        config_hash="",
        image="",
        pods=0,
        ready=0,
        change="",
        cause="",
        rollback_of=None,
        gap_before=False,
    )
    times = [None if seconds is None else before(seconds) for seconds in (start, end)]
    return Period(workload, row, *times)


def turn(agent: str, seconds: float, namespace: str = "a") -> CountedTurn:
    return CountedTurn(agent, before(seconds).timestamp(), namespace=namespace)


def measure(counting: CountingPrometheus, *found: Period) -> Impact:
    with serve() as server:
        server.answer = lambda request: response(200, counting.answer(request.path))
        prometheus = replace(at_address(server.url), name="p")
        return from_prometheus(prometheus, FakeCluster(), found, NOW)


def test_each_agent_has_its_own_turns_of_a_window_that_is_asked_for_once() -> None:
    turns = [turn("x", 5), turn("y", 5), turn("y", 6), turn("x", 15), turn("x", 5, "b")]
    counting = CountingPrometheus(turns)
    rows = (period("x", 1, 20, 10), period("x", 2, 10), period("y", 1, 10), period("x", 7, 10, None, "b"))
    found = measure(counting, *rows)
    assert [row.usage and row.usage.calls for row in found.rows] == [1, 1, 2, 1]
    assert [row.seconds for row in found.rows] == [10, 10, 10, 10]
    assert found.turns == 5
    windows = {at for query, at in counting.queries if "invoke_agent" in query}
    assert windows == {NOW.timestamp(), before(10).timestamp()}
    assert "service_name=~" not in str(counting.queries)


def test_a_period_without_time_is_no_window() -> None:
    found = measure(CountingPrometheus([turn("x", 5)]), period("x", 1, 10), period("x", 2, None))
    assert [(row.usage and row.usage.calls, row.seconds, row.whole) for row in found.rows] == [
        (1, 10, True),
        (None, 0, False),
    ]
    assert found.gaps == ()


def test_where_turns_may_be_missing_is_told_only_beside_turns() -> None:
    rows = period("x", 1, 30, 20), period("x", 2, 20, 10), period("y", 3, 10)
    begins = before(15).timestamp()
    assert measure(CountingPrometheus([turn("x", 12)], begins=begins), *rows).gaps == (
        "Prometheus (p): nothing from the time of revision 1 of a/x",
        "Prometheus (p): nothing yet at the start of revision 2 of a/x; turns may be missing",
    )
    assert measure(CountingPrometheus([], begins=begins), *rows).gaps == ()


def test_no_period_asks_only_for_prices() -> None:
    counting = CountingPrometheus()
    assert measure(counting) == Impact((), ())
    assert len(counting.queries) == 1
