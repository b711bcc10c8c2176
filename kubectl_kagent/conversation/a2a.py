"""Talk to an agent through the kagent controller: A2A 0.3 over JSON-RPC, streamed as server-sent events."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.kagent import Endpoint
from kubectl_kagent.conversation.wire import read, result_of
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.turn import Update

# kagent's own CLI and UI use this user when nobody logs in
DEFAULT_USER = "admin@kagent.dev"
# The controller sends nothing while a tool or a model is at work.
SILENCE_SECONDS = 900.0
_EVENT_LIMIT = 32 * 1024 * 1024  # one event; beyond it something other than an answer is coming

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of the stream: as it came (``raw``), and read."""

    raw: Json
    update: Update


@dataclass(frozen=True, slots=True)
class AgentLine:
    """The way to one agent, as one user."""

    cluster: Cluster
    controller: Endpoint
    namespace: str
    agent: str
    user: str = DEFAULT_USER

    @property
    def _path(self) -> str:
        return f"/api/a2a/{quote(self.namespace)}/{quote(self.agent)}?{urlencode({'user_id': self.user})}"

    def say(self, text: str, *, session: str = "") -> Iterator[Reply]:
        """Send a message and yield what the agent does, until the task is over or waits for somebody."""
        message: dict[str, Any] = {
            "kind": "message",
            "messageId": str(uuid.uuid4()),
            "role": "user",
            "parts": [{"kind": "text", "text": text}],
        }
        if session:
            message["contextId"] = session
        return self._stream("message/stream", {"message": message})

    def resubscribe(self, task: str) -> Iterator[Reply]:
        """The rest of a task whose stream broke."""
        return self._stream("tasks/resubscribe", {"id": task})

    def task(self, task: str) -> Reply:
        """The task as it stands. Raises RpcError when the controller does not know it."""
        return self._call("tasks/get", {"id": task})

    def cancel(self, task: str) -> Reply:
        """Ask the agent to stop. Raises RpcError when it can't (the Python runtime has no cancellation)."""
        return self._call("tasks/cancel", {"id": task})

    def _call(self, method: str, params: Json) -> Reply:
        raw = self.cluster.service(
            "POST", self.controller.namespace, self.controller.service, self._path, _request(method, params)
        )
        return _reply(raw)

    def _stream(self, method: str, params: Json) -> Iterator[Reply]:
        lines = self.cluster.service_stream(
            self.controller.namespace,
            self.controller.service,
            self._path,
            _request(method, params),
            timeout=SILENCE_SECONDS,
        )
        for data in events(lines):
            try:
                raw = json.loads(data)
            except ValueError as error:
                raise KagentError(f"the agent sent an event that is not JSON: {data[:80]!r}") from error
            yield _reply(raw)


def _request(method: str, params: Json) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": str(uuid.uuid4()), "method": method, "params": dict(params)}


def _reply(raw: Any) -> Reply:
    if not isinstance(raw, Mapping):
        raise KagentError(f"the agent answered with {type(raw).__name__}, not an object")
    result = result_of(raw)
    return Reply(raw, read(result))


def events(lines: Iterable[bytes]) -> Iterator[str]:
    """The data of server-sent events. A line is an event here: kagent writes each event's data in one line.

    Raises KagentError for an event that is too large to be an answer.
    """
    for line in lines:
        if len(line) > _EVENT_LIMIT:
            raise KagentError(f"the agent sent an event of {len(line)} bytes; the limit is {_EVENT_LIMIT}")
        field, _, value = line.decode(errors="replace").rstrip("\r").partition(":")
        if field == "data":
            yield value.removeprefix(" ")
