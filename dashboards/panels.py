"""Panels in the shape that Grafana writes today; grafanalib's own have that of Grafana 6.

A panel knows its size in grid units (24 across); ``layout`` gives it its place and its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attr
from grafanalib import core

from dashboards.targets import PROMETHEUS

Json = dict[str, Any]
Link = dict[str, Any]

RED, ORANGE, YELLOW, GREEN, BLUE, GREY = "red", "orange", "yellow", "green", "blue", "#808080"
THRESHOLD = "threshold"  # the legend of a line that kagent:threshold draws


@attr.s(kw_only=True)
class House(core.Panel):
    """A panel: its kind in Grafana, its options, its fields' defaults, and what single fields override."""

    kind = attr.ib()
    size = attr.ib()  # (width, height) in grid units
    options = attr.ib(factory=dict)
    defaults = attr.ib(factory=dict)
    overrides = attr.ib(factory=list)

    def to_json_data(self) -> Json:
        own = {
            "type": self.kind,
            "options": self.options,
            "fieldConfig": {"defaults": self.defaults, "overrides": self.overrides},
        }
        return dict(self.panel_json(own))


def steps(*marks: tuple[float | None, str]) -> Json:
    """Colours from a value on; the first mark has no value and holds below the second."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in marks]}


def values(**named: tuple[str, str]) -> list[Json]:
    """Texts and colours in place of values: ``_0=("Scaled to 0", GREY)``."""
    options = {
        key.removeprefix("_"): {"text": text, "color": color, "index": index}
        for index, (key, (text, color)) in enumerate(named.items())
    }
    return [{"type": "value", "options": options}]


def override(field: str, **properties: Any) -> Json:
    """Properties of one field by its name; ``custom__width=80`` is ``custom.width``."""
    return {
        "matcher": {"id": "byName", "options": field},
        "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()],
    }


def by_pattern(pattern: str, **properties: Any) -> Json:
    """Properties of the fields whose name matches a regular expression."""
    return override(pattern, **properties) | {"matcher": {"id": "byRegexp", "options": pattern}}


_THRESHOLD_LINE = override(
    THRESHOLD,
    color={"mode": "fixed", "fixedColor": RED},
    custom__drawStyle="line",
    custom__fillOpacity=0,
    custom__lineStyle={"fill": "dash", "dash": [8, 6]},
    custom__lineWidth=1,
    custom__showPoints="never",
    custom__stacking={"mode": "none", "group": "threshold"},
)


def timeseries(
    title: str,
    description: str,
    *targets: core.Target,
    unit: str,
    missing: str,
    size: tuple[int, int] = (12, 8),
    bars: bool = False,
    overrides: Sequence[Json] = (),
    links: Sequence[Link] = (),
    datasource: Json = PROMETHEUS,
    most: float | None = None,
) -> House:
    """Lines; ``bars`` stacks counts per interval instead. ``most`` is the axis's end, if it has one."""
    custom: Json = {
        "axisSoftMin": 0,
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 70 if bars else 10,
        "lineWidth": 0 if bars else 1,
        "showPoints": "never" if bars else "auto",
        "spanNulls": False,
        "stacking": {"mode": "normal" if bars else "none", "group": "A"},
    }
    defaults = _defaults(unit, missing, links) | {
        "color": {"mode": "palette-classic"},
        "custom": custom,
        "max": most,
    }
    if bars:
        defaults["decimals"] = 0
    calcs = ["sum"] if bars else ["lastNotNull", "max"]
    return House(
        kind="timeseries",
        title=title,
        description=description,
        size=size,
        targets=list(targets),
        dataSource=datasource,
        defaults=defaults,
        overrides=[_THRESHOLD_LINE, *overrides],
        options={
            "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": calcs},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )


def stat(
    title: str,
    description: str,
    *targets: core.Target,
    unit: str,
    missing: str,
    size: tuple[int, int] = (4, 4),
    thresholds: Json | None = None,
    mappings: Sequence[Json] = (),
    links: Sequence[Link] = (),
    decimals: int | None = None,
    text: str = "auto",
) -> House:
    """One number per series; ``text="name"`` shows what the series is called instead of its value."""
    return House(
        kind="stat",
        title=title,
        description=description,
        size=size,
        targets=list(targets),
        dataSource=PROMETHEUS,
        defaults=_defaults(unit, missing, links)
        | {
            "color": {"mode": "thresholds"},
            "decimals": decimals,
            "mappings": list(mappings),
            "thresholds": thresholds or steps((None, BLUE)),
        },
        options={
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "reduceOptions": _LAST,
            "textMode": text,
            "wideLayout": True,
        },
    )


def bars(
    title: str,
    description: str,
    *targets: core.Target,
    unit: str,
    missing: str,
    size: tuple[int, int] = (8, 8),
    thresholds: Json | None = None,
    links: Sequence[Link] = (),
    most: float | None = None,
) -> House:
    """A bar per series, to compare."""
    return House(
        kind="bargauge",
        title=title,
        description=description,
        size=size,
        targets=list(targets),
        dataSource=PROMETHEUS,
        defaults=_defaults(unit, missing, links)
        | {
            "color": {"mode": "thresholds"},
            "min": 0,
            "max": most,
            "thresholds": thresholds or steps((None, BLUE)),
        },
        options={
            "displayMode": "basic",
            "minVizHeight": 16,
            "minVizWidth": 8,
            "namePlacement": "auto",
            "orientation": "horizontal",
            "reduceOptions": _LAST,
            "showUnfilled": True,
            "sizing": "auto",
            "valueMode": "color",
        },
    )


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

    A query's value comes as ``Value #A``, ``Value #B``... in the queries' order. ``sort`` is a name and
    whether the largest comes first.
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
            "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True},
        },
        overrides=list(overrides),
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


def traces(title: str, description: str, *targets: core.Target, missing: str, size: tuple[int, int]) -> House:
    """What a TraceQL search finds; Tempo makes the columns and the links to the traces."""
    return House(
        kind="table",
        title=title,
        description=description,
        size=size,
        targets=list(targets),
        dataSource=targets[0].to_json_data()["datasource"],
        defaults={"noValue": missing, "custom": {"align": "auto", "cellOptions": {"type": "auto"}}},
        options={"cellHeight": "sm", "showHeader": True},
    )


def heatmap(
    title: str, description: str, target: core.Target, *, unit: str, missing: str, size: tuple[int, int]
) -> House:
    """Buckets of a histogram over time; ``unit`` is that of the buckets' bounds."""
    return House(
        kind="heatmap",
        title=title,
        description=description,
        size=size,
        targets=[target],
        dataSource=PROMETHEUS,
        defaults={"noValue": missing, "unit": "short", "decimals": 0},
        options={
            "calculate": False,
            "cellGap": 1,
            "color": {
                "exponent": 0.5,
                "fill": "dark-orange",
                "mode": "scheme",
                "reverse": False,
                "scale": "exponential",
                "scheme": "Oranges",
                "steps": 32,
            },
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-09},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": False},
            "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
        },
    )


def timeline(
    title: str,
    description: str,
    *targets: core.Target,
    mappings: Sequence[Json],
    missing: str,
    size: tuple[int, int],
    links: Sequence[Link] = (),
) -> House:
    """A state over time, a row per series."""
    return House(
        kind="state-timeline",
        title=title,
        description=description,
        size=size,
        targets=list(targets),
        dataSource=PROMETHEUS,
        defaults=_defaults("none", missing, links)
        | {
            "color": {"mode": "thresholds"},
            "custom": {"fillOpacity": 70, "lineWidth": 0, "spanNulls": False},
            "mappings": list(mappings),
            "thresholds": steps((None, GREY)),
        },
        options={
            "alignValue": "left",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
            "mergeValues": True,
            "rowHeight": 0.8,
            "showValue": "never",
            "tooltip": {"mode": "single", "sort": "none"},
        },
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


def graph(
    title: str, description: str, target: core.Target, *, missing: str, size: tuple[int, int] = (24, 12)
) -> House:
    """Nodes and edges; the query's labels ``id``, ``source`` and ``target`` are an edge each."""
    return House(
        kind="nodeGraph",
        title=title,
        description=description,
        size=size,
        targets=[target],
        dataSource=PROMETHEUS,
        defaults={"noValue": missing},
        options={"nodes": {}, "edges": {}, "zoomMode": "cooperative"},
    )


_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}


def _defaults(unit: str, missing: str, links: Sequence[Link]) -> Json:
    return {"unit": unit, "noValue": missing, "links": list(links)}
