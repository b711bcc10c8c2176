"""Under which names Prometheus has span metrics: the connector changed them, its settings and Tempo do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.model.usage import Wanted
from kubectl_kagent.telemetry.usage.asking import Asking, window
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.semconv import label


@dataclass(frozen=True, slots=True)
class SpanNames:
    """The counter of calls, the buckets of durations, the label of services; by default today's."""

    calls: str = semconv.SPAN_CALLS
    buckets: str = semconv.SPAN_SECONDS
    service: str = label(semconv.SERVICE_NAME)

    @property
    def unit(self) -> float:
        """Of the buckets' bounds, in seconds."""
        return 0.001 if "milliseconds" in self.buckets else 1.0


TODAY = SpanNames()
_TEMPO = SpanNames(semconv.TEMPO_CALLS, semconv.TEMPO_SECONDS, semconv.TEMPO_SERVICE)
_DIMENSIONS = (semconv.SERVICE_NAMESPACE, semconv.OPERATION, semconv.TOOL_NAME, semconv.MODEL)


def other_names(asking: Asking, wanted: Wanted) -> SpanNames | None:
    """Those that count calls of agents in the window under another name than today's; None without any.

    Of several the newest, and the others are told: both would count the same calls. Raises KagentError where
    there are only Tempo's, without the dimensions that tell the calls of agents apart.
    """
    has = (f'{label(attribute)}!=""' for attribute in (semconv.OPERATION, semconv.SERVICE_NAME))
    series = f'{{__name__=~"{semconv.SPAN_NAMES}",{",".join(has)}}}'
    try:
        there = asking.prometheus.names(series, wanted.now - wanted.seconds, wanted.now)
    except NotFound:  # not all that speaks PromQL has this page
        return None
    names = [name for name in there if re.fullmatch(semconv.SPAN_NAMES, name) and name != TODAY.calls]
    calls = sorted((name for name in names if "calls" in name), key=_age)
    if not calls:
        return None if there else _of_tempo(asking, wanted)
    if calls[1:]:
        asking.warnings.append(f"{calls[0]} is counted, and {', '.join(calls[1:])} is not")
    prefix = _prefix(calls[0])
    buckets = sorted(name for name in names if "duration" in name and _prefix(name) == prefix)
    return SpanNames(calls[0], buckets[-1] if buckets else f"{prefix}duration_seconds_bucket")


def _of_tempo(asking: Asking, wanted: Wanted) -> SpanNames | None:
    def counts(*labels: str) -> str:
        selector = ",".join((f'{semconv.TEMPO_SERVICE}!=""', *labels))
        return f"group(last_over_time({semconv.TEMPO_CALLS}{{{selector}}}[{window(wanted)}]))"

    operation = f'{label(semconv.OPERATION)}!=""'
    namespaces = (f'{label(semconv.SERVICE_NAMESPACE)}!=""', *(f'{job}=~".+/.+"' for job in semconv.JOBS))
    if asking.ask(" or ".join(counts(operation, namespace) for namespace in namespaces)):
        return _TEMPO
    if asking.ask(counts(f'{semconv.SPAN_NAME}=~"{semconv.INVOKE_AGENT} .+"')):
        raise KagentError(
            f"{semconv.TEMPO_CALLS} of Tempo's metrics generator does not tell agents and their calls apart",
            hint=f"its span metrics want the dimensions {', '.join(_DIMENSIONS)}; "
            "or let agents send to the collector of kubectl kagent observe install",
        )
    return None


def _prefix(name: str) -> str:
    return re.split(r"calls|duration", name)[0]


def _age(name: str) -> tuple[int, str]:
    """To sort by, the newest first."""
    return semconv.SPAN_PREFIXES.index(_prefix(name)), name
