"""The Deployment of a workload: kagent and kmcp give it the workload's own name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.lookup import look_up
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.model.resources import DEPLOYMENT
from kubectl_kagent.model.workload import Reference, Workload


class Foreign(NotFound):
    """The Deployment of that name is somebody else's: another one is not there."""


def own_deployment(cluster: Cluster, workload: Workload) -> dict[str, Any]:
    """Raises NotFound without one, Foreign for another object's: who makes an agent may call it anything."""
    return _owned(workload, cluster.get(DEPLOYMENT, workload.namespace, workload.name))


def own_deployments(
    cluster: Cluster, workloads: Iterable[Workload]
) -> dict[tuple[str, str], dict[str, Any] | NotFound]:
    """The Deployment of each workload, by namespace and name, or why it has none.

    Raises what asking for one ends with otherwise.
    """
    references = {Reference(DEPLOYMENT, *workload.key): workload for workload in workloads}
    found: dict[tuple[str, str], dict[str, Any] | NotFound] = {}
    for reference, answer in look_up(cluster, references).items():
        workload = references[reference]
        try:
            if isinstance(answer, KagentError):
                raise answer
            found[workload.key] = _owned(workload, answer)
        except NotFound as error:
            found[workload.key] = error
    return found


def _owned(workload: Workload, found: dict[str, Any]) -> dict[str, Any]:
    if not workload.owns(found):
        raise Foreign(f"{DEPLOYMENT.label(workload.name)} does not belong to {workload.label}")
    return found
