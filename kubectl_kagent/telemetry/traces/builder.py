"""Makes the steps of a turn of what was heard of it, in order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kubectl_kagent.model.events import Event, Request, Text, ToolCall, ToolResult, Unknown
from kubectl_kagent.model.trace import (
    APPROVED,
    FAILED,
    LLM,
    OK,
    OPEN,
    REJECTED,
    SUBAGENT,
    TOOL,
    Record,
    Step,
)
from kubectl_kagent.telemetry.traces.steps import decided, wait, waits
from kubectl_kagent.wire import adk
from kubectl_kagent.wire.lenient import Gaps

# The turns of a sub-agent's session, and what could not be read of it.
SubAgent = Callable[[str], Record]


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of a session, or a message of a task (without time), with what it says."""

    when: float | None
    content: adk.AdkEvent


@dataclass(slots=True)
class StepBuilder:
    """Makes steps of what is heard, in order."""

    gaps: Gaps
    subagent: SubAgent | None
    sessions: Mapping[str, str]
    steps: list[Step] = field(default_factory=list)
    question: str = ""
    start: float | None = None
    last: float | None = None
    _calls: dict[str, int] = field(default_factory=dict)
    _asked: dict[str, str] = field(default_factory=dict)  # a request's id: the call's

    def hear(self, item: Heard) -> None:
        content = item.content
        if content.author == "user" or content.decisions:
            self._person(item)
        elif (
            content.error
            or content.tokens
            or any(isinstance(event, Text | ToolCall) for event in content.events)
        ):
            self._model(item)
        for event in content.events:
            self._event(event, item.when)
        if item.when is not None:
            self.start = item.when if self.start is None else self.start
            self.last = item.when

    def _person(self, item: Heard) -> None:
        self.question = self.question or item.content.text
        for request, confirmed in item.content.decisions.items():
            place = self._calls.get(self._asked.get(request, ""))
            if place is not None and waits(self.steps[place]):
                decision = {True: APPROVED, False: REJECTED, None: ""}[confirmed]
                self.steps[place] = decided(self.steps[place], item.when, decision)

    def _model(self, item: Heard) -> None:
        content = item.content
        self.steps.append(
            Step(
                LLM,
                content.model,
                start=self.last,
                end=item.when,
                status=FAILED if content.error else OK,
                result=content.text,
                error=content.error,
                model=content.model,
                tokens=content.tokens,
            )
        )

    def _event(self, event: Event, when: float | None) -> None:
        match event:
            case ToolCall(id_, name, args):
                self._calls[id_] = len(self.steps)
                self.steps.append(Step(TOOL, name, id_, when, args=args, status=OPEN))
            case Request(call=Unknown()):
                self.gaps.add("a person was asked about a call that can't be read")
            case Request(id_, ToolCall() as call):
                place = self._calls.get(call.id)
                self._asked[id_] = call.id
                if place is None:
                    self.gaps.add("a person was asked about a call that was not recorded")
                else:
                    asked = self.steps[place]
                    self.steps[place] = replace(asked, steps=(*asked.steps, wait(when)))
            case ToolResult(id_):
                self._result(event, when)

    def _result(self, result: ToolResult, when: float | None) -> None:
        place = self._calls.get(result.id)
        if place is None:
            self.gaps.add(f"a result of {result.name} without its call")
            self.steps.append(Step(TOOL, result.name, result.id))
            place = len(self.steps) - 1
        step = self.steps[place]
        if waits(step):
            step = decided(step, when)
        session = self.sessions.get(result.id) or _session_in(result.response)
        inner = self._of_subagent(session, step.start, when) if session else ()
        self.steps[place] = replace(
            step,
            kind=SUBAGENT if session else TOOL,
            end=when,
            status=FAILED if result.failed else OK,
            result=result.text,
            error=result.text if result.failed else "",
            steps=(*step.steps, *inner),
        )

    def _of_subagent(self, session: str, start: float | None, end: float | None) -> tuple[Step, ...]:
        """What the sub-agent did in this call: all calls of it may be turns of one session."""
        record = self.subagent(session) if self.subagent else Record(())
        for gap in record.gaps:
            self.gaps.add(gap)
        begun = [turn for turn in record.turns if _between(start, turn.root.start, end)]
        return tuple(step for turn in begun or record.turns for step in turn.root.steps)


def _between(start: float | None, moment: float | None, end: float | None) -> bool:
    return None not in (start, moment, end) and (start or 0.0) <= (moment or 0.0) <= (end or 0.0)


def _session_in(response: Any) -> str:
    """The sub-agent's session that the Python and the Go runtime put into its answer."""
    inner = response.get("output", response) if isinstance(response, Mapping) else None
    session = inner.get("subagent_session_id") if isinstance(inner, Mapping) else None
    return session if isinstance(session, str) else ""
