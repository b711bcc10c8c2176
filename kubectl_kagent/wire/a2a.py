"""Read A2A as kagent speaks it: wire 0.3 and 1.0, Python runtime (kagent_ keys) and Go runtime (adk_ keys).

What is not as the protocol says becomes Unknown, with the value as it came: nothing is lost in silence. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.events import (
    INPUT_REQUIRED,
    Answer,
    Event,
    Request,
    State,
    Text,
    TokenUsage,
    Unknown,
    Update,
)
from kubectl_kagent.wire.a2a_v1 import to_v03
from kubectl_kagent.wire.parts import is_text, mapping, meta, part_events, word

INTERNAL_ERROR = -32603  # what kagent's controller answers for an agent that it can't reach
# Approvals as an extension of A2A, in any version: kagent after 0.10. None is known here.
_APPROVALS = "https://kagent.dev/extensions/hitl/"
_FAILURES = frozenset({"failed", "rejected"})

Json = Mapping[str, Any]


class RpcError(KagentError):
    """The agent or the controller refused the request; ``code`` is JSON-RPC's, 0 when it gives none."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} (JSON-RPC error {code})")
        self.code = code


def result_of(reply: Json) -> Json:
    """The result of a JSON-RPC reply in the words of wire 0.3. Raises RpcError; KagentError for neither."""
    error = reply.get("error")
    if error is not None:
        about = error if isinstance(error, Mapping) else {"message": error}
        code, message = about.get("code"), about.get("message")
        said = message if isinstance(message, str) and message else json.dumps(error, ensure_ascii=False)
        raise RpcError(code if isinstance(code, int) else 0, " ".join(said.split())[:2000])
    result = reply.get("result")
    if not isinstance(result, Mapping):
        raise KagentError(f"the agent's reply has neither a result nor an error: {json.dumps(reply)[:200]}")
    return to_v03(result)


def read(result: Json) -> Update:
    """The events of one result in the words of 0.3: status-update, artifact-update, message or task."""
    readers: dict[str, Callable[[Json], Iterator[Event]]] = {
        "status-update": _status_update,
        "artifact-update": _artifact_update,
        "task": _task,
        "message": message_events,
    }
    kind = word(result.get("kind"))
    reader = readers.get(kind)
    events = tuple(reader(result)) if reader else (Unknown(result),)
    task = word(result.get("taskId")) or (word(result.get("id")) if kind == "task" else "")
    said = result if kind == "message" else mapping(mapping(result.get("status")).get("message"))
    extension = approval_extension(said.get("extensions"))
    return Update(task, word(result.get("contextId")), events, extension, whole=kind == "task")


def approval_extension(uris: Any) -> str:
    """The one among these extensions of A2A by which approvals are asked for; empty: there is none."""
    known = uris if isinstance(uris, list) else []
    return next((uri for uri in known if isinstance(uri, str) and uri.startswith(_APPROVALS)), "")


def _status_update(result: Json) -> Iterator[Event]:
    status, metadata = result.get("status"), mapping(result.get("metadata"))
    if not isinstance(status, Mapping):
        yield Unknown(result)
        return
    yield from _spoken(status, metadata)
    yield from _state(status, final=result.get("final") is True)


def _spoken(status: Json, metadata: Json) -> Iterator[Event]:
    """What the agent says with a state. With a failure that is the error: the state carries it."""
    message = status.get("message")
    if isinstance(message, Mapping):
        failed = word(status.get("state")) in _FAILURES
        if message.get("role") != "user":
            yield from (
                item for item in message_events(message, metadata) if not (failed and isinstance(item, Text))
            )
    elif message is not None:
        yield Unknown(status)


def _state(status: Json, *, final: bool) -> Iterator[Event]:
    state = status.get("state")
    if not isinstance(state, str) or not state:
        yield Unknown(status)
        return
    message = mapping(status.get("message"))
    yield State(
        state=state,
        final=final,
        message=_said(message) if message.get("role") != "user" else "",
        timestamp=word(status.get("timestamp")),
    )


def _artifact_update(result: Json) -> Iterator[Event]:
    yield from _artifact(result.get("artifact"))


def _artifact(artifact: Any) -> Iterator[Event]:
    if not isinstance(artifact, Mapping) or not isinstance(parts := artifact.get("parts"), list):
        yield Unknown(artifact)
        return
    for part in parts:
        if not is_text(part):
            yield from part_events(part, partial=False, message_id="")
    if text := _text(parts):
        yield Answer(text)


def _task(result: Json) -> Iterator[Event]:
    """A whole task: its history, each message once, then the answer and the state.

    What was asked of a person earlier was answered: only what the status asks is a Request.
    """
    status = result.get("status")
    about = status if isinstance(status, Mapping) else {}
    waiting = mapping(about.get("message"))
    for message in once(result):
        if not isinstance(message, Mapping):
            yield Unknown(message)
        elif message.get("role") != "user" and (
            not word(message.get("messageId")) or message.get("messageId") != waiting.get("messageId")
        ):
            yield from (item for item in message_events(message) if not isinstance(item, Request))
    answers = result.get("artifacts")
    for artifact in answers if isinstance(answers, list) else [answers] if answers is not None else []:
        yield from _artifact(artifact)
    if not isinstance(status, Mapping):
        yield Unknown({key: value for key, value in result.items() if key not in ("history", "artifacts")})
        return
    asks = about.get("state") == INPUT_REQUIRED
    yield from (item for item in _spoken(status, {}) if asks or not isinstance(item, Request))
    yield from _state(status, final=True)


def once(task: Json) -> list[Any]:
    """The history of a task, each message once: kagent keeps a user's twice."""
    history = task.get("history")
    if not isinstance(history, list):
        return [] if history is None else [history]
    seen: set[str] = set()
    messages = []
    for message in history:
        name = word(message.get("messageId")) if isinstance(message, Mapping) else ""
        if not name or name not in seen:
            messages.append(message)
        seen.add(name)
    return messages


def message_events(message: Json, outer: Json | None = None) -> Iterator[Event]:
    """What one message tells. An error's words are no answer: the state carries them."""
    own = mapping(message.get("metadata"))
    metadata = {**(outer or {}), **own}
    partial = bool(meta(metadata, "partial") or metadata.get("kagent_adk_partial"))
    failed = bool(meta(metadata, "error_code"))
    name = word(message.get("messageId"))
    parts = message.get("parts")
    if not isinstance(parts, list):
        yield Unknown(message)
        return
    for part in parts:
        if not (failed and is_text(part)):
            yield from part_events(part, partial=partial, message_id=name)
    if not partial:  # the update that ends a turn repeats the usage of its last call beside another message
        yield from _usage(meta(own, "usage_metadata"), name)


def _usage(usage: Any, message_id: str) -> Iterator[Event]:
    if usage is None:
        return
    about = mapping(usage)
    counts = [about.get(key) or 0 for key in ("promptTokenCount", "candidatesTokenCount")]
    if isinstance(usage, Mapping) and all(isinstance(count, int) for count in counts):
        yield TokenUsage(int(counts[0]), int(counts[1]), message_id)
    else:
        yield Unknown({"usage_metadata": usage})


def _said(message: Json) -> str:
    parts = message.get("parts")
    return _text(parts) if isinstance(parts, list) else ""


def _text(parts: list[Any]) -> str:
    texts = filter(is_text, parts)
    return "".join(part["text"] for part in texts if not meta(mapping(part.get("metadata")), "thought"))
