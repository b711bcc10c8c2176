"""What ``get`` shows: each workload with the truth about its pods, from the Deployment and not from Ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Forbidden, NotFound, ResourceMissing
from kubectl_kagent.lifecycle.workloads.autoscaler import Autoscaler, autoscalers
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MODEL_CONFIG,
    Resource,
)
from kubectl_kagent.model.revision import CONFIG_HASH, LABEL_KIND, parse_time
from kubectl_kagent.model.workload import Workload, dig

T = TypeVar("T")
Part = Literal["autoscaler", "model", "revision"]
Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Counts:
    """Pods of a Deployment: wanted, ready, and of the newest template."""

    wanted: int
    ready: int
    updated: int


@dataclass(frozen=True, slots=True)
class Overview:
    """One line of ``get``. ``counts`` is None without a Deployment; ``revision`` is empty if not recorded.

    ``unknown`` names what may not be read.
    """

    workload: Workload
    counts: Counts | None
    autoscaler: Autoscaler | None
    model: str
    tools: int
    revision: str
    config_hash: str
    image: str
    state: str
    created: datetime
    unknown: frozenset[Part]


def overviews(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    *,
    names: tuple[str, ...] = (),
    labels: str | None = None,
    warn: Warn,
) -> list[Overview]:
    """The workloads of a namespace (None: of all), by name. Raises NotFound for a name that is not there.

    Raises Forbidden without the workloads or Deployments; ``warn`` is told what else may not be read.
    """
    if names and namespace is not None:
        items = [cluster.get(resource, namespace, name) for name in names]
    else:
        items = cluster.list_objects(resource, namespace, labels=labels)["items"]
    deployments = _by_name(cluster, DEPLOYMENT, namespace)
    unknown: set[Part] = set()

    def allowed(part: Part, read: Callable[[], dict[T, Any]]) -> dict[T, Any]:
        try:
            return read()
        except Forbidden as error:
            if part not in unknown:
                warn(f"{part} unknown: {error.explained}")
            unknown.add(part)
            return {}

    models: dict[tuple[str, str], Any] = {}
    if resource is AGENT:
        models = allowed("model", lambda: _by_name(cluster, MODEL_CONFIG, namespace))
    revisions = allowed("revision", lambda: _newest_revisions(cluster, resource, namespace))
    workloads = [Workload(resource, item) for item in items]
    scalers = {
        place: allowed("autoscaler", lambda place=place: autoscalers(cluster, place))  # type: ignore[misc]
        for place in {workload.namespace for workload in workloads}
    }
    return [
        overview(
            workload,
            _own(workload, deployments.get((workload.namespace, workload.name))),
            scalers[workload.namespace].get(workload.name),
            _model_name(workload, models),
            revisions.get((workload.namespace, workload.name)),
            frozenset(unknown),
        )
        for workload in workloads
    ]


def _own(workload: Workload, found: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return found if found and workload.owns(found) else None


def overview(
    workload: Workload,
    deployment: Mapping[str, Any] | None,
    autoscaler: Autoscaler | None,
    model: str,
    revision: Mapping[str, Any] | None,
    unknown: frozenset[Part] = frozenset(),
) -> Overview:
    """Join what was read about one workload. Pure."""
    template = dig(deployment, "spec", "template") or {}
    config_hash = str(dig(template, "metadata", "annotations", workload.config_hash_annotation) or "")
    counts = _counts(deployment)
    return Overview(
        workload=workload,
        counts=counts,
        autoscaler=autoscaler,
        model=model,
        tools=sum(len(tool.tools) for tool in workload.tools),
        revision=_revision(revision, config_hash),
        config_hash=config_hash,
        image=str((dig(template, "spec", "containers") or [{}])[0].get("image", "")),
        state=_state(workload, deployment, counts),
        created=parse_time(workload.obj["metadata"]["creationTimestamp"]),
        unknown=unknown,
    )


def _counts(deployment: Mapping[str, Any] | None) -> Counts | None:
    if deployment is None:
        return None
    status = deployment.get("status") or {}
    return Counts(
        int(dig(deployment, "spec", "replicas") or 0),
        int(status.get("readyReplicas", 0)),
        int(status.get("updatedReplicas", 0)),
    )


def _state(workload: Workload, deployment: Mapping[str, Any] | None, counts: Counts | None) -> str:
    """One word or sentence: what an on-call person would want to know first."""
    accepted = workload.condition("Accepted")
    if accepted is not None and accepted.status == "False":
        return f"NotAccepted: {accepted.message}"
    if workload.observed_generation < workload.generation:
        return "Pending: the controller has not seen the newest change"
    if deployment is None or counts is None:
        return "NoDeployment"
    if counts.wanted == 0:
        return "ScaledToZero"
    failure = _condition(deployment, "ReplicaFailure", "True")
    if failure:
        return f"Stuck: {failure}"
    stuck = _condition(deployment, "Progressing", "False")
    if stuck:
        return f"Stuck: {stuck}"
    if counts.updated < counts.wanted or int(dig(deployment, "status", "replicas") or 0) > counts.updated:
        return "Progressing"
    return "Ready" if counts.ready >= counts.wanted else "NotReady"


def _condition(deployment: Mapping[str, Any], type_: str, status: str) -> str:
    for item in dig(deployment, "status", "conditions") or ():
        if item.get("type") == type_ and item.get("status") == status:
            return str(item.get("message") or item.get("reason") or type_)
    return ""


def _revision(revision: Mapping[str, Any] | None, config_hash: str) -> str:
    """The newest revision's number, unless something else runs than it recorded."""
    if revision is None:
        return ""
    recorded = str(dig(revision, "metadata", "annotations", CONFIG_HASH) or "")
    return "" if recorded and recorded != config_hash else str(revision.get("revision") or "")


def _newest_revisions(
    cluster: Cluster, resource: Resource, namespace: str | None
) -> dict[tuple[str, str], Mapping[str, Any]]:
    labels = f"{LABEL_KIND}={resource.singular}"
    items = cluster.list_objects(CONTROLLER_REVISION, namespace, labels=labels)["items"]
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for item in sorted(items, key=lambda item: int(item.get("revision") or 0)):
        owner = (dig(item, "metadata", "ownerReferences") or [{}])[0].get("name", "")
        found[(item["metadata"]["namespace"], str(owner))] = item
    return found


def _by_name(
    cluster: Cluster, resource: Resource, namespace: str | None
) -> dict[tuple[str, str], Mapping[str, Any]]:
    try:
        items = cluster.list_objects(resource, namespace)["items"]
    except (NotFound, ResourceMissing):
        return {}
    return {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in items}


def _model_name(workload: Workload, models: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    reference = workload.model_config
    if reference is None:
        return ""
    found = models.get((reference.namespace, reference.name))
    return str(dig(found, "spec", "model") or "") if found else f"{reference.name} (missing)"
