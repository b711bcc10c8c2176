"""Each verb under real RBAC: with exactly its rules, without each single one, with the roles that we ship."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from kubectl_kagent.backends.controller import find_controller
from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.cluster.http import ClusterService
from kubectl_kagent.cluster.proxied import Proxied
from kubectl_kagent.errors import Forbidden, OtherServerError
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MCP_SERVER,
    MODEL_CONFIG,
    POD,
    Resource,
)
from kubectl_kagent.model.workload import Workload, dig
from kubectl_kagent.rbac.permissions import PERMISSIONS
from kubectl_kagent.rbac.roles import ROLES, Role
from kubectl_kagent.rbac.rules import Rule
from tests.cluster.conftest import MODEL_URL, Tools, wait_for
from tests.cluster.workloads import key
from tests.conftest import CONTEXT
from tests.fake.agent import request, waiting
from tests.lab.lab import Lab
from tests.lab.layout import CHECKOUT
from tests.permissions import scenes
from tests.permissions.cases import CASES, Case
from tests.permissions.judge import judge, state
from tests.permissions.recording import NEVER, Recording, Use, table
from tests.permissions.running import Done, run

pytestmark = [
    pytest.mark.cluster,
    # a verb that is interrupted in this process leaves the connection it was just using
    pytest.mark.filterwarnings("ignore:.*unclosed <ssl.SSLSocket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*<ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"),
]

Object = dict[str, Any]
MANIFESTS = CHECKOUT / "manifests"
REVIEW = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)


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


@pytest.fixture(scope="module")
def world(lab_kubeconfig: Path) -> Iterator[LabWorld]:
    kubectl = "kubectl" if CONTEXT in os.environ else str(Lab.attach().kubectl)
    tools = Tools(lab_kubeconfig, kubectl, f"rights-{uuid4().hex[:8]}")
    tools.kubectl("create", "namespace", tools.namespace)
    try:
        found = LabWorld(tools)
        found.populate()
        yield found
    finally:
        own = f"kubectl-kagent-test={tools.namespace}"
        tools.kubectl("delete", "namespaces,clusterrolebindings,clusterroles", "-l", own, "--wait=false")
        tools.kubectl("delete", "namespace", tools.namespace, "--wait=false")


def play(world: LabWorld, case: Case, user: str, *, refused: bool = False) -> tuple[Done, set[Use], Object]:
    """What came of it, what was asked, and the objects as they were before."""
    world.remember()
    case.before(world)
    before = state(world, recording=bool(case.until))
    cluster = Recording(world.connected(as_user=user))
    until = case.until | {NEVER} if case.until and refused else case.until
    done = run(cluster, case.words(world), until=until)
    return done, cluster.used, before


# observe's objects are not of one namespace: tests/alone/test_observe.py has its role. Some verbs ask nobody.
VERBS = [verb for verb, needs in PERMISSIONS.items() if needs and verb.split()[0] != "observe"]


@pytest.mark.parametrize("verb", VERBS)
def test_exactly_these_rules_are_enough_and_each_is_needed(verb: str, world: LabWorld) -> None:
    everything = set(table(verb))
    slug = f"{world.tools.namespace}-{VERBS.index(verb)}"
    lacking = {f"{slug}-{number}": use for number, use in enumerate(sorted(everything))}
    rights = {user: everything - _with(use) for user, use in lacking.items()}
    Users(world).create({slug: everything} | rights)
    first: dict[Use, tuple[Case, Done]] = {}
    for case in CASES[verb]:
        done, used, _ = play(world, case, slug)
        assert done.code != 6, done
        assert "forbidden" not in done.err, done
        for use in used - set(first):
            first[use] = (case, done)
        case.after(world)
    hurried = frozenset[Use]().union(*(case.hurried for case in CASES[verb]))
    assert everything - hurried <= set(first) <= everything
    for user, use in lacking.items():
        if use not in first:
            continue
        case, full = first[use]
        need = table(verb, case.line)[use]
        seen, used, before = play(world, case, user, refused=not need.without)
        judge(need, use, case, full, seen, asked=use in used, real=True)
        if not need.without:
            assert state(world, recording=bool(case.until)) == before, (use, seen)
        case.after(world)


def _with(use: Use) -> set[Use]:
    """What goes with a rule: allowed in all namespaces is allowed here."""
    return {use} if use.elsewhere else {use, Use(use.rule, elsewhere=True)}


@pytest.fixture(scope="module")
def shipped(world: LabWorld) -> Iterator[dict[str, str]]:
    """A user for each role that we ship, bound in all namespaces as an administrator would."""
    ours = [f"--filename={MANIFESTS / role.part_of / role.name}.yaml" for role in ROLES]
    ours.append(f"--filename={MANIFESTS / 'rbac' / 'recording-policy.yaml'}")
    kinds = "clusterroles,validatingadmissionpolicies,validatingadmissionpolicybindings"
    before = world.tools.kubectl("get", kinds, "-o", "name").out.split()
    made = world.tools.kubectl("apply", "-o", "name", *ours).out.split()
    found = {role.name: f"{world.tools.namespace}-{role.name}" for role in ROLES}
    bound = [f"--namespace={_place(world).namespace}", found[TALK], f"--user={found[TALK]}"]
    for role, user in found.items():
        if role != TALK:
            words = ("clusterrolebinding", user, f"--clusterrole={role}", f"--user={user}")
            world.tools.kubectl("create", *words)
    world.tools.kubectl("create", "rolebinding", f"--clusterrole={TALK}", *bound)
    yield found
    world.tools.kubectl("delete", "rolebinding", *bound[:2])
    world.tools.kubectl(
        "delete", "clusterrolebinding", *(user for name, user in found.items() if name != TALK)
    )
    if new := [name for name in made if name not in before]:  # those of a cluster that has them stay
        world.tools.kubectl("delete", *new, "--ignore-not-found")


# whose one role is for one namespace
TALK = "kagent-controller-api"
EVERYWHERE = [role for role in ROLES if role.name != TALK]


@pytest.mark.parametrize("role", EVERYWHERE, ids=[role.name for role in EVERYWHERE])
def test_a_shipped_role_allows_its_verbs_and_no_others(
    role: Role, world: LabWorld, shipped: dict[str, str]
) -> None:
    user = shipped[role.name]
    Users(world).await_rule(user, Use(min(role.rules), elsewhere=True))
    rules = {replace(rule, name="") for rule in role.rules}
    for verb in VERBS:
        case = CASES[verb][0]
        done, used, before = play(world, case, user, refused=verb == "record")
        needed = {use.rule for use in used if not table(verb)[use].without}
        allowed = needed <= rules
        assert (done.code == 6) == (not allowed), (verb, case, done)
        if not allowed:
            assert done.err.splitlines()[-1].startswith("hint: ClusterRole kagent-"), done
            assert state(world, recording=bool(case.until)) == before, (verb, case, done)
        case.after(world)


@pytest.mark.parametrize("role", ["kagent-operate", "kagent-recorder"])
def test_who_may_record_can_write_revisions_of_agents_only(
    role: str, world: LabWorld, shipped: dict[str, str]
) -> None:
    api, space = world.connected(as_user=shipped[role]), world.tools.namespace
    agent = world.admin.get(AGENT, space, "echo")
    owner = {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "name": "echo",
        "uid": agent["metadata"]["uid"],
    }
    ours = _revision("ours", {"kubectl-kagent/kind": "agent"}, owner | {"controller": True})
    name = f"sets-{role}"
    world.apply(_stateful_set(name))
    wait_for(lambda: _revisions_of(world, name), "the revision that Kubernetes' own controller makes")
    foreign = _revisions_of(world, name)[0]
    labelled = {"metadata": {"labels": {"kubectl-kagent/kind": "agent"}}}
    attempts: tuple[Callable[[], object], ...] = (
        lambda: api.create(CONTROLLER_REVISION, space, _revision("no-label", {}, owner), manager="t"),
        lambda: api.create(
            CONTROLLER_REVISION, space, _revision("no-owner", ours["metadata"]["labels"]), manager="t"
        ),
        lambda: api.create(
            CONTROLLER_REVISION,
            space,
            _revision("to-adopt", ours["metadata"]["labels"], owner),  # no controller owns it
            manager="t",
        ),
        lambda: api.merge_patch(CONTROLLER_REVISION, space, foreign, labelled, manager="t"),
        lambda: api.delete(CONTROLLER_REVISION, space, foreign),
    )

    def held() -> bool:
        """The API server hears of a policy a moment later."""
        try:
            world.connected(as_user=shipped[role]).create(
                CONTROLLER_REVISION, space, _revision("x", {}), dry_run=True, manager="t"
            )
        except OtherServerError:
            return True
        return False

    wait_for(held, "the policy")
    for attempt in attempts:
        with pytest.raises(OtherServerError, match="only revisions of Agents and MCPServers may be written"):
            attempt()
    api.create(CONTROLLER_REVISION, space, ours, manager="t")
    unlabelled = {"metadata": {"labels": {"kubectl-kagent/kind": None}}}
    with pytest.raises(OtherServerError, match="only revisions of Agents"):
        api.merge_patch(CONTROLLER_REVISION, space, "ours", unlabelled, manager="t")
    api.delete(CONTROLLER_REVISION, space, "ours")
    anything = _revision("anything", {})
    world.admin.create(CONTROLLER_REVISION, space, anything, manager="t")  # who may do all still may
    world.admin.delete(CONTROLLER_REVISION, space, "anything")


def _revision(name: str, labels: Mapping[str, str], *owners: Object) -> Object:
    metadata = {"name": name, "labels": dict(labels), "ownerReferences": list(owners)}
    typed = {"apiVersion": CONTROLLER_REVISION.api_version, "kind": CONTROLLER_REVISION.kind}
    return {**typed, "metadata": metadata, "revision": 1, "data": {"spec": {}}}


def _stateful_set(name: str) -> Object:
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "none"}]}}
    spec = {"replicas": 0, "serviceName": name, "selector": {"matchLabels": labels}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "spec": spec}


def _revisions_of(world: LabWorld, name: str) -> list[str]:
    found = world.admin.list_objects(CONTROLLER_REVISION, world.tools.namespace, labels=f"app={name}")
    return [str(item["metadata"]["name"]) for item in found["items"]]


def _place(world: LabWorld) -> ClusterService:
    service: Any = find_controller(world.admin).http
    assert isinstance(service, Proxied)
    return service


def test_who_may_talk_reaches_the_controller_and_nothing_beside_it(
    world: LabWorld, shipped: dict[str, str]
) -> None:
    """Together with the role that looks, bound where the agents are."""
    user, looks = shipped[TALK], f"{world.tools.namespace}-looks"
    words = ("rolebinding", looks, "--clusterrole=kagent-view", f"--user={user}")
    world.tools.kubectl("create", *words)
    as_user = world.connected(as_user=user)
    place = _place(world)
    verbs = [verb for verb in CASES if verb.split()[0] in ("chat", "approvals", "sessions")]
    assert len(verbs) == 5

    def may_look() -> bool:
        try:
            return bool(as_user.get(AGENT, world.tools.namespace, "echo"))
        except Forbidden:
            return False

    wait_for(may_look, "the right to look")
    for verb in verbs:
        for case in (case for case in CASES[verb] if "--all-users" not in case.line):  # that looks in Tempo
            done, _, _ = play(world, case, user)
            code = 1 if case.line == "chat agent/agent hello" else 0  # it sleeps
            assert (done.code, "forbidden" in done.err) == (code, False), (case, done)
    for service in (f"{place.name.partition(':')[0]}:8082", "other:80"):
        with pytest.raises(Forbidden, match="services/proxy"):
            as_user.service(place.namespace, service).call("GET", "/healthz")
