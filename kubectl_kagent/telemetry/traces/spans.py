"""Turns of agents from spans. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from kubectl_kagent.model.events import INPUT_REQUIRED
from kubectl_kagent.model.trace import (
    AGENT,
    FAILED,
    LLM,
    OK,
    OPEN,
    ORPHAN,
    SUBAGENT,
    TOOL,
    UNKNOWN,
    Record,
    Step,
    Turn,
)
from kubectl_kagent.telemetry.traces import calls, otlp
from kubectl_kagent.telemetry.traces.calls import CallMessages, content
from kubectl_kagent.telemetry.traces.otlp import Forest, Span
from kubectl_kagent.telemetry.traces.steps import marked, paired
from kubectl_kagent.wire import adk, genai, semconv
from kubectl_kagent.wire.ids import agent_of, dashed
from kubectl_kagent.wire.lenient import Gaps


def turns(documents: Iterable[Any]) -> Record:
    """All turns in the documents, the oldest first; what belongs to one task is one turn."""
    return turns_in(otlp.read(documents, Gaps()))


def turns_in(forest: Forest) -> Record:
    """The same from spans that were read already."""
    found = [_turn(group, forest) for group in _groups(forest)]
    if not forest.others.isdisjoint(span.trace for span in forest.spans.values()):
        forest.gaps.add("steps of other frameworks in a trace of kagent's are not shown")
    return Record(tuple(sorted(found, key=lambda turn: turn.root.start or 0.0)), forest.gaps.lines)


@dataclass(slots=True)
class _Group:
    """The spans of one turn: its roots (one for each request that it took), and its steps by tool."""

    roots: list[Span] = field(default_factory=list)
    steps: list[Span] = field(default_factory=list)
    below: dict[str, list[Span]] = field(default_factory=dict)
    orphans: set[str] = field(default_factory=set)


def _groups(forest: Forest) -> list[_Group]:
    groups: dict[str, _Group] = {}
    keys: dict[str, str] = {}  # of each root
    ways = {span.id: forest.way(span) for span in forest.spans.values()}
    for span in forest.spans.values():
        if span.kind in (otlp.TURN, AGENT) and ways[span.id] == ("", ()):
            keys[span.id] = span.text(semconv.TASK) or span.id
            groups.setdefault(keys[span.id], _Group()).roots.append(span)
    for span in forest.spans.values():
        if span.kind not in (LLM, TOOL):
            continue
        root, tools = ways[span.id]
        top = forest.spans[tools[0]] if tools else span
        key = keys.get(root) or top.text(semconv.TASK) or top.text(semconv.SESSION) or top.trace
        group = groups.setdefault(key, _Group())
        group.steps.append(span)
        group.below.setdefault(tools[-1] if tools else "", []).append(span)
        if not root and not tools:
            group.orphans.add(span.id)
    for group in groups.values():
        _without_copies(group)
        group.roots.sort(key=_start)
        group.steps.sort(key=_start)
    return list(groups.values())


def _without_copies(group: _Group) -> None:
    """Leave out what ``trace export`` added to a turn that the agent had told itself."""
    copies = {root.trace for root in group.roots if root.text(semconv.TASK_STATE)}
    if copies and len(copies) < len({root.trace for root in group.roots}):
        group.roots = [root for root in group.roots if root.trace not in copies]
        group.steps = [span for span in group.steps if span.trace not in copies]
        group.below = {
            tool: [span for span in spans if span.trace not in copies] for tool, spans in group.below.items()
        }


def _start(span: Span) -> float:
    return span.start or 0.0


def _turn(group: _Group, forest: Forest) -> Turn:
    every = [*group.roots, *group.steps]
    messages = CallMessages([span for span in group.steps if span.kind == LLM], forest)
    steps = _steps("", group, forest, messages)
    calls = [step for step in steps if step.kind == LLM]
    state = _state(group, steps)
    starts = [span.start for span in group.roots or group.steps if span.start is not None]
    ends = [span.end for span in group.roots if span.end is not None]
    if not group.roots:
        forest.gaps.add("a turn without its own span: it still runs, or the span was lost")
    app = every[0].text(semconv.APP_NAME)
    agent = "/".join(filter(None, agent_of(app))) if app else dashed(every[0].service)
    open_ = state in (UNKNOWN, INPUT_REQUIRED)
    root = Step(
        AGENT,
        agent,
        start=min(starts, default=None),
        end=max(ends, default=None),
        status=OPEN if open_ else FAILED if state == "failed" else OK,
        error=calls[-1].error if calls and state == "failed" else "",
        steps=tuple(steps),
    )
    return Turn(
        agent=root.name,
        root=marked(root),
        state=state,
        question=_question(group, forest),
        answer=calls[-1].result if calls else "",
        task=_first(every, semconv.TASK),
        session=_first(every, semconv.SESSION),
        trace=otlp.hex_id(every[0].trace),
    )


def _steps(tool: str, group: _Group, forest: Forest, messages: CallMessages) -> list[Step]:
    """The steps in a tool; without one those of the turn itself."""
    found: list[Step] = []
    for span in group.below.get(tool, ()):
        step = calls.llm(span, forest) if span.kind == LLM else calls.tool(span, messages)
        if span.id in group.below:
            inner = _steps(span.id, group, forest, messages)
            step = replace(step, kind=SUBAGENT, steps=(*step.steps, *inner))
        if span.id in group.orphans and group.roots:
            step = replace(step, marks=(*step.marks, ORPHAN))
        found.append(step)
    return paired(found)


def _state(group: _Group, steps: list[Step]) -> str:
    told = _first(group.roots, semconv.TASK_STATE)
    if told:
        return told
    if not group.roots or any(root.end is None for root in group.roots):
        return UNKNOWN
    if any(step.status == OPEN for step in steps):
        return INPUT_REQUIRED
    calls = [step for step in steps if step.kind == LLM]
    if any(root.failed for root in group.roots) or (calls and calls[-1].status == FAILED):
        return "failed"
    return "completed"


def _question(group: _Group, forest: Forest) -> str:
    """The last words of a person in what the model was first sent; empty when they are cut off or elided."""
    told = _first(group.roots, semconv.TASK_QUESTION)
    first = next((span for span in group.steps if span.kind == LLM), None)
    if told or first is None:
        return told
    by_people = [
        item
        for item in _contents(content(first, semconv.LLM_REQUEST, forest))
        if isinstance(item, dict) and item.get("role") == "user"
    ]
    words = next((text for item in reversed(by_people) if (text := _words(item))), "")
    return words or genai.last_question(content(first, semconv.INPUT_MESSAGES, forest), forest.gaps)


def _contents(request: str) -> list[Any]:
    """The messages in a request to a model, also of one that was cut off after them.

    Tempo keeps 2 KiB of an attribute; the Go runtime writes the messages before the tools.
    """
    whole = Gaps().parsed(request, "")
    if isinstance(whole, dict):
        found = whole.get("Contents") or whole.get("contents")
    else:
        _, _, rest = request.partition('"Contents":')
        try:
            found, _ = json.JSONDecoder().raw_decode(rest)
        except (ValueError, RecursionError):
            found = []
    return found if isinstance(found, list) else []


def _words(content: dict[str, Any]) -> str:
    return adk.answer({"content": content}, Gaps())[0]


def _first(spans: Iterable[Span], key: str) -> str:
    return next((text for span in spans if (text := span.text(key))), "")
