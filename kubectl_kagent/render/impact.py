"""What revisions did: a table with the turns of each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.impact.measured import ImpactRow
from kubectl_kagent.model.usage import UsageRow
from kubectl_kagent.render.columns import UNKNOWN, Column, cells, named
from kubectl_kagent.render.table import age, plain, table
from kubectl_kagent.render.top import errors_cell, quantile_cell, quantile_seconds, usd_cell

# With fewer turns P95 is little else than the longest of them.
_FEW = 20


def impact_of_one(label: str, rows: Sequence[ImpactRow], *, wide: bool) -> str:
    """The table of ``rollout history --impact``, the live revision marked with ``*``."""
    columns = _columns(wide=wide)
    lines = []
    for row in rows:
        if row.period.row.gap_before:
            lines.append([*["..."] * (len(columns) - 1), "changes in between were not seen"])
        lines.append([column.show(row) for column in columns])
    return f"{plain(label)}\n{table([column.header for column in columns], lines)}"


def impact_of_agents(rows: Sequence[ImpactRow], *, wide: bool, namespaces: bool) -> str:
    """The table of ``top --by=revision``, the rows as they come."""
    return cells(_agent_columns(wide=wide, namespaces=namespaces), rows)


def ordered(rows: Sequence[ImpactRow], column: str, *, wide: bool, namespaces: bool) -> list[ImpactRow]:
    """By a column: names from A to Z, numbers from the largest. Without one as they come.

    Raises UsageError for a column that is not shown.
    """
    if not column:
        return list(rows)
    return sorted(rows, key=named(_agent_columns(wide=wide, namespaces=namespaces), column).place)


def _agent_columns(*, wide: bool, namespaces: bool) -> list[Column[ImpactRow]]:
    namespace: Column[ImpactRow] = Column("NAMESPACE", lambda row: row.period.workload.namespace)
    name: Column[ImpactRow] = Column("NAME", lambda row: row.period.workload.name)
    return [*([namespace] if namespaces else []), name, *_columns(wide=wide)]


# What only -o wide shows.
_WIDE = {"P50", "TOOL-CALLS", "COST/TURN", "CONFIG-HASH"}


def _columns(*, wide: bool) -> list[Column[ImpactRow]]:
    columns = [
        Column("REVISION", lambda row: row.period.row.number, _number),
        Column("FROM", lambda row: row.period.start and row.period.start.timestamp(), _from),
        Column("FOR", lambda row: row.seconds, _for),
        _of_usage("TURNS", lambda usage: usage.calls),
        _of_usage("ERRORS", lambda usage: usage.errors, errors_cell),
        _of_usage("P50", _p50, lambda usage: quantile_cell(usage.p50)),
        _of_usage("P95", lambda usage: quantile_seconds(usage.p95), _p95),
        _of_usage("TOOL-CALLS", lambda usage: usage.tool_calls),
        _of_usage("TOKENS/TURN", _tokens),
        _of_usage("COST", lambda usage: usage.cost, lambda usage: usd_cell(usage.cost)),
        _of_usage("COST/TURN", _cost, lambda usage: usd_cell(_cost(usage))),
        Column("CONFIG-HASH", lambda row: row.period.row.config_hash),
        Column("CHANGE", lambda row: row.period.row.change),
    ]
    return [column for column in columns if wide or column.header not in _WIDE]


def _of_usage(
    header: str, value: Callable[[UsageRow], Any], cell: Callable[[UsageRow], str] | None = None
) -> Column[ImpactRow]:
    """A column of what is known of the turns."""
    column = Column(header, value, cell)
    return Column(
        header,
        lambda row: column.value(row.usage) if row.usage else None,
        lambda row: column.show(row.usage) if row.usage else UNKNOWN,
    )


def _number(row: ImpactRow) -> str:
    recorded = row.period.row
    return UNKNOWN if recorded.number is None else f"{recorded.number}{'*' if recorded.live else ''}"


def _from(row: ImpactRow) -> str:
    return clock.timestamp(row.period.start) if row.period.start else UNKNOWN


def _for(row: ImpactRow) -> str:
    start = row.period.start
    return age(start, start + timedelta(seconds=row.seconds)) if start else UNKNOWN


def _p50(usage: UsageRow) -> float | None:
    return quantile_seconds(usage.p50)


def _p95(usage: UsageRow) -> str:
    few = usage.p95 and usage.calls < _FEW and not usage.p95.beyond
    return ("~" if few else "") + quantile_cell(usage.p95)


def _tokens(usage: UsageRow) -> int | None:
    return round(usage.tokens.total / usage.calls) if usage.tokens and usage.calls else None


def _cost(usage: UsageRow) -> float | None:
    return usage.cost / usage.calls if usage.cost is not None and usage.calls else None
