"""rollout status after a change in what an agent is made from: not done before the controller has seen it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, DEPLOYMENT, MODEL_CONFIG, REMOTE_MCP_SERVER
from tests import rollout_objects as objects
from tests.conftest import Kagent
from tests.fake.controllers import Controllers, Story
from tests.objects import byo, config_map, run_pods

WAITING = "Waiting for modelconfig.kagent.dev/gpt update to be observed...\n"
DOWN = (
    "deployment/kagent-controller in namespace kagent: ControllerDown: "
    "0 of 1 replicas of the kagent controller are available"
)
MAY_NOT_LOOK = (
    'deployments.apps is forbidden: User "tester" cannot list resource "deployments" in API group "apps" in '
    'the namespace "kagent"; ClusterRole kagent-view allows it, by a RoleBinding in namespace kagent '
    "(https://github.com/kubectl-kagent/kubectl-kagent/blob/main/docs/permissions.md)"
)


def install_controller(story: Story, available: int) -> None:
    story.cluster.add(DEPLOYMENT, objects.controller(available))


def change(story: Story, patch: dict[str, Any], *, seconds: float = 60) -> None:
    """Edit the ModelConfig; the controllers act only when time passes, and history does not look."""
    story.cluster.clock.sleep(seconds)
    story.cluster.edit(MODEL_CONFIG, "gpt", patch)


def change_unseen(story: Story, controllers: Controllers) -> None:
    """The same while the controller is away."""
    install_controller(story, 0)
    controllers.stopped = True
    change(story, {"spec": {"model": "gpt-next"}})


def done(story: Story) -> str:
    return f'agent "clock" successfully rolled out (config hash {story.hash()})\n'


def test_a_change_of_the_model_while_the_controller_is_away_is_not_rolled_out(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    change_unseen(story, controllers)
    assert kagent("rollout", "status", "agent/clock", "--timeout=60s") == (
        5,
        WAITING,
        f"Warning: {DOWN}\n"
        f'error: agent "clock" is not being rolled out: {DOWN}\n'
        "hint: kubectl describe deployment/kagent-controller -n kagent\n",
    )


def fail(story: Story) -> None:
    """No pod of the live config becomes ready, and the Deployment's time is over."""
    run_pods(story.cluster, existing=1, ready=0)
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    status = story.cluster.read(DEPLOYMENT, "clock")["status"]
    story.cluster.set_status(DEPLOYMENT, "clock", {**status, "conditions": [late]})


def test_a_config_that_never_ran_is_not_the_one_to_return_to(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    """It was written while the controller was away, and looked at long before its pods failed."""
    change_unseen(story, controllers)
    story.cluster.clock.sleep(15)
    assert kagent("rollout", "status", "agent/clock", "--timeout=60s")[0] == 5
    never_ran = story.look().revisions[-1]
    assert (never_ran.number, never_ran.config_hash, never_ran.ready_at) == (3, "", "")
    controllers.stopped = False
    back = {"type": "Available", "status": "True", "lastTransitionTime": "2026-11-23T08:05:00Z"}
    status = {"availableReplicas": 1, "conditions": [back]}
    story.cluster.set_status(DEPLOYMENT, "kagent-controller", status, namespace="kagent")
    controllers.act()
    fail(story)
    story.look()
    story.prompt("Sing.")
    fail(story)
    code, out, _ = kagent("rollout", "status", "agent/clock", "--on-failure=undo")
    restored = "spec restored from revision 2, but shared sources still differ"
    assert (code, out.splitlines()[-1]) == (
        1,
        f"agent.kagent.dev/clock {restored} (config hash {story.hash()}, now revision 5)",
    )


def test_one_look_at_it(story: Story, controllers: Controllers, kagent: Kagent) -> None:
    install_controller(story, 1)
    controllers.stopped = True
    change(story, {"spec": {"model": "gpt-next"}})
    assert kagent("rollout", "status", "agent/clock", "--watch=false") == (
        0,
        WAITING,
        "Warning: deployment/kagent-controller in namespace kagent: SourceNotObserved: kagent runs, but has "
        "not looked at the newest modelconfig.kagent.dev/gpt\n",
    )


def test_a_change_that_the_controller_renders_a_moment_later(story: Story, kagent: Kagent) -> None:
    install_controller(story, 1)
    change(story, {"spec": {"model": "gpt-next"}})
    before = story.cluster.clock()
    code, out, err = kagent("rollout", "status", "agent/clock")
    assert (code, out, err) == (0, WAITING + done(story), "")
    assert (story.cluster.clock() - before).total_seconds() == 1


def test_a_change_that_was_rendered_within_its_second(story: Story, kagent: Kagent) -> None:
    install_controller(story, 0)  # whether it still runs is no matter
    story.model("gpt-next")
    assert kagent("rollout", "status", "agent/clock") == (0, done(story), "")


def test_a_change_that_renders_to_the_same_is_sure_after_ten_seconds(story: Story, kagent: Kagent) -> None:
    install_controller(story, 1)
    change(story, {"metadata": {"labels": {"team": "a"}}})
    before = story.cluster.clock()
    assert kagent("rollout", "status", "agent/clock") == (0, WAITING + done(story), "")
    assert (story.cluster.clock() - before).total_seconds() == 10
    assert kagent("rollout", "status", "agent/clock") == (0, done(story), "")


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_the_ten_seconds_are_the_api_server_s_whatever_the_clock_here_says(
    story: Story, controllers: Controllers, kagent: Kagent, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    install_controller(story, 1)
    monkeypatch.setattr(clock, "now", lambda: story.cluster.clock() + timedelta(seconds=ahead))
    controllers.stopped = True
    change(story, {"metadata": {"labels": {"team": "a"}}})
    assert kagent("rollout", "status", "agent/clock", "--watch=false")[:2] == (0, WAITING)
    story.cluster.clock.sleep(10)
    assert kagent("rollout", "status", "agent/clock", "--watch=false") == (0, done(story), "")


def test_what_kagent_has_noted_in_the_source_itself_is_sure_ten_seconds_later(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    """And from then on, although the controller is away."""
    install_controller(story, 0)
    story.cluster.set_status(MODEL_CONFIG, "gpt", {"observedGeneration": 1})
    change(story, {"metadata": {"labels": {"team": "a"}}})
    controllers.stopped = True
    story.cluster.clock.sleep(2)
    story.cluster.set_status(MODEL_CONFIG, "gpt", {"observedGeneration": 1, "secretHash": "a"})
    story.cluster.clock.sleep(9)
    assert kagent("rollout", "status", "agent/clock", "--watch=false")[:2] == (5, WAITING)
    story.cluster.clock.sleep(1)
    code, out, err = kagent("rollout", "status", "agent/clock", "--watch=false")
    assert (code, out.startswith('agent "clock" successfully rolled out'), err) == (0, True, "")


def test_ten_seconds_count_from_the_return_of_the_controller(story: Story, kagent: Kagent) -> None:
    change(story, {"metadata": {"labels": {"team": "a"}}})
    story.cluster.clock.sleep(600)
    back = {"type": "Available", "status": "True", "lastTransitionTime": "2026-11-23T08:11:59Z"}
    controller = objects.controller(1)
    controller["status"]["conditions"] = [back]
    story.cluster.add(DEPLOYMENT, controller)
    assert story.cluster.clock().isoformat() == "2026-11-23T08:12:00+00:00"
    assert kagent("rollout", "status", "agent/clock", "--watch=false")[:2] == (0, WAITING)
    story.cluster.clock.sleep(9)
    assert kagent("rollout", "status", "agent/clock", "--watch=false") == (0, done(story), "")


@pytest.mark.parametrize("resource", [MODEL_CONFIG, REMOTE_MCP_SERVER])
def test_what_the_sources_own_status_denies_is_not_rolled_out_however_long_ago(
    story: Story, controllers: Controllers, kagent: Kagent, resource: Any
) -> None:
    """A field that was only removed leaves no time behind."""
    install_controller(story, 1)
    name = "gpt"
    if resource is REMOTE_MCP_SERVER:
        name = "tools"
        server = {"kind": "RemoteMCPServer", "name": name, "toolNames": ["a"]}
        manifest = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name}}
        story.cluster.add(resource, {**manifest, "spec": {"url": "http://a", "timeout": "5s"}})
        story.edit(AGENT, "clock", {"declarative": {"tools": [{"type": "McpServer", "mcpServer": server}]}})
    story.cluster.set_status(resource, name, {"observedGeneration": 1})
    story.cluster.clock.sleep(60)
    controllers.stopped = True
    field = {"apiKeySecretKey": None} if resource is MODEL_CONFIG else {"timeout": None}
    story.cluster.edit(resource, name, {"spec": field})
    story.cluster.clock.sleep(3600)
    code, out, _ = kagent("rollout", "status", "agent/clock", "--watch=false")
    assert (code, out) == (0, f"Waiting for {resource.label(name)} update to be observed...\n")


def test_a_key_that_was_removed_from_a_config_map(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    install_controller(story, 0)
    story.cluster.add(CONFIG_MAP, config_map("prompts", used="Be kind.", spare="x"))
    sources = {"dataSources": [{"kind": "ConfigMap", "name": "prompts"}]}
    story.edit(AGENT, "clock", {"declarative": {"promptTemplate": sources}})
    assert kagent("rollout", "status", "agent/clock", "--watch=false") == (0, done(story), "")
    story.cluster.clock.sleep(60)
    controllers.stopped = True
    story.cluster.edit(CONFIG_MAP, "prompts", {"data": {"spare": None}})
    code, out, _ = kagent("rollout", "status", "agent/clock", "--watch=false")
    assert (code, out) == (5, "Waiting for configmap/prompts update to be observed...\n")


def test_a_source_that_was_deleted_while_the_controller_is_away(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    install_controller(story, 0)
    controllers.stopped = True
    story.cluster.remove(MODEL_CONFIG, "gpt")
    assert kagent("rollout", "status", "agent/clock")[:2] == (5, WAITING)
    back = {"type": "Available", "status": "True", "lastTransitionTime": "2026-11-23T08:02:00Z"}
    status = {"availableReplicas": 1, "conditions": [back]}
    story.cluster.set_status(DEPLOYMENT, "kagent-controller", status, namespace="kagent")
    story.cluster.clock.now = clock.parse_time("2026-11-23T08:02:09Z")
    assert kagent("rollout", "status", "agent/clock", "--watch=false")[:2] == (0, WAITING)
    controllers.stopped = False
    code, out, _ = kagent("rollout", "status", "agent/clock")
    assert (code, out) == (0, WAITING + done(story))


def test_what_is_mended_in_a_source_is_not_judged_by_the_pods_before_it(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    install_controller(story, 1)
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    stuck = {**story.cluster.read(DEPLOYMENT, "clock")["status"], "availableReplicas": 0}
    story.cluster.set_status(DEPLOYMENT, "clock", {**stuck, "conditions": [condition]})
    change(story, {"spec": {"model": "one-that-works"}})
    code, out, err = kagent("rollout", "status", "agent/clock", "--on-failure=undo")
    assert (code, out, err) == (0, WAITING + done(story), "")


def test_an_agent_that_sleeps_is_not_done_either(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    story.edit(AGENT, "clock", {"declarative": {"deployment": {"replicas": 0}}})
    change_unseen(story, controllers)
    assert kagent("rollout", "status", "agent/clock")[:2] == (5, WAITING)


@pytest.mark.parametrize("why", ["nowhere to be found", "forbidden"])
def test_where_the_controller_cannot_be_looked_at_it_is_said(
    story: Story, controllers: Controllers, kagent: Kagent, why: str
) -> None:
    controllers.stopped = True
    change(story, {"spec": {"model": "gpt-next"}})
    reason = MAY_NOT_LOOK if why == "forbidden" else "no kagent controller found"
    config_hash = story.look().revisions[1].config_hash
    if why == "forbidden":
        story.cluster.deny("list", DEPLOYMENT)
    code, out, err = kagent("rollout", "status", "agent/clock", "--timeout=60s")
    assert (code, out) == (
        0,
        WAITING + f'agent "clock" successfully rolled out (config hash {config_hash})\n',
    )
    assert err.splitlines()[-1] == (
        f"Warning: cannot check whether the newest modelconfig.kagent.dev/gpt is rolled out: {reason}"
    )


def test_a_source_that_may_not_be_read_is_said_to_be_unchecked(story: Story, kagent: Kagent) -> None:
    story.cluster.deny("list", MODEL_CONFIG)
    assert kagent("rollout", "status", "agent/clock") == (
        0,
        done(story),
        "Warning: cannot check whether the newest modelconfig.kagent.dev/gpt is rolled out: "
        'modelconfigs.kagent.dev is forbidden: User "tester" cannot list resource "modelconfigs" in API '
        'group "kagent.dev" in the namespace "default"; ClusterRole kagent-view allows it, '
        "by a RoleBinding in namespace default (https://github.com/kubectl-kagent/kubectl-kagent/blob/main/docs/permissions.md)\n",
    )


def test_a_tool_server_elsewhere_is_named_with_its_namespace(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    install_controller(story, 0)
    manifest = {"apiVersion": REMOTE_MCP_SERVER.api_version, "kind": "RemoteMCPServer"}
    place = {"name": "tools", "namespace": "shared"}
    story.cluster.add(REMOTE_MCP_SERVER, {**manifest, "metadata": place, "spec": {"url": "http://a"}})
    server = {"kind": "RemoteMCPServer", **place, "toolNames": ["a"]}
    story.edit(AGENT, "clock", {"declarative": {"tools": [{"type": "McpServer", "mcpServer": server}]}})
    controllers.stopped = True
    story.cluster.clock.sleep(60)
    story.cluster.edit(REMOTE_MCP_SERVER, "tools", {"spec": {"url": "http://b"}}, namespace="shared")
    label = "remotemcpserver.kagent.dev/tools in namespace shared"
    out = kagent("rollout", "status", "agent/clock", "--watch=false")[1]
    assert out == f"Waiting for {label} update to be observed...\n"


def test_each_source_is_read_once_and_the_controller_only_when_in_doubt(story: Story, kagent: Kagent) -> None:
    story.cluster.add(CONFIG_MAP, config_map("prompts", a="1", b="2"))
    used = {
        "systemMessageFrom": {"type": "ConfigMap", "name": "prompts", "key": "a"},
        "promptTemplate": {"dataSources": [{"kind": "ConfigMap", "name": "prompts"}]},
    }
    story.edit(AGENT, "clock", {"declarative": used})
    story.cluster.requests.clear()
    assert kagent("rollout", "status", "agent/clock")[0] == 0
    assert [(request.verb, request.resource) for request in story.cluster.requests] == [
        ("get", AGENT),
        ("get", AGENT),
        ("get", DEPLOYMENT),
        ("list", CONFIG_MAP),
        ("list", MODEL_CONFIG),
    ]


def test_an_agent_of_ones_own_image_has_no_sources(story: Story, kagent: Kagent) -> None:
    install_controller(story, 0)
    story.add(AGENT, byo(replicas=1))
    story.cluster.requests.clear()
    assert kagent("rollout", "status", "agent/own")[0] == 0
    assert {request.resource for request in story.cluster.requests} == {AGENT, DEPLOYMENT}
