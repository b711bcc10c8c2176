"""The made-up fleet says what its numbers say, and Prometheus takes it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import urlopen

import pytest

from tests.bundle.curves import Series, constant, counted, p95, ratio, share_of
from tests.bundle.fleet import AGENTS, Agent
from tests.bundle.prometheus import openmetrics, prometheus
from tests.bundle.series import everything
from tests.rehearsal.answers import of_dashboards, of_rules

START, END = 1_795_838_400, 1_795_860_000


def test_each_series_is_there_once() -> None:
    names = Counter((one.name, *sorted(one.labels.items())) for one in everything(START, END))
    assert [name for name, times in names.items() if times > 1] == []
    assert len(names) > 800


def test_the_text_that_is_backfilled() -> None:
    lines = openmetrics([Series("up", {"job": "kmcp", "instance": "a"}, constant(1))], START, START + 60)
    labels = 'up{instance="a",job="kmcp"}'
    assert list(lines) == [*(f"{labels} 1 {START + second}\n" for second in (0, 30, 60)), "# EOF\n"]


def test_counts_are_whole_and_rise() -> None:
    curve = counted(6)
    so_far = [curve(second) for second in range(0, 7201, 30)]
    assert so_far == sorted(so_far)
    assert (so_far[0], so_far[-1]) == (0, 720)
    assert all(one == int(one) for one in so_far)


def test_more_fails_in_the_incident() -> None:
    curve = counted(60)
    failures = share_of(curve, 0.1, (7200, 14400))
    assert [failures(second) for second in (7200, 14400, 21600)] == [720, 4320, 5040]


def test_a_share_of_nothing_is_no_number() -> None:
    assert math.isnan(ratio(constant(0), constant(0), 300)(600))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), START, END) as url:
        yield url


def _turns(agent: Agent) -> float:
    return counted(agent.per_minute)(END - START)


@pytest.mark.telemetry
def test_prometheus_counts_what_the_fleet_did(address: str) -> None:
    answer = _asked(address, "sum by (agent) (agent:turns:total)")
    assert answer == {agent.name: _turns(agent) for agent in AGENTS}


@pytest.mark.telemetry
def test_the_buckets_have_the_percentile(address: str) -> None:
    buckets = 'agent:turn_duration_seconds_bucket:total{agent="triage"}'
    [found] = _asked(address, f"histogram_quantile(0.95, {buckets})").values()
    assert 10 < p95(AGENTS[0].seconds) < 30  # two bounds of buckets, between which Prometheus guesses
    assert 10 < found < 30


@pytest.mark.telemetry
def test_what_the_lab_does_not_have_is_seen_on_made_up_series(address: str) -> None:
    """Every query of a panel or rule about agentgateway or kagent-tools has data, and its legend's labels."""

    def ask(query: str) -> list[dict[str, Any]]:
        asked = {"query": query, "start": END - 3600, "end": END, "step": 60}
        with urlopen(f"{address}/api/v1/query_range?{urlencode(asked)}", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    answers = (*of_dashboards(ask, ask, {}, 3600), *of_rules(ask, 3600))
    away = [answer for answer in answers if answer.is_of_parts_away]
    assert [(answer.where, answer.what) for answer in away if not answer.is_whole] == [
        # a guardrail that fails open is not an everyday thing
        ("gateway.rules.yaml", "KagentGatewayGuardrailOpen (warning, 0s)"),
    ]
    assert len(away) > 40


def _asked(address: str, query: str) -> dict[str, float]:
    with urlopen(f"{address}/api/v1/query?query={quote(query)}&time={END}", timeout=30) as answer:
        result = json.load(answer)["data"]["result"]
    return {one["metric"].get("agent", ""): float(one["value"][1]) for one in result}
