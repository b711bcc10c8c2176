"""A namespace of the lab for the permission cases, and people who may do exactly what they are given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from kubectl_kagent.backends.controller import find_controller
from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.model.resources import (
    AGENT,
    DEPLOYMENT,
    MCP_SERVER,
    MODEL_CONFIG,
    POD,
    Resource,
)
from kubectl_kagent.model.workload import Workload, dig
from kubectl_kagent.rbac.permissions import PERMISSIONS
from kubectl_kagent.rbac.rules import Rule
from tests.cluster.conftest import MODEL_URL, Tools, own_namespace, wait_for
from tests.cluster.workloads import key
from tests.fake.agent import request, waiting
from tests.permissions import scenes
from tests.permissions.cases import Case
from tests.permissions.judge import state
from tests.permissions.recording import NEVER, Recording, Use
from tests.permissions.running import Done, run

Object = dict[str, Any]
REVIEW = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
# observe's objects are not of one namespace: tests/alone/test_observe.py has its role. Some verbs ask nobody.
VERBS = [verb for verb, needs in PERMISSIONS.items() if needs and verb.split()[0] != "observe"]
MARKS = [
    pytest.mark.cluster,
    # a verb that is interrupted in this process leaves the connection it was just using
    pytest.mark.filterwarnings("ignore:.*unclosed <ssl.SSLSocket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*<ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"),
]


class LabWorld:
    """A namespace with the objects of the cases, and the real controllers."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.admin = self.connected()
        self.values: dict[str, str] = {}
        self._forgotten: set[str] = set()

    def connected(self, **flags: Any) -> ApiServer:
        kubeconfig, namespace = str(self.tools.kubeconfig), self.tools.namespace
        return connect(Connection(kubeconfig=kubeconfig, namespace=namespace, **flags))

    def populate(self) -> None:
        items = [key(), *(body for _, body in scenes.objects(MODEL_URL))]
        self.apply(*items)
        model = (MODEL_CONFIG, self.tools.namespace, "model")
        wait_for(lambda: dig(self.admin.get(*model), "status", "secretHash"), "the model's key")
        self.settle()
        wait_for(lambda: self._pods("echo", "ready"), "a pod of echo")
        wait_for(lambda: self._pods("broken", "restartCount"), "a crash of broken")

    def apply(self, *objects: Object) -> None:
        everything = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.tools.kubectl("create", "-f", "-", stdin=json.dumps(everything))

    def settle(self) -> None:
        for resource in (AGENT, MCP_SERVER):
            for item in self.admin.list_objects(resource, self.tools.namespace)["items"]:
                name = item["metadata"]["name"]
                wait_for(partial(self._settled, resource, name), f"the {name}")
        wait_for(lambda: not self._orphans(), "the garbage collector")

    def _orphans(self) -> set[str]:
        """Deployments that have outlived their owner, for a moment."""
        namespace = self.tools.namespace
        live = {
            item["metadata"]["uid"]
            for resource in (AGENT, MCP_SERVER)
            for item in self.admin.list_objects(resource, namespace)["items"]
        }
        return {
            item["metadata"]["name"]
            for item in self.admin.list_objects(DEPLOYMENT, namespace)["items"]
            if not live.issuperset(owner["uid"] for owner in item["metadata"].get("ownerReferences", ()))
        }

    def forget(self, name: str) -> None:
        self._forgotten.add(name)
        self._observed(name, 0)

    def remember(self) -> None:
        """A controller that has looked again meanwhile has said so itself."""
        for name in self._forgotten:
            found = self.admin.get(AGENT, self.tools.namespace, name)
            if not dig(found, "status", "observedGeneration"):
                self._observed(name, found["metadata"]["generation"])
        self._forgotten.clear()

    def meanwhile(self, action: Callable[[], None]) -> None:
        """A real cluster does not tell when."""

    def converse(self) -> tuple[str, str]:
        """As an agent's runtime keeps them."""
        controller = find_controller(self.admin)
        session, task = str(uuid4()), str(uuid4())
        user = urlencode({"user_id": controller.user})
        body = {"id": session, "agent_ref": f"{self.tools.namespace}/echo"}
        controller.http.call("POST", f"/api/sessions?{user}", body)
        waits = waiting(request("c", "delete"), session=session, id_=task)
        controller.http.call("POST", f"/api/tasks?{user}", waits)
        return session, task

    def _observed(self, name: str, generation: int) -> None:
        patch = json.dumps({"status": {"observedGeneration": generation}})
        self.tools.kubectl("patch", "agent", name, "--subresource=status", "--type=merge", "-p", patch)

    def _settled(self, resource: Resource, name: str) -> bool:
        workload = Workload(resource, self.admin.get(resource, self.tools.namespace, name))
        accepted = workload.condition("Accepted")
        if (
            accepted is None
            or accepted.status != "True"
            or workload.observed_generation < workload.generation
        ):
            return False
        found = self.admin.list_objects(DEPLOYMENT, self.tools.namespace, fields=f"metadata.name={name}")
        return any(
            dig(item, "status", "observedGeneration") == item["metadata"]["generation"]
            for item in found["items"]
        )

    def _pods(self, name: str, field: str) -> bool:
        pods = self.admin.list_objects(POD, self.tools.namespace, labels=f"kagent={name}")["items"]
        return any(
            status.get(field) for pod in pods for status in dig(pod, "status", "containerStatuses") or ()
        )


class Users:
    """People who exist only by their RoleBindings."""

    def __init__(self, world: LabWorld) -> None:
        self.world = world

    def create(self, rights: Mapping[str, Iterable[Use]]) -> None:
        """Everybody with exactly these rights, at once; returns when the API server knows."""
        roles: list[Object] = []
        bindings: list[Object] = []
        for user, uses in rights.items():
            for everywhere in (False, True):
                rules = sorted(use.rule for use in uses if use.elsewhere == everywhere)
                if rules:
                    role, binding = self._bound(user, rules, everywhere=everywhere)
                    roles.append(role)
                    bindings.append(binding)
        self.world.apply(*roles, *bindings)
        for user, uses in rights.items():
            self.await_rule(user, min(uses))

    def await_rule(self, user: str, use: Use) -> None:
        """Until the API server's authorizer, which hears of roles a moment later, lets ``user`` do it."""
        wait_for(lambda: self._may(user, use), f"{user} may {use}")

    def _bound(self, user: str, rules: list[Rule], *, everywhere: bool) -> tuple[Object, Object]:
        scope = "Cluster" if everywhere else ""
        metadata = {"name": user, "labels": {"kubectl-kagent-test": self.world.tools.namespace}}
        api = "rbac.authorization.k8s.io"
        role = {
            "apiVersion": f"{api}/v1",
            "kind": f"{scope}Role",
            "metadata": metadata,
            "rules": [
                {"apiGroups": [rule.group], "resources": [rule.resource], "verbs": [rule.verb]}
                for rule in rules
            ],
        }
        binding = {
            "apiVersion": f"{api}/v1",
            "kind": f"{scope}RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": f"{scope}Role", "name": user},
            "subjects": [{"kind": "User", "name": user, "apiGroup": api}],
        }
        return role, binding

    def _may(self, user: str, use: Use) -> bool:
        resource, _, subresource = use.rule.resource.partition("/")
        attributes = {
            "group": use.rule.group,
            "resource": resource,
            "subresource": subresource,
            "verb": use.rule.verb,
            "namespace": "" if use.elsewhere else self.world.tools.namespace,
        }
        body = {
            "apiVersion": REVIEW.api_version,
            "kind": REVIEW.kind,
            "spec": {"resourceAttributes": attributes},
        }
        answer = self.world.connected(as_user=user).create(REVIEW, "", body, manager="test")
        return bool(dig(answer, "status", "allowed"))


@contextmanager
def lab_world(kubeconfig: Path) -> Iterator[LabWorld]:
    """In a namespace of its own, which goes at the end with all that was made for its users."""
    with own_namespace(kubeconfig) as tools:
        try:
            found = LabWorld(tools)
            found.populate()
            yield found
        finally:
            own = f"kubectl-kagent-test={tools.namespace}"
            tools.kubectl("delete", "namespaces,clusterrolebindings,clusterroles", "-l", own, "--wait=false")


def play(world: LabWorld, case: Case, user: str, *, refused: bool = False) -> tuple[Done, set[Use], Object]:
    """What came of it, what was asked, and the objects as they were before."""
    world.remember()
    case.before(world)
    before = state(world, recording=bool(case.until))
    cluster = Recording(world.connected(as_user=user))
    until = case.until | {NEVER} if case.until and refused else case.until
    done = run(cluster, case.words(world), until=until)
    return done, cluster.used, before
