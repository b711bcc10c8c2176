"""Restart a workload's pods where the mark survives the next reconcile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.model.merge_patch import merged
from kubectl_kagent.model.resources import DEPLOYMENT
from kubectl_kagent.model.workload import RESTARTED_AT, Workload


def restart(
    cluster: Cluster,
    workload: Workload,
    deployment: Mapping[str, Any] | NotFound | None,
    *,
    now: datetime,
    dry_run: str,
    manager: str,
) -> Mapping[str, Any]:
    """Roll all pods; the object that carries the mark, as it is afterwards.

    kagent keeps foreign annotations of an agent's pod template, so the Deployment carries it. kmcp
    replaces the whole template, so an MCP server's own spec does. Raises NotFound when kagent has not made
    the agent's Deployment, KagentError when the server does not keep the mark.
    """
    # finer than kubectl's second, so that two restarts in one second are two
    mark = {RESTARTED_AT: now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")}
    resource, obj = workload.resource, workload.obj
    patch: dict[str, Any] = {"spec": {"deployment": {"annotations": mark}}}
    if workload.is_agent:
        resource, obj = DEPLOYMENT, _there(workload, deployment)
        patch = {"spec": {"template": {"metadata": {"annotations": mark}}}}
    if dry_run == "client":
        return merged(obj, patch)
    marked = cluster.merge_patch(
        resource, workload.namespace, workload.name, patch, dry_run=dry_run == "server", manager=manager
    )
    if merged(marked, patch) != marked:
        raise KagentError(
            f"{resource.label(workload.name)} has no mark of the restart after the write",
            hint="an admission rule may take it away, or its CRD does not know the field",
        )
    return marked


def _there(agent: Workload, deployment: Mapping[str, Any] | NotFound | None) -> Mapping[str, Any]:
    if isinstance(deployment, Mapping):
        return deployment
    message = deployment.message if deployment else f"{agent.label} has no Deployment"
    hint = f"kubectl kagent describe {agent.typed} says why kagent has made none"
    raise NotFound(message, hint) from deployment
