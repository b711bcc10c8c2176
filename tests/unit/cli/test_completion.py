"""kubectl_complete-kagent, which kubectl runs for ``kubectl kagent <TAB>``: candidates, then a directive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from kubectl_kagent.app import complete
from kubectl_kagent.cluster.connect import Connection
from kubectl_kagent.errors import KagentError, Unreachable
from kubectl_kagent.model.resources import (
    AGENT,
    MCP_SERVER,
    MODEL_CONFIG,
    NAMESPACE,
    REMOTE_MCP_SERVER,
    SERVICE,
)
from tests.fake.agent import request, row, talking, waiting
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Story
from tests.objects import agent, mcp_server, model_config
from tests.unit.conftest import Write

NO_FILES = ":4"
TOOL_SERVERS = "kagent/kagent-controller:8083/api/toolservers?user_id=admin%40kagent.dev"
Complete = Callable[..., list[str]]


@pytest.fixture
def flags() -> list[Connection]:
    """The connection flags that completion connected with."""
    return []


@pytest.fixture
def offered(
    cluster: FakeCluster,
    flags: list[Connection],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Complete:
    """What is offered for the last of the words, without descriptions."""

    def connect(given: Connection, _warn: None) -> FakeCluster:
        flags.append(given)
        return cluster

    monkeypatch.setattr("kubectl_kagent.cluster.connect.connect", connect)

    def run(*words: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["kubectl_complete-kagent", *words])
        complete()
        done = capsys.readouterr()
        *lines, directive = done.out.splitlines()
        assert (directive, done.err) == (NO_FILES, "")
        return [line.partition("\t")[0] for line in lines]

    return run


@pytest.fixture(autouse=True)
def _zoo(cluster: FakeCluster, request: pytest.FixtureRequest) -> None:
    if "story" in request.fixturenames:
        return
    for name in ("clock", "cook"):
        cluster.add(AGENT, agent(name))
    cluster.add(MCP_SERVER, mcp_server())
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(REMOTE_MCP_SERVER, {"metadata": {"name": "tools"}, "spec": {}})
    elsewhere = {**agent("elsewhere"), "metadata": {"name": "elsewhere", "namespace": "far"}}
    cluster.add(AGENT, elsewhere)


# Verbs and flags


def test_verbs_with_what_they_do(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-kagent", "rollout", ""])
    complete()
    assert capsys.readouterr().out.splitlines() == [
        "diff\tShow what changed between two revisions",
        "history\tList the revisions of the effective config",
        "restart\tRestart the pods of agents and MCP servers",
        "status\tWait for a rollout, and say what holds it up",
        "undo\tRoll back to an earlier revision",
        ":4",
    ]


def test_verbs_and_flags_by_their_beginning(offered: Complete, flags: list[Connection]) -> None:
    assert {"get", "describe", "scale", "rollout", "rollback", "version"} <= set(offered())
    assert sorted(offered("rol")) == ["rollback", "rollout"]
    assert offered("rollout", "undo", "--to") == ["--to-revision"]
    assert offered("rollout", "undo", "--dry-run", "") == ["none", "client", "server"]
    assert offered("rollout", "undo", "--dry-run=s") == ["server"]
    assert flags == []  # none of it needs a cluster


@pytest.mark.parametrize(
    ("words", "directive"),
    [
        (["lint", "-f", ""], ":0"),  # files
        (["lint", "-f", "man"], ":0"),
        (["report", "--file="], ":0"),
        (["get", "agents", "--kubeconfig", ""], ":0"),
        (["lint", "-k", ""], ":16"),  # folders
        (["lint", "-n", ""], NO_FILES),
    ],
)
def test_files_are_left_to_the_shell(
    words: list[str], directive: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-kagent", *words])
    complete()
    assert capsys.readouterr() == (f"{directive}\n", "")


# Types and names


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["describe", ""], ["agents", "mcpservers", "clock", "cook"]),
        (["get", ""], ["agents", "mcpservers", "modelconfigs", "remotemcpservers", "clock", "cook"]),
        (["describe", "c"], ["clock", "cook"]),
        (["describe", "mc"], ["mcpservers"]),
        (["describe", "x"], []),
        (["scale", "agents", ""], ["clock", "cook"]),
        (["scale", "agents", "cl"], ["clock"]),
        (["scale", "agents", "clock", ""], ["cook"]),
        (["scale", "clock", ""], ["cook"]),
        (["scale", "agent/"], ["agent/clock", "agent/cook"]),
        (["scale", "agent/co"], ["agent/cook"]),
        (["scale", "agents.kagent.dev/co"], ["agents.kagent.dev/cook"]),
        (["scale", "agent/clock", ""], ["agent/cook"]),
        (["scale", "agent/clock", "agent/"], ["agent/cook"]),
        (["scale", "mcp", ""], ["datetime"]),
        (["scale", "mcpserver/"], ["mcpserver/datetime"]),
        (["get", "mc", ""], ["gpt"]),
        (["get", "remotemcpservers", "t"], ["tools"]),
        (["scale", "pods/"], []),
        (["rollout", "diff", "agent/"], ["agent/clock", "agent/cook"]),
        (["rollout", "diff", "c"], ["clock", "cook"]),
        (["rollout", "diff", "agent/clock", ""], []),
        (["rollback", "clo"], ["clock"]),
        (["rollout", "history", "--no-record", "clo"], ["clock"]),
        (["chat", ""], ["clock", "cook"]),
        (["approvals", "list", "co"], ["cook"]),
        (["sessions", "list", "c"], ["clock", "cook"]),
        (["trace", "clo"], ["clock"]),
        (["tools", "list", ""], ["clock", "cook"]),
        (["tools", "check", "co"], ["cook"]),
        (["tools", "call", ""], ["datetime"]),
    ],
)
def test_types_and_names(offered: Complete, words: list[str], expected: list[str]) -> None:
    assert offered(*words) == expected


def test_namespaces(offered: Complete, cluster: FakeCluster) -> None:
    for name in ("default", "far", "fair"):
        cluster.add(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    assert offered("get", "agents", "-n", "fa") == ["fair", "far"]
    assert offered("get", "agents", "--namespace=d") == ["default"]
    assert offered("top", "--kagent-namespace", "far") == ["far"]


def test_contexts_clusters_and_users_of_the_kubeconfig(
    offered: Complete, flags: list[Connection], write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {"contexts": "context", "clusters": "cluster", "users": "user"}
    config = {
        several: [{"name": f"{one}-{letter}", one: {}} for letter in ("a", "b")]
        for several, one in named.items()
    }
    config["contexts"].append({"name": "arn:aws:eks:x:1:cluster/prod", "context": {}})
    config["contexts"].append({"name": "$(reboot)", "context": {}})
    path = write(config)
    assert offered("get", "--kubeconfig", path, "--context", "context-") == ["context-a", "context-b"]
    monkeypatch.setenv("KUBECONFIG", path)
    assert offered("get", "--context", "") == ["context-a", "context-b", "arn:aws:eks:x:1:cluster/prod"]
    assert offered("get", "--cluster", "") == ["cluster-a", "cluster-b"]
    assert offered("get", "--user", "user-b") == ["user-b"]
    assert flags == []


def test_revisions_of_the_target_the_newest_first(
    offered: Complete, story: Story, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    story.prompt("Answer in rhyme.")
    assert offered("rollback", "clock", "--to-revision", "") == ["3", "2", "1"]
    assert offered("rollout", "undo", "agent/clock", "--to-revision=") == ["3", "2", "1"]
    assert offered("rollout", "history", "clock", "--revision", "2") == ["2"]
    assert offered("rollout", "diff", "agent/clock", "") == ["3", "2", "1"]
    assert offered("rollout", "diff", "clock", "1", "") == ["3", "2", "1"]
    assert offered("rollout", "undo", "--to-revision", "") == []  # of what?
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-kagent", "rollout", "diff", "clock", "2"])
    complete()
    assert capsys.readouterr().out == "2\tchanged by kubectl-edit\n:4\n"


def test_sessions_and_tasks_that_wait(
    offered: Complete, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"s1": "default__NS__clock", "s2": "default__NS__cook", "s3": "far__NS__elsewhere"}
    rows = [row(id_, agent) for id_, agent in names.items()]
    asks = waiting(request("c1", "delete", name="x"), id_="t1", session="s3")
    kept = {f"/api/sessions/{id_}/tasks": ([asks] if id_ == "s3" else []) for id_ in names}
    hostile = row("$(reboot)", name="x")
    told = row("s4", name="first\nsecond\tthird \x1b[31m")
    kept |= {f"/api/sessions/{quote(id_)}/tasks": [] for id_ in ("$(reboot)", "s4")}
    with talking(data={"/api/sessions": [*rows, hostile, told], **kept}) as agent:
        monkeypatch.setenv("KAGENT_URL", agent.url)
        assert offered("chat", "clock", "--session", "") == ["s1", "s4"]
        assert offered("sessions", "show", "") == ["s1", "s2", "s4"]
        assert offered("sessions", "show", "s2") == ["s2"]
        assert offered("trace", "show", "") == ["s1", "s2", "s4"]
        assert offered("trace", "list", "cook", "--session", "") == ["s2"]
        assert offered("approvals", "approve", "") == ["t1"]
        assert offered("approvals", "reject", "x") == []
        monkeypatch.setattr(sys, "argv", ["kubectl_complete-kagent", "sessions", "show", "s4"])
        complete()
    assert capsys.readouterr().out == "s4\tclock: first second third \\u001b[31m\n:4\n"


def test_tools_of_the_server_that_is_named(offered: Complete, cluster: FakeCluster) -> None:
    found = [{"name": "get_time", "description": "The time."}, {"name": "get_date"}, {"name": "x; reboot"}]
    servers = [{"groupKind": "MCPServer.kagent.dev", "ref": "default/datetime", "discoveredTools": found}]
    status = {"discoveredTools": [{"name": "search"}], "conditions": []}
    cluster.add(REMOTE_MCP_SERVER, {"metadata": {"name": "web"}, "spec": {}, "status": status})
    labels = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}
    metadata = {"name": "kagent-controller", "namespace": "kagent", "labels": labels}
    ports = [{"name": "controller", "port": 8083}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
    cluster.add(SERVICE, service)
    cluster.services["GET", TOOL_SERVERS] = {"data": servers, "error": False}
    assert offered("tools", "call", "datetime", "get_") == ["get_time", "get_date"]
    assert offered("tools", "call", "mcpserver/datetime", "get_t") == ["get_time"]
    assert offered("tools", "call", "web", "") == ["search"]
    assert offered("tools", "call", "remotemcpserver/web", "s") == ["search"]
    assert offered("tools", "call", "remotemcpserver/w") == ["remotemcpserver/web"]
    assert offered("tools", "call", "agent/") == []


def test_an_answer_that_does_not_come_is_not_waited_for(program: str, tmp_path: Path) -> None:
    """A credential plugin may ask a person, and a proxy may never answer."""
    plugin = tmp_path / "plugin"
    plugin.write_text("#!/bin/sh\nexec sleep 60\n")
    plugin.chmod(0o755)
    login = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(plugin),
        "interactiveMode": "Never",
    }
    config = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "users": [{"name": "x", "user": {"exec": {**login, "command": str(plugin)}}}],
        "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:9"}}],
    }
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    done = subprocess.run(
        [program, "chat", ""],
        env={**os.environ, "KUBECONFIG": str(path)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (0, ":4\n")


def test_the_flags_before_say_which_cluster(offered: Complete, flags: list[Connection]) -> None:
    offered("describe", "-n", "far", "--context", "other", "--as-group=a", "--as-group=b", "agents", "")
    (given,) = flags
    assert (given.namespace, given.context, given.as_groups) == ("far", "other", ("a", "b"))
    assert given.request_timeout == 2.0  # somebody waits for the shell


@pytest.mark.parametrize("error", [Unreachable("refused"), KagentError("no kubeconfig")])
def test_a_cluster_that_can_not_be_asked_offers_only_types(
    offered: Complete, monkeypatch: pytest.MonkeyPatch, error: KagentError
) -> None:
    def connect(_given: Connection, _warn: None) -> Any:
        raise error

    monkeypatch.setattr("kubectl_kagent.cluster.connect.connect", connect)
    assert offered("describe", "") == ["agents", "mcpservers"]
    assert offered("describe", "agents", "") == []
    assert offered("describe", "agent/") == []


def test_neither_does_one_that_refuses(offered: Complete, cluster: FakeCluster) -> None:
    cluster.deny("list", AGENT)
    cluster.missing(MCP_SERVER)
    assert offered("describe", "") == ["agents", "mcpservers"]
    assert offered("describe", "mcpserver/") == []


# As kubectl runs it


@pytest.fixture
def program() -> str:
    return str(Path(sys.executable).with_name("kubectl_complete-kagent"))


def test_as_a_process_without_a_server_it_answers_at_once(program: str, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\n"
        "contexts: [{name: x, context: {cluster: x, user: x}}]\n"
        "users: [{name: x, user: {token: t}}]\n"
        "clusters: [{name: x, cluster: {server: 'http://127.0.0.1:9'}}]\n"
    )
    started = time.monotonic()
    done = subprocess.run(
        [program, "describe", ""],
        env={**os.environ, "KUBECONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "agents\nmcpservers\n:4\n", "")
    assert time.monotonic() - started < 10


def test_as_a_process_without_a_kubeconfig(program: str) -> None:
    done = subprocess.run([program, "scale", "agent/"], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, ":4\n", "")


def test_trace_takes_a_verb_or_an_agent(offered: Complete) -> None:
    assert offered("trace", "") == ["export", "list", "show", "clock", "cook"]
    assert offered("trace", "cl") == ["clock"]
    assert offered("trace", "list", "co") == ["cook"]
    assert offered("trace", "clock", "--wa") == []
    assert offered("trace", "clock", "--err") == ["--errors"]
    assert offered("trace", "show", "--wa") == ["--waterfall"]
