"""A cluster in which every verb has something to read of every kind, and that can answer oddly of one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    EVENT,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    POD,
    REMOTE_MCP_SERVER,
    REPLICA_SET,
    SCALED_OBJECT,
    SERVICE,
    Resource,
)
from tests.fake.cluster import FakeCluster
from tests.objects import (
    Object,
    agent,
    byo,
    config_map,
    hpa,
    mcp_server,
    model_config,
    reconcile,
    scaled_object,
    workload,
)

Path = tuple[Any, ...]
DROP = object()
WRONG: tuple[Any, ...] = (DROP, None, 5, "x", [], {}, [1], [{}], {"a": 1}, True, 1.5, "9" * 5000, 10**400)

VERBS = (
    ("get", "agents", "-o", "wide"),
    ("get", "agents", "-A", "-o", "json"),
    ("get", "agent", "clock", "-o", "yaml"),
    ("get", "mcpservers"),
    ("get", "modelconfigs", "-A"),
    ("get", "remotemcpservers"),
    ("describe", "agent/clock"),
    ("describe", "mcpserver/datetime"),
    ("scale", "agent/clock", "--replicas=2"),
    ("hibernate", "agent/clock"),
    ("autoscale", "agent", "own", "--min=1", "--max=3", "--cpu=70%"),
    ("rollout", "history", "agent/clock"),
    ("rollout", "diff", "agent/clock"),
    ("rollout", "undo", "agent/clock", "--dry-run=server"),
    ("rollout", "restart", "agent/clock"),
    ("rollout", "status", "agent/clock", "--watch=false"),
    ("tools", "list", "-o", "wide"),
    ("tools", "check", "--all"),
    ("logs", "agent/clock"),
    ("logs", "--controller"),
    ("version",),
)


def furnished(cluster: FakeCluster) -> FakeCluster:
    """Fill an empty cluster."""
    tools = [
        {
            "type": "McpServer",
            "mcpServer": {"kind": "RemoteMCPServer", "name": "web", "toolNames": ["a"]},
        },
        {
            "type": "McpServer",
            "mcpServer": {"name": "datetime", "toolNames": ["now"], "requireApproval": ["now"]},
        },
        {"type": "McpServer", "mcpServer": {"kind": "Service", "name": "tools"}},
        {"type": "Agent", "agent": {"name": "own"}},
    ]
    prompts = {"promptTemplate": {"dataSources": [{"kind": "ConfigMap", "name": "prompts", "alias": "p"}]}}
    clock = agent("clock", tools=tools, deployment={"replicas": 1}, **prompts)
    clock["metadata"] |= {"labels": {"team": "a"}, "annotations": {"kubernetes.io/change-cause": "born"}}
    cluster.add(MODEL_CONFIG, {**model_config(), "status": {"secretHash": "ab"}})
    cluster.add(CONFIG_MAP, config_map("prompts", who="You are a clock."))
    cluster.add(REMOTE_MCP_SERVER, _remote())
    cluster.add(SERVICE, _service("tools", 3000, "default", **{"kagent.dev/mcp-service": "true"}))
    labels = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}
    cluster.add(SERVICE, _service("kagent-controller", 8083, "kagent", **labels))
    cluster.add(AGENT, clock)
    cluster.add(AGENT, byo("own"))
    cluster.add(MCP_SERVER, mcp_server())
    for name, resource in (("clock", AGENT), ("own", AGENT), ("datetime", MCP_SERVER)):
        reconcile(cluster, name, config_hash="1", resource=resource)
    history.update(cluster, workload(cluster), manager="recorder")
    cluster.clock.sleep(60)
    cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "Tell it well."}}})
    reconcile(cluster, config_hash="2", ready=False)
    history.update(cluster, workload(cluster), manager="recorder")
    _pods(cluster)
    cluster.add(HPA, hpa("clock"))
    cluster.add(SCALED_OBJECT, scaled_object("datetime"))
    for found in (AGENT, MCP_SERVER):
        versions = [{"name": found.version, "served": True}]
        cluster.add(CRD, {"kind": "C", "metadata": {"name": found.full_name}, "spec": {"versions": versions}})
    return cluster


def _remote() -> Object:
    return {
        "kind": "RemoteMCPServer",
        "metadata": {"name": "web"},
        "spec": {"url": "http://127.0.0.1:9/mcp", "headersFrom": [{"name": "X-Team", "value": "a"}]},
        "status": {
            "discoveredTools": [{"name": "a", "description": "It finds."}],
            "conditions": [_condition("Accepted", "True")],
        },
    }


def _condition(type_: str, status: str) -> Object:
    moment = "2026-11-23T08:00:00Z"
    return {"type": type_, "status": status, "reason": "X", "message": "", "lastTransitionTime": moment}


def _service(name: str, port: int, namespace: str, **labels: str) -> Object:
    ports = [{"name": "controller", "port": port, "appProtocol": "mcp"}]
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}


def _pods(cluster: FakeCluster) -> None:
    """A crashing pod of the newest ReplicaSet, with an event about it and its last words."""
    labels = {"app": "kagent", "kagent": "clock"}
    revision = {"deployment.kubernetes.io/revision": "2"}
    cluster.edit(DEPLOYMENT, "clock", {"metadata": {"annotations": revision}})
    deployment = cluster.read(DEPLOYMENT, "clock")
    owner = {"kind": "Deployment", "name": "clock", "uid": deployment["metadata"]["uid"], "controller": True}
    metadata = {"name": "clock-2", "labels": labels, "annotations": revision, "ownerReferences": [owner]}
    template = deployment["spec"]["template"]
    made = cluster.add(
        REPLICA_SET,
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": metadata,
            "spec": {"replicas": 1, "template": template},
            "status": {
                "replicas": 1,
                "readyReplicas": 0,
                "conditions": [_condition("ReplicaFailure", "False")],
            },
        },
    )
    ended = {"exitCode": 1, "reason": "Error", "startedAt": "2026-11-23T08:00:00Z"}
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    statuses = [
        {
            "name": "kagent",
            "restartCount": 2,
            "ready": False,
            "state": state,
            "lastState": {"terminated": ended},
        }
    ]
    owner = {"kind": "ReplicaSet", "name": "clock-2", "uid": made["metadata"]["uid"], "controller": True}
    container = {"name": "kagent", "resources": {"limits": {"memory": "1Gi"}}}
    crashed = cluster.add(
        POD,
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "clock-2-x", "labels": labels, "ownerReferences": [owner]},
            "spec": {"containers": [container]},
            "status": {
                "phase": "Running",
                "conditions": [_condition("Ready", "False")],
                "containerStatuses": statuses,
            },
        },
    )
    cluster.kubelet.write("clock-2-x", "08:00:00 Traceback")
    cluster.logs["clock-2-x", "kagent (previous)"] = "Traceback\n"
    cluster.add(
        EVENT,
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "clock-2-x.1"},
            "involvedObject": {"kind": "Pod", "name": "clock-2-x", "uid": crashed["metadata"]["uid"]},
            "type": "Warning",
            "reason": "FailedMount",
            "message": "no",
            "lastTimestamp": "2026-11-23T08:00:00Z",
        },
    )


# What an API server would answer that checks nothing


class _OddStore:
    """A store whose answers have ``value`` at ``path`` of each object of ``resource``."""

    def __init__(self, store: Any, resource: Resource, path: Path, value: Any) -> None:
        self._store, self._resource, self._path, self._value = store, resource, path, value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get(self, resource: Resource, *where: Any) -> Any:
        return self._odd(resource, self._store.get(resource, *where))

    def merge_patch(self, resource: Resource, *rest: Any, **more: Any) -> Any:
        return self._odd(resource, self._store.merge_patch(resource, *rest, **more))

    def list_objects(self, resource: Resource, *which: Any) -> Any:
        listing = self._store.list_objects(resource, *which)
        return {**listing, "items": [self._odd(resource, item) for item in listing["items"]]}

    def _odd(self, resource: Resource, obj: Object) -> Object:
        return changed(obj, self._path, self._value) if resource == self._resource else obj


def answer_oddly(cluster: FakeCluster, resource: Resource, path: Path, value: Any) -> None:
    """From now on ``cluster`` answers with objects of that kind that have ``value`` at ``path``."""
    cluster._store = _OddStore(cluster._store, resource, path, value)  # type: ignore[assignment]  # a proxy


def kinds(cluster: FakeCluster) -> dict[Resource, Object]:
    """Of each kind the object with the most in it."""
    found: dict[Resource, Object] = {}
    for write in cluster._store._log:
        if len(str(write.obj)) > len(str(found.get(write.resource, ""))):
            found[write.resource] = write.obj
    return found


def paths(node: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in an object, from its parts down to the leaves."""
    if at:
        yield at
    if isinstance(node, dict):
        for key, value in node.items():
            yield from paths(value, (*at, key))
    elif isinstance(node, list):
        for place, value in enumerate(node[:2]):
            yield from paths(value, (*at, place))


def changed(node: Any, path: Path, value: Any) -> Any:
    """A copy with ``value`` at ``path``; the object itself where it has no such place."""
    result = copy.deepcopy(node)
    holder = result
    try:
        for step in path[:-1]:
            holder = holder[step]
        if value is DROP:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
    except (KeyError, IndexError, TypeError):
        return node
    return result
