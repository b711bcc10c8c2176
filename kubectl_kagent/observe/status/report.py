"""All signals of a cluster, in the order in which one depends on another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kubectl_kagent.backends.alertmanager import find_alertmanager
from kubectl_kagent.backends.prometheus import LABELS, Prometheus
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, KagentError
from kubectl_kagent.model.note import Note
from kubectl_kagent.observe.status import clocks, dashboards, evidence, facts, rules, scrapes, stores, traces
from kubectl_kagent.observe.status.alerting import alertmanager
from kubectl_kagent.observe.status.evidence import Evidence
from kubectl_kagent.observe.status.facts import Facts
from kubectl_kagent.observe.status.signals import ARRIVING, MISSING, UNKNOWN, Remedy, Signal


@dataclass(frozen=True, slots=True)
class Report:
    """The signals, and notes of what could not be looked at."""

    namespace: str
    signals: tuple[Signal, ...]
    notes: tuple[Note, ...]

    @property
    def fine(self) -> bool:
        return all(signal.fine for signal in self.signals)


def report(
    cluster: Cluster, prometheus: Prometheus | None, namespace: str, root: Path, now: datetime
) -> Report:
    """Look at everything once. Raises what listing raises, but for Forbidden."""
    seen = facts.look(cluster, namespace)
    source, found, note = _asked(prometheus, seen)
    tenants = [stores.tenant(seen.config_map(name)) for name in ("kagent-collector", "kagent-logs")]
    at = now.timestamp()
    looks = ((stores.trace_store, tenants[0]), (stores.log_store, tenants[1]))
    with_tenant = seen.command("install", "--tenant=ID")
    kept, lines = side_by_side(lambda look: look[0](cluster, look[1], at, with_tenant), looks)
    alerts, unasked = alertmanager(seen, found, find_alertmanager(cluster))
    signals = (
        source,
        scrapes.scrape("kagent-collector", seen, found, "collector"),
        traces.traces(seen, found),
        traces.stored_traces(seen, found, kept),
        traces.span_metrics(seen, found),
        scrapes.logs(seen, found),
        scrapes.stored_logs(seen, found, lines),
        scrapes.state(seen, found),
        scrapes.recorder(seen, found),
        scrapes.scrape("kagent-controller", seen, found, "controller"),
        *(scrapes.scrape(job, seen, found) for job in ("kmcp", "kagent-tools", "agentgateway")),
        *(scrapes.clusters_own(name, found) for name in ("kube-state-metrics", "cadvisor")),
        rules.rules(root, seen, found),
        alerts,
        dashboards.dashboards(root, seen),
        clocks.clocks(seen, found, now),
    )
    told = [one.trouble.note for one in (kept, lines) if one is not None and one.trouble is not None]
    notes = (*seen.notes, *filter(None, (note, *told, unasked)), *_warnings(found))
    return Report(namespace, signals, notes)


def _warnings(found: Evidence | None) -> list[Note]:
    return [Note(f"Prometheus ({found.name})", line) for line in found.warnings] if found else []


def _asked(prometheus: Prometheus | None, seen: Facts) -> tuple[Signal, Evidence | None, Note | None]:
    """The signal of Prometheus itself, and what it says of all others."""
    name, named = "prometheus", Remedy(commands=("kubectl kagent observe status --prometheus=URL",))
    if prometheus is None:
        if seen.services is None:
            return Signal(name, UNKNOWN, "Services may not be listed", None, (named,)), None, None
        return Signal(name, MISSING, f"no Service with {LABELS} is to be seen", None, (named,)), None, None
    try:
        found = evidence.ask(prometheus)
    except Forbidden as error:
        detail = f"Prometheus ({prometheus.name}) may not be asked"
        note = Note(f"Prometheus ({prometheus.name}) is not asked", error.explained)
        return Signal(name, UNKNOWN, detail, None, (named,)), None, note
    except KagentError as error:
        detail = f"Prometheus ({prometheus.name}) can't be asked: {error.message}"
        return Signal(name, UNKNOWN, detail, None, (named,)), None, None
    return Signal(name, ARRIVING, prometheus.name), found, None
