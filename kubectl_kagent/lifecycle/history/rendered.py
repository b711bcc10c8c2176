"""What a Deployment proves about the config it was rendered from. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.lifecycle.history.snapshots import Observation, Then
from kubectl_kagent.lifecycle.rollout.uptake import had_time, last_written, noted_at, shown
from kubectl_kagent.model.deployment import Deployment, config_hash
from kubectl_kagent.model.revision import CONFIG_HASH, IMAGE, READY_AT, TEMPLATE_HASH
from kubectl_kagent.model.snapshot import digest
from kubectl_kagent.model.stage import refusal
from kubectl_kagent.model.workload import RESTARTED_AT, Workload

Manifest = Mapping[str, Any]


def rendered(moment: Observation, then: Callable[[], Then | None], *, until: datetime) -> dict[str, str]:
    """The annotations that the Deployment proves for a config; empty while that is not certain.

    ``moment`` is the last one of that config, which was in force until ``until``. Deployment and workload are
    of one moment, and kagent writes the Deployment before the status: an observed generation means that this
    Deployment is made from this spec. Whether it is made from these sources see ``_taken_up``.
    """
    workload, deployment = moment.workload, moment.deployment
    if deployment is None or not workload.observed:
        return {}
    if refusal(workload) or workload.condition("Accepted", "True") is None:
        return {}
    if not _taken_up(moment, deployment, then, until):
        return {}
    return proof(workload, deployment, at=until)


def proof(workload: Workload, deployment: Manifest, *, at: datetime) -> dict[str, str]:
    """The annotations for the config that ``deployment`` is known to be made from, as it was seen then."""
    live = Deployment(deployment)
    found = {
        CONFIG_HASH: live.config_hash(workload),
        TEMPLATE_HASH: template_hash(deployment),
        IMAGE: live.image,
    }
    if live.rolled_out and live.counts.wanted:  # pods of it have shown that it runs
        found[READY_AT] = clock.timestamp(at)
    return found


def _taken_up(
    moment: Observation, deployment: Manifest, then: Callable[[], Then | None], until: datetime
) -> bool:
    """Whether the controller has acted on the newest content of all sources.

    ``then`` gives workload and Deployment as they were right after the newest write of a source. When the
    controller had nothing else to do, what it writes must be another now; else that may be its answer to the
    change before, made from what the source said then. When it is forgotten, times tell, which are whole
    seconds. A write that changes no hash is taken up some time after kagent has noted it in the source's own
    status.
    """
    sources = [source for source in moment.sources if source is not None]
    if len(sources) < len(moment.sources):
        return False  # kagent renders nothing from what is not there
    if not sources:
        return True
    newest = max(sources, key=lambda source: int(source["metadata"]["resourceVersion"]))
    before = then()
    others = [source for source in sources if source is not newest]
    if before and _was_idle(before, others, last_written(newest)):
        now = _written(moment.workload, deployment)
        if _written(before.workload, before.deployment) != now:
            return True
    return all(
        had_time(source, noted_at(source), until)
        or (shown(source, deployment, moment.workload) and not (before and source is newest))
        for source in sources
    )


def _was_idle(then: Then, sources: Sequence[Manifest], at: datetime) -> bool:
    """Whether the controller had acted on all but the newest write, or was to act for the first time."""
    if then.workload is None or not then.workload.observed_generation:
        return True
    deployment = then.deployment or {}
    return then.workload.observed and all(
        shown(source, deployment, then.workload) or had_time(source, noted_at(source), at)
        for source in sources
    )


def _written(workload: Workload | None, deployment: Manifest | None) -> tuple[Any, str]:
    """What the controller writes: the workload's status, and the config hash."""
    if workload is None:
        return None, ""
    return workload.obj.get("status"), config_hash(deployment, workload)


def unrecorded(workload: Workload) -> str:
    """What no revision holds, and the controllers render into the config hash all the same."""
    if not workload.is_agent:
        return "the controller"
    return "a Secret that a server's headers use, or the controller"


def template_hash(deployment: Mapping[str, Any]) -> str:
    """Digest of the pod template without the mark that a restart leaves."""
    template = dict(Deployment(deployment).template)
    metadata = dict(template.get("metadata") or {})
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != RESTARTED_AT}
    return digest({**template, "metadata": {**metadata, "annotations": annotations}})
