"""Where the kagent controller's API is: its Service, found by the labels of its chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Forbidden, KagentError
from kubectl_kagent.model.controllers import KAGENT
from kubectl_kagent.model.resources import SERVICE

_PORT = "controller"  # the port's name in the chart of kagent 0.9 and 0.10


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Service and its port, as the API server's proxy wants them."""

    namespace: str
    service: str


def find_controller(cluster: Cluster, namespace: str | None = None) -> Endpoint:
    """The controller in ``namespace``, else in any, else (when that may not be listed) where charts put it.

    Raises KagentError when there is none, Forbidden when it may not be looked for.
    """
    try:
        found = cluster.list_objects(SERVICE, namespace, labels=KAGENT.labels)["items"]
    except Forbidden:
        if namespace:
            raise
        found = [
            item
            for place in KAGENT.namespaces
            for item in cluster.list_objects(SERVICE, place, labels=KAGENT.labels)["items"]
        ]
    for item in found:
        if port := _port(item):
            metadata = item["metadata"]
            return Endpoint(str(metadata["namespace"]), f"{metadata['name']}:{port}")
    where = f"namespace {namespace}" if namespace else "any namespace"
    raise KagentError(
        f"no kagent controller service was found in {where}",
        hint="is kagent installed? --kagent-namespace names where, if not by its chart's labels",
    )


def _port(service: Mapping[str, Any]) -> str:
    for port in (service.get("spec") or {}).get("ports") or ():
        if port.get("name") == _PORT:
            return str(port["port"])
    return ""
