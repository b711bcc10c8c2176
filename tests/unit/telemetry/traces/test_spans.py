"""Turns from spans: what the runtimes recorded, and each trap that their spans set."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from kubectl_kagent.model.trace import (
    AGENT,
    FAILED,
    LLM,
    NO_CONTENT,
    OK,
    OPEN,
    ORPHAN,
    SUBAGENT,
    TOOL,
    WAIT,
    Step,
    Tokens,
)
from kubectl_kagent.telemetry.traces.spans import turns
from tests import recordings

SECOND = 10**9
START = 1_795_000_000


def span(id_: str, parent: str, name: str, start: float, end: float, **attributes: Any) -> dict[str, Any]:
    return {
        "traceId": "ab" * 16,
        "spanId": id_,
        "parentSpanId": parent,
        "name": name,
        "startTimeUnixNano": str(round((START + start) * SECOND)),
        "endTimeUnixNano": str(round((START + end) * SECOND)),
        "attributes": [
            {
                "key": key.replace("__", "."),
                "value": {"stringValue": value} if isinstance(value, str) else value,
            }
            for key, value in attributes.items()
        ],
    }


def tool(
    id_: str, parent: str, start: float, end: float, name: str = "get_time", **more: Any
) -> dict[str, Any]:
    given = {
        "gen_ai__operation__name": "execute_tool",
        "gen_ai__tool__name": name,
        "gen_ai__tool__call__id": f"call-{id_}",
        "gcp__vertex__agent__tool_call_args": "{}",
        "gcp__vertex__agent__tool_response": '{"output": {"result": "noon"}}',
    }
    return span(id_, parent, f"execute_tool {name}", start, end, **(given | more))


def llm(id_: str, parent: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    given = {
        "gen_ai__operation__name": "generate_content",
        "gen_ai__request__model": "m",
        "gen_ai__usage__input_tokens": {"intValue": "4"},
        "gen_ai__usage__output_tokens": {"intValue": "2"},
    }
    return span(id_, parent, "generate_content m", start, end, **(given | more))


def root(id_: str = "root", start: float = 0, end: float = 10, **more: Any) -> dict[str, Any]:
    ids = {"gen_ai__task__id": "task-1", "gen_ai__conversation__id": "session-1"}
    return span(id_, "", "invocation", start, end, **(ids | more))


def document(*spans: dict[str, Any], service: str = "an_agent") -> dict[str, Any]:
    resource = {
        "attributes": [
            {"key": "service.namespace", "value": {"stringValue": "a_team"}},
            {"key": "service.name", "value": {"stringValue": service}},
        ]
    }
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


def steps(*spans: dict[str, Any]) -> tuple[Step, ...]:
    record = turns([document(*spans)])
    assert record.gaps == ()
    (turn,) = record.turns
    return turn.root.steps


def flat(found: tuple[Step, ...]) -> Iterator[tuple[str, str, str]]:
    for step in found:
        yield step.kind, step.name, step.status


def test_a_recorded_turn_of_the_go_runtime_exactly() -> None:
    (turn,) = turns([recordings.tempo("trace_go_tool")]).turns
    first, call, last = turn.root.steps
    said = 'The tool said: {"output":{"result":"2026-11-23T01:47:46.583643+00:00"}} '
    assert turn.agent == "default/datetime-agent"
    assert (turn.state, turn.question, turn.answer) == ("completed", "what time is it", said)
    assert turn.task == "01a20616-7bf8-7aef-afdb-18091d1b13a3"
    assert turn.session == "01a20616-7bf8-7b53-87e7-c42deb63dcd9"
    assert turn.trace == "b9a6b4f2f31d0806f5659aa993c4ec57"
    assert turn.tokens == Tokens(84, 14)
    assert first == Step(
        LLM,
        "gpt-fake-2",
        start=1795398466.571683013,
        end=1795398466.576301560,
        model="gpt-fake-2",
        tokens=Tokens(42, 7),
    )
    assert call == Step(
        TOOL,
        "get_time",
        "call_1795398466574710928",
        start=1795398466.579099524,
        end=1795398466.584445051,
        args={"timezone": "UTC"},
        result="2026-11-23T01:47:46.583643+00:00",
    )
    assert (last.kind, last.result, last.tokens) == (LLM, said, Tokens(42, 7))
    assert (turn.root.kind, turn.root.name, turn.root.status) == (AGENT, "default/datetime-agent", OK)
    assert turn.root.seconds == pytest.approx(0.083090513, abs=1e-6)


@pytest.mark.parametrize(
    ("request_", "question"),
    [
        (
            '{"Model":"m","Contents":[{"parts":[{"text":"hello"}],"role":"user"}],"Config":{"tools":[{"na',
            "hello",
        ),
        ('{"Model":"m","Contents":[{"parts":[{"text":"hello"}],"role":"user"},{"parts":[{"te', ""),
        ('{"Model":"m","Contents":5,"Config":{"tools":[{"na', ""),
        ('{"model":"m","config":{"tools":[{"Contents":', ""),
    ],
)
def test_a_request_that_was_cut_off_has_the_question_if_the_messages_are_whole(
    request_: str, question: str
) -> None:
    one = llm("a", "root", 1, 2, gcp__vertex__agent__llm_request=request_)
    (turn,) = turns([document(root(), one)]).turns
    assert turn.question == question


@pytest.mark.parametrize("runtime", ["go", "py"])
def test_a_tool_that_failed(runtime: str) -> None:
    """The turn goes on: the model is told of the failure."""
    (turn,) = turns([recordings.tempo(f"trace_{runtime}_tool_error")]).turns
    (call,) = turn.tools
    assert (call.name, call.status) == ("boom", FAILED)
    assert call.error.endswith("Error calling tool 'boom': boom: tool exploded")
    assert turn.state == "completed"
    assert turn.failures == (call,)


def test_is_error_is_a_failure_without_any_status() -> None:
    found = recordings.tempo("trace_py_tool_error")
    for batch in found["batches"]:
        for scope in batch["scopeSpans"]:
            for one in scope["spans"]:
                one["status"] = {}
    (turn,) = turns([found]).turns
    assert [step.status for step in turn.tools] == [FAILED]


def test_the_two_failed_requests_of_a_new_conversation_are_none() -> None:
    found = recordings.tempo("trace_py_tool")
    bad = [
        one
        for batch in found["batches"]
        for scope in batch["scopeSpans"]
        for one in scope["spans"]
        if one["status"].get("code") == "STATUS_CODE_ERROR"
    ]
    (turn,) = turns([found]).turns
    assert len(bad) == 2
    assert turn.failures == ()
    assert turn.state == "completed"


def test_a_model_that_refuses_in_the_python_runtime() -> None:
    (turn,) = turns([recordings.tempo("trace_py_llm_error")]).turns
    (call,) = turn.root.steps
    assert (call.kind, call.status, call.tokens) == (LLM, FAILED, None)
    assert call.error.startswith("Error code: 429 - ")
    assert (turn.state, turn.root.status, turn.root.error) == ("failed", FAILED, call.error)


def test_a_model_that_refuses_in_the_go_runtime_leaves_no_error_at_all() -> None:
    (turn,) = turns([recordings.tempo("trace_go_llm_error")]).turns
    (call,) = turn.root.steps
    assert (call.status, call.error, turn.state) == (FAILED, "the model gave no answer", "failed")


@pytest.mark.parametrize(
    ("reasons", "status"), [(None, {}), (["stop"], {}), ([], {}), (["stop"], {"code": "STATUS_CODE_ERROR"})]
)
def test_a_model_that_does_not_count_has_not_failed(
    reasons: list[str] | None, status: dict[str, str]
) -> None:
    """Some collectors, as the bundle's before, give it the status of an error."""
    one = llm("a", "root", 1, 2) | {"status": status}
    one["attributes"] = [item for item in one["attributes"] if "usage" not in item["key"]]
    if reasons is not None:
        values = {"values": [{"stringValue": reason} for reason in reasons]}
        one["attributes"].append({"key": "gen_ai.response.finish_reasons", "value": {"arrayValue": values}})
    record = turns([document(root(), one)])
    (turn,) = record.turns
    (call,) = turn.root.steps
    assert (call.status, call.error, call.tokens) == (OK, "", None)
    assert (turn.state, record.gaps) == ("completed", ())


@pytest.mark.parametrize("value", [{"doubleValue": 500.0}, {"doubleValue": 500}, {"intValue": "500"}])
def test_usage_counts_however_it_is_written(value: dict[str, Any]) -> None:
    (step,) = steps(root(), llm("a", "root", 1, 2, gen_ai__usage__input_tokens=value))
    assert step.tokens == Tokens(500, 2)


def test_an_answer_without_usage_is_no_failure() -> None:
    said = '{"content": {"parts": [{"text": "hi"}]}}'
    usage = {"gen_ai__usage__input_tokens": {}, "gen_ai__usage__output_tokens": {}}
    one = llm("a", "root", 1, 2, gcp__vertex__agent__llm_response=said, **usage)
    one["attributes"] = [item for item in one["attributes"] if "usage" not in item["key"]]
    (step,) = steps(root(), one)
    assert (step.status, step.result, step.tokens) == (OK, "hi", None)


def test_while_a_model_streams_the_tools_time_is_not_its() -> None:
    """The tool's span is inside of the model's: they are shown side by side."""
    model, call = steps(root(), llm("a", "root", 1, 6), tool("b", "a", 3, 5))
    assert (model.kind, model.seconds) == (LLM, 2)
    assert (call.kind, call.seconds) == (TOOL, 2)


def test_tokens_are_counted_once() -> None:
    """The Python runtime writes them on three spans of one call."""
    (turn,) = turns([recordings.tempo("trace_py_tool")]).turns
    assert [step.tokens for step in turn.llm_calls] == [Tokens(42, 7), Tokens(42, 7)]


def test_merged_tools_are_no_tool() -> None:
    found = steps(
        root(), tool("a", "root", 1, 2), tool("b", "root", 1, 3), tool("c", "root", 1, 3, "(merged tools)")
    )
    assert list(flat(found)) == [(TOOL, "get_time", OK)] * 2


def test_what_a_person_was_asked_about_is_one_step() -> None:
    found = recordings.pair("approved")
    record = turns(found["traces"])
    (turn,) = record.turns
    (call,) = turn.tools
    (wait,) = call.steps
    assert (call.name, call.status, call.result) == ("delete_thing", OK, "deleted prod-db")
    assert (wait.kind, wait.status) == (WAIT, OK)
    assert 0 < (wait.seconds or 0) < (call.seconds or 0)
    assert turn.state == "completed"
    assert turn.question == "please delete prod-db"


def test_what_waits_for_a_person() -> None:
    (turn,) = turns(recordings.pair("approved")["traces"][:1]).turns
    (call,) = turn.tools
    assert (call.status, call.end, call.result) == (OPEN, None, "")
    assert [(step.kind, step.status) for step in call.steps] == [(WAIT, OPEN)]
    assert turn.state == "input-required"


def test_content_that_was_not_recorded_is_marked() -> None:
    (turn,) = turns(recordings.pair("elided")["traces"]).turns
    assert [step.marks for step in turn.root.steps] == [(NO_CONTENT,)] * 3


ASKED = [{"role": "user", "parts": [{"type": "text", "content": "what time is it"}]}]
CALL = {"type": "tool_call", "id": "call-t", "name": "get_time", "arguments": {"timezone": "UTC"}}
CALLED = {"role": "assistant", "parts": [CALL]}
ANSWERED = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call-t", "response": "noon"}]}
TOLD = [{"role": "assistant", "parts": [{"type": "text", "content": "It is noon."}], "finish_reason": "stop"}]


@pytest.mark.parametrize("where", ["model", "around", "inside"])
@pytest.mark.parametrize("of_tool", [True, False])
def test_content_by_opentelemetrys_conventions(where: str, *, of_tool: bool) -> None:
    """On the tool's span, or else in the messages of the models around it."""
    said = {
        "a": {"gen_ai__input__messages": json.dumps(ASKED), "gen_ai__output__messages": json.dumps([CALLED])},
        "b": {
            "gen_ai__input__messages": json.dumps([*ASKED, CALLED, ANSWERED]),
            "gen_ai__output__messages": json.dumps(TOLD),
        },
    }
    spans = []
    for id_, start in (("a", 1), ("b", 5)):
        here = said[id_] if where == "model" else {}
        spans.append(
            llm(id_, f"around-{id_}", start, start + 1, gcp__vertex__agent__llm_response="{}", **here)
        )
        around = said[id_] if where == "around" else {}
        spans.append(span(f"around-{id_}", "root", "call_llm", start, start + 1, **around))
        inside = {"gen_ai__operation__name": "chat"} | (said[id_] if where == "inside" else {})
        spans.append(span(f"inside-{id_}", id_, "chat m", start, start + 1, **inside))
    empty = {"gcp__vertex__agent__tool_call_args": "{}", "gcp__vertex__agent__tool_response": "{}"}
    told = {"gen_ai__tool__call__arguments": '{"timezone": "UTC"}', "gen_ai__tool__call__result": "noon"}
    spans.append(tool("t", "root", 3, 4, **(empty | (told if of_tool else {}))))
    record = turns([document(root(), *spans)])
    (turn,) = record.turns
    _, call, _ = turn.root.steps
    assert (turn.question, turn.answer) == ("what time is it", "It is noon.")
    assert (call.args, call.result, call.status) == ({"timezone": "UTC"}, "noon", OK)
    assert [step.marks for step in turn.root.steps] == [(), (), ()]
    assert record.gaps == ()


def test_a_tool_that_failed_by_the_conventions() -> None:
    failed = '{"isError": true, "content": [{"type": "text", "text": "no such zone"}]}'
    empty = {"gcp__vertex__agent__tool_call_args": "", "gcp__vertex__agent__tool_response": ""}
    one = tool(
        "t", "root", 3, 4, gen_ai__tool__call__arguments="UTC", gen_ai__tool__call__result=failed, **empty
    )
    (step,) = steps(root(), one)
    assert (step.args, step.status, step.error) == ({"arguments": "UTC"}, FAILED, "no such zone")


@pytest.mark.parametrize("messages", ["[{", "5", '[5, {"parts": [5, {"type": "text", "content": 5}]}]'])
def test_messages_that_are_none(messages: str) -> None:
    one = llm("a", "root", 1, 2, gen_ai__output__messages=messages)
    record = turns([document(root(), one)])
    assert (record.turns[0].answer, record.gaps != ()) == ("", True)


def test_a_sub_agents_steps_are_in_its_call() -> None:
    """Its own turn, task and agent are part of the one that asked."""
    inner = [
        root("inner", 2, 4, gen_ai__task__id="task-2"),
        span("who", "inner", "invoke_agent helper", 2, 4, gen_ai__operation__name="invoke_agent"),
        llm("d", "who", 2, 3, gen_ai__task__id="task-2"),
        tool("e", "who", 3, 4, "look_up", gen_ai__task__id="task-2"),
    ]
    inner[0]["parentSpanId"] = "http"
    outer = [
        root(),
        llm("a", "root", 0, 1),
        tool("b", "root", 1, 5, "helper"),
        span("http", "b", "POST", 1, 5),
    ]
    record = turns([document(*outer), document(*inner, service="helper")])
    (turn,) = record.turns
    assert turn.agent == "a-team/an-agent"
    assert list(flat(turn.root.steps)) == [(LLM, "m", OK), (SUBAGENT, "helper", OK)]
    assert list(flat(turn.root.steps[1].steps)) == [(LLM, "m", OK), (TOOL, "look_up", OK)]
    assert turn.tokens == Tokens(8, 4)
    assert (turn.task, turn.session) == ("task-1", "session-1")


def test_orphans_are_under_the_root_and_marked() -> None:
    lost = tool("b", "never-came", 2, 3, gen_ai__task__id="task-1")
    model, orphan = steps(root(), llm("a", "root", 1, 2), lost)
    assert (model.marks, orphan.marks) == ((), (ORPHAN,))


def test_a_turn_whose_own_span_has_not_come() -> None:
    ids = {"gen_ai__task__id": "task-1", "gen_ai__conversation__id": "session-1"}
    record = turns([document(llm("a", "agent", 1, 2, **ids), tool("b", "agent", 2, 3, **ids))])
    (turn,) = record.turns
    assert (turn.state, turn.root.status, turn.root.end, turn.task) == ("unknown", OPEN, None, "task-1")
    assert [step.marks for step in turn.root.steps] == [(), ()]
    assert record.gaps == ("a turn without its own span: it still runs, or the span was lost",)


def test_a_clock_that_is_an_hour_behind() -> None:
    (step,) = steps(root(), tool("a", "root", -3600, -3599))
    assert step.marks == ("clock skew: begins 60m before its parent",)
    assert step.seconds == 1


def test_a_clock_that_is_ahead() -> None:
    (step,) = steps(root(), tool("a", "root", 11, 12))
    assert step.marks == ("clock skew: ends 2.0s after its parent",)


def test_an_end_before_the_begin() -> None:
    (step,) = steps(root(), tool("a", "root", 5, 3))
    assert step.marks == ("clock skew: ends 2.0s before it begins",)
    assert step.seconds == 0


def test_turns_of_one_conversation_are_apart_and_in_order() -> None:
    second = root("two", 20, 30, gen_ai__task__id="task-2")
    record = turns([document(second, root(), llm("a", "two", 21, 22), llm("b", "root", 1, 2))])
    assert [(turn.task, len(turn.root.steps)) for turn in record.turns] == [("task-1", 1), ("task-2", 1)]


def test_no_turn_is_counted_twice_when_spans_come_twice() -> None:
    found = recordings.tempo("trace_go_tool")
    assert turns([found, copy.deepcopy(found)]) == turns([found])


@pytest.mark.parametrize("parent", ["a", "b", "c"])
def test_a_ring_of_parents_loses_nothing(parent: str) -> None:
    ring = [tool("a", "b", 1, 2), tool("b", "c", 1, 2), tool("c", parent, 1, 2)]
    record = turns([document(root(), *ring)])
    assert sum(len(turn.tools) for turn in record.turns) == 3


def test_tools_nested_without_end_lose_nothing() -> None:
    many = [tool(f"t{number}", f"t{number - 1}" if number else "root", 1, 2) for number in range(3000)]
    record = turns([document(root(), *many)])
    (turn,) = record.turns
    assert len(turn.tools) == 3000


def test_an_answer_without_usage_that_a_collector_took_for_a_failure() -> None:
    said = '{"content": {"parts": [{"text": "hi"}]}}'
    one = llm("a", "root", 1, 2, gcp__vertex__agent__llm_response=said)
    one["attributes"] = [item for item in one["attributes"] if "usage" not in item["key"]]
    one["status"] = {"code": 2}
    (step,) = steps(root(), one)
    assert (step.status, step.result) == (OK, "hi")


def test_a_failure_without_words() -> None:
    one = llm("a", "root", 1, 2)
    one["attributes"] = [item for item in one["attributes"] if "usage" not in item["key"]]
    one["status"] = {"code": "STATUS_CODE_ERROR"}
    (step,) = steps(root(), one)
    assert (step.status, step.error) == (FAILED, "the call failed")


@pytest.mark.parametrize(
    "client",
    ["openai.chat", "anthropic.chat", "gemini.generate_content", "gemini.generate_content_stream"],
)
def test_a_models_time_is_that_of_its_request(client: str) -> None:
    chat = span("c", "a", client, 2, 3)
    (step,) = steps(root(), llm("a", "root", 1, 6), chat)
    assert (step.start, step.end) == (START + 2, START + 3)


@pytest.mark.parametrize(
    ("cut", "status"), [('{"isError": true, "content": "a', FAILED), ('{"content": "a', OK)]
)
def test_a_result_that_was_cut_off(cut: str, status: str) -> None:
    record = turns([document(root(), tool("a", "root", 1, 2, gcp__vertex__agent__tool_response=cut))])
    (step,) = record.turns[0].root.steps
    assert (step.status, step.result) == (status, cut)
    assert record.gaps == ("the result of get_time is not JSON: cut off?",)
