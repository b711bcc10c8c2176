"""Asking one Prometheus of one moment: the samples that are numbers, and by how much counters grew."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from kubectl_kagent.backends.prometheus import Prometheus, Sample
from kubectl_kagent.model.usage import Wanted
from kubectl_kagent.wire import semconv

# A series that had no sample for so long before the window begins in it, at 0.
BEFORE = "1h"
_UNREADABLE = "samples that are not numbers were left out"


@dataclass(frozen=True, slots=True)
class Asking:
    """Queries of one Prometheus at one moment, and what it warned of meanwhile."""

    prometheus: Prometheus
    at: float
    warnings: list[str] = field(default_factory=list)

    def ask(self, query: str) -> list[Sample]:
        """The samples that are numbers."""
        found, warned = self.prometheus.query(query, self.at)
        readable = [sample for sample in found if _readable(sample)]
        self.warnings.extend(warned if len(readable) == len(found) else [*warned, _UNREADABLE])
        return readable

    @property
    def gaps(self) -> tuple[str, ...]:
        """The warnings for people, each once."""
        return tuple(f"Prometheus ({self.prometheus.name}): {line}" for line in dict.fromkeys(self.warnings))


def increase(series: str, wanted: Wanted) -> str:
    """By how much counters grew in the window.

    PromQL's own increase guesses beyond the first and last sample, and misses the first call of a series:
    agents have few calls, and often one. It is used only where a counter began anew inside the window; one
    that did so just as the window began grew by all it has.
    """
    span = window(wanted)
    before = f"last_over_time({series}[{BEFORE}] offset {span})"
    last = f"last_over_time({series}[{span}])"
    grown = f"({last} - ({before} or 0 * {last}))"
    anew = f"resets({series}[{span}]) > 0"
    return f"({grown} >= 0 or {last}) unless {anew} or increase({series}[{span}])"


def window(wanted: Wanted) -> str:
    """Its length as PromQL writes it."""
    return f"{wanted.seconds * 1000:.0f}ms"


def _readable(sample: Sample) -> bool:
    try:
        bound = float(sample.labels.get(semconv.LESS_OR_EQUAL, "0"))
    except ValueError:
        return False
    return math.isfinite(sample.value) and not math.isnan(bound)
