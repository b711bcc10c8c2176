"""rollout history as it is typed: whole screens."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MCP_SERVER,
    MODEL_CONFIG,
    REPLICA_SET,
)
from tests.conftest import Kagent, Screen
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Controllers, Story
from tests.objects import agent, config_map, mcp_server, model_config

Object = dict[str, Any]


def replica_set(story: Story, name: str, config_hash: str, *, pods: int = 0, ready: int = 0) -> None:
    """As the Deployment controller makes it: labelled like the pods, annotated like the template."""
    annotation = "kagent.dev/config-hash"
    labels = {"app": "kagent", "kagent": "clock"}
    template = {
        "metadata": {"annotations": {annotation: config_hash}},
        "spec": {"containers": [{"name": "kagent", "image": "app:0"}]},
    }
    story.cluster.add(
        REPLICA_SET,
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": name, "labels": labels},
            "spec": {"template": template},
            "status": {"replicas": pods, "readyReplicas": ready},
        },
    )


@pytest.fixture
def life(cluster: FakeCluster, controllers: Controllers) -> Story:
    """All that can happen to an agent, with the ReplicaSets that would be there."""
    found = Story(cluster, controllers)
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(CONFIG_MAP, config_map("prompts", used="Be kind.", spare="x"))
    cluster.add(MCP_SERVER, mcp_server())
    replica_set(found, "clock-0", "55")  # before anybody looked
    cluster.clock.sleep(3600)
    cluster.add(AGENT, agent(deployment={"replicas": 2}), manager="kubectl-create")
    controllers.act()
    replica_set(found, "clock-1", found.hash())
    found.look()
    found.prompt("Guess.\nDo not look at the clock.")  # 2
    tools = [{"type": "McpServer", "mcpServer": {"name": "datetime", "toolNames": ["get_time", "get_date"]}}]
    found.edit(AGENT, "clock", {"declarative": {"tools": tools}}, manager="kubectl-apply")  # 3
    found.model("large")  # 4
    cause = {"annotations": {"kubernetes.io/change-cause": "back to the roots"}}
    cluster.edit(CONTROLLER_REVISION, "agent-clock-r4", {"metadata": cause})
    found.edit(MODEL_CONFIG, "gpt", {"model": "small"})  # 5 = 3
    for text in ("unseen", "unseen either"):
        cluster.clock.sleep(60)
        cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": text}}})
    cluster.compact()
    found.prompt("Tell the time in Berlin.")  # 6 and 7: only one of them is after a gap
    replica_set(found, "clock-7", found.hash(), pods=2, ready=1)
    cluster.clock.sleep(30)
    return found


# The table


def test_the_table(life: Story, kagent: Kagent, screen: Screen) -> None:
    code, out, err = kagent("rollout", "history", "agent/clock")
    assert (code, err) == (0, "")
    screen("history", out)


def test_the_table_with_images(life: Story, kagent: Kagent, screen: Screen) -> None:
    code, out, err = kagent("rollout", "history", "clock", "-o", "wide")
    assert (code, err) == (0, "")
    screen("history-wide", out)


def test_for_programs(life: Story, kagent: Kagent, screen: Screen) -> None:
    code, out, err = kagent("rollout", "history", "clock", "-o", "json")
    assert (code, err) == (0, "")
    screen("history-json", out)
    assert yaml.safe_load(kagent("rollout", "history", "clock", "-o", "yaml")[1]) == json.loads(out)
    live = "jsonpath={.revisions[?(@.live==true)].revision}"
    assert kagent("rollout", "history", "clock", "-o", live) == (0, "7", "")


def test_the_first_look_starts_history(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(MCP_SERVER, mcp_server())
    expected = (
        "mcpserver.kagent.dev/datetime\n"
        "REVISION   AGE   CHANGED-BY   CONFIG-HASH   READY   CHANGE           CHANGE-CAUSE\n"
        "1*         0s    kubectl      <unknown>     0       first recorded   <none>\n"
    )
    assert kagent("rollout", "history", "mcpserver/datetime") == (0, expected, "")
    assert [obj["metadata"]["name"] for obj in cluster.read_all(CONTROLLER_REVISION)] == [
        "mcpserver-datetime-r1"
    ]


def test_looking_again_writes_nothing(life: Story, kagent: Kagent) -> None:
    life.cluster.requests.clear()
    kagent("rollout", "history", "clock")
    assert life.cluster.writes == []


# One revision


@pytest.mark.parametrize(("number", "shown"), [("4", 4), ("-1", 6), ("-3", 4), ("7", 7)])
def test_one_revision_by_its_number_or_counted_back(
    life: Story, kagent: Kagent, number: str, shown: int
) -> None:
    code, out, err = kagent("rollout", "history", "clock", f"--revision={number}")
    assert (code, err) == (0, "")
    assert out.startswith(f"agent.kagent.dev/clock with revision #{shown}\n")


def test_the_whole_of_one_revision(life: Story, kagent: Kagent, screen: Screen) -> None:
    screens = [kagent("rollout", "history", "clock", f"--revision={number}")[1] for number in (4, 5, 6)]
    screen("history-revision", "\n".join(screens))


def test_one_revision_for_programs(life: Story, kagent: Kagent) -> None:
    code, out, err = kagent("rollout", "history", "clock", "--revision=5", "-o", "json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    revision = life.look().find(5)
    model = life.cluster.read(MODEL_CONFIG, "gpt")
    server = life.cluster.read(MCP_SERVER, "datetime")
    assert found == {
        "object": "agent.kagent.dev/clock",
        "revision": 5,
        "changedAt": "2026-11-23T09:04:00Z",
        "changedBy": "kubectl-edit",
        "changeCause": None,
        "configHash": revision.config_hash,
        "image": "app:1",
        "readyAt": "2026-11-23T09:04:00Z",
        "rollbackOf": 3,
        "gapBefore": False,
        "spec": revision.spec,
        "sources": [
            {
                "apiVersion": "kagent.dev/v1alpha1",
                "kind": "MCPServer",
                "namespace": "default",
                "name": "datetime",
                "keys": [],
                "uid": server["metadata"]["uid"],
                "generation": 1,
                "content": {"port": 3000, "timeout": "30s"},
            },
            {
                "apiVersion": "kagent.dev/v1alpha2",
                "kind": "ModelConfig",
                "namespace": "default",
                "name": "gpt",
                "keys": [],
                "uid": model["metadata"]["uid"],
                "generation": 3,
                "content": {"spec": model_config()["spec"]},
            },
        ],
    }
    code, out, err = kagent("rollout", "history", "clock", "--revision=5", "-o", "yaml")
    assert (code, err, yaml.safe_load(out)) == (0, "", found)


def test_what_is_not_known_of_a_revision_is_null(life: Story, kagent: Kagent) -> None:
    found = json.loads(kagent("rollout", "history", "clock", "--revision=6", "-o", "json")[1])
    unknown = ("changeCause", "configHash", "image", "readyAt", "rollbackOf")
    assert [found[key] for key in unknown] == [None] * 5
    assert found["gapBefore"] is True
    found = json.loads(kagent("rollout", "history", "clock", "--revision=4", "-o", "json")[1])
    assert found["changeCause"] == "back to the roots"


@pytest.mark.parametrize("number", ["8", "-7"])
def test_one_that_is_not_there(life: Story, kagent: Kagent, number: str) -> None:
    assert kagent("rollout", "history", "clock", f"--revision={number}") == (
        1,
        "",
        f"Error from server (NotFound): agent.kagent.dev/clock has no revision {number}\n"
        "hint: kubectl kagent rollout history agent/clock -n default lists its revisions\n",
    )


def test_zero_is_all_of_them_as_for_kubectl(life: Story, kagent: Kagent) -> None:
    every = kagent("rollout", "history", "clock")
    assert kagent("rollout", "history", "clock", "--revision=0") == every


# Not recorded


def test_only_looking_stores_nothing_and_says_so(life: Story, kagent: Kagent) -> None:
    life.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "new"}}})
    life.cluster.requests.clear()
    code, out, err = kagent("rollout", "history", "clock", "--no-record")
    assert (code, err) == (0, "Warning: the live config is not recorded: --no-record\n")
    assert life.cluster.writes == []
    assert "*" not in out
    assert out.splitlines()[-1].startswith("7 ")


def test_without_any_revision_only_the_replica_sets_are_left(
    cluster: FakeCluster, controllers: Controllers, kagent: Kagent
) -> None:
    story = Story(cluster, controllers)
    cluster.add(AGENT, agent(modelConfig=""))
    replica_set(story, "clock-1", "11", pods=1, ready=1)
    assert kagent("rollout", "history", "clock", "--no-record") == (
        0,
        "agent.kagent.dev/clock\n"
        "REVISION   AGE   CHANGED-BY   CONFIG-HASH   READY   CHANGE                                       "
        "CHANGE-CAUSE\n"
        "-          0s    <none>       11            1/1     not recorded: only its ReplicaSet is known   "
        "<none>\n",
        "Warning: the live config is not recorded: --no-record\n",
    )


def test_who_may_not_record_still_sees(life: Story, kagent: Kagent) -> None:
    life.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "new"}}})
    life.cluster.deny("create", CONTROLLER_REVISION)
    code, out, err = kagent("rollout", "history", "clock")
    assert code == 0
    assert len(out.splitlines()) == 11
    assert err.count("\n") == 1
    assert err.startswith("Warning: the live config is not recorded: controllerrevisions.apps is forbidden")
    assert "ClusterRole kagent-operate allows it" in err


def test_a_spec_with_keys_in_plain_text_is_recorded_with_a_warning(
    cluster: FakeCluster, kagent: Kagent
) -> None:
    env = [{"name": "API_TOKEN", "value": "hunter2"}]
    cluster.add(AGENT, agent(modelConfig="", deployment={"env": env}))
    code, out, err = kagent("rollout", "history", "clock")
    assert code == 0
    assert "spec.declarative.deployment.env[API_TOKEN].value" in err
    assert "hunter2" not in out + err


# What can't be


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "error: name exactly one object\nhint: for example agent/NAME\n"),
        (["agents", "a", "b"], 2, "error: name exactly one object\nhint: for example agent/NAME\n"),
        (
            ["nobody"],
            1,
            (
                'Error from server (NotFound): agents.kagent.dev "nobody" not found\n'
                "hint: kubectl kagent get agents -A lists all agents\n"
            ),
        ),
        (
            ["modelconfig/gpt"],
            2,
            "error: cannot do this with modelconfigs\nhint: it works on: agent, mcpserver\n",
        ),
    ],
)
def test_usage(cluster: FakeCluster, kagent: Kagent, words: list[str], code: int, message: str) -> None:
    assert kagent("rollout", "history", *words) == (code, "", message)


@pytest.mark.parametrize("flags", [[], ["--revision=1"]])
def test_a_format_that_there_is_not(story: Story, kagent: Kagent, flags: list[str]) -> None:
    before = len(story.cluster.requests)
    code, out, err = kagent("rollout", "history", "clock", "-o", "xml", *flags)
    assert (code, out, err) == (
        2,
        "",
        'error: unable to match a printer suitable for the output format "xml"\n'
        "hint: allowed: json, yaml, wide, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE\n",
    )
    assert len(story.cluster.requests) == before


@pytest.mark.parametrize("resource", [REPLICA_SET, AGENT, DEPLOYMENT, CONTROLLER_REVISION])
def test_what_may_not_be_read_is_refused_before_anything_is_recorded(
    cluster: FakeCluster, kagent: Kagent, resource: Any
) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    cluster.deny("list", resource)
    code, out, err = kagent("rollout", "history", "clock")
    assert (code, out) == (6, "")
    assert err.startswith(f"Error from server (Forbidden): {resource.full_name} is forbidden")
    assert cluster.read_all(CONTROLLER_REVISION) == []
