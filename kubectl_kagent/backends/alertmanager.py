"""Alertmanager: where it is in the cluster, and whether an alert has come to it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from kubectl_kagent.backends.discovery import find_service
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import ClusterService

LABELS = "app.kubernetes.io/name=alertmanager"  # of the chart, kube-prometheus and most plain manifests
_OPERATED = "operated-alertmanager=true"  # the operator's own Service for each Alertmanager
_COMPONENTS = ("alert-router", "alertmanager", "")  # of kube-prometheus, of Mimir, of the chart
_PORTS = ("web", "http-web", "http", 9093)
_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """One Alertmanager; ``name`` is where it is, for people."""

    http: ClusterService
    name: str

    def has_alert(self, name: str) -> bool:
        """Whether an alert of that name is there. Raises KagentError for an answer that is no list."""
        query = urlencode({"filter": f'alertname="{name}"'})
        return bool(self.http.listed(f"/api/v2/alerts?{query}", timeout=_TIMEOUT))


def find_alertmanager(cluster: Cluster) -> Alertmanager | None:
    """The one in the cluster, through the API server's proxy. None where there is none to be seen."""
    found = find_service(cluster, (LABELS, _OPERATED), components=_COMPONENTS, ports=_PORTS)
    return Alertmanager(found, f"{found.namespace}/{found.name}") if found else None
