"""Usage of agents, tools and models: a table, and the same as data. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NotRequired, TypedDict

from kubectl_kagent.model.usage import AGENTS, MODELS, TOOLS, Quantile, UsageRow, UsageTable, Wanted
from kubectl_kagent.render.columns import UNKNOWN, Column, cells, named
from kubectl_kagent.render.trace import took
from kubectl_kagent.render.trace_view import TokensView, tokens_view
from kubectl_kagent.wire.ids import shown


def usage_table(rows: Sequence[UsageRow], wanted: Wanted, *, wide: bool) -> str:
    """The rows as they come."""
    return cells(_columns(wanted, wide=wide), rows)


def ordered(rows: Sequence[UsageRow], wanted: Wanted, column: str, *, wide: bool) -> list[UsageRow]:
    """By a column: names from A to Z, numbers from the largest.

    Without one by the number of calls. Raises UsageError for a column that is not shown.
    """
    by = column or ("TURNS" if wanted.kind == AGENTS else "CALLS")
    place = named(_columns(wanted, wide=wide), by).place

    def key(row: UsageRow) -> tuple[Any, str, str, str]:
        return place(row), row.namespace, row.name, row.agent

    return sorted(rows, key=key)


def span(seconds: float) -> str:
    """A length of time in whole seconds, as it is written in options: 1h, 1h30m, 1m30s."""
    minutes, rest = divmod(round(seconds), 60)
    parts = ((minutes // 60, "h"), (minutes % 60, "m"), (rest, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count)


class _CallsView(TypedDict):
    calls: Annotated[int, "number of turns of an agent, or of calls of a tool or model"]
    callsPerSecond: Annotated[float, "`calls` divided by `seconds`"]
    errors: Annotated[int, "how many of them failed"]
    p50Seconds: Annotated[float | None, "half of them took no longer; null: not measured"]
    p50IsMore: Annotated[NotRequired[bool], "true: it is longer than that, by how much was not measured"]
    p95Seconds: Annotated[float | None, "95 of 100 took no longer; null: not measured"]
    p95IsMore: Annotated[NotRequired[bool], "true: it is longer than that, by how much was not measured"]


class _AgentName(TypedDict):
    namespace: Annotated[str, "namespace of the agent"]
    agent: Annotated[str, "name of the agent"]


class AgentUsageView(_AgentName, _CallsView):
    """A row of `top agents`."""

    toolCalls: Annotated[int | None, "calls of tools in its turns; null: not counted"]
    tokens: Annotated[TokensView | None, "tokens of all its calls of models; null: not counted"]
    costUsd: Annotated[float | None, "what these tokens cost at the prices of now; null: no price is known"]


class _ToolName(TypedDict):
    namespace: Annotated[str, "namespace of the agent"]
    tool: Annotated[str, "name of the tool"]
    agent: Annotated[str, "name of the agent that called it"]


class ToolUsageView(_ToolName, _CallsView):
    """A row of `top tools`."""


class _ModelName(TypedDict):
    namespace: Annotated[str, "namespace of the agents that called it"]
    model: Annotated[str, "name of the model"]


class ModelUsageView(_ModelName, _CallsView):
    """A row of `top models`."""

    tokens: Annotated[TokensView | None, "tokens of all its calls; null: not counted"]
    costUsd: Annotated[float | None, "what these tokens cost at the prices of now; null: no price is known"]


UsageRowView = AgentUsageView | ToolUsageView | ModelUsageView


class UsageView(TypedDict):
    """How much agents, tools or models were used."""

    kind: Annotated[str, "what the rows are of: `agents`, `tools` or `models`"]
    source: Annotated[str, "where the numbers come from"]
    seconds: Annotated[float, "how far it looked back, in seconds"]
    gaps: Annotated[list[str], "what could not be read, or is counted in another way, in words"]
    items: Annotated[list[UsageRowView], "the rows, in the order of `--sort-by`"]


def usage_view(usage: UsageTable, rows: Sequence[UsageRow], wanted: Wanted, source: str) -> UsageView:
    """The same for programs; what is not known is null."""
    return {
        "kind": wanted.kind,
        "source": source,
        "seconds": wanted.seconds,
        "gaps": list(usage.gaps),
        "items": [_row_view(row, wanted) for row in rows],
    }


def _row_view(row: UsageRow, wanted: Wanted) -> UsageRowView:
    namespace, calls = row.namespace, _calls_view(row, wanted)
    if wanted.kind == TOOLS:
        return {"namespace": namespace, "tool": row.name, "agent": row.agent, **calls}
    tokens = tokens_view(row.tokens) if row.tokens else None
    if wanted.kind == MODELS:
        return {"namespace": namespace, "model": row.name, **calls, "tokens": tokens, "costUsd": row.cost}
    return {
        "namespace": namespace,
        "agent": row.name,
        **calls,
        "toolCalls": row.tool_calls,
        "tokens": tokens,
        "costUsd": row.cost,
    }


def _calls_view(row: UsageRow, wanted: Wanted) -> _CallsView:
    found: _CallsView = {
        "calls": row.calls,
        "callsPerSecond": row.calls / wanted.seconds,
        "errors": row.errors,
        "p50Seconds": quantile_seconds(row.p50),
        "p95Seconds": quantile_seconds(row.p95),
    }
    if row.p50 and row.p50.beyond:
        found["p50IsMore"] = True
    if row.p95 and row.p95.beyond:
        found["p95IsMore"] = True
    return found


def _columns(wanted: Wanted, *, wide: bool) -> list[Column[UsageRow]]:
    agents, tools = wanted.kind == AGENTS, wanted.kind == TOOLS
    tokens: list[Column[UsageRow]] = [
        Column("TOKENS-IN", lambda row: row.tokens.prompt if row.tokens else None),
        Column("TOKENS-OUT", lambda row: row.tokens.output if row.tokens else None),
        Column("COST", lambda row: row.cost, lambda row: usd_cell(row.cost)),
    ]
    return [
        *([Column("NAMESPACE", lambda row: row.namespace)] if wanted.namespace is None else []),
        Column(
            "NAME" if agents else "TOOL" if tools else "MODEL",
            lambda row: shown(row.name) if tools else row.name,
        ),
        *([Column("AGENT", lambda row: row.agent)] if tools and wide else []),
        Column("TURNS" if agents else "CALLS", lambda row: row.calls),
        Column("RATE", lambda row: row.calls, lambda row: _rate(row.calls / wanted.seconds)),
        Column("ERRORS", lambda row: row.errors, errors_cell),
        Column("P50", lambda row: quantile_seconds(row.p50), lambda row: quantile_cell(row.p50)),
        Column("P95", lambda row: quantile_seconds(row.p95), lambda row: quantile_cell(row.p95)),
        *([Column("TOOL-CALLS", lambda row: row.tool_calls)] if agents else []),
        *([] if tools else tokens),
    ]


def _rate(per_second: float) -> str:
    many, unit = (per_second * 60, "min") if per_second * 60 >= 1 else (per_second * 3600, "h")
    return f"{many:.{0 if many >= 100 else 1 if many >= 10 else 2}f}/{unit}"


def errors_cell(row: UsageRow) -> str:
    """How many turns or calls failed, and which share."""
    return f"{row.errors} ({row.errors / row.calls:.0%})" if row.errors else "0"


def quantile_seconds(quantile: Quantile | None) -> float | None:
    """What is compared of it; None: not measured."""
    return quantile.seconds if quantile else None


def quantile_cell(quantile: Quantile | None) -> str:
    """A duration as one would say it, ``>`` before one that is longer."""
    if quantile is None:
        return UNKNOWN
    return f"{'>' if quantile.beyond else ''}{took(quantile.seconds)}"


def usd_cell(dollars: float | None) -> str:
    """Dollars, and parts of a cent where it is less than a dollar."""
    if dollars is None:
        return UNKNOWN
    return f"${dollars:.{2 if dollars >= 1 else 4}f}"
