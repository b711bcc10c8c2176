"""How many series an agent has: what its collector and controllers say of it, and what rules make of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.bundle import scale

TOOLS, MODELS = 20, 3
BUCKETS = 13
# Spans with labels of their own: four of the server's, a turn as agent and controller tell it; of each model
# one that prepares, two of the runtime's and three of the client's; of each tool two.
SPANS = 4 + 2 + 6 * MODELS + 2 * TOOLS
# How far a recorded counter is, how much of that is counted, what came in five minutes, an hour, and since.
OF_A_COUNTER = 5


@pytest.fixture(scope="module")
def scraped() -> list[scale.Line]:
    return scale.of_one(TOOLS, MODELS, failing=TOOLS)


def test_spans_have_a_series_for_each_bucket(scraped: list[scale.Line]) -> None:
    """Which is why `aggregation_cardinality_limit` of the collector is 300: four times as many."""
    found = counts(line for line in scraped if line.name.startswith("traces_span_metrics"))
    assert found == {
        "traces_span_metrics_calls_total": SPANS,
        "traces_span_metrics_duration_seconds_bucket": SPANS * BUCKETS,
        "traces_span_metrics_duration_seconds_count": SPANS,
        "traces_span_metrics_duration_seconds_sum": SPANS,
    }


def test_an_agent_has_so_many_series(scraped: list[scale.Line]) -> None:
    """The bound that docs/scale.md tells: with 20 tools and 3 models that have all been called and failed."""
    assert len(scraped) == 1081


def test_a_fleet_repeats_the_first_agent(scraped: list[scale.Line]) -> None:
    others = scale.around()
    found = list(scale.fleet([*scraped, *others], 40))
    assert len(found) == 40 * len(scraped) + len(others)
    assert len({line.text() for line in found}) == len(found)
    assert {line.labels["namespace"] for line in found if line.name == "kagent_agent_info"} == {
        "team-00",
        "team-01",
    }


@pytest.mark.telemetry
def test_rules_record_so_many_of_an_agent(scraped: list[scale.Line], tmp_path: Path) -> None:
    recorded = scale.recorded([*scraped, *scale.around()], tmp_path)
    found = counts(scale.own(recorded))
    turns, tools, models = (
        sum(count for name, count in found.items() if name.startswith(f"{level}:"))
        for level in ("agent", "agent_tool", "agent_model")
    )
    # two counters, buckets thrice; rate, p95, the hour's tokens, trouble; seven windows of the error budget
    assert turns == 2 * OF_A_COUNTER + 3 * BUCKETS + 4 + 7
    # three counters, buckets twice; rate, share of failures, p95 of five minutes and of an hour
    assert tools == TOOLS * (3 * OF_A_COUNTER + 2 * BUCKETS + 4)
    # calls, failures of two kinds, tokens in and out; rates of calls and tokens, share, p95; a price
    assert models == MODELS * (5 * OF_A_COUNTER + 3 * BUCKETS + 5) + 1
    assert sum(found.values()) - turns - tools - models == 7  # its workload, replicas, ReplicaSet and pod


def counts(lines: Iterable[scale.Line]) -> dict[str, int]:
    return dict(Counter(line.name for line in lines))
