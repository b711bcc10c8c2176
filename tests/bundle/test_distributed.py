"""Two clusters' Prometheus behind one query front answer what one Prometheus that has both would.

Every query of the dashboards and every expression of the rules is asked of both over a time range.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from scripts.pictures.sources import QueryFailed, Range, Sources
from scripts.pictures.variables import label_values
from tests.bundle import scale
from tests.bundle.contents import filled_in, generated, queries, variables
from tests.bundle.curves import Series, constant, counted, times
from tests.bundle.prometheus import Fleet, prometheus
from tests.bundle.series import everything
from tests.bundle.thanos import query_front

pytestmark = pytest.mark.distributed

SPAN = Range(1_795_838_400, 1_795_849_200)  # three hours
ASKED = SPAN
STEP = 60
DASHBOARDS = generated()
# What is in alerts/values.yaml, which one place records when rules are evaluated over all clusters.
VALUES = ("kagent:threshold", "kagent:objective", "kagent:price_usd_per_token")

_TOPK = re.compile(r"topk\(\d+, (.+)\)", re.DOTALL)
_COMPARISON = re.compile(r"(?<=\s)(==|!=|<=|>=|<|>)(?=\s)(?! bool)")

Answer = dict[frozenset[tuple[str, str]], list[tuple[float, float]]]


def paris(start: int, end: int) -> Iterator[Series]:
    """The made-up fleet, and one agent with all that is scraped of it, from which rules record."""
    yield from everything(start, end)
    for line in scale.of_one(tools=3, models=2, failing=1):
        kind, number = line.curve
        value = counted(number) if kind == "counter" else constant(number)
        yield Series(line.name, dict(line.labels), value)


def oslo(start: int, end: int) -> Iterator[Series]:
    """The same names with other numbers: without `cluster` they would be taken for one."""
    for one in paris(start, end):
        yield one if one.name in VALUES else replace(one, value=times(one.value, 1.5))


def without_values(fleet: Fleet) -> Fleet:
    return lambda start, end: (one for one in fleet(start, end) if one.name not in VALUES)


def together(fleets: dict[str, Fleet]) -> Fleet:
    """All series in one Prometheus, each with its cluster."""

    def series(start: int, end: int) -> Iterator[Series]:
        for cluster, fleet in fleets.items():
            for one in fleet(start, end):
                yield replace(one, labels={**one.labels, "cluster": cluster})

    return series


@dataclass(frozen=True)
class Pair:
    """One Prometheus that has all, and a front before one of each cluster."""

    one: Sources
    front: Sources


@pytest.fixture(scope="module", params=["in each cluster", "in one place"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    fleets = {"paris": paris, "oslo": oslo if request.param == "in each cluster" else without_values(oslo)}

    def started(fleet: Fleet, **labels: str) -> tuple[str, Any]:
        folder = tmp_path_factory.mktemp("prometheus")
        config = {"global": {"external_labels": labels}}
        return stack.enter_context(prometheus(folder, SPAN.start, SPAN.end, fleet, config)), folder

    with ExitStack() as stack:
        one, _ = started(together(fleets))
        beside = dict(started(fleet, cluster=cluster) for cluster, fleet in fleets.items())
        front = stack.enter_context(query_front(beside))
        yield Pair(Sources(one), Sources(front))


def asked(sources: Sources, query: str) -> Answer | str:
    """The answer, or why there is none."""
    try:
        found = sources.metrics(query, ASKED, STEP)
    except QueryFailed as refusal:
        return str(refusal)
    return {
        frozenset(one["metric"].items()): [(float(at), float(value)) for at, value in one["values"]]
        for one in found
    }


def is_same(one: Answer | str, other: Answer | str) -> bool:
    """Sums may be in another order, and so differ in their last digits."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return one.keys() == other.keys() and all(
        [at for at, _ in one[labels]] == [at for at, _ in other[labels]]
        and all(
            math.isclose(mine, yours, rel_tol=1e-9) or (math.isnan(mine) and math.isnan(yours))
            for (_, mine), (_, yours) in zip(one[labels], other[labels], strict=True)
        )
        for labels in one
    )


def compared(pair: Pair, texts: Iterable[str]) -> tuple[list[str], list[str], list[str]]:
    """Queries whose answers differ, those that both refuse, and those with data."""
    different, refused, with_data = [], [], []
    for text in texts:
        one, front = asked(pair.one, text), asked(pair.front, text)
        if not is_same(one, front):
            different.append(text)
        elif isinstance(one, str):
            refused.append(text)
        elif one:
            with_data.append(text)
    return different, refused, with_data


def of_dashboards() -> list[str]:
    every = [query for dashboard in DASHBOARDS.values() for query in queries(dashboard)]
    return [filled_in(one.text, default=".*", span="3600s") for one in every if one.kind == "prometheus"]


def of_rules() -> list[str]:
    return [rule["expr"] for group in scale.rule_groups() for rule in group["rules"]]


def both_ways(texts: Iterable[str]) -> list[str]:
    """Each query, and with `bool` in its comparisons, so that what is below a threshold has a value, too.

    Which of equal series topk shows is up to chance in one Prometheus already: it is left out.
    """
    chosen_among = {_TOPK.sub(r"\1", text.strip()) for text in texts}
    return sorted(chosen_among | {_COMPARISON.sub(r"\1 bool", text) for text in chosen_among})


@pytest.mark.parametrize("uid", sorted(DASHBOARDS))
def test_variables(pair: Pair, uid: str) -> None:
    """The clusters, namespaces, agents and so on that one may choose among."""
    for variable in variables(DASHBOARDS[uid]):
        if variable["type"] == "query":
            series, label = label_values(variable["query"])
            text = filled_in(series, default=".*")
            found = [sources.label_values(text, label, SPAN) for sources in (pair.one, pair.front)]
            assert found[0] == found[1] != []
