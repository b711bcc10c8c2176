"""A session as one reads it: who said what, calls and what they gave, decisions, how it ended. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kubectl_kagent.conversation.decisions import Pending, pending, rejected
from kubectl_kagent.conversation.event_times import EventTimes
from kubectl_kagent.conversation.sessions import Json
from kubectl_kagent.model.events import (
    Answer,
    Request,
    State,
    Text,
    TokenUsage,
    ToolCall,
    ToolResult,
    Unknown,
)
from kubectl_kagent.wire import a2a
from kubectl_kagent.wire.a2a_v1 import to_v03
from kubectl_kagent.wire.parts import is_text

USER = "user"


@dataclass(frozen=True, slots=True)
class MessageEntry:
    """Words of the user or (any other ``who``) the agent."""

    who: str
    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class CallEntry:
    """A tool call that begins."""

    call: ToolCall
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ResultEntry:
    """What a call gave; ``seconds`` is None where they are not known, or a person was waited for.

    ``rejected``: a person did not let it be.
    """

    result: ToolResult
    at: datetime | None
    seconds: float | None
    rejected: bool


@dataclass(frozen=True, slots=True)
class RequestEntry:
    """What the agent asked of a person."""

    calls: tuple[Pending, ...]


@dataclass(frozen=True, slots=True)
class DecisionEntry:
    """What a person answered, in kagent's words."""

    decision: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EndEntry:
    """The task as it stands; ``at`` is the time of its last change."""

    task: str
    state: str
    message: str
    prompt_tokens: int
    output_tokens: int
    at: str


@dataclass(frozen=True, slots=True)
class UnrecognizedEntry:
    """Something that is not understood, as it came."""

    raw: Any


Entry = MessageEntry | CallEntry | ResultEntry | RequestEntry | DecisionEntry | EndEntry | UnrecognizedEntry


@dataclass(slots=True)
class _Calls:
    """The calls of a task so far: ``begun`` have no answer yet; ``asked`` are the requests."""

    begun: dict[str, datetime | None] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    undecided: list[Pending] = field(default_factory=list)
    rejected: set[str] = field(default_factory=set)


def transcript(agent: str, tasks: Sequence[Json], events: Sequence[Json]) -> list[Entry]:
    """The entries of a session, task after task."""
    times = EventTimes.of(events)
    entries = [entry for task in tasks for entry in _task(agent, to_v03(task), times)]
    if times.unread:
        entries.append(UnrecognizedEntry(f"{times.unread} events of the session can't be read"))
    return entries


def _task(agent: str, task: Json, times: EventTimes) -> Iterator[Entry]:
    update = a2a.read(task)
    status = task.get("status")
    last = status.get("message") if isinstance(status, Mapping) else None
    messages = a2a.once({"history": [*a2a.once(task), *([last] if last is not None else [])]})
    said: list[str] = []
    for entry in _messages(agent, messages, times):
        said += [entry.text] if isinstance(entry, MessageEntry) else []
        yield entry
    for event in update.events:
        if isinstance(event, Answer) and event.text not in (*said, "".join(said)):
            yield MessageEntry(agent, event.text, times.text(event.text))
    yield _ended(update.task_id, [event for event in update.events if isinstance(event, State | TokenUsage)])


def _messages(agent: str, messages: Sequence[Any], times: EventTimes) -> Iterator[Entry]:
    calls = _Calls()
    for message in messages:
        if not isinstance(message, Mapping):
            yield UnrecognizedEntry(message)
        elif message.get("role") == USER:
            yield from _user(message, times, calls)
        else:
            yield from _agent(agent, message, times, calls)


def _user(message: Json, times: EventTimes, calls: _Calls) -> Iterator[Entry]:
    parts = message.get("parts")
    for part in parts if isinstance(parts, list) else [message]:
        data = part.get("data") if isinstance(part, Mapping) else None
        if is_text(part):
            yield MessageEntry(USER, part["text"], times.text(part["text"]))
        elif isinstance(data, Mapping) and "decision_type" in data:
            calls.rejected |= rejected(calls.undecided, data)
            calls.undecided.clear()
            yield DecisionEntry(data)
        else:
            yield UnrecognizedEntry(part)


def _agent(agent: str, message: Json, times: EventTimes, calls: _Calls) -> Iterator[Entry]:
    """Of one message."""
    requests = []
    for event in a2a.message_events(message):
        match event:
            case Text(text, False, False):
                yield MessageEntry(agent, text, times.text(text))
            case ToolCall(id_):
                calls.begun[id_] = times.call(id_)
                yield CallEntry(event, calls.begun[id_])
            case ToolResult(id_):
                at, since = times.response(id_), calls.begun.pop(id_, None)
                seconds = (at - since).total_seconds() if at and since else None
                yield ResultEntry(event, at, seconds, id_ in calls.rejected)
            case Request() if event not in calls.asked:
                calls.asked.append(event)
                requests.append(event)
                if isinstance(event.call, ToolCall):
                    calls.begun[event.call.id] = None
            case Unknown(raw):
                yield UnrecognizedEntry(raw)
    if requests:
        calls.undecided += pending(requests)
        yield RequestEntry(pending(requests))


def _ended(task: str, events: Sequence[State | TokenUsage]) -> EndEntry:
    used = [event for event in events if isinstance(event, TokenUsage)]
    state = next((event for event in events if isinstance(event, State)), None)
    return EndEntry(
        task=task,
        state=state.state if state else "unknown",
        message=state.message if state and state.state != "completed" else "",
        prompt_tokens=sum(item.prompt for item in used),
        output_tokens=sum(item.output for item in used),
        at=state.timestamp if state else "",
    )
