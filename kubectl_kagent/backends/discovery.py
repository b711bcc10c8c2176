"""Services that are found by their label, and reached through the API server's proxy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import ClusterService
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden
from kubectl_kagent.model.resources import SERVICE


def find_service(
    cluster: Cluster, selectors: Sequence[str], *, components: Sequence[str], ports: Sequence[str | int]
) -> ClusterService | None:
    """The first Service of any namespace with one of the label selectors; None where none is to be seen.

    ``components`` and ``ports`` are in the order of preference: values of app.kubernetes.io/component, empty
    for a Service without it, and names or numbers of ports.
    """
    try:
        listings = side_by_side(lambda labels: cluster.list_objects(SERVICE, labels=labels), selectors)
    except Forbidden:
        return None
    services = [item for listing in listings for item in listing["items"]]
    for component in components:
        for service in services:
            labels = service["metadata"].get("labels") or {}
            port = next(_ports(service, ports), "")
            if port and labels.get("app.kubernetes.io/component", "") == component:
                metadata = service["metadata"]
                return cluster.service(metadata["namespace"], f"{metadata['name']}:{port}")
    return None


def _ports(service: Mapping[str, Any], wanted: Sequence[str | int]) -> Iterator[str]:
    ports = (service.get("spec") or {}).get("ports") or []
    for each in wanted:
        for port in ports:
            if each in (port.get("name"), port["port"]):
                yield str(port["port"])
