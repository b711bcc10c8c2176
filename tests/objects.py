"""Objects to put into a cluster, and what kagent's controller would make of them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, MCP_SERVER, Resource
from kubectl_kagent.model.workload import Workload
from tests.fake.cluster import FakeCluster

Object = dict[str, Any]

_AGENTS = Path(__file__).parent / "data" / "agents"


def load(name: str) -> Object:
    """The object in ``tests/data/agents/NAME.yaml``."""
    return dict(yaml.safe_load((_AGENTS / f"{name}.yaml").read_text()))


def agent(name: str = "clock", **declarative: Any) -> Object:
    """A small Declarative agent."""
    return {
        "apiVersion": AGENT.api_version,
        "kind": "Agent",
        "metadata": {"name": name},
        "spec": {
            "type": "Declarative",
            "declarative": {"modelConfig": "gpt", "systemMessage": "Tell the time.", **declarative},
        },
    }


def byo(name: str = "own", **deployment: Any) -> Object:
    spec = {"type": "BYO", "byo": {"deployment": {"image": "registry.example/own:1", **deployment}}}
    return {"apiVersion": AGENT.api_version, "kind": "Agent", "metadata": {"name": name}, "spec": spec}


def mcp_server(name: str = "datetime", **deployment: Any) -> Object:
    found = load("mcpserver")
    found["spec"]["deployment"] |= deployment
    return {**found, "metadata": {"name": name}}


def model_config(name: str = "gpt", model: str = "small") -> Object:
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "ModelConfig",
        "metadata": {"name": name},
        "spec": {"provider": "OpenAI", "model": model, "apiKeySecret": "keys", "apiKeySecretKey": "key"},
    }


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def hpa(target: str, *, minimum: int = 1, maximum: int = 5, kind: str = "Deployment") -> Object:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"{target}-hpa"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": target},
            "minReplicas": minimum,
            "maxReplicas": maximum,
        },
    }


def scaled_object(target: str, **spec: Any) -> Object:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": f"{target}-scaler"},
        "spec": {"scaleTargetRef": {"name": target}, **spec},
    }


def workload(cluster: FakeCluster, name: str = "clock", resource: Resource = AGENT) -> Workload:
    return Workload(resource, cluster.read(resource, name))


def reconcile(
    cluster: FakeCluster,
    name: str = "clock",
    *,
    config_hash: str,
    image: str = "app:1",
    ready: bool = True,
    resource: Resource = AGENT,
) -> None:
    """What the controllers do after a change: first the Deployment, then the workload's status."""
    live = workload(cluster, name, resource)
    existing = [item for item in cluster.read_all(DEPLOYMENT) if item["metadata"]["name"] == name]
    replicas = 1 if live.replicas is None else live.replicas
    if live.is_agent and live.replicas is None and existing:
        replicas = existing[0]["spec"]["replicas"]  # kagent leaves it to whoever decides it
    template = {
        "metadata": {"annotations": {live.config_hash_annotation: config_hash}},
        "spec": {"containers": [{"name": "kagent", "image": image}]},
    }
    spec = {"replicas": replicas, "template": template}
    if existing:
        cluster.edit(DEPLOYMENT, name, {"spec": spec}, manager="controller")
    else:
        owner = {"apiVersion": resource.api_version, "kind": resource.kind, "name": name, "uid": live.uid}
        labels = dict(item.split("=") for item in live.pod_selector.split(","))
        metadata = {"name": name, "labels": labels, "ownerReferences": [{**owner, "controller": True}]}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
        cluster.add(DEPLOYMENT, body, manager="controller")
    run_pods(cluster, name, existing=replicas, ready=replicas if ready else 0)
    accepted = {"type": "Accepted", "status": "True", "reason": "Reconciled", "message": ""}
    conditions = [{**accepted, "lastTransitionTime": "2026-11-23T08:00:00Z"}]
    status = {"observedGeneration": live.generation, "conditions": conditions}
    cluster.set_status(resource, name, status)


def taken_name(cluster: FakeCluster, name: str = "clock", *, replicas: int = 2) -> None:
    """A Deployment of somebody else's that has the name of a workload."""
    other = {
        "apiVersion": "apps.example/v1",
        "kind": "Shop",
        "name": name,
        "uid": "another",
        "controller": True,
    }
    spec = {"replicas": replicas, "template": {"spec": {"containers": [{"name": "c", "image": "theirs"}]}}}
    metadata = {"name": name, "ownerReferences": [other]}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    cluster.add(DEPLOYMENT, body)


def run_pods(cluster: FakeCluster, name: str = "clock", *, existing: int, ready: int) -> None:
    """The Deployment controller has seen the spec, and these pods there are."""
    deployment = cluster.read(DEPLOYMENT, name)
    status = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": existing,
        "updatedReplicas": existing,
        "readyReplicas": ready,
        "availableReplicas": ready,
    }
    cluster.set_status(DEPLOYMENT, name, status)


def changed(obj: Object, *path: str, to: Any) -> Object:
    """A copy of ``obj`` with another value at ``path``."""
    result = copy.deepcopy(obj)
    node = result
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = to
    return result


WORKLOAD_FILES = {"declarative": AGENT, "byo": AGENT, "mcpserver": MCP_SERVER}


def lines(result: Any) -> tuple[str, ...]:
    """The notes of a result, as people read them."""
    return tuple(note.line for note in result.notes)
