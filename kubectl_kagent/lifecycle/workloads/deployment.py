"""The Deployment of a workload: kagent and kmcp give it the workload's own name."""

from __future__ import annotations

from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import NotFound
from kubectl_kagent.model.resources import DEPLOYMENT
from kubectl_kagent.model.workload import Workload


class Foreign(NotFound):
    """The Deployment of that name is somebody else's: another one is not there."""


def own_deployment(cluster: Cluster, workload: Workload) -> dict[str, Any]:
    """Raises NotFound without one, Foreign for another object's: who makes an agent may call it anything."""
    found = cluster.get(DEPLOYMENT, workload.namespace, workload.name)
    if not workload.owns(found):
        raise Foreign(f"{DEPLOYMENT.label(workload.name)} does not belong to {workload.label}")
    return found
