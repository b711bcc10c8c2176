"""Under which names Prometheus has span metrics: the connector changed them, and its settings do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kubectl_kagent.errors import NotFound
from kubectl_kagent.model.usage import Wanted
from kubectl_kagent.telemetry.usage.asking import Asking
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.semconv import label


@dataclass(frozen=True, slots=True)
class SpanNames:
    """The counter of calls and the buckets of durations; by default those of the connector today."""

    calls: str = semconv.SPAN_CALLS
    buckets: str = semconv.SPAN_SECONDS

    @property
    def unit(self) -> float:
        """Of the buckets' bounds, in seconds."""
        return 0.001 if "milliseconds" in self.buckets else 1.0


TODAY = SpanNames()


def other_names(asking: Asking, wanted: Wanted) -> SpanNames | None:
    """Those that count calls of agents in the window under another name than today's; None without any.

    Of several the newest, and the others are told: both would count the same calls.
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
        return None
    if calls[1:]:
        asking.warnings.append(f"{calls[0]} is counted, and {', '.join(calls[1:])} is not")
    prefix = _prefix(calls[0])
    buckets = sorted(name for name in names if "duration" in name and _prefix(name) == prefix)
    return SpanNames(calls[0], buckets[-1] if buckets else f"{prefix}duration_seconds_bucket")


def _prefix(name: str) -> str:
    return re.split(r"calls|duration", name)[0]


def _age(name: str) -> tuple[int, str]:
    """To sort by, the newest first."""
    return semconv.SPAN_PREFIXES.index(_prefix(name)), name
