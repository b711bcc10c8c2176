"""kagent and kmcp as far as history and undo see them: a Deployment made from the effective config."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from kubectl_kagent.errors import NotFound
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, MODEL_CONFIG, WORKLOADS, Resource
from kubectl_kagent.model.workload import Workload, with_replicas
from tests.fake.cluster import FakeCluster
from tests.objects import Object, reconcile, workload


class Controllers:
    """Both controllers of a cluster. They act when time passes, and only then: see ``sleep``.

    ``stopped`` lets them do nothing; ``salt`` is what an upgrade of theirs changes in every config hash.
    """

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.stopped = False
        self.salt = ""
        self._rendered: dict[tuple[str, str], str] = {}

    def sleep(self, seconds: float) -> None:
        self.cluster.clock.sleep(seconds)
        self.act()

    def act(self) -> None:
        for resource in WORKLOADS if not self.stopped else ():
            for obj in self.cluster.read_all(resource):
                workload = Workload(resource, obj)
                seen = f"{workload.uid} {workload.generation} {self.config_hash(workload)}"
                if self._rendered.get((resource.kind, workload.name)) != seen:
                    self._rendered[resource.kind, workload.name] = seen
                    digest = self.config_hash(workload)
                    reconcile(self.cluster, workload.name, config_hash=digest, resource=resource)

    def config_hash(self, workload: Workload) -> str:
        """Decimal as kagent's: over the spec without its replicas, the sources, the hash of their Secrets."""
        parts: list[Any] = [self.salt, with_replicas(workload.spec, workload.deployment_path, None)]
        for reference in workload.references():
            try:
                found = self.cluster.read(reference.resource, reference.name, namespace=reference.namespace)
            except NotFound:
                parts.append(None)
                continue
            data = {key: found.get("data", {}).get(key) for key in reference.keys} or found.get("data")
            parts.append([found.get("spec"), data, found.get("status", {}).get("secretHash")])
        text = json.dumps(parts, sort_keys=True).encode()
        return str(int.from_bytes(hashlib.sha256(text).digest()[:8], "big"))


class Story:
    """A cluster in which things happen minute by minute; the controllers act and history looks each time."""

    def __init__(self, cluster: FakeCluster, controllers: Controllers) -> None:
        self.cluster = cluster
        self.controllers = controllers

    def add(self, resource: Resource, obj: Object) -> None:
        self.cluster.add(resource, obj)
        self.controllers.act()

    def edit(self, resource: Resource, name: str, spec: Object, manager: str = "kubectl-edit") -> None:
        self.cluster.clock.sleep(60)
        patch = {"data" if resource is CONFIG_MAP else "spec": spec}
        self.cluster.edit(resource, name, patch, manager=manager)
        self.controllers.act()
        self.look_at_all()

    def prompt(self, text: str, name: str = "clock") -> None:
        self.edit(AGENT, name, {"declarative": {"systemMessage": text}})

    def model(self, model: str) -> None:
        self.edit(MODEL_CONFIG, "gpt", {"model": model}, manager="kubectl-patch")

    def look(self, name: str = "clock", resource: Resource = AGENT) -> History:
        return history.update(self.cluster, workload(self.cluster, name, resource), manager="looker")

    def look_at_all(self) -> None:
        for resource in WORKLOADS:
            for obj in self.cluster.read_all(resource):
                self.look(obj["metadata"]["name"], resource)

    def hash(self, name: str = "clock", resource: Resource = AGENT) -> str:
        """The config hash that the controllers give to the live config."""
        return self.controllers.config_hash(workload(self.cluster, name, resource))
