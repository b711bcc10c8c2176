"""Traces of other frameworks are shown as far as they say what they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubectl_kagent.model.trace import Tokens
from kubectl_kagent.render.trace import turn_tree
from kubectl_kagent.telemetry.traces import otlp
from kubectl_kagent.telemetry.traces.files import from_file
from kubectl_kagent.wire.lenient import Gaps
from tests import recordings
from tests.fake.cluster import Clock

Object = dict[str, Any]
START = 1795398466


def span(id_: str, parent: str, name: str, *times: int, **more: Any) -> Object:
    begin, end = times or (0, 9)
    attributes = more.pop("attributes", {})
    return {
        "traceId": "11" * 16,
        "spanId": id_,
        "parentSpanId": parent,
        "name": name,
        "startTimeUnixNano": str((START + begin) * 10**9),
        "endTimeUnixNano": str((START + end) * 10**9),
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
        **more,
    }


def text(value: str) -> Object:
    return {"stringValue": value}


def document(*spans: Object, service: str = "currency_agent") -> Object:
    resource = {
        "attributes": [
            {"key": "service.name", "value": text(service)},
            {"key": "service.namespace", "value": text("team_a")},
        ]
    }
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


# As langsmith's OpenTelemetry exporter and OpenLLMetry's client of OpenAI write them
LANGGRAPH = (
    span("1", "", "LangGraph", 0, 9, attributes={"langsmith.span.kind": text("chain")}),
    span("2", "1", "agent", 1, 4),
    span(
        *("3", "2", "ChatOpenAI", 1, 4),
        attributes={
            "gen_ai.operation.name": text("chat"),
            "gen_ai.request.model": text("gpt-4o"),
            "gen_ai.usage.input_tokens": {"intValue": "30"},
            "gen_ai.usage.output_tokens": {"intValue": "4"},
            "gen_ai.completion": text('{"content": ""}'),
        },
    ),
    span(
        *("4", "3", "openai.chat", 1, 3),
        attributes={"llm.request.type": text("chat"), "gen_ai.usage.input_tokens": {"intValue": "30"}},
    ),
    span(
        *("5", "1", "get_exchange_rate", 5, 6),
        attributes={
            "gen_ai.operation.name": text("execute_tool"),
            "gen_ai.prompt": text('{"from": "EUR"}'),
            "gen_ai.completion": text("1.08"),
        },
    ),
    span("6", "1", "POST /rates", 7, 8, status={"code": 2, "message": "refused"}),
)


def test_langgraph() -> None:
    (turn,) = from_file("f", json.dumps(document(*LANGGRAPH)).encode()).record.turns
    assert turn_tree(turn, now=Clock()(), columns=100) == (
        "team-a/currency-agent  Completed  9.0s  30+4 tokens  2026-11-23 01:47:46Z\n"
        f"trace {'11' * 16}\n"
        "└─ ✓ LangGraph  9.0s\n"
        "   ├─ ✓ agent  3.0s\n"
        "   │  └─ ✓ llm gpt-4o  3.0s  30+4 tokens\n"
        '   │     │  → {"content": ""}\n'
        "   │     └─ ✓ openai.chat  2.0s\n"
        "   ├─ ✓ get_exchange_rate  1.0s\n"
        '   │     from="EUR"\n'
        "   │     → 1.08\n"
        "   └─ ✗ POST /rates  1.0s\n"
        "         ✗ refused\n"
    )


def test_what_is_kagents_own_and_what_is_of_no_agent_is_none_of_them() -> None:
    mixed = [
        recordings.tempo("trace_go_tool"),
        document(*LANGGRAPH),
        document({**span("9", "", "GET /healthz"), "traceId": "22" * 16}, service="web"),
    ]
    turns = from_file("f", json.dumps(mixed).encode()).record.turns
    alone = from_file("f", json.dumps(mixed[:1]).encode()).record.turns
    assert turns[0] == alone[0]
    assert [turn.agent for turn in turns] == ["default/datetime-agent", "team-a/currency-agent"]


def test_what_can_not_be_read_is_told_of_traces_that_are_shown_only() -> None:
    broken = {"attributes": {"input.value": {"stringValue": None}}}
    nobodys = {**span("9", "", "GET /healthz", **broken), "traceId": "22" * 16}
    record = from_file("f", json.dumps(document(*LANGGRAPH, nobodys)).encode()).record
    assert (len(record.turns), record.gaps) == (1, ())
    shown = from_file("f", json.dumps(document(*LANGGRAPH, span("9", "1", "step", **broken))).encode())
    assert shown.record.gaps == ("the attribute input.value has no value, or one of another type",)


def test_in_a_trace_of_kagents_they_are_left_out_and_that_is_told() -> None:
    ours = recordings.tempo("trace_go_tool")
    alone = from_file("f", json.dumps([ours, document(*LANGGRAPH)]).encode()).record
    shared = next(otlp.raw_spans(ours, Gaps()))[0]["traceId"]
    theirs = [{**one, "traceId": shared, "spanId": f"x{one['spanId']}"} for one in LANGGRAPH[:3]]
    record = from_file("f", json.dumps([ours, document(*theirs)]).encode()).record
    assert record.turns == alone.turns[:1]
    assert (alone.gaps, record.gaps) == (
        (),
        ("steps of other frameworks in a trace of kagent's are not shown",),
    )


def test_rings_and_depths_end_and_are_told() -> None:
    deep = [span(str(n), str(n - 1), "step", attributes={"llm.x": text("")}) for n in range(1, 99)]
    record = from_file("f", json.dumps(document(*deep)).encode()).record
    assert sum(1 for _ in record.turns[0].root.below()) == 40
    assert record.gaps == ("spans in a ring, or more than 40 deep in others, were left out",)
    ring = [span("a", "b", "x", attributes={"gen_ai.x": text("")}), span("b", "a", "y")]
    record = from_file("f", json.dumps(document(*ring)).encode()).record
    assert record.turns[0].root.steps == ()
    assert record.gaps == ("spans in a ring, or more than 40 deep in others, were left out",)


@pytest.mark.parametrize(
    ("prompt", "output"),
    [
        ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"),
        ("gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens"),
        ("llm.token_count.prompt", "llm.token_count.completion"),
    ],
)
@pytest.mark.parametrize(
    ("value", "count", "gap"),
    [
        ({"intValue": "30"}, 30, ""),
        ({"intValue": 30}, 30, ""),
        ({"stringValue": "30"}, 30, ""),
        ({"doubleValue": 30.0}, 30, ""),
        ({"doubleValue": 30.5}, 0, "{} is a number"),
        ({"boolValue": True}, 0, "{} is a boolean"),
        ({"stringValue": "many"}, 0, "{} is a text"),
    ],
)
def test_counts_in_whichever_type_they_are_written(
    prompt: str, output: str, value: Object, count: int, gap: str
) -> None:
    attributes = {"gen_ai.operation.name": text("chat"), prompt: value, output: {"intValue": "4"}}
    record = from_file("f", json.dumps(document(span("1", "", "x", attributes=attributes))).encode()).record
    assert [step.tokens for step in record.turns[0].llm_calls] == [Tokens(count, 4)]
    assert record.gaps == ((gap.format(prompt),) if gap else ())


@pytest.mark.parametrize("spans", [(*LANGGRAPH, *LANGGRAPH), (LANGGRAPH[2], *LANGGRAPH[::-1])])
def test_a_span_that_stands_twice_is_one(spans: tuple[Object, ...]) -> None:
    """As in a file that two collectors wrote, or one that sent a batch again."""
    once = from_file("f", json.dumps(document(*LANGGRAPH)).encode()).record
    for written in (document(*spans), [document(*spans[:6]), document(*spans[6:])]):
        twice = from_file("f", json.dumps(written).encode()).record
        assert twice == once
    assert [(step.name, step.tokens) for step in once.turns[0].llm_calls] == [("gpt-4o", Tokens(30, 4))]


def test_a_span_of_kagents_that_stands_twice_is_one() -> None:
    answer = recordings.tempo("trace_go_tool")
    once, twice = (from_file("f", json.dumps(some).encode()).record for some in ([answer], [answer, answer]))
    assert twice == once
