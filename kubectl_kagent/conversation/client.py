"""Talk to an agent through the kagent controller: A2A 0.3 over JSON-RPC, streamed as server-sent events."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubectl_kagent.backends.controller import Controller
from kubectl_kagent.cluster.answers import LINE_LIMIT
from kubectl_kagent.conversation.sessions import TasksUnknown, tasks_of
from kubectl_kagent.decoding import from_json
from kubectl_kagent.errors import KagentError, Unreachable
from kubectl_kagent.model.events import Update
from kubectl_kagent.wire.a2a import approval_extension, read, result_of
from kubectl_kagent.wire.parts import mapping

# The controller sends nothing while a tool or a model is at work.
SILENCE_SECONDS = 900.0

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of the stream: as it came (``raw``), and read."""

    raw: Json
    update: Update


@dataclass(frozen=True, slots=True)
class A2AClient:
    """The way to one agent; ``headers`` go with every message to it."""

    controller: Controller
    namespace: str
    agent: str
    headers: Json = field(default_factory=dict)

    def say(self, text: str, *, session: str = "") -> Iterator[Reply]:
        """Send a message and yield what the agent does, until the task is over or waits for somebody."""
        return self._send({"kind": "text", "text": text}, {"contextId": session} if session else {})

    def decide(self, decision: Json, *, task: str, session: str) -> Iterator[Reply]:
        """Send what a person decided about the calls that ``task`` waits with."""
        return self._send({"kind": "data", "data": dict(decision)}, {"taskId": task, "contextId": session})

    def _send(self, part: Json, where: Json) -> Iterator[Reply]:
        message = {
            "kind": "message",
            "messageId": str(uuid.uuid4()),
            "role": "user",
            "parts": [part],
            **where,
        }
        return self._stream("message/stream", {"message": message})

    def resubscribe(self, task: str) -> Iterator[Reply]:
        """The rest of a task whose stream broke."""
        return self._stream("tasks/resubscribe", {"id": task})

    def task(self, task: str) -> Reply:
        """The task as it stands.

        Raises RpcError when the controller does not know it, KagentError when it answers with another one.
        """
        found = self._call("tasks/get", {"id": task})
        if found.update.task_id not in ("", task):
            raise KagentError(
                f"the kagent controller answers with task {found.update.task_id} for task {task}"
            )
        return found

    def kept(self, session: str) -> list[Json]:
        """All tasks of a session, as the controller keeps them. Raises TasksUnknown."""
        found = tasks_of(
            self.controller, [session], lambda id_: f"whether another task of session {id_} has asked since"
        ).get(session, [])
        if isinstance(found, TasksUnknown):
            raise found
        return found

    def approvals(self) -> str:
        """The extension of A2A by which the agent asks for approvals, as its card says; empty: none known."""
        try:
            about = mapping(self.controller.card(self.namespace, self.agent).get("capabilities"))
        except KagentError:  # a card of another kind, or none: the extension can't be told then
            return ""
        listed = about.get("extensions")
        return approval_extension(
            [mapping(item).get("uri") for item in listed] if isinstance(listed, list) else []
        )

    def cancel(self, task: str) -> Reply:
        """Ask the agent to stop. Raises RpcError when it can't (the Python runtime has no cancellation)."""
        return self._call("tasks/cancel", {"id": task})

    def _call(self, method: str, params: Json) -> Reply:
        request = _request(method, params)
        return _reply(self.controller.ask(self.namespace, self.agent, request, headers=self.headers))

    def _stream(self, method: str, params: Json) -> Iterator[Reply]:
        lines = self.controller.stream(
            self.namespace,
            self.agent,
            _request(method, params),
            headers=self.headers,
            timeout=SILENCE_SECONDS,
        )
        for data in events(lines):
            try:
                raw = from_json(data)
            except ValueError as error:
                # cut off, most likely: what it said is asked for again
                raise Unreachable(f"the agent sent an event that is not JSON: {data[:80]!r}") from error
            yield _reply(raw)


def _request(method: str, params: Json) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": str(uuid.uuid4()), "method": method, "params": dict(params)}


def _reply(raw: Any) -> Reply:
    if not isinstance(raw, Mapping):
        raise KagentError(f"the agent answered with {type(raw).__name__}, not an object")
    result = result_of(raw)
    return Reply(raw, read(result))


_FIELDS = frozenset({"data", "event", "id", "retry", ""})  # one without a name is a comment


def events(lines: Iterable[bytes]) -> Iterator[str]:
    """The data of server-sent events. An empty line ends one, and so does the stream's end.

    kagent writes the data in one line; a gateway may make several of it, which are one again.
    Raises Unreachable for a line that belongs to no event: something else is on the line; KagentError for
    an event that is too long to be one.
    """
    data: list[str] = []
    size = 0
    for line in lines:
        text = line.decode(errors="replace").rstrip("\r")
        name, _, value = text.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
            size += len(value)
            if size > LINE_LIMIT:
                raise KagentError(
                    f"an event of more than {LINE_LIMIT} bytes came: longer than any valid answer"
                )
        elif not text and data:
            yield "\n".join(data)
            data, size = [], 0
        elif name not in _FIELDS:
            raise Unreachable(f"the agent sent a line that is not a server-sent event: {line[:80]!r}")
    if data:
        yield "\n".join(data)
