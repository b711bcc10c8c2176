"""A cluster in which a check finds nothing: kagent, kmcp, two agents with their tools, and telemetry."""

from __future__ import annotations

from typing import Any

from kubectl_kagent.model.resources import (
    AGENT,
    CRD,
    DEPLOYMENT,
    EVENT,
    LISTABLE,
    MCP_SERVER,
    MODEL_CONFIG,
    NAMESPACE,
    POD,
    REMOTE_MCP_SERVER,
    REPLICA_SET,
    SERVICE,
    Resource,
)
from tests.fake.cluster import Clock
from tests.fake.observed import AGENTS, CONTROLLER, NAME, Observed
from tests.objects import agent, mcp_server, model_config, reconcile, run_pods

Object = dict[str, Any]
_REVISION = {"deployment.kubernetes.io/revision": "1"}


class Checked(Observed):
    """Everything is installed, accepted and ready."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.add(NAMESPACE, {"metadata": {"name": self.namespace}})
        for resource in LISTABLE:
            self.serve(resource, resource.version)
        self.edit(DEPLOYMENT, "kagent-controller", {"spec": {"replicas": 1}}, namespace="kagent")
        self.available("kagent-controller", 1)
        labels = {NAME: "kmcp", "control-plane": "controller-manager", "app.kubernetes.io/version": "0.3.1"}
        self.put(DEPLOYMENT, "kmcp", "kagent", labels=labels, spec={"replicas": 1})
        self.available("kmcp", 1)
        spec = {"ports": [{"name": "controller", "port": 8083}]}
        self.put(SERVICE, "kagent-controller", "kagent", labels=CONTROLLER, spec=spec)
        self.say_version("0.10.4")
        self.add(MODEL_CONFIG, model_config() | {"status": _accepted()})
        self.add(MCP_SERVER, mcp_server())
        reconcile(self, "datetime", config_hash="1", resource=MCP_SERVER)
        remote = {"apiVersion": REMOTE_MCP_SERVER.api_version, "kind": "RemoteMCPServer"}
        found = {"discoveredTools": [{"name": "search", "description": ""}], **_accepted()}
        body = {"metadata": {"name": "web"}, "spec": {"url": "http://web.example/mcp"}, "status": found}
        self.add(REMOTE_MCP_SERVER, remote | body)
        self.offer("get_time")
        for name in AGENTS:
            self.remove(DEPLOYMENT, name)  # it is nobody's
            tools = [_tool("MCPServer", "datetime", "get_time"), _tool("RemoteMCPServer", "web", "search")]
            self.add(AGENT, agent(name, tools=tools))
            reconcile(self, name, config_hash="1")

    def serve(self, resource: Resource, *versions: str) -> None:
        """Install its CRD."""
        served = [{"name": version, "served": True} for version in versions]
        self.add(CRD, {"metadata": {"name": resource.full_name}, "spec": {"versions": served}})

    def available(self, name: str, count: int) -> None:
        """So many pods of a controller are."""
        generation = self.read(DEPLOYMENT, name, namespace="kagent")["metadata"]["generation"]
        status = {"observedGeneration": generation, "availableReplicas": count, "replicas": 1}
        self.set_status(DEPLOYMENT, name, status, namespace="kagent")

    def say_version(self, version: str) -> None:
        self.services["GET", "kagent/kagent-controller:8083/version"] = {"kagent_version": version}

    def offer(self, *names: str) -> None:
        """What kagent has found at the MCPServer."""
        tools = [{"name": name, "description": ""} for name in names]
        known = [{"groupKind": "MCPServer.kagent.dev", "ref": "default/datetime", "discoveredTools": tools}]
        path = "kagent/kagent-controller:8083/api/toolservers?user_id=admin%40kagent.dev"
        self.services["GET", path] = {"error": False, "data": known}

    def refuse(self, resource: Resource, name: str, message: str, type_: str = "Accepted") -> None:
        """Its controller has something against it."""
        status = {**self.read(resource, name).get("status", {}), **_accepted(message, type_)}
        self.set_status(resource, name, status)

    def crash(self, state: Object, *, last: Object | None = None, events: tuple[Object, ...] = ()) -> None:
        """The pod of the agent ``clock`` does not get ready."""
        run_pods(self, existing=1, ready=0)
        self.edit(DEPLOYMENT, "clock", {"metadata": {"annotations": _REVISION}})
        deployment = self.read(DEPLOYMENT, "clock")
        labels = {"app": "kagent", "kagent": "clock"}
        metadata = {"name": "clock-1", "labels": labels, "annotations": _REVISION, **_owned_by(deployment)}
        replica_set = self.add(REPLICA_SET, {**_typed(REPLICA_SET), "metadata": metadata, "spec": {}})
        self.remove(POD, "clock-x")
        status = {"containerStatuses": [{"name": "kagent", "state": state, "lastState": last or {}}]}
        spec = self.read(DEPLOYMENT, "clock")["spec"]["template"]["spec"]
        env = [{"name": "OTEL_TRACING_ENABLED", "value": "true"}]
        containers = [item | {"env": env} for item in spec["containers"]]
        metadata = {"name": "clock-x", "labels": labels, **_owned_by(replica_set)}
        body = {"metadata": metadata, "spec": {"containers": containers}, "status": status}
        pod = self.add(POD, _typed(POD) | body)
        for number, event in enumerate(events):
            involved = {"kind": "Pod", "name": "clock-x", "uid": pod["metadata"]["uid"]}
            body = {"metadata": {"name": f"event-{number}"}, "involvedObject": involved, **event}
            self.add(EVENT, _typed(EVENT) | body)


def _accepted(message: str = "", type_: str = "Accepted") -> Object:
    status = "False" if message else "True"
    return {"conditions": [{"type": type_, "status": status, "reason": "R", "message": message}]}


def _tool(kind: str, server: str, *names: str) -> Object:
    return {"type": "McpServer", "mcpServer": {"kind": kind, "name": server, "toolNames": list(names)}}


def _typed(resource: Resource) -> Object:
    return {"apiVersion": resource.api_version, "kind": resource.kind}


def _owned_by(owner: Object) -> Object:
    return {"ownerReferences": [{"uid": owner["metadata"]["uid"], "controller": True}]}
