"""What describe gathers: tools and what their servers say, events that concern the workload."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.errors import NotFound
from kubectl_kagent.lifecycle.workloads.description import Description, describe
from kubectl_kagent.model import revision
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    EVENT,
    MCP_SERVER,
    POD,
    REMOTE_MCP_SERVER,
    SERVICE,
    Resource,
)
from kubectl_kagent.model.workload import Workload
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Story
from tests.objects import agent, lines, mcp_server, reconcile

Object = dict[str, Any]


def look(cluster: FakeCluster, name: str = "clock", resource: Resource = AGENT) -> Description:
    (found,) = describe(cluster, resource, [Workload(resource, cluster.get(resource, "default", name))])
    return found


def tool(kind: str, name: str, *names: str, **more: Any) -> Object:
    return {"type": "McpServer", "mcpServer": {"kind": kind, "name": name, "toolNames": [*names], **more}}


def condition(type_: str, status: str, message: str = "") -> Object:
    return {"type": type_, "status": status, "message": message, "lastTransitionTime": "2026-11-23T08:00:00Z"}


def offering(*names: str, **status: Any) -> Object:
    tools = {"discoveredTools": [{"name": name} for name in names]} if names else {}
    return {"metadata": {"name": "tools"}, "spec": {"url": "http://tools"}, "status": {**tools, **status}}


# Tools and their servers


@pytest.mark.parametrize(
    ("server", "offered", "missing", "problem"),
    [
        (offering("a", "b"), ("a", "b"), (), ""),
        (offering("a"), ("a",), ("b",), ""),
        (offering(discoveredTools=[]), (), ("a", "b"), ""),
        (offering(), None, (), ""),
        (
            offering("a", "b", conditions=[condition("Accepted", "False", "connection refused")]),
            ("a", "b"),
            (),
            "Accepted is False: connection refused",
        ),
        (offering("a", "b", conditions=[condition("Accepted", "True", "fine")]), ("a", "b"), (), ""),
    ],
)
def test_a_remote_server_says_what_it_offers(
    cluster: FakeCluster,
    server: Object,
    offered: tuple[str, ...] | None,
    missing: tuple[str, ...],
    problem: str,
) -> None:
    cluster.add(REMOTE_MCP_SERVER, server)
    cluster.add(AGENT, agent(tools=[tool("RemoteMCPServer", "tools", "a", "b")]))
    (found,) = look(cluster).tools
    assert (found.offered, found.missing, found.problem) == (offered, missing, problem)
    assert found.address == "http://tools"


def test_a_server_that_is_not_there_or_of_a_kind_that_is_not_installed(cluster: FakeCluster) -> None:
    cluster.missing(MCP_SERVER)
    tools = [tool("RemoteMCPServer", "gone", "a"), tool("MCPServer", "nokind", "a")]
    cluster.add(AGENT, agent(tools=tools))
    assert [(found.problem, found.missing) for found in look(cluster).tools] == [("does not exist", ())] * 2


def test_a_server_that_may_not_be_read(cluster: FakeCluster) -> None:
    cluster.deny("get", REMOTE_MCP_SERVER)
    cluster.add(AGENT, agent(tools=[tool("RemoteMCPServer", "tools", "a")]))
    (found,) = look(cluster).tools
    assert found.problem.startswith('remotemcpservers.kagent.dev "tools" is forbidden')


def test_an_mcp_server_has_the_address_that_kagent_uses(cluster: FakeCluster) -> None:
    cluster.add(MCP_SERVER, {**mcp_server(), "metadata": {"name": "datetime", "namespace": "far"}})
    cluster.add(AGENT, agent(tools=[tool("MCPServer", "datetime", "a", namespace="far")]))
    (found,) = look(cluster).tools
    assert (found.address, found.problem, found.offered) == ("http://datetime.far:3000/mcp", "", None)


def test_kmcp_s_ready_is_not_believed(cluster: FakeCluster) -> None:
    """kmcp leaves it False when the pods come up later."""
    stale = [condition("Accepted", "True"), condition("Ready", "False", "0/0 replicas available")]
    cluster.add(MCP_SERVER, {**mcp_server(), "status": {"conditions": stale}})
    cluster.add(AGENT, agent(tools=[tool("MCPServer", "datetime", "a")]))
    assert look(cluster).tools[0].problem == ""
    cluster.set_status(MCP_SERVER, "datetime", {"conditions": [condition("Accepted", "False", "odd")]})
    assert look(cluster).tools[0].problem == "Accepted is False: odd"
    unprogrammed = [condition("Accepted", "True"), condition("Programmed", "False", "no Service")]
    cluster.set_status(MCP_SERVER, "datetime", {"conditions": unprogrammed})
    assert look(cluster).tools[0].problem == "Programmed is False: no Service"


def test_a_service_and_an_agent_as_tools(cluster: FakeCluster) -> None:
    cluster.add(SERVICE, {"metadata": {"name": "plain"}, "spec": {}})
    down = [condition("Accepted", "True"), condition("Ready", "False", "0/1 pods are ready")]
    cluster.add(AGENT, {**agent("helper"), "status": {"conditions": down}})
    tools = [tool("Service", "plain", "ping"), {"type": "Agent", "agent": {"name": "helper"}}]
    cluster.add(AGENT, agent(tools=tools))
    assert [(found.address, found.problem, found.missing) for found in look(cluster).tools] == [
        ("", "", ()),
        ("", "Ready is False: 0/1 pods are ready", ()),
    ]


# Pods and events


def pod(cluster: FakeCluster, name: str, **labels: str) -> None:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}}
    cluster.add(POD, {**body, "spec": {}, "status": {}})


def event(cluster: FakeCluster, kind: str, name: str, at: str = "08:00:00", **times: Any) -> None:
    times = times or {"lastTimestamp": f"2026-11-23T{at}Z"}
    body = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": f"{kind}.{name}.{at}"}}
    involved = {"kind": kind, "name": name}
    cluster.add(EVENT, {**body, "involvedObject": involved, "message": f"{kind} {name} {at}", **times})


def messages(found: Description) -> list[str]:
    return [str(item["message"]) for item in found.events]


def test_pods_are_the_workload_s_own_oldest_first(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    for name, owner in (("z-old", "clock"), ("other-1", "other"), ("a-new", "clock")):
        pod(cluster, name, app="kagent", kagent=owner)
        cluster.clock.sleep(1)
    pod(cluster, "unlabelled")
    assert [item["metadata"]["name"] for item in look(cluster).pods] == ["z-old", "a-new"]


def test_events_of_the_workload_its_deployment_its_replica_sets_and_its_pods(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    pod(cluster, "clock-6f5bf9d845-d5z2z", app="kagent", kagent="clock")
    mine = [
        ("Agent", "clock"),
        ("Deployment", "clock"),
        ("ReplicaSet", "clock-6f5bf9d845"),
        ("ReplicaSet", "clock-0ld0ld0ld0"),
        ("Pod", "clock-6f5bf9d845-d5z2z"),
    ]
    others = [
        ("Agent", "clock-two"),
        ("ReplicaSet", "clock-two-6f5bf9d845"),
        ("Pod", "clock-two-6f5bf9d845-d5z2z"),
        ("Pod", "clock-6f5bf9d845-other"),
        ("ReplicaSet", "clock"),
    ]
    for kind, name in (*others, *mine):
        event(cluster, kind, name)
    assert sorted(messages(look(cluster))) == sorted(f"{kind} {name} 08:00:00" for kind, name in mine)


def test_events_in_the_order_of_their_last_time_whichever_field_has_it(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    event(cluster, "Agent", "clock", "3", lastTimestamp="2026-11-23T08:03:00Z", eventTime=None)
    event(cluster, "Agent", "clock", "1", lastTimestamp=None, eventTime="2026-11-23T08:01:00.000000Z")
    series = {"count": 9, "lastObservedTime": "2026-11-23T08:04:00.000000Z"}
    event(cluster, "Agent", "clock", "4", eventTime="2026-11-23T08:00:30.000000Z", series=series)
    cluster.clock.sleep(120)
    event(cluster, "Agent", "clock", "2", lastTimestamp=None, eventTime=None)  # created at 08:02
    assert [message[-1] for message in messages(look(cluster))] == ["1", "2", "3", "4"]


# What may not be read


@pytest.mark.parametrize(
    ("resource", "part"), [(POD, "pods"), (EVENT, "events"), (CONTROLLER_REVISION, "revision")]
)
def test_what_is_forbidden_is_named_and_the_rest_is_there(
    story: Story, resource: Resource, part: str
) -> None:
    story.cluster.deny("list", resource)
    found = look(story.cluster)
    assert found.unknown == {part}
    (note,) = lines(found)
    assert note.startswith(f"{part} unknown: {resource.full_name} is forbidden")
    assert found.overview.state == "Ready"


def test_the_revisions_of_this_very_object(story: Story) -> None:
    assert [each.number for each in look(story.cluster).revisions] == [1, 2]
    story.cluster.remove(AGENT, "clock")
    story.cluster.add(AGENT, agent())
    assert look(story.cluster).revisions == ()


def test_each_revision_is_read_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 20 of them an agent has as much in their content as in everything else that is read of it."""
    read: list[str] = []
    before = revision._read_revision

    def counted(obj: Object) -> revision.Revision:
        read.append(obj["metadata"]["name"])
        return before(obj)

    monkeypatch.setattr(revision, "_read_revision", counted)
    found = look(story.cluster)
    assert (found.overview.revision, sorted(read)) == ("2", ["agent-clock-r1", "agent-clock-r2"])


def test_one_that_is_not_there(cluster: FakeCluster) -> None:
    with pytest.raises(NotFound, match=r'agents\.kagent\.dev "clock" not found'):
        look(cluster)


def test_an_mcp_server_has_no_tools_of_others(cluster: FakeCluster) -> None:
    cluster.add(MCP_SERVER, mcp_server())
    reconcile(cluster, "datetime", config_hash="1", resource=MCP_SERVER)
    pod(
        cluster,
        "datetime-1",
        **{"app.kubernetes.io/name": "datetime", "app.kubernetes.io/instance": "datetime"},
    )
    found = look(cluster, "datetime", MCP_SERVER)
    assert found.tools == ()
    assert [item["metadata"]["name"] for item in found.pods] == ["datetime-1"]
