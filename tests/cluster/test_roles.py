"""The roles that we ship under real RBAC: what they allow, and nothing beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent.backends.controller import find_controller
from kubectl_kagent.cluster.http import ClusterService
from kubectl_kagent.cluster.proxied import Proxied
from kubectl_kagent.errors import Forbidden, OtherServerError
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
)
from kubectl_kagent.rbac.roles import ROLES, Role
from tests.cluster.conftest import wait_for
from tests.cluster.rights import MARKS, VERBS, LabWorld, Users, lab_world, play
from tests.lab.layout import CHECKOUT
from tests.permissions.cases import CASES
from tests.permissions.judge import state
from tests.permissions.recording import Use, table

pytestmark = MARKS

Object = dict[str, Any]
MANIFESTS = CHECKOUT / "manifests"


@pytest.fixture(scope="module")
def world(lab_kubeconfig: Path) -> Iterator[LabWorld]:
    with lab_world(lab_kubeconfig) as found:
        yield found


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
