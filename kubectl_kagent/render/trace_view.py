"""Turns for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NotRequired, TypedDict

from kubectl_kagent.model.trace import Step, Tokens, Turn


class TokensView(TypedDict):
    """Tokens of calls of a model."""

    prompt: Annotated[int, "tokens that the model read"]
    output: Annotated[int, "tokens that it wrote"]


class _TimedView(TypedDict):
    status: Annotated[str, "`ok`, `failed`, or `open`: it runs, waits, or its end is not recorded"]
    start: Annotated[NotRequired[str], "when it began"]
    seconds: Annotated[NotRequired[float], "how long it took"]
    error: Annotated[NotRequired[str], "why it failed"]
    marks: Annotated[NotRequired[list[str]], "what is wrong with its record, in words"]


class _StepHead(TypedDict):
    kind: Annotated[
        str, "`llm`, `tool`, `sub-agent`, `wait` for a person, or `span`: what another framework did"
    ]
    name: Annotated[NotRequired[str], "name of the model or tool, or who is waited for"]
    id: Annotated[NotRequired[str], "id of the call of a tool"]


class StepView(_StepHead, _TimedView):
    """A step of a turn."""

    args: Annotated[NotRequired[dict[str, Any]], "what a tool was given"]
    result: Annotated[NotRequired[str], "what a tool answered, the model said, or the person decided"]
    model: Annotated[NotRequired[str], "name of the model"]
    tokens: Annotated[NotRequired[TokensView], "tokens of this call of the model"]
    steps: Annotated[list[StepView], "the steps in it, in time order"]


class _TurnHead(TypedDict):
    namespace: Annotated[str, "namespace of the agent; empty: not recorded"]
    agent: Annotated[str, "name of the agent"]
    task: Annotated[str, "id of the task; empty: not recorded"]
    session: Annotated[str, "id of the session; empty: not recorded"]
    trace: Annotated[str, "id of the trace; empty: there is none"]
    state: Annotated[str, "state of the task as A2A 0.3 spells it, or `unknown`"]
    question: Annotated[str, "what the agent was asked; empty: not recorded"]
    answer: Annotated[str, "what it answered; empty: nothing, or not recorded"]
    tokens: Annotated[TokensView | None, "tokens of all calls of models in it; null: not counted"]


class TurnView(_TurnHead, _TimedView):
    """A question, and what an agent did about it."""

    steps: Annotated[list[StepView], "what it did, in time order"]


class TurnsView(TypedDict):
    """Turns of agents."""

    source: Annotated[str, "where they were read"]
    gaps: Annotated[list[str], "what could not be read there, in words"]
    turns: Annotated[list[TurnView], "newest first by `trace list`, oldest first by `trace show`"]


def turns_view(turns: Sequence[Turn], source: str, gaps: Sequence[str]) -> TurnsView:
    """All that is known, for programs; ``gaps`` is what could not be read."""
    return {"source": source, "gaps": list(gaps), "turns": [_turn_view(turn) for turn in turns]}


def _turn_view(turn: Turn) -> TurnView:
    namespace, _, agent = turn.agent.rpartition("/")
    return {
        "namespace": namespace,
        "agent": agent,
        "task": turn.task,
        "session": turn.session,
        "trace": turn.trace,
        "state": turn.state,
        "question": turn.question,
        "answer": turn.answer,
        "tokens": tokens_view(turn.tokens) if turn.tokens else None,
        **_timed_view(turn.root),
        "steps": [_step_view(step) for step in turn.root.steps],
    }


def _step_view(step: Step) -> StepView:
    """All that is known of it; keys without a value are left out."""
    whole: StepView = {
        "kind": step.kind,
        "name": step.name,
        "id": step.id,
        **_timed_view(step),
        "args": dict(step.args or {}),
        "result": step.result,
        "model": step.model,
        "tokens": tokens_view(step.tokens or Tokens()),
        "steps": [_step_view(inner) for inner in step.steps],
    }
    if not step.name:
        del whole["name"]
    if not step.id:
        del whole["id"]
    if step.args is None:
        del whole["args"]
    if not step.result:
        del whole["result"]
    if not step.model:
        del whole["model"]
    if step.tokens is None:
        del whole["tokens"]
    return whole


def _timed_view(step: Step) -> _TimedView:
    """The same of what a turn and a step have both."""
    known: _TimedView = {"status": step.status}
    if step.start is not None:
        known["start"] = datetime.fromtimestamp(step.start, UTC).isoformat()
    if step.seconds is not None:
        known["seconds"] = round(step.seconds, 6)
    if step.error:
        known["error"] = step.error
    if step.marks:
        known["marks"] = list(step.marks)
    return known


def tokens_view(tokens: Tokens) -> TokensView:
    """Tokens as data."""
    return {"prompt": tokens.prompt, "output": tokens.output}
