"""Where traces and lines are kept: asked for the newest that it has, as the tenant of the collector."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from kubectl_kagent.backends.jaeger import find_jaeger
from kubectl_kagent.backends.tempo import Tempo, find_tempo
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.tenant import TENANT, AsTenant
from kubectl_kagent.errors import Forbidden, KagentError, Unauthorized, Unreachable
from kubectl_kagent.model.note import Note
from kubectl_kagent.observe.status.evidence import Evidence
from kubectl_kagent.observe.status.signals import MISSING, UNKNOWN, Remedy, Signal
from kubectl_kagent.telemetry.logs.loki import find_loki
from kubectl_kagent.wire import semconv

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a store could not be asked; ``known``: it is broken, and not only out of our sight."""

    detail: str
    known: bool
    remedies: tuple[Remedy, ...] = ()
    note: Note | None = None

    def signal(self, name: str, evidence: Evidence | None) -> Signal:
        if not self.known:
            return Signal(name, UNKNOWN, self.detail, None, self.remedies)
        if evidence is None:
            return Signal(name, MISSING, self.detail, None, self.remedies)
        return evidence.broken(name, self.detail, *self.remedies)


@dataclass(frozen=True, slots=True)
class Store:
    """A store; ``newest`` says what it has of the last hour, None: nothing."""

    label: str
    newest: str | None = None
    trouble: Trouble | None = None


_HEADER = re.compile(
    rf"^\s*['\"]?{TENANT}['\"]?\s*:\s*['\"]?([A-Za-z0-9!_.*'()-]+?)['\"]?\s*$", re.IGNORECASE
)


def tenant(config_map: Mapping[str, Any] | None) -> str:
    """The tenant as which a collector sends, read from the files in its ConfigMap; empty: as none."""
    for text in ((config_map or {}).get("data") or {}).values():
        for line in str(text).splitlines():
            if found := _HEADER.match(line):
                return found[1]
    return ""


def trace_store(cluster: Cluster, as_: str, now: float, with_tenant: str) -> Store | None:
    """The Tempo or else the Jaeger of the cluster; None where none is to be seen.

    ``with_tenant`` is the command that gives the collectors a tenant.
    """
    if tempo := find_tempo(cluster):
        label = f"Tempo ({tempo.name})"
        asked = Tempo(AsTenant(tempo.http, as_), tempo.name)
        try:
            found = asked.search("{}", start=now - _HOUR, end=now, limit=1)
        except KagentError as error:
            return Store(label, trouble=trouble(label, error, as_, with_tenant))
        return Store(label, found[0] if found else None)
    if jaeger := find_jaeger(cluster):
        label = f"Jaeger ({jaeger.name})"
        try:
            # it lists itself, too
            services = [one for one in jaeger.services() if not one.startswith("jaeger")]
        except KagentError as error:
            return Store(label, trouble=trouble(label, error, "", with_tenant))
        return Store(label, services[0] if services else None)
    return None


def log_store(cluster: Cluster, as_: str, now: float, with_tenant: str) -> Store | None:
    """The Loki of the cluster; None where none is to be seen. ``with_tenant`` as for ``trace_store``."""
    try:
        http = AsTenant(find_loki(cluster, "auto"), as_)
    except KagentError:
        return None
    query = {
        "query": f'{{{semconv.label(semconv.NAMESPACE)}=~".+"}}',
        "start": int((now - _HOUR) * 1e9),
        "end": int(now * 1e9),
        "limit": 1,
    }
    try:
        answer = http.call("GET", f"/loki/api/v1/query_range?{urlencode(query)}")
    except KagentError as error:
        return Store("Loki", trouble=trouble("Loki", error, as_, with_tenant))
    found = (answer.get("data") or {}).get("result") if isinstance(answer.get("data"), dict) else None
    return Store("Loki", "a line" if found else None)


def trouble(label: str, error: KagentError, as_: str, with_tenant: str) -> Trouble:
    """What the error of a request to a store means to its signal."""
    if isinstance(error, Forbidden):
        note = Note(f"{label} is not asked", error.explained)
        return Trouble(f"{label} may not be asked", known=False, note=note)
    if isinstance(error, Unauthorized):
        if not as_:
            remedy = Remedy("it wants a tenant, or somebody who is logged in", (with_tenant,))
            return Trouble(
                f"{error.message}; the collector sends as no tenant", known=True, remedies=(remedy,)
            )
        there = Remedy("is that tenant there?")
        return Trouble(f"{error.message}, to tenant {as_}", known=True, remedies=(there,))
    see = Remedy(commands=(f"kubectl get pods -A -l app.kubernetes.io/name={label.split()[0].lower()}",))
    return Trouble(f"{label}: {error.message}", known=isinstance(error, Unreachable), remedies=(see,))
