"""Panels of rows: tables of values by their labels, traces that a search finds, log lines."""

from __future__ import annotations

from collections.abc import Sequence

from grafanalib import core

from dashboards.fields import NOTHING, Json, by_pattern, override
from dashboards.panels import House
from dashboards.targets import PROMETHEUS

_LEAST_WIDTH = 80  # px of a column
_TRACE_ID_WIDTH = 290  # px of 32 hexadecimal digits


def table(
    title: str,
    description: str,
    *targets: core.Target,
    columns: Sequence[tuple[str, str]],
    missing: str,
    size: tuple[int, int] = (24, 8),
    overrides: Sequence[Json] = (),
    sort: tuple[str, bool] | None = None,
    datasource: Json = PROMETHEUS,
) -> House:
    """Rows merged by their labels; ``columns`` are (field as it comes, name) in order, all others are hidden.

    A query's value comes as ``Value #A``, ``Value #B``... in the queries' order; such a column is as wide as
    its name, and the others share what is left. ``sort`` is a name and whether the largest comes first.
    """
    if len(targets) == 1:  # Grafana then leaves the letter away
        columns = [("Value" if field == "Value #A" else field, name) for field, name in columns]
    order = {field: index for index, (field, _) in enumerate(columns)}
    shown = [field for field, _ in columns]
    return House(
        kind="table",
        title=title,
        description=description,
        size=size,
        targets=list(targets),
        dataSource=datasource,
        defaults={
            "noValue": missing,
            "custom": {
                "align": "auto",
                "cellOptions": {"type": "auto"},
                "filterable": True,
                "minWidth": _LEAST_WIDTH,
            },
        },
        overrides=[
            by_pattern(".*", noValue=NOTHING),
            *(_of_value(name) for field, name in columns if field.startswith("Value")),
            *overrides,
        ],
        options={
            "cellHeight": "sm",
            "showHeader": True,
            "sortBy": [{"displayName": sort[0], "desc": sort[1]}] if sort else [],
        },
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "filterFieldsByName", "options": {"include": {"names": shown}}},
            {
                "id": "organize",
                "options": {"excludeByName": {}, "indexByName": order, "renameByName": dict(columns)},
            },
        ],
    )


def _of_value(name: str) -> Json:
    return override(name, custom__width=max(_LEAST_WIDTH, len(name) * 8 + 30), custom__filterable=False)


def traces(title: str, description: str, *targets: core.Target, missing: str, size: tuple[int, int]) -> House:
    """What a TraceQL search finds; Tempo makes the columns and the links to the traces."""
    return House(
        kind="table",
        title=title,
        description=description,
        size=size,
        targets=list(targets),
        dataSource=targets[0].to_json_data()["datasource"],
        defaults={
            "noValue": missing,
            "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "minWidth": _LEAST_WIDTH},
        },
        overrides=[by_pattern(".*", noValue=NOTHING), override("Trace ID", custom__width=_TRACE_ID_WIDTH)],
        options={"cellHeight": "sm", "showHeader": True},
    )


def logs(
    title: str, description: str, target: core.Target, *, missing: str, size: tuple[int, int] = (24, 10)
) -> House:
    """Log lines, the newest first."""
    return House(
        kind="logs",
        title=title,
        description=description,
        size=size,
        targets=[target],
        dataSource=target.to_json_data()["datasource"],
        defaults={"noValue": missing},
        options={
            "dedupStrategy": "none",
            "enableLogDetails": True,
            "prettifyLogMessage": False,
            "showCommonLabels": False,
            "showLabels": False,
            "showTime": True,
            "sortOrder": "Descending",
            "wrapLogMessage": True,
        },
    )
