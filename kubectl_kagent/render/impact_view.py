"""The turns of revisions for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NotRequired, TypedDict

from kubectl_kagent import clock
from kubectl_kagent.impact.measured import ImpactRow
from kubectl_kagent.model.usage import AGENTS
from kubectl_kagent.render.top import quantile_seconds
from kubectl_kagent.render.trace_view import TokensView, tokens_view


class ImpactRowView(TypedDict):
    """A revision, or a config of which only a ReplicaSet is left, and the turns in its time."""

    revision: Annotated[
        int | None, "number of the revision; null: nobody recorded it, its ReplicaSet is there"
    ]
    configHash: Annotated[str | None, "kagent's hash of the rendered config; null: it was never seen running"]
    changedAt: Annotated[str, "when the config became this one"]
    readyAt: Annotated[str | None, "when pods of it were first seen ready; null: never"]
    change: Annotated[str, "what changed since the revision before, in words"]
    changeCause: Annotated[str | None, "annotation `kubernetes.io/change-cause`; null: none"]
    rollbackOf: Annotated[int | None, "the newest earlier revision with the same config; null: none"]
    gapBefore: Annotated[bool, "whether changes before it may have gone unseen"]
    start: Annotated[str | None, "from when turns count for it; null: none do"]
    end: Annotated[str | None, "until when they do; null: until now, or none do"]
    seconds: Annotated[float, "how long that is"]
    whole: Annotated[bool, "false: the source had no numbers yet when that time began"]
    turns: Annotated[int | None, "number of turns in its time; null: not known"]
    errors: Annotated[int | None, "how many of them failed; null: not known"]
    p50Seconds: Annotated[float | None, "half of them took no longer; null: not measured"]
    p50IsMore: Annotated[NotRequired[bool], "true: it is longer than that, by how much was not measured"]
    p95Seconds: Annotated[float | None, "95 of 100 took no longer; null: not measured"]
    p95IsMore: Annotated[NotRequired[bool], "true: it is longer than that, by how much was not measured"]
    toolCalls: Annotated[int | None, "calls of tools in them; null: not counted"]
    tokens: Annotated[TokensView | None, "tokens of all their calls of models; null: not counted"]
    costUsd: Annotated[float | None, "what these tokens cost at the prices of now; null: no price is known"]


class ImpactView(TypedDict):
    """The turns in the time of each revision of one agent."""

    object: Annotated[str, "the object, like `agent.kagent.dev/NAME`"]
    source: Annotated[str, "where the numbers come from"]
    gaps: Annotated[list[str], "what could not be read, or is counted in another way, in words"]
    revisions: Annotated[list[ImpactRowView], "oldest first"]


class _AgentName(TypedDict):
    namespace: Annotated[str, "namespace of the agent"]
    agent: Annotated[str, "name of the agent"]


class AgentImpactRowView(_AgentName, ImpactRowView):
    """A revision of an agent, and the turns in its time."""


class AgentsImpactView(TypedDict):
    """The turns in the time of each revision of agents."""

    kind: Annotated[str, "`agents`"]
    source: Annotated[str, "where the numbers come from"]
    seconds: Annotated[float, "how far it looked back, in seconds"]
    gaps: Annotated[list[str], "what could not be read, or is counted in another way, in words"]
    items: Annotated[list[AgentImpactRowView], "the rows, in the order of `--sort-by`"]


def impact_view(label: str, rows: Sequence[ImpactRow], gaps: Sequence[str], source: str) -> ImpactView:
    """The revisions of one agent; what is not known is null."""
    return {
        "object": label,
        "source": source,
        "gaps": list(gaps),
        "revisions": [_row_view(row) for row in rows],
    }


def agents_impact_view(
    rows: Sequence[ImpactRow], seconds: float, gaps: Sequence[str], source: str
) -> AgentsImpactView:
    """The revisions of several agents."""
    return {
        "kind": AGENTS,
        "source": source,
        "seconds": seconds,
        "gaps": list(gaps),
        "items": [
            {
                "namespace": row.period.workload.namespace,
                "agent": row.period.workload.name,
                **_row_view(row),
            }
            for row in rows
        ],
    }


def _row_view(row: ImpactRow) -> ImpactRowView:
    period, recorded, usage = row.period, row.period.row, row.usage
    found: ImpactRowView = {
        "revision": recorded.number,
        "configHash": recorded.config_hash or None,
        "changedAt": clock.timestamp(recorded.changed_at),
        "readyAt": clock.timestamp(recorded.ready_at) if recorded.ready_at else None,
        "change": recorded.change,
        "changeCause": recorded.cause or None,
        "rollbackOf": recorded.rollback_of,
        "gapBefore": recorded.gap_before,
        "start": clock.timestamp(period.start) if period.start else None,
        "end": clock.timestamp(period.end) if period.end else None,
        "seconds": row.seconds,
        "whole": row.whole,
        "turns": usage.calls if usage else None,
        "errors": usage.errors if usage else None,
        "p50Seconds": quantile_seconds(usage.p50) if usage else None,
        "p95Seconds": quantile_seconds(usage.p95) if usage else None,
        "toolCalls": usage.tool_calls if usage else None,
        "tokens": tokens_view(usage.tokens) if usage and usage.tokens else None,
        "costUsd": usage.cost if usage else None,
    }
    if usage and usage.p50 and usage.p50.beyond:
        found["p50IsMore"] = True
    if usage and usage.p95 and usage.p95.beyond:
        found["p95IsMore"] = True
    return found
