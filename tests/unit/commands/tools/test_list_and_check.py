"""tools list and check, on the fake with what the controller was recorded to answer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from kubectl_kagent.model.resources import AGENT, MCP_SERVER, REMOTE_MCP_SERVER, SERVICE
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.mcp_server import running
from tests.objects import agent, mcp_server
from tests.recordings import DATA

Object = dict[str, Any]
RECORDED = DATA / "controller" / "rest_toolservers.txt"
SERVERS = "kagent/kagent-controller:8083/api/toolservers?user_id=admin%40kagent.dev"


def tool(kind: str, name: str, *tools: str, **more: Any) -> Object:
    reference = {"kind": kind, "name": name, "toolNames": list(tools), **more}
    return {"type": "McpServer", "mcpServer": reference}


def helper(name: str, **more: Any) -> Object:
    return {"type": "Agent", "agent": {"name": name, **more}}


def remote(
    cluster: FakeCluster,
    name: str,
    *tools: str,
    namespace: str = "default",
    refused: str = "",
    asked: bool = True,
    **spec: Any,
) -> None:
    kind = {"apiVersion": REMOTE_MCP_SERVER.api_version, "kind": "RemoteMCPServer"}
    accepted = {"type": "Accepted", "status": "False" if refused else "True", "message": refused}
    found = [{"name": item, "description": f"About {item}."} for item in tools]
    status = {"conditions": [accepted], **({"discoveredTools": found} if asked else {})}
    body = {"metadata": {"name": name, "namespace": namespace}, "spec": {"url": "http://x", **spec}}
    cluster.add(REMOTE_MCP_SERVER, {**kind, **body, "status": status})


@pytest.fixture
def controller(cluster: FakeCluster) -> Object:
    """The recorded answer, and one more server: default/datetime, an MCPServer."""
    labels = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}
    metadata = {"name": "kagent-controller", "namespace": "kagent", "labels": labels}
    ports = [{"name": "controller", "port": 8083}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
    cluster.add(SERVICE, service)
    answer: Object = json.loads(RECORDED.read_text().rpartition("\n\n")[2])
    found = [{"name": "get_date", "description": "Today.\nAnd more."}, {"name": "get_time"}]
    ours = {"ref": "default/datetime", "groupKind": "MCPServer.kagent.dev", "discoveredTools": found}
    answer["data"].append(ours)
    cluster.services["GET", SERVERS] = answer
    return answer


@pytest.fixture
def world(cluster: FakeCluster, controller: Object) -> FakeCluster:
    """Two agents, three servers, one of them in another namespace, one used by nobody."""
    approved = {"requireApproval": ["delete_thing"]}
    tools = [
        tool("RemoteMCPServer", "things", "get_time", "delete_thing", **approved),
        tool("", "datetime"),
        tool("RemoteMCPServer", "far", "look", namespace="other"),
        helper("helper"),
    ]
    cluster.add(AGENT, agent("clock", tools=tools))
    cluster.add(AGENT, agent("helper"))
    cluster.add(MCP_SERVER, mcp_server("datetime"))
    remote(cluster, "things", "get_time", "delete_thing", "boom")
    remote(cluster, "far", "look", namespace="other")
    return cluster


ALL = """\
AGENT    TOOL           SERVER                         APPROVAL   OFFERED   DESCRIPTION
clock    get_time       remotemcpserver/things         no         yes       About get_time.
clock    delete_thing   remotemcpserver/things         yes        yes       About delete_thing.
clock    get_date       mcpserver/datetime             no         yes       Today. And more.
clock    get_time       mcpserver/datetime             no         yes       <none>
clock    look           remotemcpserver/far -n other   no         yes       About look.
clock    (the agent)    agent/helper                   no         yes       <none>
<none>   boom           remotemcpserver/things         no         yes       About boom.
"""


def test_every_tool_with_its_agent_and_its_server(world: FakeCluster, kagent: Kagent) -> None:
    assert kagent("tools", "list") == (0, ALL, "")


def test_a_server_whose_pods_came_later_than_kmcp_looked_is_there(world: FakeCluster, kagent: Kagent) -> None:
    """kmcp leaves Ready False then; what a remote server's says is believed."""
    not_ready = {"conditions": [{"type": "Ready", "status": "False", "message": "0 of 2 pods"}]}
    world.set_status(MCP_SERVER, "datetime", not_ready)
    assert kagent("tools", "list") == (0, ALL, "")
    assert kagent("tools", "check", "--all")[2] == ""


def test_of_one_agent(world: FakeCluster, kagent: Kagent) -> None:
    expected = "".join(line for line in ALL.splitlines(keepends=True) if "<none>   boom" not in line)
    found = kagent("tools", "list", "clock")
    assert found == (0, expected.replace("AGENT    ", "AGENT   ").replace("clock    ", "clock   "), "")


def test_of_one_server(world: FakeCluster, kagent: Kagent) -> None:
    assert kagent("tools", "list", "rmcps/things") == (
        0,
        "AGENT    TOOL           SERVER                   APPROVAL   OFFERED   DESCRIPTION\n"
        "clock    get_time       remotemcpserver/things   no         yes       About get_time.\n"
        "clock    delete_thing   remotemcpserver/things   yes        yes       About delete_thing.\n"
        "<none>   boom           remotemcpserver/things   no         yes       About boom.\n",
        "",
    )


def test_of_all_namespaces(world: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("tools", "list", "-A")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split()[:3] == ["NAMESPACE", "AGENT", "TOOL"]
    assert {line.split()[0] for line in out.splitlines()[1:]} == {"default"}


def test_what_a_server_offers_may_not_be_known(world: FakeCluster, kagent: Kagent) -> None:
    world.services.clear()
    code, out, err = kagent("tools", "list", "mcpserver/datetime")
    assert (code, out) == (
        0,
        "AGENT   TOOL   SERVER               APPROVAL   OFFERED   DESCRIPTION\n"
        "clock   *      mcpserver/datetime   no         unknown   <none>\n",
    )
    assert err == ('Warning: what MCP servers offer is not known: services "kagent-controller" not found\n')


def test_nothing_at_all(cluster: FakeCluster, kagent: Kagent) -> None:
    assert kagent("tools", "list") == (0, "", "No tools found in default namespace.\n")


def test_a_server_that_is_not_there(cluster: FakeCluster, kagent: Kagent) -> None:
    assert kagent("tools", "list", "mcpserver/x") == (
        1,
        "",
        'Error from server (NotFound): mcpservers.kagent.dev "x" not found\n'
        "hint: kubectl kagent get mcpservers -A lists all mcpservers\n",
    )


LIVE = ("remotemcpserver/live", "no", "yes")
SIGNATURE = "a: integer, b: number, unit?: string|null, more?: array|null"


def test_schemas_come_from_the_server_itself(cluster: FakeCluster, kagent: Kagent) -> None:
    with running() as server:
        cluster.addresses["default/live:80"] = server.url
        cluster.add(AGENT, agent("clock", tools=[tool("RemoteMCPServer", "live", "add", "gone")]))
        remote(cluster, "live", url="http://live.default/mcp")
        remote(cluster, "down", url="http://down.default/mcp")
        code, out, err = kagent("tools", "list", "-o", "wide")
        assert code == 0
        assert [re.split(r" {3,}", line) for line in out.splitlines()] == [
            ["AGENT", "TOOL", "SERVER", "APPROVAL", "OFFERED", "DESCRIPTION", "ARGUMENTS"],
            ["clock", "add", *LIVE, "A sum.", SIGNATURE],
            ["clock", "gone", "remotemcpserver/live", "no", "no", "<none>", "<none>"],
            ["<none>", "*", "remotemcpserver/down", "no", "unknown", "<none>", "<none>"],
            ["<none>", "get_time", *LIVE, "The time of day.", "timezone?: string"],
            ["<none>", "boom", *LIVE, "Always fails.", "<none>"],
            ["<none>", "escape", *LIVE, "Tells a terminal to clear itself.", "<none>"],
            ["<none>", "pile", *LIVE, "More than fits into the package's own limit for an event.", "<none>"],
        ]
        assert err.startswith("Warning: what remotemcpserver/down offers is not known: ")
        code, out, err = kagent("tools", "list", "clock", "-o", "json")
        add, gone = json.loads(out)["tools"]
        assert (add["namespace"], add["agent"]) == ("default", "clock")
        assert add["inputSchema"]["required"] == ["a", "b"]
        assert (gone["offered"], gone["inputSchema"]) == (False, None)


# check


def test_no_findings(world: FakeCluster, kagent: Kagent) -> None:
    assert kagent("tools", "check", "clock") == (0, "6 tools of 1 agent: no findings\n", "")
    assert kagent("tools", "check", "--all") == (0, "6 tools of 2 agents: no findings\n", "")


def test_each_finding_is_a_line(world: FakeCluster, kagent: Kagent) -> None:
    remote(world, "ill", refused="no\nsuch host \x1b[2J")
    tools = [
        tool("RemoteMCPServer", "things", "get_time", "fly", requireApproval=["fly", "boom"]),
        tool("", "datetime", requireApproval=["get_date", "get_age"]),
        tool("RemoteMCPServer", "none", "a", "b"),
        tool("MCPServer", "none"),
        tool("RemoteMCPServer", "ill", "c"),
        helper("nobody"),
        helper("clock"),
    ]
    world.add(AGENT, agent("wrong", tools=tools))
    assert kagent("tools", "check", "-A") == (
        1,
        'default/wrong: tool "fly" is not offered by remotemcpserver/things '
        "(it offers: get_time, delete_thing, boom)\n"
        'default/wrong: requireApproval names "boom", which is not among the tools taken from '
        "remotemcpserver/things\n"
        'default/wrong: requireApproval names "get_age", which mcpserver/datetime does not offer\n'
        "default/wrong: remotemcpserver/none does not exist (a, b)\n"
        "default/wrong: mcpserver/none does not exist (all its tools)\n"
        "default/wrong: remotemcpserver/ill: Accepted is False: no such host  [2J\n"
        'default/wrong: tool "c" is not offered by remotemcpserver/ill (it offers: nothing)\n'
        "default/wrong: agent/nobody does not exist\n",
        "",
    )
    code, out, _ = kagent("tools", "check", "wrong", "-o", "json")
    assert code == 1
    found = json.loads(out)["findings"]
    assert len(found) == 8
    assert found[3] == {
        "namespace": "default",
        "agent": "wrong",
        "server": {"kind": "RemoteMCPServer", "namespace": "default", "name": "none"},
        "message": "remotemcpserver/none does not exist (a, b)",
    }


def test_a_server_of_another_namespace_is_named_with_it(world: FakeCluster, kagent: Kagent) -> None:
    """``things`` of the agent's own namespace is there."""
    far = {"mcpServer": {"kind": "RemoteMCPServer", "name": "things", "namespace": "far", "toolNames": ["a"]}}
    world.add(AGENT, agent("wrong", tools=[{"type": "McpServer", **far}]))
    said = "default/wrong: remotemcpserver/things -n far does not exist (a)\n"
    assert kagent("tools", "check", "wrong") == (1, said, "")


@pytest.mark.parametrize(
    ("refused", "why"), [("no such host", "kagent could not ask it"), ("", "kagent has not asked it yet")]
)
def test_why_it_is_not_known_what_a_remote_server_offers(
    cluster: FakeCluster, kagent: Kagent, refused: str, why: str
) -> None:
    cluster.add(AGENT, agent("clock", tools=[tool("RemoteMCPServer", "dead", "look")]))
    remote(cluster, "dead", refused=refused, asked=False)
    _, _, err = kagent("tools", "check", "clock")
    assert err == f"Warning: what remotemcpserver/dead offers is not known: {why}\n"


def test_what_is_not_known_is_no_finding_and_is_said(world: FakeCluster, kagent: Kagent) -> None:
    world.services.clear()
    code, out, err = kagent("tools", "check", "clock")
    assert (code, out) == (0, "5 tools of 1 agent: no findings, but 1 of them could not be checked\n")
    assert err.splitlines()[1:] == [
        "Warning: what mcpserver/datetime offers is not known: the kagent controller has found no tools at it"
    ]


@pytest.mark.parametrize(
    "data",
    [
        None,
        "text",
        [None, 5, {"ref": 5}],
        [{"ref": "default/datetime", "groupKind": "MCPServer.kagent.dev", "discoveredTools": ["x"]}],
        [{"ref": "default/datetime", "groupKind": "MCPServer.kagent.dev", "discoveredTools": []}],
    ],
)
def test_a_malformed_answer_of_the_controller_is_nothing_known(
    data: Any, controller: Object, world: FakeCluster, kagent: Kagent
) -> None:
    world.services["GET", SERVERS] = {"data": data}
    code, out, err = kagent("tools", "check", "clock")
    assert (code, out) == (0, "5 tools of 1 agent: no findings, but 1 of them could not be checked\n")
    assert "what mcpserver/datetime offers is not known" in err


def test_live_asks_the_servers(cluster: FakeCluster, kagent: Kagent) -> None:
    with running() as server:
        cluster.addresses["default/live:80"] = server.url
        cluster.add(AGENT, agent("clock", tools=[tool("RemoteMCPServer", "live", "add", "gone")]))
        remote(cluster, "live", "gone", url="http://live.default/mcp")
        assert kagent("tools", "check", "clock")[1] == (
            'default/clock: tool "add" is not offered by remotemcpserver/live (it offers: gone)\n'
        )
        assert kagent("tools", "check", "clock", "--live") == (
            1,
            'default/clock: tool "gone" is not offered by remotemcpserver/live '
            "(it offers: get_time, add, boom, escape, pile)\n",
            "",
        )


def test_a_server_that_could_not_be_asked_is_not_checked(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent("clock", tools=[tool("RemoteMCPServer", "live", "add")]))
    remote(cluster, "live", "add", url="http://live.default/mcp")
    assert kagent("tools", "check", "clock") == (0, "1 tool of 1 agent: no findings\n", "")
    code, out, err = kagent("tools", "check", "clock", "--live")
    assert (code, out) == (1, "1 tool of 1 agent: no findings, but 1 of them could not be checked\n")
    assert err.startswith("Warning: what remotemcpserver/live offers is not known: ")


@pytest.mark.parametrize("words", [[], ["clock", "--all"], ["--all", "-A"]])
def test_check_wants_to_know_which_agents(words: list[str], kagent: Kagent) -> None:
    assert kagent("tools", "check", *words) == (
        2,
        "",
        "error: name an agent, or check them all with --all or -A\n",
    )


def test_an_agent_that_is_called_like_a_type(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent("agents"))
    cluster.add(AGENT, agent("other", tools=[helper("nobody")]))
    assert kagent("tools", "check", "agents") == (0, "0 tools of 1 agent: no findings\n", "")


def test_a_name_that_the_terminal_would_obey(cluster: FakeCluster, kagent: Kagent) -> None:
    name = "get\x1b[2J\ntime"
    cluster.add(AGENT, agent("clock", tools=[tool("RemoteMCPServer", "things", name)]))
    remote(cluster, "things", name)
    code, out, err = kagent("tools", "list")
    assert (code, err, len(out.splitlines())) == (0, "", 2)
    assert "\x1b" not in out
