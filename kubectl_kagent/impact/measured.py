"""Revisions with the usage in the time of each, from Prometheus or the controller's records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kubectl_kagent.backends.prometheus import Prometheus
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.impact.periods import Period, several
from kubectl_kagent.model.usage import AGENTS, Stretches, UsageRow, UsageTable, Wanted
from kubectl_kagent.telemetry.traces.sources import TraceSource
from kubectl_kagent.telemetry.usage import stretches
from kubectl_kagent.telemetry.usage.agents import with_doubled


@dataclass(frozen=True, slots=True)
class ImpactRow:
    """A revision's time and the turns in it; ``usage`` is None where these are not known.

    ``whole``: the source had numbers when the time began. ``seconds`` is how long it was in effect.
    """

    period: Period
    seconds: float
    usage: UsageRow | None
    whole: bool


@dataclass(frozen=True, slots=True)
class Impact:
    """Rows in the order of the periods, and what is not as it seems with them."""

    rows: tuple[ImpactRow, ...]
    gaps: tuple[str, ...]

    @property
    def turns(self) -> int:
        return sum(row.usage.calls for row in self.rows if row.usage)


def from_prometheus(
    prometheus: Prometheus, cluster: Cluster, found: Sequence[Period], now: datetime
) -> Impact:
    """What span metrics know of the turns in these periods; ``cluster`` tells which of them count twice."""
    asked = _asked(found, now)
    answer = stretches.from_prometheus(prometheus, list(asked.values()), now=now.timestamp())
    impact = _joined(found, asked, answer, now, f"Prometheus ({prometheus.name})")
    used = UsageTable(tuple(row.usage for row in impact.rows if row.usage and row.usage.calls), impact.gaps)
    one = next(iter(asked.values()), None)
    return Impact(impact.rows, with_doubled(used, cluster, one).gaps) if one else impact


def from_records(kept: TraceSource, found: Sequence[Period], now: datetime) -> Impact:
    """What the controller recorded of the turns in these periods."""
    asked = _asked(found, now)
    answer = stretches.from_records(kept, list(asked.values()))
    return _joined(found, asked, answer, now, "the records")


_Window = tuple[datetime, datetime]


def _asked(found: Sequence[Period], now: datetime) -> dict[_Window, Wanted]:
    """Each window once: agents that did not change meanwhile share theirs."""
    namespaces = {period.workload.namespace for period in found}
    names = {period.workload.name for period in found}
    namespace = namespaces.pop() if len(namespaces) == 1 else None
    agent = names.pop() if len(names) == 1 else ""
    return {
        (start, end): Wanted(AGENTS, namespace, (end - start).total_seconds(), end.timestamp(), agent=agent)
        for period in found
        for start, end in _windows(period, now)
    }


def _windows(period: Period, now: datetime) -> list[_Window]:
    """The one of a period; none for what never was in effect."""
    return [(period.start, period.end or now)] if period.start else []


def _joined(
    found: Sequence[Period], asked: Iterable[_Window], answer: Stretches, now: datetime, source: str
) -> Impact:
    known = dict(zip(asked, answer.counted, strict=True))
    rows = []
    for period in found:
        usage, whole = None, False
        for window in _windows(period, now):
            usage, whole = known[window].of(*period.workload.key), known[window].begun
        rows.append(ImpactRow(period, period.seconds(now), usage, whole))
    impact = Impact(tuple(rows), answer.gaps)
    if not impact.turns:
        return impact  # that there are none says more than where they might be missing
    unknown = [row.period for row in rows if row.period.start and row.usage is None]
    partly = [row.period for row in rows if row.usage and not row.whole]
    gaps = list(answer.gaps)
    if unknown:
        gaps.append(f"{source}: nothing from the time of {several(unknown)}")
    if partly:
        gaps.append(f"{source}: nothing yet at the start of {several(partly)}; turns may be missing")
    return Impact(tuple(rows), tuple(gaps))
