"""Turns of revisions as a table and for programs: what is not known is told from what is nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kubectl_kagent.impact.measured import ImpactRow
from kubectl_kagent.impact.periods import Period
from kubectl_kagent.lifecycle.history.rows import HistoryRow
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.trace import Tokens
from kubectl_kagent.model.usage import Quantile, UsageRow
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render.impact import impact_of_agents, impact_of_one, ordered
from kubectl_kagent.render.impact_view import agents_impact_view, impact_view

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
RECORDED = HistoryRow(
    number=3,
    live=True,
    changed_at=START,
    changed_by="me",
    config_hash="55",
    image="app:1",
    pods=1,
    ready=1,
    change="prompt",
    cause="",
    rollback_of=None,
    gap_before=False,
)
NOTHING = UsageRow("default", "clock", "clock", calls=0, errors=0)


def row(usage: UsageRow | None = NOTHING, name: str = "clock", **recorded: Any) -> ImpactRow:
    workload = Workload(AGENT, {"metadata": {"name": name, "namespace": "default"}})
    return ImpactRow(Period(workload, replace(RECORDED, **recorded), START, None), 90, usage, whole=True)


def cells(usage: UsageRow | None, *, wide: bool = False) -> list[str]:
    return impact_of_one("a", [row(usage)], wide=wide).splitlines()[-1].split()


def test_nothing_is_zero_and_what_is_not_known_a_dash() -> None:
    assert cells(NOTHING) == ["3*", "2026-11-23T08:00:00Z", "90s", "0", "0", "-", "-", "-", "prompt"]
    assert cells(None) == ["3*", "2026-11-23T08:00:00Z", "90s", "-", "-", "-", "-", "-", "prompt"]


@pytest.mark.parametrize(
    ("calls", "p95", "shown"),
    [
        (19, Quantile(4), "~4.0s"),
        (20, Quantile(4), "4.0s"),
        (19, Quantile(300, beyond=True), ">5m00s"),
        (19, None, "-"),
    ],
)
def test_p95_of_few_turns_is_marked(calls: int, p95: Quantile | None, shown: str) -> None:
    assert cells(replace(NOTHING, calls=calls, p95=p95))[5] == shown


@pytest.mark.parametrize(
    ("cost", "total", "each"),
    [(0.0, "$0.0000", "$0.0000"), (0.5, "$0.5000", "$0.1250"), (4.0, "$4.00", "$1.00"), (None, "-", "-")],
)
def test_cost(cost: float | None, total: str, each: str) -> None:
    found = cells(replace(NOTHING, calls=4, tokens=Tokens(9, 1), cost=cost), wide=True)
    assert found[8:11] == ["2", total, each]


def test_the_order_of_agents() -> None:
    rows = [row(replace(NOTHING, calls=1), "b"), row(None, "c"), row(replace(NOTHING, calls=3), "a")]
    by = {name: ordered(rows, name, wide=False, namespaces=False) for name in ("", "turns", "name")}
    assert {name: [one.period.workload.name for one in found] for name, found in by.items()} == {
        "": ["b", "c", "a"],
        "turns": ["a", "b", "c"],
        "name": ["a", "b", "c"],
    }
    assert impact_of_agents(rows, wide=False, namespaces=True).split()[:2] == ["NAMESPACE", "NAME"]


def test_changes_that_were_not_seen_are_a_line_of_their_own() -> None:
    lines = impact_of_one("a", [row(), row(gap_before=True)], wide=True).splitlines()
    assert lines[3].split()[:12] == ["..."] * 12
    assert lines[3].endswith("changes in between were not seen")


def test_for_programs_what_is_not_known_is_null() -> None:
    (known,) = impact_view("a", [row(replace(NOTHING, cost=0.5))], ["g"], "s")["revisions"]
    assert (known["turns"], known["errors"], known["p95Seconds"], known["costUsd"]) == (0, 0, None, 0.5)
    found = agents_impact_view([row(None)], 60, ["g"], "s")
    (unknown,) = found["items"]
    assert (unknown["turns"], unknown["errors"], unknown["costUsd"]) == (None, None, None)
    assert (found["kind"], found["seconds"], found["gaps"]) == ("agents", 60, ["g"])
