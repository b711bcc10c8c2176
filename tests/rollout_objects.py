"""Objects of a rollout as kagent, the Deployment controller and the kubelet leave them."""

from __future__ import annotations

from typing import Any

from kubectl_kagent.lifecycle.rollout.inspection import View
from kubectl_kagent.model.resources import AGENT, MCP_SERVER
from kubectl_kagent.model.workload import Workload

Object = dict[str, Any]

HASH = "17444137150362657202"
POD = "echo-6f5bf9d845-d5z2z"
SECOND_POD = "echo-6f5bf9d845-qrrnx"
LABELS = {"app": "kagent", "kagent": "echo"}


def agent(*, generation: int = 2, seen: int = 2, accepted: str = "", replicas: int | None = 1) -> Object:
    """``accepted`` is what kagent has against it."""
    condition = {
        "type": "Accepted",
        "status": "False" if accepted else "True",
        "reason": "ReconcileFailed" if accepted else "Reconciled",
        "message": accepted or "Agent configuration accepted",
        "observedGeneration": seen,
    }
    deployment: Object = {"image": "lab.local/byo-agent:lab"}
    if replicas is not None:
        deployment["replicas"] = replicas
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "metadata": {"name": "echo", "namespace": "default", "uid": "uid-agent", "generation": generation},
        "spec": {"type": "BYO", "byo": {"deployment": deployment}},
        "status": {"observedGeneration": seen, "conditions": [condition]},
    }


def mcp_server(*, generation: int = 1, seen: int = 1, programmed: str = "") -> Object:
    conditions = [
        {"type": "Accepted", "status": "True", "message": "MCPServer configuration is valid"},
        {
            "type": "Programmed",
            "status": "False" if programmed else "True",
            "message": programmed or "All resources created successfully",
        },
        # stale, as kmcp leaves it: nothing may hang on it
        {"type": "Ready", "status": "False", "message": "Deployment not ready: 0/0 replicas available"},
    ]
    return {
        "apiVersion": "kagent.dev/v1alpha1",
        "kind": "MCPServer",
        "metadata": {"name": "echo", "namespace": "default", "uid": "uid-agent", "generation": generation},
        "spec": {"transportType": "http", "deployment": {"image": "x", "port": 3000, "replicas": 1}},
        "status": {"observedGeneration": seen, "conditions": conditions},
    }


def deployment(
    wanted: int = 1,
    *,
    existing: int = 1,
    updated: int = 1,
    available: int = 0,
    generation: int = 3,
    seen: int = 3,
    deadline: bool = False,
    annotation: str = "kagent.dev/config-hash",
) -> Object:
    progressing = {
        "type": "Progressing",
        "status": "False" if deadline else "True",
        "reason": "ProgressDeadlineExceeded" if deadline else "ReplicaSetUpdated",
        "message": 'ReplicaSet "echo-6f5bf9d845" has timed out progressing.' if deadline else "",
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "echo",
            "namespace": "default",
            "uid": "uid-deployment",
            "generation": generation,
            "labels": LABELS,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
            "ownerReferences": [owner("Agent", "uid-agent")],
        },
        "spec": {
            "replicas": wanted,
            "progressDeadlineSeconds": 600,
            "template": {"metadata": {"annotations": {annotation: HASH}}},
        },
        "status": {
            "observedGeneration": seen,
            "replicas": existing,
            "updatedReplicas": updated,
            "availableReplicas": available,
            "conditions": [progressing],
        },
    }


def replica_set(*, revision: str = "2", refused: str = "", name: str = "echo-6f5bf9d845") -> Object:
    failure = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": refused,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "labels": LABELS,
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [owner("Deployment", "uid-deployment")],
        },
        "status": {"conditions": [failure] if refused else []},
    }


def owner(kind: str, uid: str) -> Object:
    return {"kind": kind, "name": "echo", "uid": uid, "controller": True}


def waiting(reason: str, message: str = "", **more: Any) -> Object:
    """The status of a container that waits."""
    return container({"waiting": {"reason": reason, **({"message": message} if message else {})}}, **more)


def ended(
    code: int, reason: str = "Error", message: str = "", *, at: str | None = "2026-11-23T07:59:59Z"
) -> Object:
    """How a container's run ended, and when."""
    return {
        "exitCode": code,
        "reason": reason,
        "finishedAt": at,
        **({"message": message} if message else {}),
    }


def container(state: Object, *, restarts: int = 0, last: Object | None = None) -> Object:
    return {
        "name": "kagent",
        "ready": False,
        "restartCount": restarts,
        "state": state,
        "lastState": {"terminated": last} if last else {},
    }


def pod(
    *statuses: Object,
    name: str = POD,
    ready: bool = False,
    unscheduled: str = "",
    leaving: bool = False,
    init: Object | None = None,
    memory: str = "1Gi",
) -> Object:
    metadata: Object = {
        "name": name,
        "namespace": "default",
        "uid": f"uid-{name}",
        "labels": LABELS,
        "ownerReferences": [owner("ReplicaSet", "uid-echo-6f5bf9d845")],
    }
    if leaving:
        metadata["deletionTimestamp"] = "2026-11-23T08:00:00Z"
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    if unscheduled:
        conditions = [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": unscheduled,
            }
        ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "kagent", "resources": {"limits": {"memory": memory}}}]},
        "status": {
            "conditions": conditions,
            "initContainerStatuses": [init] if init else [],
            "containerStatuses": list(statuses),
        },
    }


def running(name: str = POD) -> Object:
    return pod(container({"running": {"startedAt": "2026-11-23T08:00:00Z"}}), name=name)


def event(reason: str, message: str, *, at: str = "2026-11-23T08:00:01Z", about: str = POD) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about}.{reason.lower()}.{at[-3:-1]}", "namespace": "default"},
        "involvedObject": {"kind": "Pod", "name": about, "namespace": "default", "uid": f"uid-{about}"},
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
    }


def controller(
    available: int, *, wanted: int = 1, name: str = "kagent-controller", namespace: str = "kagent"
) -> Object:
    labels = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"replicas": wanted},
        "status": {"availableReplicas": available} if available else {},
    }


def view(obj: Object | None = None, **parts: Any) -> View:
    """A look at an agent (or ``obj``) whose Deployment has one new pod that is not available yet."""
    obj = obj or agent()
    resource = AGENT if obj["kind"] == "Agent" else MCP_SERVER
    parts = {"deployment": deployment(), "replica_sets": (replica_set(),)} | parts
    return View(Workload(resource, obj), **parts)
