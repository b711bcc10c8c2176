"""kubectl_complete-kagent, which kubectl runs for ``kubectl kagent <TAB>``: candidates, then a directive."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent.app import complete
from kubectl_kagent.cluster.connect import Connection
from kubectl_kagent.errors import KagentError, Unreachable
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER
from tests.fake.cluster import FakeCluster
from tests.objects import agent, mcp_server, model_config

NO_FILES = ":4"
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

    def connect(given: Connection) -> FakeCluster:
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
def _zoo(cluster: FakeCluster) -> None:
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


def test_the_flags_before_say_which_cluster(offered: Complete, flags: list[Connection]) -> None:
    offered("describe", "-n", "far", "--context", "other", "--as-group=a", "--as-group=b", "agents", "")
    (given,) = flags
    assert (given.namespace, given.context, given.as_groups) == ("far", "other", ("a", "b"))
    assert given.request_timeout == 2.0  # somebody waits for the shell


@pytest.mark.parametrize("error", [Unreachable("refused"), KagentError("no kubeconfig")])
def test_a_cluster_that_can_not_be_asked_offers_only_types(
    offered: Complete, monkeypatch: pytest.MonkeyPatch, error: KagentError
) -> None:
    def connect(_given: Connection) -> Any:
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
