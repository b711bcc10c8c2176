"""The part of the control plane's dashboard that says whether the numbers of all others can be trusted."""

from __future__ import annotations

from dashboards import panels, queries, tables
from dashboards.fields import GREEN, ORANGE, steps
from dashboards.queries import INTERVAL, by, count, part
from dashboards.targets import column, now, over_time

_COLLECTOR = 'cluster=~"$cluster",job="kagent-collector"'
_RECORDER = 'cluster=~"$cluster",job="kagent-recorder"'
_NO_COLLECTOR = "no otelcol_* series: is the collector scraped?"
_NO_RECORDER = "no kagent_recorder_* series: is the recorder installed and scraped?"


def spans() -> list[panels.House]:
    """What the collector took, lost, and holds."""
    accepted = "otelcol_receiver_accepted_spans_total"
    lost = {
        "refused by the collector": "otelcol_receiver_refused_spans_total",
        "not delivered to the store": "otelcol_exporter_send_failed_spans_total",
        "queue was full": "otelcol_exporter_enqueue_failed_spans_total",
    }
    return [
        panels.timeseries(
            "Spans that arrived",
            "Spans that the collector took in each interval. None while agents have turns: their tracing is "
            "off, or goes elsewhere.",
            over_time(
                count(accepted, _COLLECTOR, "transport", window=INTERVAL),
                "{{transport}}",
                step=queries.BAR,
            ),
            unit="short",
            missing=_NO_COLLECTOR,
            bars=True,
            size=(8, 8),
        ),
        panels.timeseries(
            "Spans that were lost",
            "Spans in each interval that the collector refused, could not deliver, or had no room for. What "
            "was not delivered to a store of traces is in the numbers all the same; what was refused is in "
            "neither.",
            *(
                over_time(part(series, accepted, _COLLECTOR, window=INTERVAL), name, step=queries.BAR)
                for name, series in lost.items()
            ),
            unit="short",
            missing=_NO_COLLECTOR,
            bars=True,
            size=(8, 8),
        ),
        panels.timeseries(
            "Collector queues",
            "How full the queue to each store is: full means that the store is slow or away. The dashed "
            "line is collector_queue_ratio of alerts/values.yaml.",
            over_time(
                f"max {by('exporter')} (otelcol_exporter_queue_size{{{_COLLECTOR}}}"
                f" / otelcol_exporter_queue_capacity{{{_COLLECTOR}}})",
                "{{exporter}}",
            ),
            over_time(queries.threshold("collector_queue_ratio"), panels.THRESHOLD),
            unit="percentunit",
            missing=_NO_COLLECTOR,
            size=(8, 8),
        ),
    ]


def recorder() -> list[panels.House]:
    """How far behind the recorder is, and what it could not record."""
    in_trouble = f'max {by("namespace", "kind", "name")} (kagent_recorder_trouble{{cluster=~"$cluster"}}) > 0'
    return [
        panels.timeseries(
            "Recorder: oldest change not looked at",
            "Age of the oldest change that the recorder has not looked at. After 300 seconds etcd may have "
            "forgotten it, and then it can't be rolled back to. The dashed line is recorder_lag_seconds of "
            "alerts/values.yaml.",
            over_time(f"max {by('job')} (kagent_recorder_lag_seconds{{{_RECORDER}}})", "{{job}}"),
            over_time(queries.threshold("recorder_lag_seconds"), panels.THRESHOLD),
            unit="s",
            missing=_NO_RECORDER,
            size=(8, 7),
        ),
        panels.stat(
            "Workloads recorded",
            "Agents and MCP servers whose history the recorder keeps.",
            now(f"max(kagent_recorder_workloads{{{_RECORDER}}})"),
            unit="none",
            missing=_NO_RECORDER,
            size=(4, 7),
        ),
        panels.stat(
            "Changes not recorded",
            "Changes in the time range that came and went while nobody looked: history has a gap there.",
            now(f"round(sum(increase(kagent_recorder_unrecorded_changes_total{{{_RECORDER}}}[$__range])))"),
            unit="short",
            missing=_NO_RECORDER,
            thresholds=steps((None, GREEN), (1, ORANGE)),
            size=(4, 7),
        ),
        tables.table(
            "Workloads in trouble",
            "Agents and MCP servers that the recorder can't record now. Its log says why.",
            column(queries.or_none(in_trouble, f"kagent_recorder_workloads{{{_RECORDER}}}", "name")),
            columns=[("namespace", "Namespace"), ("kind", "Kind"), ("name", "Name")],
            missing=_NO_RECORDER,
            size=(8, 7),
        ),
    ]
