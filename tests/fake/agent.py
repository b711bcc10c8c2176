"""A kagent controller on loopback with one agent that says what a test tells it, event by event."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import Loopback, Received, chunk, head, response, serve

Json = dict[str, Any]
Events = Iterable[Json | bytes]

SESSION, TASK = "5e551017", "7a5c0001"
USER = "admin@kagent.dev"
NEITHER = {"taskId": TASK, "contextId": SESSION}


def update(state: str, *parts: Json, partial: bool = False, message_id: str = "", **metadata: Any) -> Json:
    """A status-update of the Python runtime; with ``parts`` the agent says something.

    At work both it and its message have the metadata; at the end of a turn only the update has.
    """
    status: Json = {"state": state}
    keys = {"kagent_adk_partial": partial} | {f"kagent_{key}": value for key, value in metadata.items()}
    if parts:
        name = message_id or f"m-{json.dumps(parts)}"
        status["message"] = {"kind": "message", "role": "agent", "messageId": name, "parts": list(parts)}
        if state == "working":
            status["message"]["metadata"] = keys
    return {"kind": "status-update", **NEITHER, "status": status, "metadata": keys}


def text(words: str) -> Json:
    return {"kind": "text", "text": words}


def called(id_: str, name: str, /, **args: Any) -> Json:
    return _data("function_call", {"id": id_, "name": name, "args": args})


def gave(id_: str, name: str, response: Any) -> Json:
    return _data("function_response", {"id": id_, "name": name, "response": response})


def request(id_: str, name: str, payload: Any = None, /, **args: Any) -> Json:
    """What kagent sends for a call that waits for a person."""
    call = {"id": id_, "name": name, "args": args}
    confirmation = {"hint": "a hint", "confirmed": False, "payload": payload}
    asked = {"originalFunctionCall": call, "toolConfirmation": confirmation}
    return _data("function_call", {"id": f"r-{id_}", "name": "adk_request_confirmation", "args": asked})


def _data(kind: str, data: Json) -> Json:
    return {"kind": "data", "data": data, "metadata": {"kagent_type": kind}}


def task(state: str, *history: Json, session: str = SESSION, id_: str = TASK, **status: Any) -> Json:
    about = {"state": state, "timestamp": "2026-11-23T07:59:00Z", **status}
    return {"kind": "task", "id": id_, "contextId": session, "status": about, "history": list(history)}


def asked(*parts: Json) -> Json:
    return {"kind": "message", "role": "agent", "messageId": "m", "parts": list(parts)}


def waiting(*parts: Json, **more: Any) -> Json:
    """The task that waits with these requests, as the controller has it."""
    return task("input-required", asked(*parts), message=asked(*parts), **more)


def row(id_: str, agent: str = "default__NS__clock", **more: Any) -> Json:
    times = {"created_at": "2026-11-23T07:00:00.5Z", "updated_at": "2026-11-23T07:58:00Z"}
    return {"id": id_, "name": "what time is it", "user_id": USER, **times, "agent_id": agent, **more}


@dataclass
class Agent:
    """``turns`` are the streams of message/stream in their order, ``again`` those of tasks/resubscribe.

    ``data`` is what the controller's own paths answer the usual user with, ``others`` what other users get;
    ``calls`` what was asked of the agent.
    """

    turns: list[Events] = field(default_factory=list)
    again: list[Events] = field(default_factory=list)
    task: Json = field(default_factory=lambda: task("working"))
    cancel: Callable[[], Json] = lambda: {"error": {"code": -32603, "message": "can't"}}
    data: dict[str, Any] = field(default_factory=dict)
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    card: Json = field(default_factory=dict)
    version: str = "0.10.4"
    calls: list[tuple[str, Json]] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    url: str = ""

    def answer(self, received: Received) -> bytes | Iterator[bytes]:
        self.requests.append(received)
        path = urlsplit(received.path)
        if path.path == "/version":
            return response(200, {"kagent_version": self.version})
        (user,) = parse_qs(path.query)["user_id"]
        if not path.path.startswith("/api/a2a/"):
            data = self.data if user == USER else self.others.get(user, {"/api/sessions": []})
            return self._kept(data, received.method, path.path)
        if received.method == "GET":
            return response(200, self.card)
        body = json.loads(received.body)
        method = body["method"]
        self.calls.append((method, body["params"]))
        if method in ("message/stream", "tasks/resubscribe"):
            return _stream((self.turns if method == "message/stream" else self.again).pop(0))
        return response(200, self.cancel() if method == "tasks/cancel" else {"result": self.task})

    def _kept(self, data: Json, method: str, path: str) -> bytes:
        if path not in data and path != "/api/sessions":
            return response(404, {"error": f"{path} not found"})
        if method == "DELETE":
            del data[path]
            return response(200, {"error": False, "data": {}})
        return response(200, {"error": False, "data": data.get(path, [])})

    @property
    def said(self) -> list[Json]:
        """The messages that came, without their ids."""
        return [
            {key: value for key, value in params["message"].items() if key != "messageId"}
            for method, params in self.calls
            if method == "message/stream"
        ]


def _stream(events: Events) -> Iterator[bytes]:
    """In chunks; bytes go as they are, and one that is empty breaks the connection off."""
    yield head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
    for event in events:
        if event == b"":
            return
        line = event if isinstance(event, bytes) else f"data: {json.dumps({'result': event})}\n\n".encode()
        yield chunk(line)
    yield chunk(b"")


@contextmanager
def talking(*turns: Events, **more: Any) -> Iterator[Agent]:
    agent = Agent(list(turns), **more)
    with serve() as server:
        serving(server, agent)
        yield agent


def serving(server: Loopback, agent: Agent) -> None:
    server.answer = agent.answer
    agent.url = server.url
