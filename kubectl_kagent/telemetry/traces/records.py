"""Turns of agents from what the kagent controller keeps: a session's events and its tasks. Pure.

Events have times, tasks have states; they meet in the id of ADK's invocation. An agent that stores no events
(of another framework) still has its tasks: then the steps are known, and their times are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kubectl_kagent.model.events import FINAL_STATES, Text, ToolCall
from kubectl_kagent.model.trace import (
    AGENT,
    FAILED,
    LLM,
    NO_RESULT,
    OK,
    OPEN,
    UNKNOWN,
    Record,
    Step,
    Tokens,
    Turn,
)
from kubectl_kagent.telemetry.traces.builder import Heard, StepBuilder, SubAgent
from kubectl_kagent.telemetry.traces.steps import marked
from kubectl_kagent.wire import adk
from kubectl_kagent.wire.lenient import Gaps, Json, events

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class _Task:
    """A task: its state, what is said about a failure, when it came to that, and which invocations it had."""

    id: str
    state: str
    message: str
    when: float | None
    invocations: frozenset[str]
    sessions: Mapping[str, str]  # of sub-agents, by call
    heard: tuple[Heard, ...]


def turns(session: Any, tasks: Any, agent: str, subagent: SubAgent | None = None) -> Record:
    """The turns of one session, the oldest first. ``agent`` is ``NAMESPACE/NAME``.

    ``session`` and ``tasks`` are the controller's answers. ``subagent`` is asked for sessions of sub-agents.
    """
    gaps = Gaps()
    whole = gaps.mapping(session, "the session")
    about = gaps.mapping(whole.get("session"), "the session")
    id_ = gaps.text(about.get("id"), "the id of the session")
    known = [_task(gaps.mapping(task, "a task"), gaps) for task in gaps.items(tasks, "the tasks")]
    heard, traces = _events(whole, gaps)
    found = []
    for task, its in _joined(known, heard):
        builder = StepBuilder(gaps, subagent, {} if task is None else task.sessions)
        for item in its:
            builder.hear(item)
        trace = next(
            (traces[item.content.invocation] for item in its if item.content.invocation in traces), ""
        )
        found.append(_turn(builder, task, agent, id_, trace))
    return Record(tuple(sorted(found, key=lambda turn: turn.root.start or 0.0)), gaps.lines)


# Reading


def _events(session: Json, gaps: Gaps) -> tuple[list[Heard], dict[str, str]]:
    """A session's events in order, and the trace that an invocation belonged to where that is known."""
    heard: list[Heard] = []
    traces: dict[str, str] = {}
    trace = ""
    for raw in gaps.items(session.get("events"), "the events"):
        row = gaps.mapping(raw, "an event")
        data = row.get("data")
        if isinstance(data, str):
            data = gaps.parsed(data, "an event")
        said = adk.read(gaps.mapping(data, "an event"), gaps)
        trace = _trace(said, gaps) or trace
        if not said.invocation or said.partial or said.author == "system":
            continue
        if trace:
            traces.setdefault(said.invocation, trace)
            trace = ""
        when = gaps.time(row.get("created_at"), "the time of an event")
        if when is None:
            gaps.add("an event has no time")
        heard.append(Heard(when, said))
    return heard, traces


def _trace(said: adk.AdkEvent, gaps: Gaps) -> str:
    found = _TRACEPARENT.fullmatch(gaps.text(said.headers.get("traceparent"), "the traceparent of a session"))
    return found[1] if found else ""


def _task(raw: Json, gaps: Gaps) -> _Task:
    status = gaps.mapping(raw.get("status"), "the status of a task")
    metadata = gaps.mapping(raw.get("metadata"), "the metadata of a task")
    invocations = {_meta(metadata, "invocation_id", gaps)}
    heard: list[Heard] = []
    seen: set[str] = set()
    for item in gaps.items(raw.get("history"), "the history of a task"):
        message = gaps.mapping(item, "a message of a task")
        about = gaps.mapping(message.get("metadata"), "the metadata of a message")
        invocations.add(_meta(about, "invocation_id", gaps))
        name = gaps.text(message.get("messageId"), "the id of a message")
        if not name or name not in seen:
            seen.add(name)
            heard.append(_message(message, about, gaps))
    calls = [event for item in heard for event in item.content.events if isinstance(event, ToolCall)]
    state = gaps.text(status.get("state"), "the state of a task")
    message = gaps.mapping(status.get("message"), "the message of a status")
    return _Task(
        id=gaps.text(raw.get("id"), "the id of a task"),
        state=state or UNKNOWN,
        message=_words(message, gaps),
        when=gaps.time(status.get("timestamp"), "the time of a status"),
        invocations=frozenset(invocations - {""}),
        sessions={call.id: call.session for call in calls if call.session},
        heard=tuple(heard),
    )


def _meta(metadata: Json, key: str, gaps: Gaps) -> str:
    """A metadata value under the Go runtime's name, else the Python runtime's."""
    value = metadata.get(f"adk_{key}")
    return gaps.text(metadata.get(f"kagent_{key}") if value is None else value, key)


def _message(message: Json, metadata: Json, gaps: Gaps) -> Heard:
    by_agent = gaps.text(message.get("role"), "the role of a message") == "agent"
    parts = gaps.items(message.get("parts"), "the parts of a message")
    found = events(parts, metadata, gaps)
    said = adk.AdkEvent(
        author="agent" if by_agent else "user",
        invocation="",
        events=found,
        decisions={},
        tokens=_tokens(metadata, gaps),
        error=_words(message, gaps) if _meta(metadata, "error_code", gaps) else "",
        model="",
        partial=False,
        headers={},
    )
    return Heard(None, said)


def _tokens(metadata: Json, gaps: Gaps) -> Tokens | None:
    usage = metadata.get("adk_usage_metadata", metadata.get("kagent_usage_metadata"))
    return None if usage is None else adk.tokens(gaps.mapping(usage, "the usage of a model"), gaps)


def _words(message: Json, gaps: Gaps) -> str:
    parts = gaps.items(message.get("parts"), "the parts of a message")
    return "".join(event.text for event in events(parts, {}, gaps) if isinstance(event, Text))


# Joining


def _joined(tasks: list[_Task], heard: list[Heard]) -> Iterator[tuple[_Task | None, list[Heard]]]:
    """Each task with its events, or with its history when it has none; then what has no task.

    A task that has just begun names no invocation yet: the next one that no other names is its.
    """
    runs: dict[str, list[Heard]] = {}
    for item in heard:
        runs.setdefault(item.content.invocation, []).append(item)
    named = {name for task in tasks for name in task.invocations}
    free = [name for name in runs if name not in named]
    for task in tasks:
        names = [name for name in runs if name in task.invocations]
        if not task.invocations and free:
            names = [free.pop(0)]
        yield task, [item for name in names for item in runs[name]] or list(task.heard)
    for name in free:
        yield None, runs[name]


def _closed(step: Step) -> Step:
    """A step of a turn that is over: what never ended is not running."""
    return replace(step, marks=(*step.marks, NO_RESULT)) if step.status == OPEN else step


def _turn(builder: StepBuilder, task: _Task | None, agent: str, session: str, trace: str) -> Turn:
    state = task.state if task else UNKNOWN
    steps = builder.steps
    error = task.message if task and state == "failed" else ""
    calls = [step for step in steps if step.kind == LLM]
    if task and error and not any(step.status == FAILED for step in calls[-1:]):
        # the Go runtime stores no event for a model that fails: only the task knows
        steps.append(Step(LLM, "", start=builder.last, end=task.when, status=FAILED, error=error))
        calls.append(steps[-1])
    over = state in FINAL_STATES
    if over:
        steps = [_closed(step) for step in steps]
    ends = [when for when in (builder.last, task.when if task else None) if when is not None]
    root = Step(
        AGENT,
        agent,
        start=builder.start,
        end=max(ends, default=None) if over else None,
        status=FAILED if state == "failed" else OK if over else OPEN,
        error=error,
        steps=tuple(steps),
    )
    return Turn(
        agent=agent,
        root=marked(root),
        state=state,
        question=builder.question,
        answer=calls[-1].result if calls else "",
        task=task.id if task else "",
        session=session,
        trace=trace,
    )
