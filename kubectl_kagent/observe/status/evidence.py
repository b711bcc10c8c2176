"""What Prometheus says of the signals: whether each is there now, since when, and numbers of losses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubectl_kagent.backends.prometheus import Prometheus, Sample
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.observe.status.signals import FAILING, MISSING, STOPPED, Remedy, Signal, Since
from kubectl_kagent.wire import semconv

LOOK_BACK = 24 * 3600.0
STEP = 60.0
_MARK = "signal"
_COLLECTOR = 'job="kagent-collector"'
_LOGS = 'job="kagent-logs"'

JOBS = (
    *("kagent-collector", "kagent-logs", "kagent-state-metrics", "kagent-recorder"),
    *("kagent-controller", "kmcp", "kagent-tools", "agentgateway"),
)

# An expression for each signal that has a sample while it arrives; all are cheap, being asked for each minute
# of a day. Counters of spans and lines are there from the first one on.
CONDITIONS: Mapping[str, str] = {
    **{job: f'count(up{{job="{job}"}} == 1)' for job in JOBS},
    "traces": f"sum(increase(otelcol_receiver_accepted_spans_total{{{_COLLECTOR}}}[10m])) > 0",
    "traces-ever": f"sum(otelcol_receiver_accepted_spans_total{{{_COLLECTOR}}}) > 0",
    "stored-traces": f"sum(otelcol_exporter_sent_spans_total{{{_COLLECTOR}}}) > 0",
    "span-metrics": 'count(traces_span_metrics_calls_total{gen_ai_operation_name="invoke_agent"})',
    "stored-logs-ever": f"sum(otelcol_exporter_sent_log_records_total{{{_LOGS}}}) > 0",
    "stored-logs": f"sum(increase(otelcol_exporter_sent_log_records_total{{{_LOGS}}}[10m])) > 0",
    "rules": "count(kagent:counters:watched)",
    "alertmanager": 'count(ALERTS{alertname="KagentWatchdog", alertstate="firing"})',
}

# These have too many series to be asked for each minute.
PRESENT: Mapping[str, str] = {
    **CONDITIONS,
    "span-metrics-otherwise": (
        f'count({{__name__=~"{semconv.SPAN_NAMES}",__name__!="{semconv.SPAN_CALLS}",__name__!~".*_bucket",'
        'gen_ai_operation_name="invoke_agent"})'
    ),
    "state": "count(kagent_agent_info or kagent_modelconfig_info)",
    "kube-state-metrics": "count(kube_deployment_spec_replicas)",
    "cadvisor": "count(container_memory_working_set_bytes)",
}


def _lost(counter: str, job: str) -> str:
    """What a counter of losses says of ten minutes: it begins with the first loss, which increase misses."""
    series = f"{counter}{{{job}}}"
    return f"sum by (exporter) (increase({series}[10m]) > 0 or {series} unless {series} offset 10m) > 0"


NUMBERS: Mapping[str, str] = {
    "refused": _lost("otelcol_receiver_refused_spans_total", _COLLECTOR),
    "failed": _lost("otelcol_exporter_send_failed_spans_total", _COLLECTOR),
    "dropped": _lost("otelcol_exporter_enqueue_failed_spans_total", _COLLECTOR),
    "lines-refused": _lost("otelcol_receiver_refused_log_records_total", _LOGS),
    "lines-failed": _lost("otelcol_exporter_send_failed_log_records_total", _LOGS),
    "lines-waiting": f"sum by (exporter) (otelcol_exporter_queue_size{{{_LOGS}}}) > 0",
    "recorder-lag": "min(kagent_recorder_lag_seconds)",
    "recorder-lag-limit": 'max(kagent:threshold{name="recorder_lag_seconds"})',
    "recorder-trouble": "count(min by (namespace, kind, name) (kagent_recorder_trouble) == 1)",
    **{f"down-{job}": f'count(up{{job="{job}"}} == 0)' for job in JOBS},
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one Prometheus said. Times are its own, in seconds since the epoch.

    ``now`` has the names of signals that are there, ``last`` and ``gap`` the last moment of a day at which
    each was and was not. ``rules`` and ``alertmanagers`` are None where it does not tell.
    """

    name: str
    time: float
    now: frozenset[str]
    last: Mapping[str, float]
    gap: Mapping[str, float]
    numbers: Mapping[str, tuple[Sample, ...]]
    rules: tuple[Mapping[str, Any], ...] | None
    alertmanagers: tuple[str, ...] | None
    warnings: tuple[str, ...] = field(default=())

    def since(self, signal: str) -> Since | None:
        """For how long it has arrived, or not; None: it was not there all day, or that is not asked."""
        if signal not in CONDITIONS:
            return None
        if signal in self.now:
            gap = self.gap.get(signal)
            return Since(LOOK_BACK, longer=True) if gap is None else self._from(gap)
        last = self.last.get(signal)
        return None if last is None else self._from(last)

    def _from(self, moment: float) -> Since | None:
        """None for a moment that is none, as NaN."""
        return Since(max(self.time - moment, 0.0)) if math.isfinite(moment) else None

    def ever(self, signal: str) -> bool:
        """Whether it arrives, or did at any moment of the last day."""
        return signal in self.now or signal in self.last

    def number(self, name: str) -> float | None:
        """The sum of the samples; None without any, and for NaN, which no limit is below or above."""
        samples = self.numbers.get(name)
        found = sum(sample.value for sample in samples) if samples else math.nan
        return None if math.isnan(found) else found

    def broken(self, name: str, detail: str, *remedies: Remedy, of: str = "") -> Signal:
        """A signal that something is in the way of; ``of`` is its condition, if that has another name."""
        condition = of or name
        if condition in self.now:
            return Signal(name, FAILING, detail, self.since(condition), remedies)
        status = STOPPED if condition in self.last else MISSING
        return Signal(name, status, detail, self.since(condition), remedies)


def ask(prometheus: Prometheus) -> Evidence:
    """Raises KagentError when it can't be asked."""
    time = prometheus.now()
    span = f"[{LOOK_BACK:.0f}s:{STEP:.0f}s]"
    queries = (
        _marked(PRESENT, "{0}"),
        _marked(CONDITIONS, f"max_over_time((vector(time()) and on () ({{0}})){span})"),
        _marked(CONDITIONS, f"max_over_time((vector(time()) unless on () ({{0}})){span})"),
        _marked(NUMBERS, "{0}"),
    )
    (now, last, gap, numbers), warned = zip(
        *side_by_side(lambda query: prometheus.query(query, time), queries), strict=True
    )
    found: dict[str, list[Sample]] = {}
    for sample in numbers:
        found.setdefault(sample.labels.get(_MARK, ""), []).append(sample)
    return Evidence(
        prometheus.name,
        time,
        frozenset(_by_signal(now)),
        _by_signal(last),
        _by_signal(gap),
        {name: tuple(samples) for name, samples in found.items()},
        _if_told(prometheus.rules),
        _if_told(prometheus.alertmanagers),
        tuple(dict.fromkeys(line for lines in warned for line in lines)),
    )


def _marked(expressions: Mapping[str, str], form: str) -> str:
    """One query for all, whose samples say in a label of which expression they are."""
    return " or ".join(
        f'label_replace({form.format(expression)}, "{_MARK}", "{name}", "", "")'
        for name, expression in expressions.items()
    )


def _by_signal(samples: list[Sample]) -> dict[str, float]:
    return {sample.labels[_MARK]: sample.value for sample in samples if _MARK in sample.labels}


def _if_told(look: Any) -> Any:
    """None from what speaks Prometheus's language, but does not have this page of its API."""
    try:
        return look()
    except NotFound:
        return None
    except KagentError as error:
        if error.exit_code != 1:
            raise
        return None
