"""What an agent did in one turn: a tree of steps, the same from whatever source it was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Kinds of steps. A sub-agent is a tool call whose steps are the other agent's.
LLM = "llm"
TOOL = "tool"
SUBAGENT = "sub-agent"
WAIT = "wait"
AGENT = "agent"
SPAN = "span"  # of another framework's, which says no more of it

# What became of a step.
OK = "ok"
FAILED = "failed"
OPEN = "open"  # no end is known: it runs, waits, or its end was lost

# What a person decided, as the result of a wait.
APPROVED = "approved"
REJECTED = "rejected"

# States of a turn beside those of an A2A task.
UNKNOWN = "unknown"
RUNNING_STATES = frozenset({"submitted", "working"})

# Marks on a step: what is not as it should be with its record.
ORPHAN = "orphan: its parent was not recorded"
SKEW = "clock skew"
NO_TIME = "no time recorded"
NO_CONTENT = "content not recorded"
NO_RESULT = "no result recorded"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one call of the model, or of many."""

    prompt: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        return self.prompt + self.output

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.prompt + other.prompt, self.output + other.output)


@dataclass(frozen=True, slots=True)
class Step:
    """One step. Times are seconds since the epoch, None where not known; ``id`` is a tool call's.

    ``result`` is what a tool answered or the model said, ``error`` why it failed, ``tokens`` None where
    nobody counted.
    """

    kind: str
    name: str
    id: str = ""
    start: float | None = None
    end: float | None = None
    status: str = OK
    args: Mapping[str, Any] | None = None
    result: str = ""
    error: str = ""
    model: str = ""
    tokens: Tokens | None = None
    marks: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def seconds(self) -> float | None:
        """How long it took; never negative, whatever the clocks said."""
        if self.start is None or self.end is None:
            return None
        return max(0.0, self.end - self.start)

    def below(self) -> Iterator[Step]:
        """All steps in it, in order, at any depth."""
        pending = list(reversed(self.steps))
        while pending:
            step = pending.pop()
            yield step
            pending.extend(reversed(step.steps))


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: a question and what the agent did about it. ``agent`` is ``NAMESPACE/NAME``.

    ``state`` is the task's, ``unknown`` where no end was recorded.
    """

    agent: str
    root: Step
    state: str
    question: str = ""
    answer: str = ""
    task: str = ""
    session: str = ""
    trace: str = ""

    @property
    def id(self) -> str:
        """What ``trace show`` finds it by."""
        return self.trace or self.task or self.session

    @property
    def tokens(self) -> Tokens | None:
        """Of all calls of the model; None when nobody counted any."""
        counted = [step.tokens for step in self.root.below() if step.tokens]
        return sum(counted, Tokens()) if counted else None

    @property
    def llm_calls(self) -> tuple[Step, ...]:
        return tuple(step for step in self.root.below() if step.kind == LLM)

    @property
    def tools(self) -> tuple[Step, ...]:
        return tuple(step for step in self.root.below() if step.kind in (TOOL, SUBAGENT))

    @property
    def failures(self) -> tuple[Step, ...]:
        return tuple(step for step in self.root.below() if step.status == FAILED)

    @property
    def running(self) -> bool:
        return self.state in RUNNING_STATES


@dataclass(frozen=True, slots=True)
class Record:
    """Turns as a source tells them, and what of its record could not be read."""

    turns: tuple[Turn, ...]
    gaps: tuple[str, ...] = ()
