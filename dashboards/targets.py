"""Queries as Grafana's data sources take them: Prometheus, Loki, and Tempo for searches only.

Tempo is never asked for numbers: TraceQL metrics end at an hour, so numbers come from Prometheus.
"""

from __future__ import annotations

from typing import Any, Literal

import attr
from grafanalib import core

PROMETHEUS = {"type": "prometheus", "uid": "${prometheus_datasource}"}
LOKI = {"type": "loki", "uid": "${loki_datasource}"}
TEMPO = {"type": "tempo", "uid": "${tempo_datasource}"}

# The recording rules' interval. As a query's least step it also makes $__rate_interval four times as long, so
# that each window holds samples to compare.
RULES_INTERVAL = "30s"


@attr.s
class Prometheus(core.Target):
    """A PromQL query; ``instant`` asks for one value per series, at the end of the time range."""

    exemplar = attr.ib(default=False)

    def to_json_data(self) -> dict[str, Any]:
        return {
            "datasource": PROMETHEUS,
            "editorMode": "code",
            "exemplar": self.exemplar or None,
            "expr": self.expr,
            "format": self.format,
            "instant": self.instant,
            "interval": self.interval or None,
            "legendFormat": self.legendFormat or None,
            "range": not self.instant,
            "refId": self.refId,
        }


@attr.s
class Loki(core.Target):
    """A LogQL query: lines, or a count of lines over time with a legend."""

    max_lines = attr.ib(default=None)

    def to_json_data(self) -> dict[str, Any]:
        return {
            "datasource": LOKI,
            "editorMode": "code",
            "expr": self.expr,
            "legendFormat": self.legendFormat or None,
            "maxLines": self.max_lines,
            "queryType": "range",
            "refId": self.refId,
        }


@attr.s
class Tempo(core.Target):
    """A TraceQL search; ``table`` says whether a row is a trace or a span."""

    table = attr.ib(default="traces")
    limit = attr.ib(default=20)

    def to_json_data(self) -> dict[str, Any]:
        return {
            "datasource": TEMPO,
            "limit": self.limit,
            "query": self.expr,
            "queryType": "traceql",
            "refId": self.refId,
            "spss": 3,
            "tableType": self.table,
        }


def over_time(expr: str, legend: str, *, step: str = RULES_INTERVAL, exemplar: bool = False) -> Prometheus:
    """A line per series; ``step`` is the least distance of two points."""
    return Prometheus(expr=expr, legendFormat=legend, interval=step, exemplar=exemplar)


def now(expr: str, legend: str = "") -> Prometheus:
    """One value per series, at the end of the time range."""
    return Prometheus(expr=expr, legendFormat=legend, instant=True)


def column(expr: str) -> Prometheus:
    """One value per series as rows of a table, its labels as columns beside it."""
    return Prometheus(expr=expr, instant=True, format="table")


def buckets(expr: str, *, step: str = RULES_INTERVAL) -> Prometheus:
    """The buckets of a histogram over time, for a heatmap."""
    return Prometheus(expr=expr, legendFormat="{{le}}", interval=step, format="heatmap")


def lines(expr: str, *, most: int = 200) -> Loki:
    """Log lines, the newest first, ``most`` of them."""
    return Loki(expr=expr, max_lines=most)


def line_counts(expr: str, legend: str) -> Loki:
    """How many lines over time, a series per label in the legend."""
    return Loki(expr=expr, legendFormat=legend)


def search(expr: str, *, table: Literal["traces", "spans"] = "traces", limit: int = 20) -> Tempo:
    """Traces, or spans, that match a TraceQL search."""
    return Tempo(expr=expr, table=table, limit=limit)
