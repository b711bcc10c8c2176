"""What a Deployment proves about the config it was rendered from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from kubectl_kagent.lifecycle.observe import Moment
from kubectl_kagent.model.revision import (
    CONFIG_HASH,
    IMAGE,
    READY_AT,
    TEMPLATE_HASH,
    Revision,
    digest,
    timestamp,
)
from kubectl_kagent.model.workload import RESTARTED_AT, dig

# A change in a source leaves no mark in the Agent's status; kagent renders it within a second or two.
_RENDER_TIME = timedelta(seconds=10)


def rendered(
    moment: Moment, generation: int, changed_at: datetime, before: Revision | None, *, until: datetime
) -> dict[str, str]:
    """The annotations that the Deployment proves for a config; empty while that is not certain.

    ``moment`` is the last one of that config, which was in force from ``changed_at`` to ``until``.
    Deployment and workload are of one moment, and kagent writes the Deployment before the status. So an
    observed generation means that this Deployment is made from this spec. Only for a change in a source
    there is no such mark: then the hash must have moved, or time enough must have passed.
    """
    workload, deployment = moment.workload, moment.deployment
    if deployment is None or workload.observed_generation < workload.generation:
        return {}
    accepted = workload.condition("Accepted")
    if accepted is None or accepted.status != "True":
        return {}
    template = dig(deployment, "spec", "template") or {}
    config_hash = str(dig(template, "metadata", "annotations", workload.config_hash_annotation) or "")
    unmoved = before and before.generation == generation and config_hash == before.config_hash
    if unmoved and until - changed_at < _RENDER_TIME:
        return {}
    found = {
        CONFIG_HASH: config_hash,
        TEMPLATE_HASH: template_hash(deployment),
        IMAGE: str((dig(template, "spec", "containers") or [{}])[0].get("image", "")),
    }
    if is_ready(deployment):
        found[READY_AT] = timestamp(until)
    return found


def template_hash(deployment: Mapping[str, Any]) -> str:
    """Digest of the pod template without the mark that a restart leaves."""
    template = dict(dig(deployment, "spec", "template") or {})
    metadata = dict(template.get("metadata") or {})
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != RESTARTED_AT}
    return digest({**template, "metadata": {**metadata, "annotations": annotations}})


def is_ready(deployment: Mapping[str, Any]) -> bool:
    """Whether all wanted pods (at least one) run the newest template and are available."""
    wanted = int(dig(deployment, "spec", "replicas") or 0)
    status = deployment.get("status") or {}
    return (
        wanted > 0
        and int(status.get("observedGeneration", 0)) >= int(deployment["metadata"].get("generation", 0))
        and int(status.get("updatedReplicas", 0)) == wanted == int(status.get("availableReplicas", 0))
        and int(status.get("replicas", 0)) == wanted
    )
