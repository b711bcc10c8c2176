"""Two tenants with rights in one namespace each, and a recorder of both that runs with its own role."""

from __future__ import annotations

import copy
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import Forbidden, Unreachable
from kubectl_kagent.lifecycle.history.revisions import revisions_of
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    SERVICE,
    Resource,
)
from kubectl_kagent.model.workload import Workload
from tests.cluster.conftest import Tools, wait_for
from tests.cluster.running import Running
from tests.cluster.workloads import declarative, mcp_server, model_config
from tests.lab.layout import CHECKOUT

Object = dict[str, Any]

MANIFESTS = CHECKOUT / "manifests"
MANAGER = "tenant"
OWN = "kubectl-kagent-test"
SHIPPED = ("recorder/kagent-recorder", "rbac/kagent-operate")
# Who ships agents may do anything with kagent's objects in his namespace.
OWNER: Object = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "owner"},
    "rules": [{"apiGroups": ["kagent.dev"], "resources": ["*"], "verbs": ["*"]}],
}


@dataclass(frozen=True)
class Tenant:
    """A ServiceAccount: its namespace, and what it can do there."""

    namespace: str
    tools: Tools
    api: ApiServer

    def create(self, resource: Resource, body: Object) -> Object:
        typed = {"apiVersion": resource.api_version, "kind": resource.kind}
        return self.api.create(resource, self.namespace, typed | copy.deepcopy(body), manager=MANAGER)

    def agent(self, name: str, **declarative: Any) -> Object:
        return self.create(AGENT, spy(name, **declarative))

    def patch(self, resource: Resource, name: str, patch: Object) -> Object:
        return self.api.merge_patch(resource, self.namespace, name, patch, manager=MANAGER)

    def delete(self, resource: Resource, name: str) -> None:
        self.api.delete(resource, self.namespace, name)

    def revisions(self, name: str) -> list[Object]:
        labels = f"kubectl-kagent/name={name}"
        found: list[Object] = self.api.list_objects(CONTROLLER_REVISION, self.namespace, labels=labels)[
            "items"
        ]
        return found


def spy(name: str, **settings: Any) -> Object:
    """An agent that names no source unless it is told to, and wants no pods."""
    body = declarative(name, replicas=0, **settings)
    given = body["spec"]["declarative"]
    for key, value in list(given.items()):
        if value is None or (key == "modelConfig" and key not in settings):
            del given[key]
    return body


def named(kind: str, name: str, namespace: str = "", group: str = "") -> Object:
    """A tool from that server."""
    server = {"kind": kind, "apiGroup": group, "name": name, "namespace": namespace, "toolNames": ["a"]}
    given = {key: value for key, value in server.items() if value}
    return {"type": "McpServer", "mcpServer": given}


@dataclass
class Innocent:
    """Edits its agent all the time; ``done`` are the prompts that the API server acknowledged."""

    tenant: Tenant
    every: float
    done: list[str] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        self.tenant.create(AGENT, innocent_agent())
        self.done.append("begin")
        self._thread = threading.Thread(target=self._edit)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _edit(self) -> None:
        try:
            while not self._over.wait(self.every):
                text = f"edit {len(self.done)}"
                spec = {"spec": {"declarative": {"systemMessage": text}}}
                self.tenant.patch(AGENT, "clock", spec)
                self.done.append(text)
        except BaseException as error:
            self.failures.append(error)

    def recorded(self) -> list[str]:
        """The prompts of its revisions."""
        workload = Workload(AGENT, self.tenant.api.get(AGENT, self.tenant.namespace, "clock"))
        found = revisions_of(self.tenant.api, workload)
        return [str(revision.spec["declarative"]["systemMessage"]) for revision in found]


def innocent_agent() -> Object:
    body = spy("clock", systemMessage="begin")
    body["metadata"]["annotations"] = {"kubectl-kagent/revision-history-limit": "5000"}
    return body


@dataclass(frozen=True)
class World:
    """``attacker`` and ``innocent``, who has put ``marker`` into everything of his."""

    admin: Tools
    attacker: Tenant
    innocent: Innocent
    process: subprocess.Popen[str]
    recorder: Running
    marker: str

    def said(self) -> str:
        return "\n".join(line for lines in self.recorder.lines.values() for _, line in lines)

    def goes_on(self, after: str) -> None:
        """The recorder runs, and records what the innocent does from now on."""
        edits = len(self.innocent.done) + 1

        def is_recorded() -> bool:
            assert self.process.poll() is None, f"after {after} the recorder has ended: {self.said()}"
            assert not self.innocent.failures, self.innocent.failures
            done = self.innocent.done
            return len(done) > edits and done[edits] in self.innocent.recorded()

        wait_for(is_recorded, f"after {after} the next edit of the innocent", timeout=60)


@contextmanager
def two_tenants(kubeconfig: Path, kubectl: str, directory: Path, every: float) -> Iterator[World]:
    """At the end nothing of it is left."""
    run = uuid4().hex[:8]
    admin = Tools(kubeconfig, kubectl, f"tenants-{run}-recorder")
    mine, theirs = f"tenants-{run}-a", f"tenants-{run}-b"
    accounts = _Accounts(admin, run, directory)
    for namespace in (admin.namespace, mine, theirs):
        admin.kubectl("create", "namespace", namespace)
    try:
        for role in (*(yaml.safe_load((MANIFESTS / f"{name}.yaml").read_text()) for name in SHIPPED), OWNER):
            accounts.define(role)
        recorder = accounts.make(admin.namespace, {"kagent-recorder": True})
        attacker = accounts.make(mine, dict.fromkeys(("kagent-operate", "edit", "owner"), False))
        victim = accounts.make(theirs, dict.fromkeys(("kagent-operate", "edit", "owner"), False))
        marker = f"marker-{uuid4().hex}"
        furnish(victim, marker)
        process = recorder.tools.start("record", "-A")
        running, innocent = Running(process), Innocent(victim, every)
        try:
            innocent.begin()
            yield World(admin, attacker, innocent, process, running, marker)
        finally:
            innocent.end()
            process.terminate()
            running.end()
            release(attacker)
    finally:
        own = f"{OWN}={run}"
        admin.kubectl("delete", "clusterrolebindings,clusterroles", "-l", own, "--wait=false")
        admin.kubectl("delete", "namespace", admin.namespace, mine, theirs, "--wait=false")


def release(tenant: Tenant) -> None:
    """What finalizers hold goes: else the namespace never ends."""
    for item in tenant.api.list_objects(CONTROLLER_REVISION, tenant.namespace)["items"]:
        if item["metadata"].get("finalizers"):
            tenant.patch(CONTROLLER_REVISION, item["metadata"]["name"], {"metadata": {"finalizers": None}})


@dataclass(frozen=True)
class _Accounts:
    admin: Tools
    run: str
    directory: Path

    def make(self, namespace: str, roles: dict[str, bool]) -> Tenant:
        """A ServiceAccount with these ClusterRoles, bound everywhere or only in its namespace."""
        self.admin.kubectl("-n", namespace, "create", "serviceaccount", "tenant")
        account = f"--serviceaccount={namespace}:tenant"
        for role, everywhere in roles.items():
            name = self._name(role)
            binding = f"{namespace}-{role}"
            if everywhere:
                self.admin.kubectl("create", "clusterrolebinding", binding, f"--clusterrole={name}", account)
                self.admin.kubectl("label", "clusterrolebinding", binding, f"{OWN}={self.run}")
            else:
                words = ("-n", namespace, "create", "rolebinding", binding, f"--clusterrole={name}", account)
                self.admin.kubectl(*words)
        token = self.admin.kubectl("-n", namespace, "create", "token", "tenant", "--duration=2h").out.strip()
        return self._tenant(namespace, token)

    def define(self, role: Object) -> None:
        """A ClusterRole under a name of this run: it aggregates to no other."""
        metadata = {"name": self._name(role["metadata"]["name"]), "labels": {OWN: self.run}}
        self.admin.kubectl("apply", "-f", "-", stdin=yaml.safe_dump({**role, "metadata": metadata}))

    def _name(self, role: str) -> str:
        return role if role == "edit" else f"tenants-{self.run}-{role}"  # Kubernetes' own, or of this run

    def _tenant(self, namespace: str, token: str) -> Tenant:
        config = yaml.safe_load(self.admin.kubeconfig.read_text())
        config["users"] = [{"name": "tenant", "user": {"token": token}}]
        for context in config["contexts"]:
            context["context"] |= {"user": "tenant", "namespace": namespace}
        path = self.directory / f"{namespace}.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        path.chmod(0o600)
        api = connect(Connection(kubeconfig=str(path), namespace=namespace))
        tools = replace(self.admin, kubeconfig=path, namespace=namespace)
        wait_for(lambda: _may_list(api, namespace), f"the rights of {namespace}")
        return Tenant(namespace, tools, api)


def _may_list(api: ApiServer, namespace: str) -> bool:
    try:
        api.list_objects(CONTROLLER_REVISION, namespace)
        api.list_objects(CONFIG_MAP, namespace)
    except (Forbidden, Unreachable):
        return False
    return True


def furnish(victim: Tenant, marker: str) -> None:
    """One object of each kind that an agent can name, with ``marker`` where secrets would be."""
    model = model_config("model", model="m0")
    model["spec"]["defaultHeaders"] = {"x-api-key": marker}
    server = mcp_server("internal", replicas=0, env={"TOKEN": marker})
    billing = {
        "metadata": {"name": "billing", "annotations": {"note": marker}},
        "spec": {
            "description": marker,
            "url": f"http://billing.{victim.namespace}/{marker}",
            "headersFrom": [{"name": "Authorization", "value": marker}],
        },
    }
    notes = {"kagent.dev/mcp-service-path": f"/{marker}"}
    service = {
        "metadata": {"name": "web", "annotations": notes, "labels": {"kagent.dev/mcp-service": "true"}},
        "spec": {"ports": [{"name": "http", "port": 80}]},
    }
    hidden = spy("hidden", systemMessage=marker)
    hidden["spec"]["declarative"]["deployment"]["env"] = [{"name": "TOKEN", "value": marker}]
    victim.create(MODEL_CONFIG, model)
    victim.create(MCP_SERVER, server)
    victim.create(REMOTE_MCP_SERVER, billing)
    victim.create(SERVICE, service)
    victim.create(CONFIG_MAP, {"metadata": {"name": "prompts"}, "data": {"prompt": marker}})
    victim.create(AGENT, hidden)
