"""A fake cluster with the objects of the permission cases, its controllers, and an agent that crashes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    CRD,
    DEPLOYMENT,
    EVENT,
    MCP_SERVER,
    POD,
    REPLICA_SET,
    SERVICE,
    Resource,
)
from kubectl_kagent.model.snapshot import ConfigSource, digest
from kubectl_kagent.model.workload import Workload, dig, with_replicas
from tests import objects
from tests.fake.cluster import FakeCluster
from tests.permissions import scenes

Object = dict[str, Any]


class FakeWorld:
    """The fake with a controller that acts at once."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.admin = cluster
        self.values: dict[str, str] = {}
        self._forgotten: dict[str, int] = {}
        for resource, body in scenes.objects("http://model"):
            cluster.add(resource, body)
        self.settle()
        self._crash("broken")
        answer = {"result": {"kind": "message", "parts": [{"kind": "text", "text": "hello"}]}}
        cluster.services["POST", "default/echo:8080/"] = answer
        self._install_kagent()
        self.converse()

    def settle(self) -> None:
        for resource in (AGENT, MCP_SERVER):
            for item in self.admin.read_all(resource):
                workload = Workload(resource, item)
                if self._forgotten.get(workload.name) != workload.generation:
                    self._reconcile(workload)

    def forget(self, name: str) -> None:
        found = self.admin.read(AGENT, name)
        self._forgotten[name] = found["metadata"]["generation"]
        self.admin.set_status(AGENT, name, {**found["status"], "observedGeneration": 0})

    def remember(self) -> None:
        self._forgotten.clear()
        self.settle()

    def meanwhile(self, action: Callable[[], None]) -> None:
        def later() -> None:
            self.admin.clock.sleep(2)
            action()

        self.admin.before("create", CONTROLLER_REVISION, later)

    def _reconcile(self, workload: Workload) -> None:
        spec = with_replicas(workload.spec, workload.deployment_path, None)
        # of a source only what reaches the agent: an MCP server's environment does not
        sources = [
            ConfigSource.of(reference, item).content
            for reference in workload.references()
            for item in self.admin.read_all(reference.resource)
            if item["metadata"]["name"] == reference.name
        ]
        hash_ = digest([spec, sources])
        found = [i for i in self.admin.read_all(DEPLOYMENT) if i["metadata"]["name"] == workload.name]
        path = ("spec", "template", "metadata", "annotations", workload.config_hash_annotation)
        rendered = found and dig(found[0], *path) == hash_
        seen = found and dig(found[0], "status", "observedGeneration") == found[0]["metadata"]["generation"]
        if not rendered or not seen or workload.observed_generation < workload.generation:
            ready = workload.name != "broken"
            name, resource = workload.name, workload.resource
            objects.reconcile(self.admin, name, config_hash=hash_, resource=resource, ready=ready)

    def _crash(self, name: str) -> None:
        labels = {"app": "kagent", "kagent": name}
        revision = {"deployment.kubernetes.io/revision": "1"}
        self.admin.edit(DEPLOYMENT, name, {"metadata": {"annotations": revision}})
        deployment = self.admin.read(DEPLOYMENT, name)
        metadata = {"name": "rs", "labels": labels, "annotations": revision, **_owned_by(deployment)}
        replica_set = self._add(REPLICA_SET, {"metadata": metadata, "spec": {}})
        crashed = {
            "name": "kagent",
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1}},
        }
        pod = {
            "metadata": {"name": "pod", "labels": labels, **_owned_by(replica_set)},
            "spec": {"containers": [{"name": "kagent"}]},
            "status": {"containerStatuses": [crashed]},
        }
        self._add(POD, pod)
        self.admin.logs["pod", "kagent (previous)"] = "last words\n"
        self.admin.kubelet.write("pod", "08:00:00 last words")
        self.admin.kubelet.end("pod")
        involved = {"kind": "Pod", "name": "pod"}
        self._add(EVENT, {"metadata": {"name": "event"}, "involvedObject": involved, "reason": "x"})

    def _install_kagent(self) -> None:
        for resource in (AGENT, MCP_SERVER):
            versions = [{"name": resource.version, "served": True}]
            body = {"metadata": {"name": resource.full_name}, "spec": {"versions": versions}}
            self._add(CRD, body)
        labels = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}
        where = {"namespace": "kagent", "labels": labels}
        ports = [{"name": "controller", "port": 8083}]
        service = {"metadata": {"name": "kagent-controller", **where}, "spec": {"ports": ports}}
        self._add(SERVICE, service)
        self.admin.services["GET", "kagent/kagent-controller:8083/version"] = {"kagent_version": "0.10.4"}
        sessions = "/api/sessions/agent/default/agent?user_id=admin%40kagent.dev"
        self.admin.services["GET", f"kagent/kagent-controller:8083{sessions}"] = {"data": []}
        everybody = "/api/sessions?user_id=admin%40kagent.dev"
        self.admin.services["GET", f"kagent/kagent-controller:8083{everybody}"] = {"data": []}
        container = {"name": "kagent"}
        pod = {"metadata": {"name": "controller", **where}, "spec": {"containers": [container]}}
        self._add(POD, pod | {"status": {"containerStatuses": [container | {"state": {"running": {}}}]}})
        self.admin.kubelet.write("controller", "08:00:00 hello")
        config = {"configMapRef": {"name": "kagent-controller"}}
        deployment = {
            "metadata": {"name": "kagent-controller", **where},
            "spec": {
                "replicas": 1,
                "template": {"spec": {"containers": [container | {"envFrom": [config]}]}},
            },
            "status": {"availableReplicas": 1},
        }
        self._add(DEPLOYMENT, deployment)

    def converse(self) -> tuple[str, str]:
        """The waiting task is done as soon as it is answered."""
        row = {"id": "s", "agent_id": "default__NS__echo", "updated_at": "2026-11-23T08:00:00Z"}
        call = {"id": "c", "name": "delete", "args": {}}
        data = {"id": "r", "name": "adk_request_confirmation", "args": {"originalFunctionCall": call}}
        part = {"kind": "data", "data": data, "metadata": {"kagent_type": "function_call"}}
        message = {"role": "agent", "messageId": "m", "parts": [part]}
        task = {"kind": "task", "id": "t", "contextId": "s"}
        waiting = {**task, "status": {"state": "input-required", "message": message}}
        answers: dict[tuple[str, str], object] = {
            ("GET", "/api/sessions"): [row],
            ("GET", "/api/sessions/s?order=asc&limit=-1"): {"session": row, "events": []},
            ("GET", "/api/sessions/s?limit=1"): {"session": row, "events": []},
            ("GET", "/api/sessions/s/tasks"): [waiting],
            ("DELETE", "/api/sessions/s"): {},
        }
        place, user = "kagent/kagent-controller:8083", "user_id=admin%40kagent.dev"
        for (method, path), given in answers.items():
            asked = f"{path}{'&' if '?' in path else '?'}{user}"
            self.admin.services[method, f"{place}{asked}"] = {"error": False, "data": given}
        done = {"result": {**task, "status": {"state": "completed"}}}
        line = f"data: {json.dumps(done)}".encode()
        door = f"{place}/api/a2a/default/echo?{user}"
        self.admin.streams[door] = [line]
        self.admin.services["POST", door] = {"result": waiting}
        refused = {"error": {"code": -32603, "message": "failed to send HTTP request: connection refused"}}
        self.admin.streams[f"{place}/api/a2a/default/agent?{user}"] = [
            f"data: {json.dumps(refused)}".encode()
        ]
        return "s", "t"

    def _add(self, resource: Resource, body: Object) -> Object:
        typed = {"apiVersion": resource.api_version, "kind": resource.kind}
        return self.admin.add(resource, typed | body)


def _owned_by(owner: Object) -> Object:
    return {"ownerReferences": [{"uid": owner["metadata"]["uid"], "controller": True}]}
