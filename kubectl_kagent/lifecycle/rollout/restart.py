"""Restart a workload's pods where the mark survives the next reconcile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.model.deployment import Deployment
from kubectl_kagent.model.merge_patch import merged
from kubectl_kagent.model.resources import DEPLOYMENT
from kubectl_kagent.model.workload import RESTARTED_AT, Workload


class Paused(KagentError):
    """The Deployment takes up no change of its template, so no pod would be replaced."""


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
    replaces the whole template, so an MCP server's own spec does. Raises its ``refusal``, and KagentError
    when the server does not keep the mark.
    """
    if error := refusal(workload, deployment):
        raise error
    # finer than kubectl's second, so that two restarts in one second are two
    mark = {RESTARTED_AT: now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")}
    resource, obj = workload.resource, workload.obj
    patch: dict[str, Any] = {"spec": {"deployment": {"annotations": mark}}}
    if isinstance(deployment, Mapping) and workload.is_agent:
        resource, obj = DEPLOYMENT, deployment
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


def refusal(workload: Workload, deployment: Mapping[str, Any] | NotFound | None) -> NotFound | Paused | None:
    """NotFound when kagent has not made the agent's Deployment, Paused when it is paused. Pure."""
    if isinstance(deployment, Mapping):
        found = Deployment(deployment)
        message = "can't restart paused deployment (run rollout resume first)"  # kubectl's words
        label = f'{DEPLOYMENT.full_name} "{workload.name}"'
        return Paused(f"{label} {message}", hint=found.resuming) if found.paused else None
    if not workload.is_agent:
        return None
    message = deployment.message if deployment else f"{workload.label} has no Deployment"
    return NotFound(message, hint=f"kubectl kagent describe {workload.typed} says why kagent has made none")
