"""Turns whose calls of the model name it: of an agent whose record leaves that out, the model it has now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kubectl_kagent.model.trace import LLM, SUBAGENT, Step, Turn
from kubectl_kagent.wire.ids import agent_of


def nameless(turns: Iterable[Turn]) -> set[str]:
    """The agents (``NAMESPACE/NAME``), sub-agents too, with a call of a model that has no name."""
    return {
        agent
        for turn in turns
        for agent, step in _calls(turn.root, turn.agent)
        if step.kind == LLM and not step.model
    }


def with_models(turn: Turn, models: Mapping[str, str]) -> Turn:
    """The same turn; ``models`` has the model of each agent."""
    return replace(turn, root=_named(turn.root, turn.agent, models))


def _named(step: Step, agent: str, models: Mapping[str, str]) -> Step:
    if step.kind == LLM and not step.model:
        return replace(step, model=models.get(agent, ""))
    if not step.steps:
        return step
    inner = _agent_in(step, agent)
    return replace(step, steps=tuple(_named(one, inner, models) for one in step.steps))


def _calls(step: Step, agent: str) -> Iterable[tuple[str, Step]]:
    inner = _agent_in(step, agent)
    for one in step.steps:
        yield inner, one
        yield from _calls(one, inner)


def _agent_in(step: Step, agent: str) -> str:
    """Whose steps are in a step."""
    if step.kind != SUBAGENT:
        return agent
    namespace, name = agent_of(step.name)
    return f"{namespace or agent.partition('/')[0]}/{name}"
