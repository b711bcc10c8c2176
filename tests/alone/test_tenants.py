"""Two tenants of one cluster: the one's rights yield nothing of the other's, and can't stop the recorder.

For ``KAGENT_SOAK_SECONDS`` (else about half a minute a test) the attempts go on, and so do the other's edits.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent.errors import Forbidden, KagentError, NotFound, OtherServerError
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    REMOTE_MCP_SERVER,
    Resource,
)
from tests.cluster.conftest import wait_for
from tests.cluster.tenants import Tenant, World, named, release, spy, two_tenants
from tests.conftest import CONTEXT
from tests.lab.lab import Lab

pytestmark = pytest.mark.cluster

Object = dict[str, Any]
SECONDS = float(os.environ.get("KAGENT_SOAK_SECONDS", "30"))
EVERY = max(0.5, SECONDS / 300)
HUGE = "9" * 5000
UP = "../../../.."


@pytest.fixture
def world(lab_kubeconfig: Path, tmp_path: Path) -> Iterator[World]:
    kubectl = "kubectl" if CONTEXT in os.environ else str(Lab.attach().kubectl)
    with two_tenants(lab_kubeconfig, kubectl, tmp_path, EVERY) as found:
        yield found


def all_is_recorded(world: World) -> None:
    """Each edit of the innocent is a revision, in order."""
    world.innocent.end()
    assert not world.innocent.failures
    done = world.innocent.done
    wait_for(lambda: world.innocent.recorded()[-1] == done[-1], "the last edit", timeout=60)
    assert world.innocent.recorded() == done
    assert world.process.poll() is None, world.said()


# To see what is another's


def servers(other: str) -> dict[str, Object]:
    """What an agent can say to name a server of ``other``'s."""
    deployments = f"{UP}/apis/apps/v1/namespaces/{other}/deployments?x="
    return {
        "a server of theirs": named("RemoteMCPServer", "billing", other, "kagent.dev"),
        "without its group": named("RemoteMCPServer", "billing", other),
        "with a group that is none": named("RemoteMCPServer", "billing", other, "apps"),
        "an MCPServer of theirs": named("MCPServer", "internal", other, "kagent.dev"),
        "one without a kind": named("", "internal", other),
        "a Service of theirs": named("Service", "web", other),
        "a Service by its group": named("Service", "web", other, "core"),
        "a kind that is none": named("Deployment", "clock", other, "apps"),
        "an agent of theirs": {"type": "Agent", "agent": {"name": "hidden", "namespace": other}},
        "a path in the namespace": named("RemoteMCPServer", "hidden", deployments),
        "the same, encoded": named("RemoteMCPServer", "hidden", deployments.replace(".", "%2e")),
        "a path in the name": named("MCPServer", f"../../{other}/mcpservers/internal"),
        "a selector in the name": named("RemoteMCPServer", f"billing,metadata.namespace={other}"),
        "a query in the namespace": named("RemoteMCPServer", "billing", f"{other}/remotemcpservers?x="),
    }


def settings(other: str) -> dict[str, Object]:
    """What else an agent can name."""
    theirs = f"../../{other}"
    source = {"kind": "ConfigMap", "name": f"{theirs}/configmaps/prompts", "alias": "x"}
    by_path = {"type": "ConfigMap", "name": f"{theirs}/configmaps/prompts", "key": "prompt"}
    return {
        "a path to a model": {"modelConfig": f"{theirs}/modelconfigs/model"},
        "a model with its namespace": {"modelConfig": f"{other}/model"},
        "a path to an embedding model": {"memory": {"modelConfig": f"{theirs}/modelconfigs/model"}},
        "a path to a prompt": {"systemMessageFrom": by_path, "systemMessage": None},
        "a path to a part of a prompt": {"promptTemplate": {"dataSources": [source]}},
    }


def forged(world: World, other: str) -> Object:
    """A revision of the attacker's own agent, that names what is another's."""
    agent = world.attacker.api.get(AGENT, world.attacker.namespace, "spy-forger")
    found = wait_for(lambda: world.attacker.revisions("spy-forger"), "a revision to copy")[0]
    beside = [
        {"kind": kind, "namespace": other, "name": name, "content": {"spec": {}, "data": {}}}
        for kind, name in (("RemoteMCPServer", "billing"), ("ConfigMap", "prompts"), ("ModelConfig", "model"))
    ]
    return {
        "metadata": {
            "name": "agent-spy-forger-r2",
            "labels": found["metadata"]["labels"] | {"kubectl-kagent/hash": "0"},
            "ownerReferences": found["metadata"]["ownerReferences"],
        },
        "revision": 2,
        "data": {**found["data"], "sources": beside, "spec": agent["spec"]},
    }


def test_the_ones_rights_yield_nothing_of_the_others(world: World) -> None:
    attacker, other = world.attacker, world.innocent.tenant.namespace
    until = time.monotonic() + SECONDS
    attempts = {name: {"tools": [tool]} for name, tool in servers(other).items()} | settings(other)
    assert len(attempts) + len(("a forged revision",)) == 20
    for turn in itertools.count():
        names = {f"spy-{turn}-{number}": attempt for number, attempt in enumerate(attempts)}
        made = [name for name, attempt in names.items() if takes(attacker, name, attempts[attempt])]
        for name in made:
            yields_nothing(world, names[name], name)
        if not turn:
            attacker.agent("spy-forger")
            attacker.create(CONTROLLER_REVISION, forged(world, other))
            shows_nothing(world, "a forged revision", "spy-forger", "rollout", "diff", "--", "2")
            undo = attacker.tools.kagent(
                "rollout", "undo", "agent/spy-forger", "--to-revision=2", "--with-sources"
            )
            assert world.marker not in undo.out + undo.err
        world.goes_on("all of that")
        if time.monotonic() > until:
            break
    for resource in (CONTROLLER_REVISION, AGENT, REMOTE_MCP_SERVER, CONFIG_MAP):
        refused(resource, attacker, other)
    assert world.marker not in world.said()
    all_is_recorded(world)


def takes(attacker: Tenant, name: str, declared: Object) -> bool:
    """Whether the API server takes such an agent."""
    try:
        attacker.agent(name, **declared)
    except OtherServerError:
        return False
    return True


def yields_nothing(world: World, attempt: str, name: str) -> None:
    attacker = world.attacker
    wait_for(lambda: attacker.revisions(name), f"a revision for {attempt}; said: {world.said()}", timeout=60)
    assert world.marker not in json.dumps(attacker.revisions(name)), attempt
    assert world.marker not in json.dumps(attacker.api.get(AGENT, attacker.namespace, name)), attempt
    shows_nothing(world, attempt, name, "rollout", "history", "--revision=1", "-o", "yaml")
    attacker.delete(AGENT, name)


def shows_nothing(world: World, attempt: str, name: str, *words: str) -> None:
    group, verb, *rest = words
    done = world.attacker.tools.kagent(group, verb, f"agent/{name}", *(w for w in rest if w != "--"))
    assert world.marker not in done.out + done.err, (attempt, words)


def refused(resource: Resource, attacker: Tenant, other: str) -> None:
    with pytest.raises(Forbidden):
        attacker.api.list_objects(resource, other)
    with pytest.raises(Forbidden):
        attacker.api.delete(resource, other, "agent-clock-r1")


# To stop the recorder


def revision(world: World, name: str, **parts: Any) -> Object:
    """A revision of the agent ``target``, whatever is in it."""
    target = world.attacker.api.get(AGENT, world.attacker.namespace, "target")
    owner = {
        "apiVersion": AGENT.api_version,
        "kind": "Agent",
        "name": "target",
        "uid": target["metadata"]["uid"],
        "controller": True,
    }
    labels = {"kubectl-kagent/kind": "agent", "kubectl-kagent/name": "target", "kubectl-kagent/hash": "0"}
    metadata = {"name": name, "labels": labels, "ownerReferences": [owner]}
    return {"metadata": metadata, "revision": 1, **parts}


def annotated(key: str, value: str) -> Callable[[World], None]:
    def attempt(world: World) -> None:
        annotations = {f"kubectl-kagent/{key}": value}
        world.attacker.patch(AGENT, "target", {"metadata": {"annotations": annotations}})

    return attempt


def malformed(name: str, **parts: Any) -> Callable[[World], None]:
    def attempt(world: World) -> None:
        world.attacker.create(CONTROLLER_REVISION, revision(world, f"agent-target-{name}", **parts))

    return attempt


def next_number(world: World) -> None:
    highest = max(item["revision"] for item in world.attacker.revisions("target") if item["data"])
    malformed(f"r{highest + 1}", data={})(world)
    edits(1)(world)


def each_revision(change: Callable[[World, str], object]) -> Callable[[World], None]:
    def attempt(world: World) -> None:
        for item in world.attacker.revisions("target"):
            change(world, item["metadata"]["name"])
        edits(1)(world)

    return attempt


def unlabelled(world: World, name: str) -> None:
    patch = {"metadata": {"labels": {"kubectl-kagent/name": None}}}
    world.attacker.patch(CONTROLLER_REVISION, name, patch)


def held(world: World, name: str) -> None:
    world.attacker.patch(CONTROLLER_REVISION, name, {"metadata": {"finalizers": ["tenants.test/never"]}})
    world.attacker.delete(CONTROLLER_REVISION, name)


def gone(world: World, name: str) -> None:
    world.attacker.delete(CONTROLLER_REVISION, name)


def edits(count: int, size: int = 1) -> Callable[[World], None]:
    def attempt(world: World) -> None:
        for _ in range(count):
            prompt = f"{time.monotonic_ns()} " + "x" * size
            world.attacker.patch(AGENT, "target", {"spec": {"declarative": {"systemMessage": prompt}}})

    return attempt


def made_anew(times: int, *, at_once: bool) -> Callable[[World], None]:
    """Deleted and made again; ``at_once`` with a first revision that is another's."""

    def attempt(world: World) -> None:
        attacker = world.attacker
        for _ in range(times):
            attacker.delete(AGENT, "target")
            wait_for(lambda: not is_there(attacker, "target"), "the end of the agent")
            attacker.agent("target")
            if at_once:
                try:
                    attacker.create(CONTROLLER_REVISION, revision(world, "agent-target-r1", data={}))
                except KagentError:
                    continue  # the recorder was quicker, or what was is not collected yet

    return attempt


def is_there(tenant: Tenant, name: str) -> bool:
    try:
        tenant.api.get(AGENT, tenant.namespace, name)
    except NotFound:
        return False
    return True


def naming(**declared: Any) -> Callable[[World], None]:
    def attempt(world: World) -> None:
        world.attacker.agent(f"naming-{time.monotonic_ns()}", **declared)

    return attempt


def too_large(world: World) -> None:
    """Each fits into an object, and both together don't fit into a revision."""
    name = f"large-{time.monotonic_ns()}"
    world.attacker.create(CONFIG_MAP, {"metadata": {"name": name}, "data": {"prompt": "y" * 900_000}})
    source = {"kind": "ConfigMap", "name": name, "alias": "x"}
    world.attacker.agent(name, systemMessage="x" * 700_000, promptTemplate={"dataSources": [source]})


def noise(world: World) -> None:
    world.attacker.create(CONFIG_MAP, {"metadata": {"name": "noise"}, "data": {}})
    for number in range(200):
        world.attacker.patch(CONFIG_MAP, "noise", {"data": {"n": str(number)}})
    world.attacker.delete(CONFIG_MAP, "noise")


def stuck(world: World) -> None:
    """An agent on its way out that does not go."""
    body = spy(f"stuck-{time.monotonic_ns()}")
    name = body["metadata"]["name"]
    body["metadata"]["finalizers"] = ["tenants.test/never"]
    world.attacker.create(AGENT, body)
    world.attacker.delete(AGENT, name)
    world.attacker.patch(AGENT, name, {"spec": {"description": "changed on its way out"}})
    world.attacker.patch(AGENT, name, {"metadata": {"finalizers": None}})


MANY = [
    named("RemoteMCPServer", "none", f"nowhere-{number}") for number in range(20)
]  # as many as there may be
ODD = {"spec": {"type": "Declarative", "declarative": {"tools": "x"}}, "generation": "x"}

ATTEMPTS: dict[str, Callable[[World], None]] = {
    "a limit of five thousand digits": annotated("revision-history-limit", HUGE),
    "a count of five thousand digits": annotated("hibernated-replicas", HUGE),
    "a limit of one": annotated("revision-history-limit", "1"),
    "a revision without data": malformed("nothing", data={}),
    "a revision of a text": malformed("text", data={"spec": "x", "sources": "y"}),
    "a revision of odd types": malformed("odd", data=ODD),
    "a revision with the highest number": malformed("r999999999999999999", revision=2**63 - 1, data={}),
    "the next number taken": next_number,
    "revisions without labels": each_revision(unlabelled),
    "revisions that do not go": each_revision(held),
    "revisions that are gone": each_revision(gone),
    "a hundred edits": edits(100),
    "large edits": edits(10, size=200_000),
    "an agent made anew": made_anew(3, at_once=False),
    "an agent made anew and recorded by another": made_anew(3, at_once=True),
    "a path to another API": naming(tools=[named("RemoteMCPServer", "x", f"{UP}/version?x=")]),
    "twenty servers in twenty namespaces": naming(tools=MANY),
    "a config that fits no revision": too_large,
    "noise": noise,
    "an agent that can't go": stuck,
}


def test_the_one_can_not_stop_the_recorder(world: World) -> None:
    assert len(ATTEMPTS) == 20
    until = time.monotonic() + SECONDS
    world.attacker.agent("target")
    world.goes_on("the beginning")
    for turn in itertools.count():
        for name, attempt in ATTEMPTS.items():
            try:
                attempt(world)
            except KagentError:
                if not turn:
                    raise  # the second time some of what they make is there already
            world.goes_on(name)
        if time.monotonic() > until:
            break
    release(world.attacker)
    all_is_recorded(world)
