"""The same turn, from the controller's records and from spans, is the same turn."""

from typing import Any

import pytest

from kubectl_kagent.model.trace import LLM, WAIT, Record, Step, Turn
from kubectl_kagent.telemetry.traces import records as trace_records
from kubectl_kagent.telemetry.traces import spans as trace_spans
from tests import recordings


def known_to_both(turn: Turn) -> Any:
    """All but times, and what only one of them records: the model's name, and what a person decided."""

    def step(one: Step) -> Any:
        name = "" if one.kind == LLM else one.name
        result = "" if one.kind == WAIT else one.result
        inner = [step(item) for item in one.steps]
        return (one.kind, name, one.id, one.status, one.args, result, one.error, one.tokens, inner)

    ids = (turn.agent, turn.task, turn.session, turn.trace)
    return (*ids, turn.state, turn.question, turn.answer, turn.tokens, step(turn.root)[3:])


def one(record: Record) -> Turn:
    assert record.gaps == ()
    (turn,) = record.turns
    return turn


@pytest.mark.parametrize("name", recordings.PAIRS)
def test_python_runtime(name: str) -> None:
    found = recordings.pair(name)
    stored = one(trace_records.turns(found["session"], found["tasks"], "kagent/time-agent"))
    spans = one(trace_spans.turns(found["traces"]))
    assert known_to_both(stored) == known_to_both(spans)
    assert len(list(stored.root.below())) > 0


def test_go_runtime() -> None:
    """Two turns with the same question: only ids and the time of day differ."""
    stored = one(
        trace_records.turns(
            recordings.rest("session"), recordings.rest("session_tasks"), "default/datetime-agent"
        )
    )
    spans = one(trace_spans.turns([recordings.tempo("trace_go_tool")]))

    def but_the_time(turn: Turn) -> Any:
        kinds = [(step.kind, step.status, step.args, step.error, step.tokens) for step in turn.root.below()]
        names = [step.name for step in turn.tools]
        results = [step.result.split("T")[0] for step in turn.tools]
        return turn.agent, turn.state, turn.question, turn.tokens, kinds, names, results

    assert but_the_time(stored) == but_the_time(spans)
    assert [step.name for step in spans.tools] == ["get_time"]


def test_both_versions_of_tempos_api_tell_the_same() -> None:
    old = trace_spans.turns([recordings.tempo("trace_go_tool")])
    new = trace_spans.turns([recordings.tempo("v2_trace_go_tool")])
    assert old == new
    assert len(old.turns) == 1
