"""Two clusters' Prometheus behind Thanos answer what one Prometheus that has both would.

Every query of the dashboards and every expression of the rules is asked of both over two hours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from scripts.pictures.sources import QueryFailed, Range, Sources
from scripts.pictures.variables import label_values, query_result
from tests.bundle import scale
from tests.bundle.contents import filled_in, generated, queries, variables
from tests.bundle.curves import Series, constant, counted, times
from tests.bundle.prometheus import Fleet, prometheus
from tests.bundle.series import everything
from tests.bundle.thanos import query_front

pytestmark = pytest.mark.telemetry

SPAN = Range(1_795_838_400, 1_795_845_600)
STEP = 60
DASHBOARDS = generated()
SCRAPED = scale.of_one(tools=3, models=2, failing=1)
# What is in alerts/values.yaml, which one place records when rules are evaluated over all clusters.
VALUES = ("kagent:threshold", "kagent:objective", "kagent:price_usd_per_token")

_TOPK = re.compile(r"topk\(\d+, (.+)\)", re.DOTALL)
_COMPARISON = re.compile(r"(?<=\s)(==|!=|<=|>=|<|>)(?=\s)(?! bool)")

Answer = dict[frozenset[tuple[str, str]], list[tuple[float, float]]]


def paris(start: int, end: int) -> Iterator[Series]:
    """The made-up fleet, and one agent with all that is scraped of it, from which rules record."""
    yield from everything(start, end)
    for line in SCRAPED:
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


@contextmanager
def standing(fleets: dict[str, Fleet], folders: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as stack:

        def started(fleet: Fleet, **labels: str) -> tuple[str, Path]:
            folder = folders.mktemp("prometheus")
            config = {"global": {"external_labels": labels}}
            return stack.enter_context(prometheus(folder, SPAN.start, SPAN.end, fleet, config)), folder

        one, _ = started(together(fleets))
        beside = dict(started(fleet, cluster=cluster) for cluster, fleet in fleets.items())
        front = stack.enter_context(query_front(beside))
        yield Pair(Sources(one), Sources(front))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Each cluster evaluates the rules, so each has the values."""
    with standing({"paris": paris, "oslo": oslo}, tmp_path_factory) as found:
        yield found


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One ruler evaluates them over both, so the values are there once."""
    with standing({"paris": paris, "oslo": without_values(oslo)}, tmp_path_factory) as found:
        yield found


def asked(sources: Sources, query: str) -> Answer | str:
    """The answer, or why there is none."""
    try:
        found = sources.metrics(query, SPAN, STEP)
    except QueryFailed as refusal:
        return str(refusal).partition(": [")[0]  # then series are named, in any order
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


@dataclass(frozen=True)
class Compared:
    """Queries whose answers differ, those that both refuse, and those that both have an answer to."""

    different: list[str]
    refused: list[str]
    answered: set[str]


def compared(pair: Pair, texts: Iterable[str]) -> Compared:
    found = Compared([], [], set())
    for text in texts:
        one, front = asked(pair.one, text), asked(pair.front, text)
        if not is_same(one, front):
            found.different.append(text)
        elif isinstance(one, str):
            found.refused.append(text)
        elif one:
            found.answered.add(text)
    return found


def of_dashboards() -> list[str]:
    every = [query for dashboard in DASHBOARDS.values() for query in queries(dashboard)]
    return [filled_in(one.text, default=".*", span="3600s") for one in every if one.kind == "prometheus"]


def of_rules() -> list[str]:
    return [rule["expr"] for group in scale.rule_groups() for rule in group["rules"]]


def chosen_from(text: str) -> str:
    """Which of equal series topk shows is up to chance in one Prometheus already: it is left out."""
    return _TOPK.sub(r"\1", text.strip())


def with_bool(text: str) -> str:
    """What is below a threshold has a value, too."""
    return _COMPARISON.sub(r"\1 bool", text)


def silent(texts: set[str], found: Compared) -> list[str]:
    """Queries without an answer, even with `bool`: equal, but of nothing."""
    return sorted(text for text in texts if not {text, with_bool(text)} & found.answered)


def test_dashboards(pair: Pair) -> None:
    texts = {chosen_from(text) for text in of_dashboards()}
    found = compared(pair, sorted(texts | {with_bool(text) for text in texts}))
    assert (found.different, found.refused) == ([], [])
    assert len(texts) > 200
    # no config changes in these two hours, and so on: annotations; exemplars are asked for with no value
    spoken = [text for text in texts if "kagent:event:" not in text and not text.endswith("@ 0)")]
    assert silent({*spoken}, found) == []


def test_rules(ruled: Pair) -> None:
    texts = {*of_rules()}
    found = compared(ruled, sorted(texts | {with_bool(text) for text in texts}))
    assert (found.different, found.refused) == ([], [])
    assert len(silent(texts, found)) < len(texts) / 8  # of what the made-up fleet has no series of


def test_a_value_in_each_cluster_is_one_too_many_for_a_ruler_over_all(pair: Pair) -> None:
    """As docs/distributed.md says, of Thanos and Prometheus alike."""
    texts = [text for text in of_rules() if any(value in text for value in VALUES)]
    found = compared(pair, texts)
    assert found.different == []
    assert len(found.refused) > 20
    reasons = {str(asked(pair.front, text)) for text in found.refused}
    assert {reason.partition(" for the match group")[0] for reason in reasons} == {"found duplicate series"}


@pytest.mark.parametrize("uid", sorted(DASHBOARDS))
def test_variables(pair: Pair, uid: str) -> None:
    """The clusters, namespaces, agents and so on among which one chooses."""
    for variable in variables(DASHBOARDS[uid]):
        if variable["type"] == "query" and not query_result(variable["query"]):
            series, label = label_values(variable["query"])
            text = filled_in(series, default=".*")
            found = [sources.label_values(text, label, SPAN) for sources in (pair.one, pair.front)]
            assert found[0] == found[1] != []
