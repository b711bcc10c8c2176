"""Turns to rows: nothing counts twice, and waiting for people is no work."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kubectl_kagent.model import resources
from kubectl_kagent.model.resources import MODEL_CONFIG
from kubectl_kagent.model.trace import (
    AGENT,
    FAILED,
    LLM,
    OPEN,
    SUBAGENT,
    TOOL,
    WAIT,
    Record,
    Step,
    Tokens,
    Turn,
)
from kubectl_kagent.model.usage import AGENTS, MODELS, TOOLS, Quantile, UsageRow, Wanted
from kubectl_kagent.telemetry.traces.query import NoSuchTurn, Query
from kubectl_kagent.telemetry.usage.records import rows, usage
from tests.fake.cluster import FakeCluster
from tests.objects import agent, model_config

LLM_STEP = Step(LLM, "", start=0, end=2, model="m", tokens=Tokens(10, 1))


def turn(*steps: Step, end: float | None = 10, status: str = "ok") -> Turn:
    return Turn("a/boss", Step(AGENT, "a/boss", start=0, end=end, status=status, steps=steps), "completed")


def found(
    kind: str, *turns: Turn, by_agent: bool = False, namespace: str | None = None
) -> tuple[UsageRow, ...]:
    return rows(turns, Wanted(kind, namespace, 60, 0, by_agent))


HELPER = Step(
    SUBAGENT, "b__NS__the_helper", start=2, end=6, steps=(LLM_STEP, Step(TOOL, "t", start=3, end=4))
)


def test_a_subagents_steps_are_not_its_callers() -> None:
    """They are a turn of its own, which the controller lists too."""
    (boss,) = found(AGENTS, turn(LLM_STEP, HELPER, LLM_STEP))
    assert boss == UsageRow("a", "boss", "boss", 1, 0, Quantile(10), Quantile(10), 1, Tokens(20, 2))


def test_nor_its_tools_and_models() -> None:
    tools = found(TOOLS, turn(HELPER, Step(TOOL, "t", start=1, end=4, status=FAILED)), by_agent=True)
    assert [(row.namespace, row.agent, row.name, row.calls, row.errors) for row in tools] == [
        ("a", "boss", "b__NS__the_helper", 1, 0),
        ("a", "boss", "t", 1, 1),
    ]
    models = found(MODELS, turn(LLM_STEP, HELPER, Step(LLM, "", start=0, model="now")))
    assert [(row.namespace, row.name, row.calls, row.tokens) for row in models] == [
        ("a", "m", 1, Tokens(10, 1)),
        ("a", "now", 1, None),
    ]


@dataclass
class Kept:
    """A source of these turns."""

    found: tuple[Turn, ...]
    name: str = "records"
    by_user: bool = True

    def turns(self, query: Query) -> Record:
        return Record(self.found)

    def find(self, id_: str, now: float) -> Record:
        raise NoSuchTurn(id_)


@pytest.fixture
def bosss_model(cluster: FakeCluster) -> FakeCluster:
    """a/boss has the model "now"."""
    for kind, obj in ((MODEL_CONFIG, model_config(model="now")), (resources.AGENT, agent("boss"))):
        cluster.add(kind, obj | {"metadata": obj["metadata"] | {"namespace": "a"}})
    return cluster


def test_a_call_without_a_model_is_of_the_one_that_its_agent_has_now(bosss_model: FakeCluster) -> None:
    kept = Kept((turn(LLM_STEP, Step(LLM, "", start=0)),))
    table = usage(kept, bosss_model, Wanted(MODELS, None, 60, 0))
    assert [(row.namespace, row.name, row.calls) for row in table.rows] == [("a", "m", 1), ("a", "now", 1)]
    assert table.gaps == (
        "some records have no model name: the agent's current model is shown, or - where that is not known",
    )


def test_another_namespace_is_left_out() -> None:
    assert found(AGENTS, turn(), namespace="b") == ()


def test_waiting_for_a_person_is_no_work_and_counts_once() -> None:
    waits = [
        Step(TOOL, "one", start=1, end=8, steps=(Step(WAIT, "a person", start=1, end=6),)),
        Step(TOOL, "two", start=1, end=9, steps=(Step(WAIT, "a person", start=2, end=7),)),
    ]
    (boss,) = found(AGENTS, turn(*waits))
    assert (boss.p50, boss.tool_calls) == (Quantile(4), 2)
    assert [row.p50 for row in found(TOOLS, turn(*waits))] == [Quantile(2), Quantile(3)]


def test_what_runs_counts_and_is_not_measured() -> None:
    (boss,) = found(AGENTS, turn(Step(TOOL, "t", start=1, status=OPEN), end=None))
    assert (boss.calls, boss.errors, boss.p50, boss.p95) == (1, 0, None, None)


def test_quantiles_lie_between_the_nearest() -> None:
    (boss,) = found(AGENTS, turn(end=1), turn(end=2, status=FAILED), turn(end=5))
    assert (boss.calls, boss.errors, boss.p50) == (3, 1, Quantile(2))
    assert boss.p95 == Quantile(2 + 3 * 0.8999999999999999)


def test_no_tokens_is_not_zero() -> None:
    (boss,) = found(AGENTS, turn(Step(TOOL, "t", start=1, end=2)))
    assert boss.tokens is None
