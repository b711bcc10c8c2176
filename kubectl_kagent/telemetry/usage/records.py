"""Usage of agents, tools and models from the turns that the controller recorded."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Forbidden
from kubectl_kagent.model.trace import FAILED, LLM, SUBAGENT, TOOL, WAIT, Step, Tokens, Turn
from kubectl_kagent.model.usage import AGENTS, MODELS, TOOLS, Quantile, UsageRow, UsageTable, Wanted
from kubectl_kagent.telemetry.traces.models import nameless, with_models
from kubectl_kagent.telemetry.traces.query import Query
from kubectl_kagent.telemetry.traces.sources import TraceSource
from kubectl_kagent.telemetry.usage import agents as top_agents

_CALLED = (TOOL, SUBAGENT)
_NAMELESS = (
    "some records have no model name: the agent's current model is shown, or - where that is not known"
)


def usage(kept: TraceSource, cluster: Cluster | None, wanted: Wanted) -> UsageTable:
    """What the controller recorded; ``cluster`` tells the models that records leave out.

    A turn counts when it began in the time that is asked for.
    """
    # the sessions of all agents: the list of one agent's leaves out those that another agent began
    query = Query("", wanted.now - wanted.seconds, wanted.now, limit=sys.maxsize)
    record = kept.turns(query)
    turns = [turn for turn in record.turns if wanted.namespace in (None, turn.agent.partition("/")[0])]
    gaps = record.gaps
    if wanted.kind == MODELS:
        if nameless(turns):
            gaps += (_NAMELESS,)
        try:
            models = top_agents.models(cluster, wanted.namespace) if cluster else {}
            turns = [with_models(turn, models) for turn in turns]
        except Forbidden as error:
            gaps += (f"the models that agents have now are not known: {error.explained}",)
    return UsageTable(rows(turns, wanted), gaps)


def rows(turns: Iterable[Turn], wanted: Wanted) -> tuple[UsageRow, ...]:
    """What the turns add up to.

    What a sub-agent did in a call is not counted for it: the controller lists that as a turn of its own.
    """
    tallies: dict[tuple[str, str, str], _Tally] = defaultdict(_Tally)
    for turn in turns:
        namespace, _, agent = turn.agent.rpartition("/")
        for name, call, counted in _calls(turn, wanted.kind):
            if key := wanted.key(namespace, agent, agent if wanted.kind == AGENTS else name):
                tallies[key].add(call, counted)
    return tuple(_row(key, tally, wanted) for key, tally in tallies.items())


def _calls(turn: Turn, kind: str) -> Iterator[tuple[str, Step, tuple[Step, ...]]]:
    """Name, step and the steps that count in it, of each call of that kind."""
    if kind == AGENTS:
        yield "", turn.root, turn.root.steps
        return
    for step in turn.root.steps:
        if kind == MODELS and step.kind == LLM:
            yield step.model, step, (step,)
        elif kind == TOOLS and step.kind in _CALLED:
            yield step.name, step, ()


@dataclass(slots=True)
class _Tally:
    calls: int = 0
    errors: int = 0
    tool_calls: int = 0
    seconds: list[float] = field(default_factory=list)
    tokens: Tokens | None = None

    def add(self, call: Step, counted: Iterable[Step]) -> None:
        """One call, with what counts in it."""
        self.calls += 1
        self.errors += call.status == FAILED
        worked = _worked(call)
        if worked is not None:
            self.seconds.append(worked)
        for step in counted:
            self.tool_calls += step.kind in _CALLED
            if step.kind == LLM and step.tokens:
                self.tokens = (self.tokens or Tokens()) + step.tokens


def _worked(step: Step) -> float | None:
    """Seconds without those in which a person was waited for. None for what has no end."""
    if step.seconds is None:
        return None
    waits = [(inner.start, inner.end) for inner in step.below() if inner.kind == WAIT]
    waited, until = 0.0, -math.inf
    for start, end in sorted((start, end) for start, end in waits if start is not None and end is not None):
        waited += max(0.0, end - max(start, until))
        until = max(until, end)
    return max(0.0, step.seconds - waited)


def _row(key: tuple[str, str, str], tally: _Tally, wanted: Wanted) -> UsageRow:
    return UsageRow(
        *key,
        calls=tally.calls,
        errors=tally.errors,
        p50=_quantile(0.5, tally.seconds),
        p95=_quantile(0.95, tally.seconds),
        tool_calls=tally.tool_calls if wanted.kind == AGENTS else None,
        tokens=tally.tokens,
    )


def _quantile(share: float, seconds: list[float]) -> Quantile | None:
    """As Prometheus does it: between the two nearest in rank."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    rank = share * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return Quantile(ordered[low] + (ordered[high] - ordered[low]) * (rank - low))
