"""Which agents lose their sessions when an MCP server's pods are replaced."""

from __future__ import annotations

from typing import Any

from kubectl_kagent.errors import ResourceMissing
from kubectl_kagent.lifecycle.workloads.users import sessions_that_end
from kubectl_kagent.model.resources import AGENT, MCP_SERVER
from kubectl_kagent.model.workload import Workload
from tests.fake.cluster import FakeCluster
from tests.objects import agent, mcp_server, workload

TOLD = (
    "sessions with mcpserver.kagent.dev/datetime end; agents that use it: {}. "
    'If one then answers "Session terminated": kubectl kagent rollout restart agent/NAME'
)


def user(name: str, server: str = "datetime", namespace: str = "default") -> dict[str, Any]:
    reference = {"kind": "MCPServer", "apiGroup": "kagent.dev", "name": server, "namespace": "default"}
    found = agent(name, tools=[{"type": "McpServer", "mcpServer": reference}])
    return {**found, "metadata": {"name": name, "namespace": namespace}}


def told(cluster: FakeCluster, *names: str) -> list[str]:
    servers: list[Workload] = []
    for name in names or ("datetime",):
        cluster.add(MCP_SERVER, mcp_server(name))
        servers.append(workload(cluster, name, MCP_SERVER))
    return list(sessions_that_end(cluster, servers))


def test_the_agents_that_use_it(cluster: FakeCluster) -> None:
    """One of another namespace may name it, and kagent refuses that."""
    for obj in (user("b"), user("a"), user("c", "other"), user("d", namespace="far"), agent("none")):
        cluster.add(AGENT, obj)
    assert told(cluster) == [TOLD.format("a, b")]


def test_several_servers_are_asked_about_together(cluster: FakeCluster) -> None:
    cluster.add(AGENT, user("a"))
    cluster.requests.clear()
    assert told(cluster, "datetime", "other") == [TOLD.format("a")]
    assert [request.resource for request in cluster.requests if request.verb == "list"] == [AGENT]


def test_what_nobody_uses_is_not_told_about(cluster: FakeCluster) -> None:
    cluster.add(AGENT, user("a", "other"))
    assert told(cluster) == []
    assert list(sessions_that_end(cluster, [])) == []


def test_who_may_not_list_agents_is_told_so(cluster: FakeCluster) -> None:
    cluster.deny("list", AGENT)
    (line,) = told(cluster)
    assert line.startswith("which agents have sessions with it is not known: ")


def test_without_kagent_there_are_none(cluster: FakeCluster) -> None:
    def missing() -> None:
        raise ResourceMissing("the server doesn't have a resource type agents")

    cluster.before("list", AGENT, missing)
    assert told(cluster) == []
