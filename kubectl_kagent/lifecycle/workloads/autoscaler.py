"""Who decides the replica count: an HPA or a KEDA ScaledObject on a workload's Deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import INTERRUPTED, Forbidden, Incomplete, KagentError, NotFound, ResourceMissing
from kubectl_kagent.lifecycle.workloads.deployment import Foreign, own_deployment
from kubectl_kagent.model.resources import HPA, MCP_SERVER, SCALED_OBJECT, Resource
from kubectl_kagent.model.workload import Workload, dig, whole_number

_KEDA_PAUSED = "autoscaling.keda.sh/paused"
_KEDA_PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"
_FALSE = {"0", "f", "F", "false", "False", "FALSE"}  # for Go


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """An autoscaler that targets a Deployment."""

    resource: Resource
    name: str
    minimum: int
    maximum: int
    obj: Mapping[str, Any]

    @property
    def label(self) -> str:
        return self.resource.label(self.name)

    @property
    def paused(self) -> bool:
        """Whether somebody paused KEDA."""
        return self.resource is SCALED_OBJECT and self.leaves_zero

    def unpausing(self, namespace: str) -> str:
        """The command that ends KEDA's pause."""
        return f"kubectl annotate {self.label} -n {namespace} {_KEDA_PAUSED}- {_KEDA_PAUSED_REPLICAS}-"

    @property
    def leaves_zero(self) -> bool:
        """Whether it does nothing to a Deployment that is scaled to 0.

        An HPA switches itself off there, unless 0 is within its limits. KEDA scales up from 0 itself, beside
        the HPA that it makes, unless it is paused. Paused at a count it scales to that, whatever else it is
        told; else any word but a false one pauses it.
        """
        if self.resource is SCALED_OBJECT:
            annotations = dig(self.obj, "metadata", "annotations") or {}
            if _KEDA_PAUSED_REPLICAS in annotations:
                return whole_number(annotations[_KEDA_PAUSED_REPLICAS]) == 0
            return _KEDA_PAUSED in annotations and annotations[_KEDA_PAUSED] not in _FALSE
        labels = dig(self.obj, "metadata", "labels") or {}
        return self.minimum > 0 and labels.get("app.kubernetes.io/managed-by") != "keda-operator"


def autoscalers(cluster: Cluster, namespace: str | None) -> dict[tuple[str, str], Autoscaler]:
    """The autoscalers of a namespace (None: of all) by namespace and name of the Deployment they target.

    Raises Forbidden when HPAs may not be listed. A cluster without KEDA, or where its objects may not be
    listed, still shows the HPA that KEDA makes.
    """
    hpas, scaled = side_by_side(lambda read: read(cluster, namespace), (_hpas, _scaled_objects))
    found: dict[tuple[str, str], Autoscaler] = {}
    for item in hpas:
        spec = item["spec"]
        if dig(spec, "scaleTargetRef", "kind") == "Deployment":
            found[item["metadata"]["namespace"], spec["scaleTargetRef"]["name"]] = Autoscaler(
                HPA,
                item["metadata"]["name"],
                1 if spec.get("minReplicas") is None else int(spec["minReplicas"]),
                int(spec["maxReplicas"]),
                item,
            )
    for item in scaled:
        spec = item["spec"]
        if dig(spec, "scaleTargetRef", "kind") in (None, "Deployment"):
            found[item["metadata"]["namespace"], spec["scaleTargetRef"]["name"]] = Autoscaler(
                SCALED_OBJECT,
                item["metadata"]["name"],
                int(spec.get("minReplicaCount") or 0),
                int(spec.get("maxReplicaCount") or 100),
                item,
            )
    return found


def _hpas(cluster: Cluster, namespace: str | None) -> list[dict[str, Any]]:
    return list(cluster.list_objects(HPA, namespace)["items"])


def _scaled_objects(cluster: Cluster, namespace: str | None) -> list[dict[str, Any]]:
    try:
        return list(cluster.list_objects(SCALED_OBJECT, namespace)["items"])
    except (Forbidden, NotFound, ResourceMissing):
        return []


def hpa_object(
    workload: Workload, *, minimum: int, maximum: int, cpu: int | None, memory: int | None
) -> dict[str, Any]:
    """An HPA on the workload's Deployment; ``cpu`` and ``memory`` are per cent of the requests.

    Raises KagentError where it would decide nothing: kmcp rewrites the count whenever it reconciles, and an
    HPA leaves a Deployment alone that is scaled to 0.
    """
    if workload.resource is MCP_SERVER:
        raise KagentError(
            f"{workload.label} can't be autoscaled: kmcp rewrites its replicas at each reconcile",
            hint=f"kubectl kagent scale {workload.typed} --replicas=N sets a fixed count",
        )
    if workload.replicas == 0:
        raise _asleep(workload)
    metrics = [
        {
            "type": "Resource",
            "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": value}},
        }
        for name, value in (("cpu", cpu), ("memory", memory))
        if value is not None
    ]
    return {
        "apiVersion": HPA.api_version,
        "kind": HPA.kind,
        "metadata": {"name": workload.name, "namespace": workload.namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload.name},
            "minReplicas": minimum,
            "maxReplicas": maximum,
            "metrics": metrics,
        },
    }


def autoscale(
    cluster: Cluster,
    workload: Workload,
    *,
    minimum: int,
    maximum: int,
    cpu: int | None,
    memory: int | None,
    dry_run: bool,
    manager: str,
) -> dict[str, Any]:
    """Create the HPA and release the replica count to it, in this order, so that no pod goes in between.

    Where only the count was left, as after a try that broke off, that is released. Raises KagentError when
    there is another autoscaler already, or where none would decide anything; Incomplete when the HPA is
    created and the count is not released.
    """
    body = hpa_object(workload, minimum=minimum, maximum=maximum, cpu=cpu, memory=memory)
    existing = autoscalers(cluster, workload.namespace).get(workload.key)
    held = workload.replicas is not None
    half_done = existing is not None and held and _is_made(body, existing)
    _refuse_useless(cluster, workload)
    if existing and not half_done:
        raise KagentError(
            f"{workload.label} already has an autoscaler: {existing.label}",
            hint=f"change it with kubectl edit, or delete it first: kubectl delete {existing.label}"
            f" -n {workload.namespace}",
        )
    if held:  # an HPA that may not get the count would only fight for it
        release(cluster, workload, dry_run=True, manager=manager)
    if existing:
        created = {"apiVersion": HPA.api_version, "kind": HPA.kind, **existing.obj}
    else:
        created = cluster.create(HPA, workload.namespace, body, dry_run=dry_run, manager=manager)
    there, again = HPA.label(workload.name), f"kubectl kagent scale {workload.typed} --release"
    try:
        if held:
            release(cluster, workload, dry_run=dry_run, manager=manager)
    except KagentError as error:
        raise Incomplete.because(
            f"{there} is there, but the count of {workload.label} could not be released:", error, again
        ) from error
    except KeyboardInterrupt as error:
        if dry_run:
            raise
        unknown = f"whether the count of {workload.label} is released is not known"
        raise Incomplete(f"interrupted: {there} is there, and {unknown}", again, INTERRUPTED) from error
    return created


def _refuse_useless(cluster: Cluster, workload: Workload) -> None:
    """Raise Foreign for another object's Deployment, KagentError for one that is scaled to 0."""
    try:
        deployment = own_deployment(cluster, workload)
    except Foreign:
        raise
    except NotFound:
        return  # it will get one
    if workload.replicas is None and dig(deployment, "spec", "replicas") == 0:
        raise _asleep(workload)


def _asleep(workload: Workload) -> KagentError:
    return KagentError(
        f"{workload.label} is scaled to 0, where an autoscaler leaves it",
        hint=f"kubectl kagent wake {workload.typed} first",
    )


def _is_made(body: Mapping[str, Any], existing: Autoscaler) -> bool:
    """Whether that autoscaler is the one that ``body`` would make."""
    spec = existing.obj.get("spec") or {}
    return (existing.resource, existing.name) == (HPA, body["metadata"]["name"]) and all(
        spec.get(key) == value for key, value in body["spec"].items()
    )


def count_patch(workload: Workload, replicas: int | None) -> dict[str, Any]:
    """The merge patch of the CR that sets its replica count; None removes it. Pure."""
    patch: dict[str, Any] = {"replicas": replicas}
    for step in reversed(workload.deployment_path):
        patch = {step: patch}
    return {"spec": patch}


def release(cluster: Cluster, workload: Workload, *, dry_run: bool, manager: str) -> dict[str, Any]:
    """Remove the replica count from the CR; the Deployment keeps the count it has.

    Raises KagentError when the server keeps it.
    """
    where = (workload.resource, workload.namespace, workload.name)
    released = cluster.merge_patch(*where, count_patch(workload, None), dry_run=dry_run, manager=manager)
    must_have(workload, released, None)
    return released


def must_have(workload: Workload, answer: Mapping[str, Any], replicas: int | None) -> None:
    """Raise KagentError unless the object that a write was answered with has that count, where it is read.

    An admission webhook may set another, a CRD without the field drops it, and an agent of another type by
    now has it elsewhere.
    """
    kept = Workload(workload.resource, answer).replicas
    if kept != replicas:
        asked, found = ("none" if count is None else str(count) for count in (replicas, kept))
        raise KagentError(
            f"the replica count of {workload.label} is {found} after the write, not {asked}",
            hint="an admission rule may decide it, or somebody changed the object at the same time: "
            f"kubectl get {workload.label} -n {workload.namespace} -o yaml",
        )
