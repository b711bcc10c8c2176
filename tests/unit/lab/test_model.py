"""The scripted model answers the same request the same way, in the shapes that agents read."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.model.server import Server, open_server

PROMPT = "You tell the date and time.\nUse your tools, never guess.\n\nYou are an agent."
TIME_TOOLS = ("get_date", "get_time", "get_datetime")


@pytest.fixture(scope="module")
def model() -> Iterator[Server]:
    with open_server("127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(
    model: Server, method: str, path: str, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", model.server_port, timeout=10)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def request(
    question: str,
    prompt: str = PROMPT,
    tools: tuple[str, ...] = (),
    results: tuple[str, ...] = (),
    *,
    stream: bool = False,
) -> bytes:
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": prompt},
        {"role": "user", "content": question},
    ]
    messages += [{"role": "tool", "tool_call_id": f"call_{i}", "content": r} for i, r in enumerate(results)]
    offered = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in tools]
    return json.dumps(
        {"model": "scripted", "messages": messages, "tools": offered, "stream": stream}
    ).encode()


def ask(model: Server, question: str, **more: Any) -> dict[str, Any]:
    status, _, answer = fetch(model, "POST", "/v1/chat/completions", request(question, **more))
    assert status == 200
    message: dict[str, Any] = json.loads(answer)["choices"][0]["message"]
    return message


def asked_tools(message: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    calls = [call["function"] for call in message.get("tool_calls", [])]
    return [(call["name"], json.loads(call["arguments"])) for call in calls]


def stream(model: Server, question: str, **more: Any) -> list[dict[str, Any]]:
    body = request(question, stream=True, **more)
    status, headers, answer = fetch(model, "POST", "/v1/chat/completions", body)
    assert (status, headers["Content-Type"]) == (200, "text/event-stream")
    events = [line.removeprefix("data: ") for line in answer.decode().split("\n\n") if line]
    assert events.pop() == "[DONE]"
    return [json.loads(event) for event in events]


def test_lists_models(model: Server) -> None:
    status, _, answer = fetch(model, "GET", "/v1/models")
    assert status == 200
    assert [entry["id"] for entry in json.loads(answer)["data"]] == ["scripted", "scripted-mini"]


@pytest.mark.parametrize(
    ("question", "offered", "called"),
    [
        ("What is the date and time?", TIME_TOOLS, ["get_datetime"]),
        ("What time is it?", TIME_TOOLS, ["get_time"]),
        ("Which day is today?", TIME_TOOLS, ["get_date"]),
        ("What is the date and time?", ("get_date", "get_time"), ["get_date", "get_time"]),
        ("What time is it?", ("get_datetime",), ["get_datetime"]),
    ],
)
def test_a_question_about_time_calls_the_fewest_tools(
    model: Server, question: str, offered: tuple[str, ...], called: list[str]
) -> None:
    message = ask(model, question, tools=offered)
    assert asked_tools(message) == [(name, {"timezone": "UTC"}) for name in called]
    assert message["content"] is None


def test_the_timezone_is_taken_from_the_question(model: Server) -> None:
    message = ask(model, "What time is it in Europe/Berlin?", tools=TIME_TOOLS)
    assert asked_tools(message) == [("get_time", {"timezone": "Europe/Berlin"})]


@pytest.mark.parametrize(
    "wrapped", ["noon", '{"output": "noon"}', '{"error": "noon"}', '{"output": {"result": "noon"}}']
)
def test_the_answer_holds_what_the_tools_returned(model: Server, wrapped: str) -> None:
    message = ask(model, "What time is it?", tools=TIME_TOOLS, results=(wrapped, "Monday"))
    assert message["content"] == "The tools say: noon; Monday"


def test_a_changed_prompt_changes_the_answer(model: Server) -> None:
    bad = "You are a poet. Never use tools.\nAnswer in the style: haiku"
    good = ask(model, "What time is it?", tools=TIME_TOOLS)
    guessed = ask(model, "What time is it?", tools=TIME_TOOLS, prompt=bad)
    assert asked_tools(good)
    assert guessed["content"] == "[haiku] I would guess it is about noon, on some Tuesday."


def test_a_plain_answer_names_the_prompt_and_the_model(model: Server) -> None:
    message = ask(model, "Hello!")
    assert message["content"] == (
        'You asked: "Hello!" I am scripted, and my prompt begins: "You tell the date and time."'
    )


def test_named_tools_are_called_in_parallel_with_their_arguments(model: Server) -> None:
    question = 'call delete_thing {"name": "prod-db", "sure": {"really": true}} call boom'
    message = ask(model, question, tools=("boom", "delete_thing"))
    assert asked_tools(message) == [
        ("delete_thing", {"name": "prod-db", "sure": {"really": True}}),
        ("boom", {}),
    ]
    ids = [call["id"] for call in message["tool_calls"]]
    assert len(set(ids)) == 2


def test_a_tool_that_is_not_offered_is_named(model: Server) -> None:
    message = ask(model, "call nothing", tools=("get_time",))
    assert message["content"] == "I have no tool nothing; offered: get_time."


def test_an_ordinary_sentence_with_call_calls_nothing(model: Server) -> None:
    assert "You asked" in ask(model, "Please call me back tomorrow", tools=("get_time",))["content"]


def test_the_last_question_counts(model: Server) -> None:
    body = json.loads(request("What time is it?", tools=TIME_TOOLS, results=("noon",)))
    body["messages"].append({"role": "user", "content": [{"type": "text", "text": "Hello!"}]})
    _, _, answer = fetch(model, "POST", "/v1/chat/completions", json.dumps(body).encode())
    assert json.loads(answer)["choices"][0]["message"]["content"].startswith('You asked: "Hello!"')


@pytest.mark.parametrize("status", [429, 500])
def test_a_scripted_failure(model: Server, status: int) -> None:
    got, headers, answer = fetch(model, "POST", "/v1/chat/completions", request(f"fail {status}"))
    assert got == status
    assert "message" in json.loads(answer)["error"]
    assert headers["Retry-After-Ms"] == "10"


def test_a_stream_says_what_the_whole_answer_says(model: Server) -> None:
    events = stream(model, "Hello!")
    text = "".join(c["delta"].get("content") or "" for event in events for c in event["choices"])
    assert text == ask(model, "Hello!")["content"]
    assert len(events) > 5
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert events[-1]["usage"]["total_tokens"] > 0


def test_a_stream_carries_parallel_calls(model: Server) -> None:
    events = stream(model, "What is the date and time?", tools=("get_date", "get_time"))
    deltas = [d for e in events for c in e["choices"] for d in c["delta"].get("tool_calls", [])]
    names = {delta["index"]: delta["function"]["name"] for delta in deltas if "name" in delta["function"]}
    assert names == {0: "get_date", 1: "get_time"}
    assert [d["function"]["arguments"] for d in deltas if d["index"] == 1] == ["", '{"timezone": "UTC"}']
    assert events[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_long_answer(model: Server) -> None:
    assert len(ask(model, "long")["content"]) == 200_000
    assert len(ask(model, "long 3")["content"]) == 3000
    text = "".join(c["delta"].get("content") or "" for e in stream(model, "long 50") for c in e["choices"])
    assert len(text) == 50_000


@pytest.mark.parametrize("streamed", [False, True])
def test_a_slow_answer_takes_the_seconds_asked_for(model: Server, *, streamed: bool) -> None:
    begun = time.monotonic()
    if streamed:
        stream(model, "slow 0.3")
    else:
        ask(model, "slow 0.3")
    assert time.monotonic() - begun >= 0.3


def test_usage_is_the_same_for_the_same_request(model: Server) -> None:
    bodies = [fetch(model, "POST", "/v1/chat/completions", request("Hello!"))[2] for _ in range(2)]
    first, second = (json.loads(body)["usage"] for body in bodies)
    assert first == second
    assert first["total_tokens"] == first["prompt_tokens"] + first["completion_tokens"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"not json",
        b"{}",
        b'{"messages": [1]}',
        b'{"messages": [{"role": "system", "content": "x"}]}',
        b'{"messages": [{"role": "user", "content": "x"}], "tools": [{"function": {}}]}',
    ],
)
def test_nonsense_is_refused(model: Server, body: bytes) -> None:
    status, _, answer = fetch(model, "POST", "/v1/chat/completions", body)
    assert status == 400
    assert "not a chat completion request" in json.loads(answer)["error"]["message"]


def test_an_unknown_path_is_refused(model: Server) -> None:
    assert fetch(model, "GET", "/v2/models")[0] == 404
    assert fetch(model, "POST", "/v1/completions", b"{}")[0] == 404


def test_the_server_survives_an_agent_that_hangs_up(model: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", model.server_port, timeout=10)
    connection.request("POST", "/v1/chat/completions", request("long 2000", stream=True))
    connection.getresponse().read(100)
    connection.close()
    assert ask(model, "Hello!")["content"].startswith("You asked")


def test_many_at_once(model: Server) -> None:
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(model, "slow 0.2")["content"])) for _ in range(32)
    ]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
    assert len(answers) == 32
    assert time.monotonic() - begun < 3  # one after another they would take 6.4 s
