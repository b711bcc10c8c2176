"""What the page draws: a dashboard's panels, and what the sources answer to each of their queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scripts.pictures.layout import Panel, UnknownShape, panels
from scripts.pictures.sources import QueryFailed, Range, Sources
from scripts.pictures.steps import built_in, step_of
from scripts.pictures.variables import (
    Value,
    chosen,
    for_query,
    label_values,
    query_result,
    replaced,
    replaced_in,
    taken,
)

WIDTH = 1600  # px of the picture, as wide as a laptop's browser window
_COLUMN = WIDTH / 24
_ABOUT_ONE = "kagent-agent"  # the dashboard that links open with one agent chosen
_LINES = 1000  # Grafana asks Loki for that many
_TRACES = 20  # and Tempo


@dataclass(frozen=True)
class Stage:
    """Where and when queries ask, and for which agent the dashboard about one does ('': the first)."""

    sources: Sources
    span: Range
    agent: str = ""


def scene_of(dashboard: Mapping[str, Any], stage: Stage) -> dict[str, Any]:
    """As JSON, for the page.

    Raises UnknownShape on a dashboard that can't be drawn, QueryFailed when a variable has no value.
    """
    values = variables_of(dashboard, stage)
    drawn = panels(replaced_in(dict(dashboard), values))
    span = stage.span
    return {
        "title": dashboard["title"],
        "links": [link["title"] for link in dashboard.get("links", []) if link.get("title")],
        "variables": [
            {"label": one.get("label") or one["name"], "text": values[one["name"]].text}
            for one in _listed(dashboard)
            if one.get("hide", 0) != 2
        ],
        "range": {"from": span.start * 1000, "to": span.end * 1000, "text": _time_text(span)},
        "panels": [{**panel, "answers": answers(panel, values, stage)} for panel in drawn],
        "annotations": annotations_of(dashboard, values, stage),
    }


def _listed(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dashboard.get("templating", {}).get("list", [])
    return found


def _time_text(span: Range) -> str:
    start, end = (datetime.fromtimestamp(second, UTC) for second in (span.start, span.end))
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M} to {until} UTC"


def variables_of(dashboard: Mapping[str, Any], stage: Stage) -> dict[str, Value]:
    """The value of each variable; the query of one may have those before it."""
    values: dict[str, Value] = {}
    for variable in _listed(dashboard):
        options = _options(variable, values, stage)
        if not options and not variable.get("allValue"):
            raise QueryFailed(f"variable ${variable['name']} has no values")
        is_choice = (dashboard["uid"], variable["name"]) == (_ABOUT_ONE, "agent")
        values[variable["name"]] = chosen(variable, options, (stage.agent or options[0]) if is_choice else "")
    return values


def _options(variable: Mapping[str, Any], values: Mapping[str, Value], stage: Stage) -> list[str]:
    query = variable.get("query", "")
    match variable["type"]:
        case "datasource":
            return [str(query)]
        case "query":
            known = {**values, **built_in(stage.span, 60)}
            if expr := query_result(query):
                found = stage.sources.now(replaced(expr, known, for_query), stage.span.end)
                return taken(found, variable["regex"])
            series, label = label_values(query)
            return stage.sources.label_values(replaced(series, known, for_query), label, stage.span)
        case "custom" | "interval" | "constant" | "textbox":
            return [one.split(" : ")[-1].strip() for one in str(query).split(",")]
        case kind:
            raise UnknownShape(f"variable ${variable['name']} is of type {kind}")


def answers(panel: Panel, values: Mapping[str, Value], stage: Stage) -> list[dict[str, Any]]:
    """One for each query that is shown: {refId, kind, expr, legend, step}, and result, error or unasked."""
    return [
        _answer(panel, target, values, stage)
        for target in panel.get("targets") or []
        if not target.get("hide")
    ]


def _answer(
    panel: Panel, target: Mapping[str, Any], values: Mapping[str, Value], stage: Stage
) -> dict[str, Any]:
    interval = replaced(str(target.get("interval") or ""), values, for_query)
    asked = {**target, "interval": interval}
    step = step_of(panel, asked, stage.span, panel["gridPos"]["w"] * _COLUMN)
    known = {**values, **built_in(stage.span, step)}
    query = replaced(str(target.get("expr") or target.get("query") or ""), known, for_query)
    legend = target.get("legendFormat", "")
    about = {"refId": target["refId"], "expr": query, "legend": legend, "step": step}
    try:
        return about | _ask(_source_of(panel, target), target, query, step, stage)
    except QueryFailed as failure:
        return about | {"kind": "series", "error": str(failure)}


def _source_of(panel: Panel, target: Mapping[str, Any]) -> str:
    source = target.get("datasource") or panel.get("datasource") or {}
    return str(source.get("type", ""))


def _ask(kind: str, target: Mapping[str, Any], query: str, step: int, stage: Stage) -> dict[str, Any]:
    sources, span = stage.sources, stage.span
    match kind:
        case "prometheus":
            shape = {"table": "table", "heatmap": "heatmap"}.get(target.get("format", ""), "series")
            if target.get("instant") and not target.get("range"):
                return {"kind": shape, "result": sources.now(query, span.end)}
            return {"kind": shape, "result": sources.metrics(query, span, step)}
        case "loki" if sources.loki:
            data = sources.logs(query, span, step, target.get("maxLines") or _LINES)
            return {"kind": "logs" if data["resultType"] == "streams" else "series", "result": data["result"]}
        case "tempo" if sources.tempo:
            return {"kind": "search", "result": sources.traces(query, span, target.get("limit") or _TRACES)}
        case "loki" | "tempo":
            return {"kind": "series", "unasked": f"no {kind.capitalize()} to ask"}
        case _:
            raise UnknownShape(f"a query of a data source of type {kind!r}")


def annotations_of(
    dashboard: Mapping[str, Any], values: Mapping[str, Value], stage: Stage
) -> list[dict[str, Any]]:
    """{name, color, time} in ms, of the annotations that Prometheus knows and that are shown."""
    found = []
    for annotation in dashboard.get("annotations", {}).get("list", []):
        if (annotation.get("datasource") or {}).get("type") != "prometheus" or not annotation.get(
            "enable", True
        ):
            continue
        step = step_of({}, {"interval": annotation.get("step")}, stage.span, WIDTH)
        query = replaced(annotation["expr"], {**values, **built_in(stage.span, step)}, for_query)
        by_value = annotation.get("useValueForTime") == "on" or annotation.get("useValueForTime") is True
        for series in stage.sources.metrics(query, stage.span, step):
            times = _times(series["values"], step, by_value=by_value)
            about = {"name": annotation["name"], "color": annotation.get("iconColor", "red")}
            found += [about | {"time": time} for time in times]
    return found


def _times(samples: list[list[Any]], step: int, *, by_value: bool) -> list[int]:
    """When something happened, in ms: what the samples say, or where each run of them begins; 0 is none."""
    if by_value:
        return sorted({int(float(value)) for _, value in samples})
    on = [int(second) for second, value in samples if float(value)]
    return [second * 1000 for before, second in zip([0, *on], on, strict=False) if second - before > step]
