"""The A2A reader on recordings of kagent's controller and both runtimes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.events import (
    Answer,
    Question,
    Request,
    State,
    Text,
    TokenUsage,
    ToolCall,
    ToolResult,
    Unknown,
)
from kubectl_kagent.wire.a2a import RpcError, read, result_of
from tests.recordings import DATA

RECORDINGS = DATA / "a2a"


def replies(name: str) -> list[dict[str, Any]]:
    """The JSON-RPC replies of a recording: of a stream its data lines, else the one body."""
    text = (RECORDINGS / name).read_text()
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    if lines:
        return [json.loads(line) for line in lines]
    body = text[text.rindex("\n{") :]  # after the headers, compact or indented
    return [json.loads(body)]


def told(name: str) -> list[str]:
    """A recording in short: what happens, without the parts that only say that it goes on."""
    lines = []
    for reply in replies(name):
        for event in read(result_of(reply)).events:
            match event:
                case Text(text, partial, thought):
                    lines.append(f"{'piece' if partial else 'thought' if thought else 'text'} {text!r}")
                case ToolCall(_, tool, args):
                    lines.append(f"call {tool} {json.dumps(args)}")
                case ToolResult(_, tool, _, text, failed):
                    lines.append(f"{'failure' if failed else 'result'} {tool} {text!r}")
                case Request(_, call, hint):
                    lines.append(f"approve {call.name} {json.dumps(call.args)}: {hint}")
                case TokenUsage(prompt, output):
                    lines.append(f"tokens {prompt}+{output}")
                case Answer(text):
                    lines.append(f"answer {text!r}")
                case State(state, final, message) if final:
                    lines.append(f"{state} {message}".strip())
                case Unknown(raw):
                    lines.append(f"unknown {json.dumps(raw)}")
    return lines


TIME = "2026-11-22T21:50:53.984394+00:00"
GO_TIME = '{"output":{"result":"2026-11-23T01:09:34.211512+00:00"}} '
BOOM = "Tool execution failed. Details: Error calling tool 'boom': boom: tool exploded"
LIMIT = (
    'LLM error: STREAM_ERROR POST "http://10.244.0.1:9101/v1/chat/completions": 429 Too Many Requests '
    '{"message":"rate limit reached","type":"rate_limit","code":"rate_limit_exceeded"}'
)


def test_python_runtime_streams_pieces_and_then_the_whole() -> None:
    assert told("py_stream_tool_streamingllm.txt") == [
        'call get_time {"timezone": "UTC"}',
        "tokens 42+7",
        f"result get_time '{TIME}'",
        "piece 'The tool said: '",
        f"piece '{TIME} '",
        f"text 'The tool said: {TIME} '",
        "tokens 42+7",
        f"answer 'The tool said: {TIME} '",
        "completed",
    ]


def test_wire_1_0_of_the_go_runtime_says_the_same() -> None:
    assert told("a2a_v1_go_stream.txt") == [
        'call get_time {"timezone": "UTC"}',
        "tokens 42+7",
        "result get_time '2026-11-23T01:09:34.211512+00:00'",
        "piece 'The tool said: '",
        f"piece {GO_TIME!r}",
        f"text {'The tool said: ' + GO_TIME!r}",
        "tokens 42+7",
        f"answer {'The tool said: ' + GO_TIME!r}",
        "completed",
    ]


def test_a_failing_tool_is_a_failure_in_both_runtimes() -> None:
    assert f"failure boom {BOOM!r}" in told("a2a_go_stream_tool_error.txt")
    assert [line for line in told("py_send_tool_error.txt") if line.startswith("failure")] == [
        "failure boom \"Error calling tool 'boom': boom: tool exploded\""
    ]


def test_a_failing_model_ends_the_task_with_its_words() -> None:
    assert told("a2a_go_stream_llm_error.txt")[-1] == f"failed {LIMIT}"
    assert told("py_send_llm_error.txt")[-1].startswith("failed Error code: 429")


def test_an_approval_is_asked_once_and_the_placeholder_is_no_result() -> None:
    assert told("a2a_go_hitl_1_input_required.txt") == [
        'call delete_thing {"name": "prod-db"}',
        "tokens 42+7",
        'approve delete_thing {"name": "prod-db"}: Tool \'delete_thing\' requires approval before execution.',
        "input-required",
    ]
    assert told("py_hitl_1_input_required.txt")[-2].startswith('approve delete_thing {"name": "prod-db"}')


def test_a_whole_task_tells_each_message_once() -> None:
    assert told("py_send_tool.txt").count('call get_time {"timezone": "UTC"}') == 1
    assert told("a2a_go_tasks_get.txt")[-2:] == [
        'answer \'The tool said: {"output":{"result":"deleted prod-db"}} \'',
        "completed",
    ]


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*stream*")) + sorted(RECORDINGS.glob("*hitl*")))
def test_nothing_in_a_recording_is_unknown_and_every_update_names_its_task(path: Path) -> None:
    for reply in replies(path.name):
        update = read(result_of(reply))
        assert update.task_id
        assert update.context_id
        assert not [event for event in update.events if isinstance(event, Unknown)]


@pytest.mark.parametrize("name", ["py_hitl_1_input_required.txt", "py_send_tool.txt", "a2a_go_tasks_get.txt"])
def test_a_task_of_an_empty_kind_is_one(name: str) -> None:
    """As kagent 0.9.7 and 0.9.8 write it, with all else in the words of 0.3."""
    (reply,) = replies(name)
    assert reply["result"]["kind"] == "task"
    nameless = {**reply, "result": {**reply["result"], "kind": ""}}
    assert read(result_of(nameless)) == read(result_of(reply))


def test_a_refusal_keeps_its_code() -> None:
    with pytest.raises(RpcError, match=r"method not found \(JSON-RPC error -32601\)") as caught:
        result_of(replies("a2a_go_bad_method.txt")[0])
    assert caught.value.code == -32601


def test_a_reply_with_neither_result_nor_error_is_an_error() -> None:
    with pytest.raises(KagentError, match="neither a result nor an error"):
        result_of({"jsonrpc": "2.0", "id": 1})


def test_what_is_not_known_is_kept_as_it_came() -> None:
    part = {"kind": "file", "file": {"uri": "x"}}
    message = {"kind": "message", "role": "agent", "parts": [part], "messageId": "m"}
    assert read(message).events == (Unknown(part),)
    assert read({"kind": "news"}).events == (Unknown({"kind": "news"}),)


def pending(call: Any, payload: Any = None) -> Request:
    data = {
        "id": "c1",
        "name": "adk_request_confirmation",
        "args": {"originalFunctionCall": call, "toolConfirmation": {"hint": "h", "payload": payload}},
    }
    part = {"kind": "data", "data": data, "metadata": {"kagent_type": "function_call"}}
    (event,) = read({"kind": "message", "role": "agent", "parts": [part]}).events
    assert isinstance(event, Request)
    return event


@pytest.mark.parametrize(
    "call",
    [
        {"id": "1", "name": "drop", "args": ["prod"]},
        {"id": "1", "name": "", "args": {}},
        {"id": "1", "name": None, "args": {"name": "prod"}},
        {"id": "1", "name": "adk_request_confirmation", "args": {}},  # the confirmation of no call
        ["drop", "prod"],
        "drop",
    ],
)
def test_a_call_that_can_not_be_read_waits_all_the_same(call: Any) -> None:
    assert pending(call) == Request("c1", Unknown(call), "h", (), ())
    inner = {"id": "2", "name": "look", "args": {}}
    outer = ToolCall("3", "helper", {})
    payload = {"hitl_parts": [{"originalFunctionCall": call}, {"originalFunctionCall": inner}]}
    asked = pending({"id": "3", "name": "helper", "args": {}}, payload)
    assert asked == Request("c1", outer, "h", (), (Unknown(call), ToolCall("2", "look", {})))


@pytest.mark.parametrize("metadata", [{}, {"kagent_type": "news"}, {"kagent_type": ["function_call"]}])
def test_a_confirmation_is_one_by_its_name(metadata: dict[str, Any]) -> None:
    call = {"id": "1", "name": "drop", "args": {}}
    data = {"id": "c1", "name": "adk_request_confirmation", "args": {"originalFunctionCall": call}}
    part = {"kind": "data", "data": data, "metadata": metadata}
    assert read({"kind": "message", "role": "agent", "parts": [part]}).events == (
        Request("c1", ToolCall("1", "drop", {}), "", (), ()),
    )


def test_a_confirmation_without_a_call_is_kept_as_it_came() -> None:
    asked = pending(None, {"hitl_parts": "all"})
    assert isinstance(asked.call, Unknown)
    assert asked.call.raw["name"] == "adk_request_confirmation"
    assert asked.inner == (Unknown("all"),)
    assert pending({"name": "helper"}, {"hitl_parts": [5, {}]}).inner == (Unknown(5), Unknown({}))


def test_questions_and_the_calls_of_a_sub_agent() -> None:
    questions = [{"question": "Which?", "choices": ["a", "b"]}, {"question": "Why?"}]
    asked = pending({"id": "1", "name": "ask_user", "args": {"questions": questions}})
    assert asked.questions == (Question("Which?", ("a", "b")), Question("Why?", ()))
    inner = {"originalFunctionCall": {"id": "2", "name": "delete_thing", "args": {"name": "x"}}}
    nested = pending({"id": "3", "name": "helper_agent", "args": {}}, {"hitl_parts": [inner]})
    assert nested.inner == (ToolCall("2", "delete_thing", {"name": "x"}),)
