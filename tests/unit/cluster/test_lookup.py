"""Many objects by name: one list where it answers for several, and the same answers without that right."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.cluster.lookup import look_up
from kubectl_kagent.errors import Forbidden, NotFound, ResourceMissing, Unreachable
from kubectl_kagent.model.paths import InvalidName
from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, MCP_SERVER, MODEL_CONFIG, Resource
from kubectl_kagent.model.workload import Reference
from tests.fake.cluster import FakeCluster
from tests.objects import agent, mcp_server, model_config

Object = dict[str, Any]


@pytest.fixture
def filled(cluster: FakeCluster) -> FakeCluster:
    """Agents and servers ``a`` to ``c`` in two namespaces each."""
    for namespace in ("one", "two"):
        for name in "abc":
            for resource, obj in ((AGENT, agent(name)), (MCP_SERVER, mcp_server(name))):
                cluster.add(resource, {**obj, "metadata": {"name": name, "namespace": namespace}})
    return cluster


def references(resource: Resource, *places: str) -> list[Reference]:
    return [Reference(resource, *place.split("/")) for place in places]


def sent(cluster: FakeCluster) -> list[tuple[str, Resource, str | None, str]]:
    found = [(each.verb, each.resource, each.namespace, each.name) for each in cluster.requests]
    return sorted(found, key=lambda each: (each[1].plural, str(each[2]), each[3]))


def test_one_of_a_kind_is_asked_for_by_its_name(filled: FakeCluster) -> None:
    wanted = [*references(AGENT, "one/a"), *references(MCP_SERVER, "two/b")]
    found = look_up(filled, wanted)
    assert found == {ref: filled.read(ref.resource, ref.name, namespace=ref.namespace) for ref in wanted}
    assert sent(filled) == [("get", AGENT, "one", "a"), ("get", MCP_SERVER, "two", "b")]


def test_several_of_a_namespace_are_in_one_list(filled: FakeCluster) -> None:
    wanted = references(AGENT, "one/a", "one/b", "one/b", "one/ghost")
    found = look_up(filled, wanted)
    assert sent(filled) == [("list", AGENT, "one", "")]
    a, b, _, ghost = wanted
    assert found[a] == filled.read(AGENT, "a", namespace="one")
    assert found[b] == filled.read(AGENT, "b", namespace="one")
    error = found[ghost]
    assert isinstance(error, NotFound)
    assert (error.message, error.hint) == (
        'agents.kagent.dev "ghost" not found',
        "kubectl kagent get agents -A lists all agents",
    )


def test_those_of_several_namespaces_are_in_one_list_of_all(filled: FakeCluster) -> None:
    found = look_up(filled, references(AGENT, "one/a", "two/a"))
    assert sent(filled) == [("list", AGENT, None, "")]
    assert [obj["metadata"]["namespace"] for obj in found.values() if isinstance(obj, dict)] == ["one", "two"]


def test_an_object_of_a_list_has_its_kind_like_one_that_was_asked_for(cluster: FakeCluster) -> None:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {}}
    for name in "ab":
        cluster.add(DEPLOYMENT, {**body, "metadata": {"name": name}})
    wanted = references(DEPLOYMENT, "default/a", "default/b")
    assert look_up(cluster, wanted) == {ref: cluster.get(DEPLOYMENT, "default", ref.name) for ref in wanted}


class Narrow:
    """The cluster for somebody who may list only these namespaces, or nothing."""

    def __init__(self, cluster: FakeCluster, *listed: str) -> None:
        self.cluster, self.listed = cluster, listed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cluster, name)

    def list_objects(self, resource: Resource, namespace: str | None = None, **how: Any) -> Object:
        found = self.cluster.list_objects(resource, namespace, **how)
        if namespace not in self.listed:
            raise Forbidden("no")
        return found


@pytest.mark.parametrize(
    ("listed", "requests"),
    [
        (("one", "two"), [None, "one", "two"]),
        (("one",), [None, "one", "two", "two a", "two c"]),
        ((), [None, "one", "one a", "one b", "two", "two a", "two c"]),
    ],
)
def test_who_may_not_list_gets_the_same_with_more_requests(
    filled: FakeCluster, listed: tuple[str, ...], requests: list[str | None]
) -> None:
    wanted = references(AGENT, "one/a", "one/b", "two/a", "two/c")
    everything = look_up(filled, wanted)
    filled.requests.clear()
    assert look_up(Narrow(filled, *listed), wanted) == everything  # type: ignore[arg-type]  # a proxy
    found = [" ".join(filter(None, (each[2], each[3]))) or None for each in sent(filled)]
    assert found == requests


def test_what_may_not_be_read_at_all_is_refused_each(filled: FakeCluster) -> None:
    for verb in ("get", "list"):
        filled.deny(verb, AGENT)
    found = look_up(filled, references(AGENT, "one/a", "one/b"))
    assert [str(error) for error in found.values() if isinstance(error, Forbidden)] == [
        f'agents.kagent.dev "{name}" is forbidden: User "tester" cannot get resource "agents" in API group '
        '"kagent.dev" in the namespace "one"'
        for name in "ab"
    ]


def test_other_failures_are_those_of_each(filled: FakeCluster) -> None:
    filled.missing(MODEL_CONFIG)
    found = look_up(filled, references(MODEL_CONFIG, "one/a", "one/b"))
    assert [type(error) for error in found.values()] == [ResourceMissing] * 2

    def fail() -> None:
        raise Unreachable("away")

    filled.before("list", AGENT, fail)
    found = look_up(filled, [*references(AGENT, "one/a", "one/b"), *references(MCP_SERVER, "one/a")])
    assert [type(answer) for answer in found.values()] == [Unreachable, Unreachable, dict]


def test_a_name_that_nothing_can_have_is_not_asked_for(cluster: FakeCluster) -> None:
    cluster.add(MODEL_CONFIG, model_config("a"))
    bad, good = Reference(MODEL_CONFIG, "default", "../x"), Reference(MODEL_CONFIG, "default", "a")
    found = look_up(cluster, [bad, good])
    assert isinstance(found[bad], InvalidName)
    assert isinstance(found[good], dict)
    assert sent(cluster) == [("get", MODEL_CONFIG, "default", "a")]
