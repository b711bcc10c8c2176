"""What is kept of what a config is made from: of another namespace nothing that kagent does not allow."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history import undo_plan
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.undo import restore
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MCP_SERVER,
    NAMESPACE,
    REMOTE_MCP_SERVER,
    SERVICE,
    Resource,
)
from kubectl_kagent.model.snapshot import ConfigSource
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.objects import agent, lines, mcp_server, workload

Object = dict[str, Any]
SECRET = "Bearer team-b-secret-token"


def tool(kind: str, name: str, namespace: str) -> Object:
    server = {"kind": kind, "name": name, "namespace": namespace, "toolNames": ["a"]}
    return {"type": "McpServer", "mcpServer": server}


def billing(**spec: Any) -> Object:
    """A server of tools of team-b's."""
    headers = [{"name": "Authorization", "value": SECRET}]
    return {
        "apiVersion": REMOTE_MCP_SERVER.api_version,
        "kind": "RemoteMCPServer",
        "metadata": {"name": "billing", "namespace": "team-b"},
        "spec": {"url": "http://billing.team-b/mcp", "headersFrom": headers, **spec},
    }


def change(cluster: FakeCluster, **spec: Any) -> None:
    cluster.clock.sleep(1)
    cluster.edit(REMOTE_MCP_SERVER, "billing", {"spec": spec}, namespace="team-b", manager="b-deployer")


@pytest.fixture
def spy(cluster: FakeCluster) -> FakeCluster:
    """A cluster with the namespace ``default``, whose label is about team-a."""
    namespace = {"metadata": {"name": "default", "labels": {"team": "a"}}}
    cluster.add(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", **namespace})
    return cluster


def begin(cluster: FakeCluster, **spec: Any) -> Object:
    """A server of team-b's, and then an agent of the namespace ``default`` that names it."""
    server = cluster.add(REMOTE_MCP_SERVER, billing(**spec))
    cluster.add(AGENT, agent("spy", modelConfig="", tools=[tool("RemoteMCPServer", "billing", "team-b")]))
    return server


def look(cluster: FakeCluster) -> History:
    return history.update(cluster, workload(cluster, "spy"), manager="looker")


def kept(past: History) -> ConfigSource:
    assert past.live is not None
    (source,) = past.live.sources
    return source


def stored(cluster: FakeCluster) -> str:
    return json.dumps(cluster.read_all(CONTROLLER_REVISION))


SELECTOR = {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}
OTHERS = {"from": "Selector", "selector": {"matchLabels": {"team": "b"}}}
NOT_LET = (
    "remotemcpserver.kagent.dev/billing in namespace team-b does not let agents of default use it "
    "(spec.allowedNamespaces); of it only uid and generation are kept"
)


@pytest.mark.parametrize("rule", [{}, {"from": "Same"}, OTHERS])
def test_of_a_server_that_does_not_let_the_agent_in_only_uid_and_generation_are_kept(
    spy: FakeCluster, rule: Object
) -> None:
    uid = begin(spy, allowedNamespaces=rule)["metadata"]["uid"]
    past = look(spy)
    assert kept(past).content == {"uid": uid, "generation": 1}
    assert lines(past) == (NOT_LET,)
    for word in (SECRET, "billing.team-b", "headersFrom"):
        assert word not in stored(spy)


@pytest.mark.parametrize("rule", [{"from": "All"}, SELECTOR])
def test_of_one_that_lets_it_in_the_content_is_kept(spy: FakeCluster, rule: Object) -> None:
    spec = begin(spy, allowedNamespaces=rule)["spec"]
    past = look(spy)
    assert kept(past).content == {"spec": spec}
    assert all("only uid and generation" not in note for note in lines(past))


def test_each_change_is_noticed_all_the_same_and_not_by_whom(spy: FakeCluster) -> None:
    begin(spy)
    look(spy)
    change(spy, url="http://other")
    change(spy, url="http://third")
    past = look(spy)
    assert [revision.number for revision in past.revisions] == [1, 2, 3]
    assert [dict(revision.sources[0].content or {})["generation"] for revision in past.revisions] == [1, 2, 3]
    assert past.revisions[-1].changed_by == ""
    assert past.revisions[-1].changed_at == spy.clock.now
    assert "b-deployer" not in stored(spy)
    spy.remove(REMOTE_MCP_SERVER, "billing", namespace="team-b")
    assert kept(look(spy)).content is None
    spy.add(REMOTE_MCP_SERVER, billing())
    assert [revision.number for revision in look(spy).revisions] == [1, 2, 3, 4, 5]


def test_a_permission_that_ends_ends_what_is_kept(spy: FakeCluster) -> None:
    begin(spy, allowedNamespaces={"from": "All"}, headersFrom=[])
    look(spy)
    change(spy, allowedNamespaces={"from": "Same"}, headersFrom=[{"name": "Authorization", "value": SECRET}])
    content = kept(look(spy)).content
    assert content is not None
    assert content.keys() == {"uid", "generation"}
    assert SECRET not in stored(spy)


@pytest.mark.parametrize("why", ["forbidden", "gone"])
def test_when_the_labels_of_the_namespace_may_not_be_read_nothing_is_kept(spy: FakeCluster, why: str) -> None:
    begin(spy, allowedNamespaces=SELECTOR)
    if why == "forbidden":
        spy.deny("get", NAMESPACE)
    else:
        spy.remove(NAMESPACE, "default")
    past = look(spy)
    assert (kept(past).content or {}).keys() == {"uid", "generation"}
    (note,) = lines(past)
    assert note.startswith(
        "whether remotemcpserver.kagent.dev/billing in namespace team-b lets agents of default use it is not "
        "known: "
    )
    assert note.endswith("; of it only uid and generation are kept")
    assert SECRET not in stored(spy)


def test_who_may_not_read_them_finds_nothing_changed_of_what_others_recorded(spy: FakeCluster) -> None:
    """Else two who look by turns would record each other's view for ever."""
    begin(spy, allowedNamespaces=SELECTOR)
    content = kept(look(spy)).content
    spy.deny("get", NAMESPACE)
    past = look(spy)
    assert (len(past.revisions), kept(past).content) == (1, content)
    change(spy, url="http://other")
    past = look(spy)
    assert (len(past.revisions), (kept(past).content or {}).keys()) == (2, {"uid", "generation"})


@pytest.mark.parametrize("resource", [MCP_SERVER, SERVICE])
def test_a_kind_that_kagent_never_takes_from_elsewhere_is_not_even_read(
    cluster: FakeCluster, resource: Resource
) -> None:
    obj = mcp_server("billing") if resource is MCP_SERVER else {"spec": {"ports": [{"port": 4711}]}}
    cluster.add(resource, {**obj, "metadata": {"name": "billing", "namespace": "team-b"}})
    cluster.add(AGENT, agent("spy", modelConfig="", tools=[tool(resource.kind, "billing", "team-b")]))
    past = look(cluster)
    assert past.live is not None
    assert past.live.sources == ()
    assert not [request for request in cluster.requests if request.namespace == "team-b"]


def test_what_the_server_answers_must_be_what_was_asked_for(cluster: FakeCluster) -> None:
    """A path that leads elsewhere would give another kind, or another name."""

    class Misled:
        def __getattr__(self, name: str) -> Any:
            return getattr(cluster, name)

        def list_objects(self, resource: Resource, namespace: str | None = None, **how: Any) -> Object:
            listing = cluster.list_objects(resource, namespace, **how)
            if resource is REMOTE_MCP_SERVER:
                items = cluster.list_objects(DEPLOYMENT, "payments")["items"]
                return {**listing, "items": items}
            return listing

    stripe = {"name": "STRIPE_KEY", "value": "sk_live_of_another_team"}
    template = {"spec": {"containers": [{"name": "stripe", "env": [stripe]}]}}
    metadata = {"name": "stripe", "namespace": "payments"}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    cluster.add(DEPLOYMENT, {**body, "spec": {"template": template}})
    cluster.add(AGENT, agent("spy", modelConfig="", tools=[tool("RemoteMCPServer", "stripe", "x")]))
    past = history.update(Misled(), workload(cluster, "spy"), manager="recorder")  # type: ignore[arg-type]
    assert kept(past).content is None
    assert "sk_live" not in stored(cluster)


def test_history_says_what_it_left_out(spy: FakeCluster, kagent: Kagent) -> None:
    begin(spy)
    change(spy, url="http://other")
    code, out, err = kagent("rollout", "history", "agent/spy")
    assert (code, err) == (0, f"Warning: {NOT_LET}\n")
    assert out.splitlines()[-1].endswith("remotemcpserver/billing generation 1 → 2   <none>")
    for words in (["rollout", "diff", "agent/spy", "1", "2"], ["rollout", "history", "spy", "--revision=1"]):
        code, out, _ = kagent(*words)
        assert code == 0
        assert "generation" in out
        assert SECRET not in out
        assert "billing.team-b" not in out


# Put back


def test_undo_puts_nothing_back_into_another_namespace(spy: FakeCluster) -> None:
    """Whoever writes in this namespace may have written the record of what was there."""
    begin(spy, allowedNamespaces={"from": "All"})
    look(spy)
    change(spy, url="http://other")
    past = look(spy)
    undo = undo_plan.plan(spy, past, past.find(1))
    (shared,) = undo.sources
    assert ([item.path for item in shared.changes], shared.restorable) == (["spec.url"], False)
    restore(spy, replace(undo, with_sources=True), manager="undoer", cause="")
    found = spy.read(REMOTE_MCP_SERVER, "billing", namespace="team-b")
    assert found["spec"]["url"] == "http://other"


def test_undo_looks_at_no_source_that_the_recorded_spec_does_not_name(spy: FakeCluster) -> None:
    begin(spy)
    look(spy)
    spy.edit(AGENT, "spy", {"spec": {"declarative": {"systemMessage": "x"}}})
    past = look(spy)
    first = spy.read_all(CONTROLLER_REVISION)[0]
    beside = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "namespace": "kube-system",
        "name": "coredns",
        "content": {"data": {"Corefile": "mine"}},
    }
    typed = {"apiVersion": "apps/v1", "kind": "ControllerRevision"}
    data = {**first["data"], "sources": [*first["data"]["sources"], beside]}
    metadata = {**first["metadata"], "name": "agent-spy-r3"}
    for key in ("uid", "creationTimestamp", "managedFields", "resourceVersion"):
        del metadata[key]
    spy.add(CONTROLLER_REVISION, typed | {"metadata": metadata, "data": data, "revision": 3})
    spy.requests.clear()
    forged = history.update(spy, workload(spy, "spy"), manager="", record=False).find(3)
    assert undo_plan.plan(spy, past, forged).sources == ()
    assert not [request for request in spy.requests if request.namespace == "kube-system"]
