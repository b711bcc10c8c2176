"""tools list, call and check: the example's MCP server, behind the real API server's proxy."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import Tools, own_namespace, wait_for
from tests.lab.layout import CHECKOUT
from tests.loopback import Received, serve

pytestmark = pytest.mark.cluster

EXAMPLE = CHECKOUT / "manifests" / "examples" / "datetime-agent" / "overlays" / "lab"
DAY = r"[A-Z][a-z]+day, \d{4}-\d\d-\d\d"
TIME = r"\d\d:\d\d:\d\d"
NAMES = ["get_date", "get_time", "get_datetime"]


@pytest.fixture(scope="module")
def example(lab_kubeconfig: Path) -> Iterator[Tools]:
    """The example, with its server running; its agent need not."""
    with own_namespace(lab_kubeconfig) as tools:
        tools.kubectl("apply", "-k", str(EXAMPLE))
        done = tools.kagent("rollout", "status", "mcpserver/datetime-mcp", "--timeout=3m", timeout=200)
        assert done.code == 0, done.err
        wait_for(lambda: tools.kagent("tools", "call", "datetime-mcp", "get_time").code == 0, "an answer")
        # kagent asks a server that was not up again ever later, but a changed one at once
        tools.kubectl(
            "patch", "mcpserver", "datetime-mcp", "--type=merge", "-p", '{"spec":{"timeout":"31s"}}'
        )
        yield tools


def remote(tools: Tools, name: str, url: str) -> None:
    body = {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "RemoteMCPServer",
        "metadata": {"name": name},
        "spec": {"description": "a test", "url": url},
    }
    tools.kubectl("apply", "-f", "-", stdin=json.dumps(body))


@pytest.mark.parametrize(
    ("tool", "answer"),
    [
        ("get_date", rf"{DAY} \(Asia/Tokyo\)\n"),
        ("get_time", rf"{TIME} \(Asia/Tokyo\)\n"),
        ("get_datetime", rf"{DAY} {TIME} \(Asia/Tokyo\)\n"),
    ],
)
def test_each_tool_answers(tool: str, answer: str, example: Tools) -> None:
    done = example.kagent("tools", "call", "datetime-mcp", tool, "--arg", "timezone=Asia/Tokyo")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(answer, done.out)


def test_lists_who_has_which_tool_from_where(example: Tools) -> None:
    def lines() -> list[list[str]] | None:
        done = example.kagent("tools", "list", "datetime-agent")
        assert (done.code, done.err) == (0, "")
        found = [re.split(r" {3,}", line) for line in done.out.splitlines()]
        return found if all(line[4] == "yes" for line in found[1:]) else None

    header, *found = wait_for(lines, "the tools that kagent finds", timeout=180)
    assert header == ["AGENT", "TOOL", "SERVER", "APPROVAL", "OFFERED", "DESCRIPTION"]
    assert [line[:5] for line in found] == [
        ["datetime-agent", name, "mcpserver/datetime-mcp", "no", "yes"] for name in NAMES
    ]
    assert found[1][5] == "The time of day in an IANA time zone such as Europe/Berlin."


def test_the_server_knows_its_schemas(example: Tools) -> None:
    done = example.kagent("tools", "list", "mcpserver/datetime-mcp", "-o", "json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)["tools"]
    assert [(item["tool"], item["inputSchema"]["properties"]["timezone"]["type"]) for item in found] == [
        (name, "string") for name in NAMES
    ]


def test_a_url_in_the_cluster_goes_through_the_api_server_too(example: Tools) -> None:
    remote(example, "inside", f"http://datetime-mcp.{example.namespace}.svc.cluster.local:3000/mcp")
    done = example.kagent("tools", "call", "inside", "get_time")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(rf"{TIME} \(UTC\)\n", done.out)


def test_a_tool_that_fails(example: Tools) -> None:
    done = example.kagent("tools", "call", "datetime-mcp", "get_time", "--arg", "timezone=Mars/Base")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        'error: tool "get_time" of mcpserver/datetime-mcp failed: Error executing tool get_time: '
        "unknown time zone 'Mars/Base'; give a name such as Europe/Berlin\n"
    )


def test_wrong_arguments_and_unknown_tools(example: Tools) -> None:
    done = example.kagent("tools", "call", "datetime-mcp", "get_time", "--arg", "zone=UTC")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        'error: tool "get_time" of mcpserver/datetime-mcp has no argument "zone"\n'
        "hint: its arguments: timezone (string)\n"
    )
    done = example.kagent("tools", "call", "datetime-mcp", "get_weather")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        'error: mcpserver/datetime-mcp has no tool "get_weather"\n'
        "hint: it has: get_date, get_time, get_datetime\n"
    )


def test_another_service_at_that_address(example: Tools) -> None:
    remote(example, "strange", "http://kubernetes.default.svc:443/mcp")
    done = example.kagent("tools", "call", "strange", "x")
    assert (done.code, done.out) in ((1, ""), (5, ""), (6, "")), done
    assert re.match(r"(error: remotemcpserver/strange|Error from server)", done.err), done


def test_without_the_right_to_reach_services(example: Tools) -> None:
    example.kubectl("create", "rolebinding", "looker", "--clusterrole=view", "--user=looker")
    example.kubectl("create", "role", "see", "--verb=get", "--resource=mcpservers.kagent.dev")
    example.kubectl("create", "rolebinding", "see", "--role=see", "--user=looker")

    def refused() -> str | None:
        done = example.kagent("tools", "call", "datetime-mcp", "get_time", "--as=looker")
        assert (done.code, done.out) == (6, "")
        return done.err if "services/proxy" in done.err else None

    said = wait_for(refused, "the role")
    assert said == (
        'Error from server (Forbidden): services "datetime-mcp:3000" is forbidden: '
        'User "looker" cannot create '
        f'resource "services/proxy" in API group "" in the namespace "{example.namespace}"\n'
        f"hint: ClusterRole kagent-edit allows it, by a RoleBinding in namespace {example.namespace} "
        "(https://github.com/kubectl-kagent/kubectl-kagent/blob/main/docs/permissions.md)\n"
    )


def test_check_finds_what_is_not_there(example: Tools) -> None:
    wanted = {"kind": "MCPServer", "name": "datetime-mcp", "toolNames": ["get_time", "get_weather"]}
    tools = [
        {"type": "McpServer", "mcpServer": wanted},
        {"type": "McpServer", "mcpServer": {"kind": "RemoteMCPServer", "name": "gone", "toolNames": ["a"]}},
        {"type": "Agent", "agent": {"name": "nobody"}},
    ]
    parked = {"nodeSelector": {"lab.local/nowhere": "true"}}
    declarative = {
        "modelConfig": "datetime-model",
        "systemMessage": "x",
        "tools": tools,
        "deployment": parked,
    }
    body = {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "metadata": {"name": "wrong"},
        "spec": {"type": "Declarative", "description": "a test", "declarative": declarative},
    }
    example.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    done = example.kagent("tools", "check", "--all", "--live")
    where = example.namespace
    assert (done.code, done.err) == (1, "")
    assert done.out == (
        f'{where}/wrong: tool "get_weather" is not offered by mcpserver/datetime-mcp '
        "(it offers: get_date, get_time, get_datetime)\n"
        f"{where}/wrong: remotemcpserver/gone does not exist (a)\n"
        f"{where}/wrong: agent/nobody does not exist\n"
    )
    done = example.kagent("tools", "check", "datetime-agent", "--live")
    assert (done.code, done.out, done.err) == (0, "3 tools of 1 agent: no findings\n", "")
    example.kubectl("delete", "agent", "wrong")


def test_ctrl_c_ends_a_call_with_130(example: Tools) -> None:
    asked, over = threading.Event(), threading.Event()

    def answer(_: Received) -> bytes:
        asked.set()
        over.wait(60)
        return b""

    with serve() as deaf:
        deaf.answer = answer
        remote(example, "deaf", f"{deaf.url}/mcp")
        process = example.start("tools", "call", "deaf", "x")
        try:
            assert asked.wait(30)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            over.set()
            process.kill()
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


def test_a_server_that_is_down(lab_kubeconfig: Path) -> None:
    with own_namespace(lab_kubeconfig) as tools:
        tools.kubectl("apply", "-k", str(EXAMPLE))
        tools.kubectl(
            "patch",
            "mcpserver",
            "datetime-mcp",
            "--type=merge",
            "-p",
            '{"spec":{"deployment":{"replicas":0}}}',
        )
        wait_for(
            lambda: tools.kubectl("get", "service", "datetime-mcp", check=False).code == 0, "its Service"
        )

        def down() -> str | None:
            done = tools.kagent("tools", "call", "datetime-mcp", "get_time")
            return done.err if done.code == 5 else None

        assert wait_for(down, "its pods to go") == (
            "error: mcpserver/datetime-mcp: the server answered 503: no endpoints available for service "
            '"datetime-mcp"\n'
            f"hint: kubectl kagent describe mcpserver/datetime-mcp -n {tools.namespace} "
            "tells whether its pods run\n"
        )
