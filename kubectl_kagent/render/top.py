"""Usage of agents, tools and models: a table, and the same as data. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, TypedDict

from kubectl_kagent.errors import UsageError
from kubectl_kagent.model.usage import AGENTS, MODELS, TOOLS, Quantile, UsageRow, UsageTable, Wanted
from kubectl_kagent.render.table import table
from kubectl_kagent.render.trace import took
from kubectl_kagent.render.trace_view import TokensView, tokens_view

_UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class _Column:
    """``value`` is what is compared; ``cell`` what is shown of it, else the value itself."""

    header: str
    value: Callable[[UsageRow], Any]
    cell: Callable[[UsageRow], str] | None = None

    def show(self, row: UsageRow) -> str:
        if self.cell:
            return self.cell(row)
        value = self.value(row)
        return _UNKNOWN if value in (None, "") else str(value)


def usage_table(rows: Sequence[UsageRow], wanted: Wanted, *, wide: bool) -> str:
    """The rows as they come."""
    columns = _columns(wanted, wide=wide)
    return table([column.header for column in columns], [[one.show(row) for one in columns] for row in rows])


def ordered(rows: Sequence[UsageRow], wanted: Wanted, column: str, *, wide: bool) -> list[UsageRow]:
    """By a column: names from A to Z, numbers from the largest.

    Without one by the number of calls. Raises UsageError for a column that is not shown.
    """
    columns = {one.header: one for one in _columns(wanted, wide=wide)}
    if column and column.upper() not in columns:
        raise UsageError(f'there is no column "{column}"', hint=f"one of {', '.join(columns)}")
    value = columns[column.upper() or ("TURNS" if wanted.kind == AGENTS else "CALLS")].value

    def place(row: UsageRow) -> tuple[Any, str, str, str]:
        found = value(row)
        return found if isinstance(found, str) else -(found or 0), row.namespace, row.name, row.agent

    return sorted(rows, key=place)


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
        return {"namespace": namespace, "model": row.name, **calls, "tokens": tokens}
    return {
        "namespace": namespace,
        "agent": row.name,
        **calls,
        "toolCalls": row.tool_calls,
        "tokens": tokens,
    }


def _calls_view(row: UsageRow, wanted: Wanted) -> _CallsView:
    found: _CallsView = {
        "calls": row.calls,
        "callsPerSecond": row.calls / wanted.seconds,
        "errors": row.errors,
        "p50Seconds": _seconds(row.p50),
        "p95Seconds": _seconds(row.p95),
    }
    if row.p50 and row.p50.beyond:
        found["p50IsMore"] = True
    if row.p95 and row.p95.beyond:
        found["p95IsMore"] = True
    return found


def _columns(wanted: Wanted, *, wide: bool) -> list[_Column]:
    agents, tools = wanted.kind == AGENTS, wanted.kind == TOOLS
    tokens = [
        _Column("TOKENS-IN", lambda row: row.tokens.prompt if row.tokens else None),
        _Column("TOKENS-OUT", lambda row: row.tokens.output if row.tokens else None),
    ]
    return [
        *([_Column("NAMESPACE", lambda row: row.namespace)] if wanted.namespace is None else []),
        _Column("NAME" if agents else "TOOL" if tools else "MODEL", lambda row: row.name),
        *([_Column("AGENT", lambda row: row.agent)] if tools and wide else []),
        _Column("TURNS" if agents else "CALLS", lambda row: row.calls),
        _Column("RATE", lambda row: row.calls, lambda row: _rate(row.calls / wanted.seconds)),
        _Column("ERRORS", lambda row: row.errors, _errors),
        _Column("P50", lambda row: _seconds(row.p50), lambda row: _quantile(row.p50)),
        _Column("P95", lambda row: _seconds(row.p95), lambda row: _quantile(row.p95)),
        *([_Column("TOOL-CALLS", lambda row: row.tool_calls)] if agents else []),
        *([] if tools else tokens),
    ]


def _rate(per_second: float) -> str:
    many, unit = (per_second * 60, "min") if per_second * 60 >= 1 else (per_second * 3600, "h")
    return f"{many:.{0 if many >= 100 else 1 if many >= 10 else 2}f}/{unit}"


def _errors(row: UsageRow) -> str:
    return f"{row.errors} ({row.errors / row.calls:.0%})" if row.errors else "0"


def _seconds(quantile: Quantile | None) -> float | None:
    return quantile.seconds if quantile else None


def _quantile(quantile: Quantile | None) -> str:
    if quantile is None:
        return _UNKNOWN
    return f"{'>' if quantile.beyond else ''}{took(quantile.seconds)}"
