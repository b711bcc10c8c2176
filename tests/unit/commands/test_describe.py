"""describe as it is typed: whole screens."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    EVENT,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    POD,
    REMOTE_MCP_SERVER,
)
from tests.conftest import Kagent, Screen
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Story
from tests.objects import agent, byo, hpa, mcp_server

Object = dict[str, Any]


def condition(type_: str, status: str, reason: str, message: str) -> Object:
    moment = "2026-11-23T08:00:00Z"
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": moment,
    }


def pod(
    cluster: FakeCluster, name: str, *statuses: Object, phase: str = "Running", leaving: bool = False
) -> None:
    metadata: Object = {"name": name, "labels": {"app": "kagent", "kagent": "clock"}}
    if leaving:
        metadata["deletionTimestamp"] = "2026-11-23T08:09:00Z"
    body: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    spec = {"containers": [{"name": "kagent"}, {"name": "sidecar"}]}
    cluster.add(POD, {**body, "spec": spec, "status": {"phase": phase, "containerStatuses": list(statuses)}})


def container(*, ready: bool = True, restarts: int = 0, **state: Any) -> Object:
    last = state.pop("last", None)
    found = {"name": "kagent", "ready": ready, "restartCount": restarts, "state": state}
    return {**found, "lastState": {"terminated": last}} if last else found


def event(
    cluster: FakeCluster, kind: str, name: str, reason: str, message: str, type_: str = "Normal"
) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{reason}.{cluster.clock.now:%H%M%S}"},
    }
    moment = cluster.clock.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"kind": kind, "name": name}
    more = {
        "type": type_,
        "reason": reason,
        "message": message,
        "lastTimestamp": moment,
        "involvedObject": about,
    }
    cluster.add(EVENT, {**body, **more})


@pytest.fixture
def patient(story: Story) -> Story:
    """An agent with a bit of everything, and something wrong in most of it."""
    cluster = story.cluster
    discovered = {"discoveredTools": [{"name": "get_time"}]}
    refused = [condition("Accepted", "False", "ReconcileFailed", "dial tcp: connection refused")]
    cluster.add(
        REMOTE_MCP_SERVER,
        {
            "metadata": {"name": "tools"},
            "spec": {"url": "http://tools/mcp"},
            "status": {**discovered, "conditions": refused},
        },
    )
    cluster.add(MCP_SERVER, mcp_server())
    cluster.add(AGENT, byo("helper"))
    tools: list[Object] = [
        {
            "type": "McpServer",
            "mcpServer": {
                "kind": "RemoteMCPServer",
                "name": "tools",
                "toolNames": ["get_time", "delete_all"],
                "requireApproval": ["delete_all"],
            },
        },
        {"type": "McpServer", "mcpServer": {"name": "datetime", "toolNames": ["get_date"]}},
        {"type": "McpServer", "mcpServer": {"name": "gone", "toolNames": ["x"]}},
        {"type": "Agent", "agent": {"name": "helper"}},
    ]
    lines = [
        "# Who you are",
        "  - a clock",
        "\tand nothing else",
        *(f"Rule {number}." for number in range(20)),
    ]
    story.edit(AGENT, "clock", {"description": "Tells the time.", "declarative": {"tools": tools}})
    for turn in (0, 1, 2, 1):  # and back
        story.prompt("\n".join(lines[: 20 + turn]))
    conditions = [
        condition("Accepted", "True", "Reconciled", "Agent configuration accepted"),
        condition("Ready", "False", "DeploymentNotReady", "Deployment is not ready,\n1/4 pods are ready"),
    ]
    generation = cluster.read(AGENT, "clock")["metadata"]["generation"]
    cluster.set_status(AGENT, "clock", {"observedGeneration": generation, "conditions": conditions})
    cluster.add(HPA, hpa("clock", minimum=1, maximum=3))
    pod(cluster, "clock-1-ok", container(), container(), phase="Running")
    cluster.clock.sleep(300)
    ended = {"reason": "OOMKilled", "exitCode": 137}
    crashing = container(ready=False, restarts=7, waiting={"reason": "CrashLoopBackOff"}, last=ended)
    pod(cluster, "clock-2-bad", crashing, container())
    pod(cluster, "clock-2-done", container(ready=False, terminated={"reason": "Error", "exitCode": 1}))
    pod(cluster, "clock-2-new", phase="Pending")
    pod(cluster, "clock-2-old", container(), leaving=True)
    for number in range(12):
        cluster.clock.sleep(5)
        event(
            cluster,
            "Pod",
            "clock-2-bad",
            "BackOff",
            f"Back-off {number} restarting failed container",
            "Warning",
        )
    event(cluster, "Deployment", "clock", "ScalingReplicaSet", "Scaled up replica set clock-2 from 0 to 1")
    status = cluster.read(DEPLOYMENT, "clock")["status"]
    cluster.set_status(DEPLOYMENT, "clock", {**status, "replicas": 4, "readyReplicas": 1})
    cluster.clock.sleep(30)
    return story


@pytest.mark.parametrize("words", [["agent", "clock"], ["agent/clock"], ["clock"]])
def test_an_agent(patient: Story, kagent: Kagent, screen: Screen, words: list[str]) -> None:
    code, out, err = kagent("describe", *words)
    assert (code, err) == (0, "")
    screen("describe-agent", out)


def test_a_byo_agent_and_an_mcp_server(story: Story, kagent: Kagent, screen: Screen) -> None:
    story.add(AGENT, byo(replicas=0))
    story.add(MCP_SERVER, mcp_server())
    story.look_at_all()
    screens = [kagent("describe", "own"), kagent("describe", "mcpserver/datetime")]
    assert [(code, err) for code, _, err in screens] == [(0, "")] * 2
    screen("describe-byo-and-mcpserver", "\n\n".join(out for _, out, _ in screens))


def test_one_of_which_nothing_is_there_yet(cluster: FakeCluster, kagent: Kagent, screen: Screen) -> None:
    cluster.add(AGENT, agent())
    code, out, err = kagent("describe", "clock")
    assert (code, err) == (0, "")
    screen("describe-new", out)


def test_what_may_not_be_read(patient: Story, kagent: Kagent, screen: Screen) -> None:
    for resource in (POD, EVENT, CONTROLLER_REVISION, MODEL_CONFIG, HPA):
        patient.cluster.deny("list", resource)
    for verb in ("get", "list"):
        patient.cluster.deny(verb, MCP_SERVER)
    code, out, err = kagent("describe", "clock")
    assert code == 0
    screen("describe-forbidden-parts", f"{out}\n{err}")


def test_what_may_not_be_read_of_several_is_said_once(story: Story, kagent: Kagent) -> None:
    story.add(AGENT, agent("second"))
    story.cluster.deny("list", POD)
    code, out, err = kagent("describe", "agents", "--all")
    assert (code, out.count("Pods:         <unknown>")) == (0, 2)
    assert err.startswith("Warning: pods unknown: ")
    assert err.count("\n") == 1


def test_several_with_two_blank_lines_between(story: Story, kagent: Kagent) -> None:
    story.add(AGENT, agent("second"))
    one, two = kagent("describe", "clock")[1], kagent("describe", "second")[1]
    assert kagent("describe", "agents", "clock", "second") == (0, f"{one}\n\n{two}", "")
    assert kagent("describe", "agents", "--all") == (0, f"{one}\n\n{two}", "")
    story.cluster.edit(AGENT, "second", {"metadata": {"labels": {"tier": "gold"}}})
    assert kagent("describe", "agents", "-l", "tier=gold") == (0, two, "")


def test_none(cluster: FakeCluster, kagent: Kagent) -> None:
    for flags in (["--all"], ["-l", "a=b"]):
        nothing = "No resources found in default namespace.\n"
        assert kagent("describe", "agents", *flags) == (0, "", nothing)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["nobody"],
            1,
            (
                'Error from server (NotFound): agents.kagent.dev "nobody" not found\n'
                "hint: kubectl kagent get agents -A lists all agents\n"
            ),
        ),
        (
            ["agents"],
            2,
            "error: required resource not specified\nhint: for example agent/NAME, or --all\n",
        ),
        (
            ["modelconfig/gpt"],
            2,
            "error: cannot do this with modelconfigs\nhint: it works on: agent, mcpserver\n",
        ),
        (["clock", "--all"], 2, "error: name objects, or select them with -l or --all, not both\n"),
    ],
)
def test_usage(cluster: FakeCluster, kagent: Kagent, words: list[str], code: int, message: str) -> None:
    assert kagent("describe", *words) == (code, "", message)
