"""Panels in the shape that Grafana writes today; grafanalib's own have that of Grafana 6.

A panel knows its size in grid units (24 across); ``layout`` gives it its place and its id.
"""

from __future__ import annotations

from collections.abc import Sequence

import attr
from grafanalib import core

from dashboards.fields import BLUE, GREY, RED, Json, Link, override, steps
from dashboards.targets import PROMETHEUS

_WIDE = 12  # grid units from which on a legend has room at the right
THRESHOLD = "threshold"  # the legend of a line that kagent:threshold draws


@attr.s(kw_only=True)
class House(core.Panel):
    """A panel: its kind in Grafana, its options, its fields' defaults, and what single fields override."""

    kind: str = attr.ib()
    size: tuple[int, int] = attr.ib()  # (width, height) in grid units
    options: Json = attr.ib(factory=dict)
    defaults: Json = attr.ib(factory=dict)
    overrides: list[Json] = attr.ib(factory=list)

    def to_json_data(self) -> Json:
        own = {
            "type": self.kind,
            "options": self.options,
            "fieldConfig": {"defaults": self.defaults, "overrides": self.overrides},
        }
        return dict(self.panel_json(own))


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
        "fillOpacity": 70 if bars else 0,
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
        custom["axisSoftMax"] = 1  # counts of 0 only would else be drawn up to 100
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
            "legend": _legend(bars=bars, is_wide=size[0] >= _WIDE),
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
    size: tuple[int, int] = (8, 12),
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
            "maxVizHeight": 50,
            "minVizHeight": 28,
            "minVizWidth": 8,
            "namePlacement": "top",
            "orientation": "horizontal",
            "reduceOptions": _LAST,
            "showUnfilled": True,
            "sizing": "auto",
            "text": {"titleSize": 12, "valueSize": 14},
            "valueMode": "color",
        },
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


def _legend(*, bars: bool, is_wide: bool) -> Json:
    """Names in lines below a narrow panel, one below the other at the right of a wide one.

    Grafana gives a legend at most 35 % of a panel's height when it is below, 60 % of its width when beside.
    Bars have no sum: they leave out what is still open, so it would differ from the count of the time range.
    """
    if not is_wide:
        return {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
    calcs = [] if bars else ["lastNotNull", "max"]
    mode = "list" if bars else "table"
    return {"displayMode": mode, "placement": "right", "showLegend": True, "calcs": calcs}


def _defaults(unit: str, missing: str, links: Sequence[Link]) -> Json:
    return {"unit": unit, "noValue": missing, "links": list(links)}
