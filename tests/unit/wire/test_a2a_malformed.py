"""Every field of every recording missing or of another type: an error or a mark, no crash, nothing lost."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from kubectl_kagent.conversation.client import A2AClient
from kubectl_kagent.conversation.narration import Narration, Unrecognized
from kubectl_kagent.conversation.transcript import transcript
from kubectl_kagent.errors import KagentError, Unreachable
from kubectl_kagent.model.events import Event, Request, Unknown
from kubectl_kagent.render.transcript import transcript_text
from kubectl_kagent.wire.a2a import RpcError, read, result_of
from tests.unit.conversation.test_sessions import SESSION
from tests.unit.wire.test_a2a import RECORDINGS, replies

MARK = "looked for"
OTHERS: dict[str, Any] = {
    "text": MARK,
    "number": 424242,
    "object": {MARK: 1},
    "list": [MARK],
    "nested": [{"kind": MARK, "parts": [{"text": [MARK]}]}],
    "boolean": True,
    "null": None,
}
DROPPED = object()
# What people would miss. The other fields say how to read these, and -o json has them all.
CONTENT = frozenset({"text", "parts", "state", "status", "artifact", "response", "kind", "result", "error"})
# Without these there is nothing to read.
NEEDED = CONTENT - {"error", "response"} | {"name"}
Path = tuple[str | int, ...]
# but for the one that is not JSON
NAMES = sorted(path.name for path in RECORDINGS.iterdir() if path.name != "a2a_go_version_9.txt")


def fields(value: Any, path: Path = ()) -> Iterator[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield (*path, key)
        yield from fields(part, (*path, key))


def shapes(name: str) -> list[Any]:
    """The replies of a recording, one of each shape."""
    return list({tuple(fields(reply)): reply for reply in replies(name)}.values())


def changed(reply: Any, path: Path, value: Any) -> Any:
    reply = copy.deepcopy(reply)
    parent = reply
    for key in path[:-1]:
        parent = parent[key]
    if value is DROPPED:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return reply


def told(reply: Any) -> tuple[Event, ...] | KagentError:
    """The events, or the error that says why there are none."""
    try:
        return read(result_of(reply)).events
    except KagentError as error:
        return error


def of_the_agent(reply: Any, path: Path) -> bool:
    """Whether a field is shown: of a message of the user's nothing is, nor inside a tool's own data."""
    inside = reply
    for key in path:
        if isinstance(inside, dict) and inside.get("role") in ("user", "ROLE_USER"):
            return False
        inside = inside[key]
    return not {"metadata", "args", "response"} & set(path[:-1])


def is_marked(event: Event) -> bool:
    return isinstance(event, Unknown) or (isinstance(event, Request) and isinstance(event.call, Unknown))


@pytest.mark.parametrize("name", NAMES)
def test_any_field_of_another_type_is_read_or_refused_and_seen(name: str) -> None:
    for reply in shapes(name):
        before = told(reply)
        for path in fields(reply):
            for kind, value in OTHERS.items():
                after = told(changed(reply, path, value))
                if path[-1] not in CONTENT or kind in ("boolean", "null") or not of_the_agent(reply, path):
                    continue
                seen = MARK if kind != "number" else "424242"
                assert seen in repr(after) or after == before, (path, kind, after)


@pytest.mark.parametrize("name", NAMES)
def test_any_missing_field_is_read_or_refused_and_marked(name: str) -> None:
    for reply in shapes(name):
        before = told(reply)
        for path in fields(reply):
            after = told(changed(reply, path, DROPPED))
            if path[-1] not in NEEDED or not of_the_agent(reply, path) or after == before:
                continue
            if isinstance(after, tuple):
                assert any(map(is_marked, after)), (path, after)


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_read_can_be_shown(name: str) -> None:
    for reply in shapes(name):
        for path in fields(reply):
            for value in (424242, OTHERS["nested"], None, DROPPED):
                broken = changed(reply, path, value)
                events = told(broken)
                shown = Narration()
                for event in events if isinstance(events, tuple) else ():
                    list(shown.hear(event, 0.0))
                task = broken.get("result")
                if isinstance(task, dict):
                    transcript_text(SESSION, transcript("clock", [task], [{"data": json.dumps(task)}]), str)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        ({"code": -32001, "message": "Task not found"}, -32001, "Task not found (JSON-RPC error -32001)"),
        ({"code": "x", "message": "no"}, 0, "no (JSON-RPC error 0)"),
        ({"code": None}, 0, '{"code": null} (JSON-RPC error 0)'),
        ("broken", 0, "broken (JSON-RPC error 0)"),
        ([1], 0, "[1] (JSON-RPC error 0)"),
    ],
)
def test_an_error_in_any_shape_is_one(error: Any, code: int, message: str) -> None:
    with pytest.raises(RpcError) as caught:
        result_of({"error": error})
    assert (caught.value.code, caught.value.message) == (code, message)


class Controller:
    """Answers with these lines."""

    def __init__(self, *lines: bytes) -> None:
        self.lines = lines

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield from self.lines


def say(*lines: bytes) -> list[Any]:
    line = A2AClient(Controller(*lines), "default", "clock")  # type: ignore[arg-type]
    return [event for reply in line.say("hello") for event in reply.update.events]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'data: {"result":{"kind":"sta', "the agent sent an event that is not JSON: "),
        (b"data: " + b"[" * 100_000, "the agent sent an event that is not JSON: "),
        (b'{"jsonrpc":"2.0"}', "the agent sent a line that is not a server-sent event: "),
        (b"<html>", "the agent sent a line that is not a server-sent event: "),
    ],
)
def test_a_garbled_stream_is_one_that_broke(line: bytes, message: str) -> None:
    with pytest.raises(Unreachable) as caught:
        say(line)
    assert caught.value.message.startswith(message)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("line", [b"data: 5", b"data: []", b"data: null", b"data: {}"])
def test_an_event_that_is_no_reply_is_an_error(line: bytes) -> None:
    with pytest.raises(KagentError, match="the agent"):
        say(line)


def test_an_event_of_ten_megabytes_is_read() -> None:
    text = "x" * 10_000_000
    part = {"kind": "text", "text": text}
    result = {"kind": "message", "messageId": "m", "role": "agent", "parts": [part]}
    (event,) = say(b"data: " + json.dumps({"result": result}).encode())
    assert event.text == text


def test_what_is_not_understood_is_shown_once() -> None:
    speech = Narration()
    odd = Unknown({"kind": "file"})
    assert list(speech.hear(odd, 0.0)) == [Unrecognized({"kind": "file"})]
    assert list(speech.hear(odd, 0.0)) == []
