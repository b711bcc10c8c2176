"""rollout undo and rollback as they are typed: exit code, stdout, stderr, and what is then in the cluster."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import yaml

from kubectl_kagent.errors import Unauthorized
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    Resource,
)
from kubectl_kagent.model.revision import READY_AT, Revision
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Controllers, Story
from tests.objects import agent, byo, config_map, mcp_server, model_config, workload
from tests.unit.lifecycle.workloads.test_users import TOLD, user

Object = dict[str, Any]


RESUME = "kubectl rollout resume deployment/clock -n default"


def newest(story: Story) -> Revision:
    return story.look().revisions[-1]


def prompt(cluster: FakeCluster) -> str:
    return str(cluster.read(AGENT, "clock")["spec"]["declarative"]["systemMessage"])


def back(story: Story, revision: int, now: int, label: str = "agent.kagent.dev/clock") -> str:
    """The line after an undo that is proven."""
    name, resource = label.rpartition("/")[2], MCP_SERVER if label.startswith("mcp") else AGENT
    found = story.hash(name, resource)
    return f"{label} rolled back to revision {revision} (config hash {found} is back, now revision {now})\n"


# Done


@pytest.mark.parametrize("verb", [["rollout", "undo"], ["rollback"]])
def test_back_to_the_revision_before(story: Story, kagent: Kagent, verb: list[str]) -> None:
    first = story.look().revisions[0]
    assert kagent(*verb, "agent/clock") == (0, back(story, 1, 3), "")
    assert story.hash() == first.config_hash
    assert prompt(story.cluster) == "Tell the time."
    found = newest(story)
    assert (found.number, found.rollback_of, found.config_hash) == (3, 1, first.config_hash)
    assert found.change_cause == "kubectl kagent rollout undo agent/clock --to-revision=1"


def test_to_the_revision_asked_for(story: Story, kagent: Kagent) -> None:
    story.prompt("Guess well.")
    assert kagent("rollback", "clock", "--to-revision=1") == (0, back(story, 1, 4), "")
    assert prompt(story.cluster) == "Tell the time."


def test_zero_is_the_default_and_negative_numbers_count_back(story: Story, kagent: Kagent) -> None:
    story.prompt("Guess well.")
    assert kagent("rollback", "clock", "--to-revision=0") == (0, back(story, 2, 4), "")
    assert kagent("rollback", "clock", "--to-revision=-3") == (0, back(story, 1, 5), "")


def test_two_in_a_row_go_back_and_forth(story: Story, kagent: Kagent) -> None:
    """As kubectl's do; the second is told that it returns to what was undone."""
    assert kagent("rollback", "clock") == (0, back(story, 1, 3), "")
    warning = "Warning: revision 2 was itself rolled back from (in revision 3)\n"
    assert kagent("rollback", "clock") == (0, back(story, 2, 4), warning)
    assert prompt(story.cluster) == "Guess."
    warning = "Warning: revision 3 was itself rolled back from (in revision 4)\n"
    assert kagent("rollback", "clock") == (0, back(story, 3, 5), warning)
    assert prompt(story.cluster) == "Tell the time."
    assert [revision.rollback_of for revision in story.look().revisions] == [None, None, 1, 2, 3]


def test_the_last_good_one_is_named_when_the_target_was_a_failure(story: Story, kagent: Kagent) -> None:
    story.prompt("Guess badly.")  # 3
    kagent("rollback", "clock")  # 4 = 2
    warning = "Warning: revision 3 was itself rolled back from (in revision 4); the last good one is 1\n"
    assert kagent("rollback", "clock") == (0, back(story, 3, 5), warning)


def test_the_replica_count_stays(story: Story, kagent: Kagent) -> None:
    story.edit(AGENT, "clock", {"declarative": {"deployment": {"replicas": 3}}})
    assert kagent("rollback", "clock")[0] == 0
    assert workload(story.cluster).replicas == 3


def test_a_byo_agent(story: Story, kagent: Kagent) -> None:
    story.add(AGENT, byo(replicas=2))
    story.look("own")
    story.edit(AGENT, "own", {"byo": {"deployment": {"image": "registry.example/own:2"}}})
    label = "agent.kagent.dev/own"
    assert kagent("rollback", "agent/own") == (0, back(story, 1, 3, label), "")
    assert story.cluster.read(AGENT, "own")["spec"] == byo(replicas=2)["spec"]


def test_an_mcp_server(story: Story, kagent: Kagent) -> None:
    story.add(MCP_SERVER, mcp_server())
    story.look("datetime", MCP_SERVER)
    story.edit(MCP_SERVER, "datetime", {"deployment": {"image": "registry.example/datetime:2"}})
    label = "mcpserver.kagent.dev/datetime"
    assert kagent("rollback", "mcp/datetime") == (0, back(story, 1, 3, label), "")
    assert story.cluster.read(MCP_SERVER, "datetime")["spec"] == mcp_server()["spec"]


def test_who_restarted_first_does_not_undo_the_restart(story: Story, kagent: Kagent) -> None:
    story.add(MCP_SERVER, mcp_server())
    story.look("datetime", MCP_SERVER)
    story.edit(MCP_SERVER, "datetime", {"deployment": {"image": "registry.example/datetime:2"}})
    story.look("datetime", MCP_SERVER)
    for number in (3, 4):
        story.cluster.clock.sleep(60)
        assert kagent("rollout", "restart", "mcp/datetime")[0] == 0
        assert story.look("datetime", MCP_SERVER).revisions[-1].number == number
    label = "mcpserver.kagent.dev/datetime"
    assert kagent("rollback", "mcp/datetime") == (0, back(story, 1, 5, label), "")
    image = story.cluster.read(MCP_SERVER, "datetime")["spec"]["deployment"]["image"]
    assert image == "registry.example/datetime:1"


def test_what_was_restarted_is_no_better_than_before(story: Story, kagent: Kagent) -> None:
    story.add(MCP_SERVER, mcp_server())
    story.look("datetime", MCP_SERVER)
    story.edit(MCP_SERVER, "datetime", {"deployment": {"image": "registry.example/datetime:2"}})
    story.look("datetime", MCP_SERVER)
    story.cluster.clock.sleep(60)
    kagent("rollout", "restart", "mcp/datetime")
    kagent("rollback", "mcp/datetime")
    code, _, err = kagent("rollback", "mcp/datetime")
    # of 2 nobody says that it was a good one
    assert (code, err) == (0, "Warning: revision 3 was itself rolled back from (in revision 4)\n")


def test_nothing_but_restarts_is_no_other_config(story: Story, kagent: Kagent) -> None:
    story.add(MCP_SERVER, mcp_server())
    story.look("datetime", MCP_SERVER)
    story.cluster.clock.sleep(60)
    kagent("rollout", "restart", "mcp/datetime")
    assert kagent("rollback", "mcp/datetime") == (
        1,
        "",
        "Error from server (NotFound): no rollout history found for mcpserver.kagent.dev/datetime: what is "
        "recorded differs from the live config by restarts only\n"
        "hint: --to-revision goes back to one of them all the same\n",
    )


def test_the_agents_that_use_an_undone_server_are_named(story: Story, kagent: Kagent) -> None:
    story.add(MCP_SERVER, mcp_server())
    story.add(AGENT, user("other"))
    story.look("datetime", MCP_SERVER)
    story.edit(MCP_SERVER, "datetime", {"deployment": {"image": "registry.example/datetime:2"}})
    label = "mcpserver.kagent.dev/datetime"
    warning = f"Warning: {TOLD.format('other')}\n"
    assert kagent("rollback", "mcp/datetime") == (0, back(story, 1, 3, label), warning)


def test_another_type_comes_back_and_the_count_stays(story: Story, kagent: Kagent) -> None:
    story.edit(AGENT, "clock", {**byo(replicas=4)["spec"], "declarative": None})
    assert kagent("rollback", "clock") == (0, back(story, 2, 4), "")
    spec = agent(systemMessage="Guess.", deployment={"replicas": 4})["spec"]
    assert story.cluster.read(AGENT, "clock")["spec"] == spec


def test_the_restored_object_for_programs(story: Story, kagent: Kagent) -> None:
    code, out, err = kagent("rollback", "clock", "-o", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)["spec"] == agent(deployment={"replicas": 1})["spec"]
    assert kagent("rollback", "clock", "-o", "name")[1] == "agent.kagent.dev/clock\n"


def test_a_quick_controller_is_believed_just_as_well(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    story.cluster.before("list", CONTROLLER_REVISION, controllers.act, nth=2)  # right after the patch
    assert kagent("rollback", "clock") == (0, back(story, 1, 3), "")
    assert newest(story).config_hash == story.hash()


def test_who_else_writes_the_object_is_told_before(story: Story, kagent: Kagent) -> None:
    note = {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}
    story.cluster.edit(AGENT, "clock", {"metadata": note})
    code, _, err = kagent("rollback", "clock")
    assert (code, err) == (
        0,
        "Warning: agent.kagent.dev/clock was made with kubectl apply: the next apply of the same file puts "
        "its version back\n",
    )


MEMORY = {"modelConfig": "gpt", "ttlDays": 3}


def test_who_else_writes_an_object_that_stays_as_it_is_is_no_matter(story: Story, kagent: Kagent) -> None:
    note = {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}
    story.cluster.edit(AGENT, "clock", {"metadata": note})
    story.model("large")
    code, _, err = kagent("rollback", "clock", "--with-sources")
    assert (code, err) == (0, "restoring: modelconfig.kagent.dev/gpt (spec.model)\n")


@pytest.mark.parametrize("with_sources", [False, True])
def test_the_next_apply_removes_what_only_the_undone_to_version_had(
    story: Story, kagent: Kagent, *, with_sources: bool
) -> None:
    """It removes what it applied the last time, as the annotation has it, and its file has not."""
    apply(story, AGENT, agent(memory=MEMORY))  # 3
    apply(story, MODEL_CONFIG, model_config("gpt", "small") | {"spec": {"model": "small", "baseUrl": "b"}})
    kagent("scale", "agent/clock", "--replicas=2")  # not applied, so apply leaves it
    apply(story, MODEL_CONFIG, model_config("gpt", "small"))
    apply(story, AGENT, agent(systemMessage="No memory."))
    number = "--to-revision=4"
    assert kagent("rollback", "clock", number, *(["--with-sources"] if with_sources else []))[0] == 0
    assert story.cluster.read(AGENT, "clock")["spec"]["declarative"]["memory"] == MEMORY
    assert ("baseUrl" in story.cluster.read(MODEL_CONFIG, "gpt")["spec"]) == with_sources

    apply(story, AGENT, agent(systemMessage="Third."))
    apply(story, MODEL_CONFIG, model_config("gpt", "third"))
    spec = agent(systemMessage="Third.", deployment={"replicas": 2})["spec"]
    assert story.cluster.read(AGENT, "clock")["spec"] == spec
    assert story.cluster.read(MODEL_CONFIG, "gpt")["spec"] == model_config("gpt", "third")["spec"]


@pytest.mark.parametrize("how", ["client", "server"])
def test_a_dry_run_shows_what_the_next_apply_is_told(story: Story, kagent: Kagent, how: str) -> None:
    apply(story, AGENT, agent(memory=MEMORY))
    apply(story, AGENT, agent(systemMessage="No memory."))
    foreseen = json.loads(kagent("rollback", "clock", f"--dry-run={how}", "-o", "json")[1])
    made = json.loads(kagent("rollback", "clock", "-o", "json")[1])
    assert foreseen["metadata"]["annotations"] == made["metadata"]["annotations"]
    assert '"memory"' in made["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]


def apply(story: Story, resource: Resource, obj: Object) -> None:
    """As kubectl does on the client: a patch of what the file has, without what it had the last time."""
    key = "kubectl.kubernetes.io/last-applied-configuration"
    name = obj["metadata"]["name"]
    notes = story.cluster.read(resource, name)["metadata"].get("annotations") or {}
    last = json.loads(notes.get(key, "{}")).get("spec", {})
    story.edit(resource, name, merged(last, obj["spec"]), manager="kubectl-client-side-apply")
    note = {"annotations": {key: json.dumps({"spec": obj["spec"]}) + "\n"}}
    story.cluster.edit(resource, name, {"metadata": note})


def merged(last: Object, new: Object) -> Object:
    """The merge patch: null for what is only in ``last``."""
    gone: Object = {key: None for key in last if key not in new}
    both = {key: merged(last.get(key) or {}, value) for key, value in new.items() if isinstance(value, dict)}
    return gone | new | both


def test_wait_ends_when_the_restored_pods_are_there(story: Story, kagent: Kagent) -> None:
    done = f'agent "clock" successfully rolled out (config hash {story.look().revisions[0].config_hash})\n'
    result = kagent("rollback", "clock", "--wait")
    assert result == (0, back(story, 1, 3), done)


def test_a_timeout_alone_waits_unless_there_is_to_be_no_wait(story: Story, kagent: Kagent) -> None:
    asked: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        undo = import_module("kubectl_kagent.commands.rollout.undo")
        patch.setattr(undo, "follow", lambda *_, timeout, **__: asked.append(timeout))
        for words in (("--timeout=1m",), ("--wait=false", "--timeout=1m"), ("--wait", "--timeout=0"), ()):
            assert kagent("rollback", "clock", *words)[0] == 0
            asked.append(-1)
    assert asked == [60, -1, -1, 0, -1, -1]


def test_pods_that_came_while_it_waited_are_noted(
    story: Story, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once: nobody may look again while it is live."""

    def follow(*_: object, **__: object) -> None:
        not_yet = {"metadata": {"annotations": {READY_AT: None}}}
        story.cluster.edit(CONTROLLER_REVISION, newest(story).name, not_yet)

    monkeypatch.setattr(import_module("kubectl_kagent.commands.rollout.undo"), "follow", follow)
    assert kagent("rollback", "clock", "--wait")[0] == 0
    items = story.cluster.list_objects(CONTROLLER_REVISION)["items"]
    (noted,) = (item["metadata"]["annotations"] for item in items if item["revision"] == 3)
    assert READY_AT in noted


def test_under_a_paused_deployment_only_the_config_is_back(story: Story, kagent: Kagent) -> None:
    """No pod has it: kubectl refuses, but to resume first would roll out what is to be undone."""
    story.cluster.edit(DEPLOYMENT, "clock", {"spec": {"paused": True}})
    code, out, err = kagent("rollback", "clock")
    found = f"config hash {story.hash()} is back, now revision 3"
    assert (code, out, err) == (
        0,
        f"agent.kagent.dev/clock spec restored from revision 1, but deployment/clock is paused ({found})\n",
        f"Warning: its pods stay as they are until the Deployment is resumed: {RESUME}\n",
    )
    code, out, _ = kagent("rollback", "clock", "-o", "name")
    assert (code, out) == (0, "agent.kagent.dev/clock\n")


def test_a_pause_that_the_controller_ends_is_none(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    """As kagent does with each change of a spec."""
    story.cluster.edit(DEPLOYMENT, "clock", {"spec": {"paused": True}})

    def render() -> None:
        controllers.act()
        story.cluster.edit(DEPLOYMENT, "clock", {"spec": {"paused": False}}, manager="controller")

    story.cluster.before("list", CONTROLLER_REVISION, render, nth=2)  # right after the patch
    assert kagent("rollback", "clock") == (0, back(story, 1, 3), "")


# Nothing to do


SKIPPED = "agent.kagent.dev/clock skipped rollback (current spec already matches revision 2)"


def test_the_live_revision_is_skipped(story: Story, kagent: Kagent) -> None:
    story.cluster.requests.clear()
    assert kagent("rollback", "clock", "--to-revision=2") == (0, f"{SKIPPED}\n", "")
    assert story.cluster.writes == []


def test_and_is_an_error_for_who_asks(story: Story, kagent: Kagent) -> None:
    result = kagent("rollback", "clock", "--to-revision=2", "--error-unchanged")
    assert result == (3, "", f"error: {SKIPPED}\n")


def test_no_history_yet(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent())
    assert kagent("rollback", "clock") == (
        1,
        "",
        "Error from server (NotFound): no rollout history found for agent.kagent.dev/clock: only the live "
        "config is recorded\n"
        "hint: history starts with the first look; 'kubectl kagent record' keeps it from now on\n",
    )


@pytest.mark.parametrize("number", ["9", "-5"])
def test_no_such_revision(story: Story, kagent: Kagent, number: str) -> None:
    assert kagent("rollback", "clock", f"--to-revision={number}") == (
        1,
        "",
        f"Error from server (NotFound): agent.kagent.dev/clock has no revision {number}\n"
        "hint: kubectl kagent rollout history agent/clock -n default lists its revisions\n",
    )


@pytest.mark.parametrize("words", [[], ["agents"], ["agent/a", "agent/b"], ["agents", "--", "a", "b"]])
def test_exactly_one_object(cluster: FakeCluster, kagent: Kagent, words: list[str]) -> None:
    code, out, err = kagent("rollback", *words)
    assert (code, out) == (2, "")
    assert err == "error: name exactly one object\nhint: for example agent/NAME\n"


def test_an_unknown_agent(cluster: FakeCluster, kagent: Kagent) -> None:
    result = kagent("rollback", "nobody")
    assert result == (
        1,
        "",
        (
            'Error from server (NotFound): agents.kagent.dev "nobody" not found\n'
            "hint: kubectl kagent get agents -A lists all agents\n"
        ),
    )


# Shared sources


def test_what_is_shared_is_not_undone_by_accident(story: Story, kagent: Kagent) -> None:
    story.add(AGENT, agent("second"))
    story.model("large")
    assert kagent("rollback", "clock") == (
        1,
        "",
        "error: nothing in agent.kagent.dev/clock itself differs from revision 2; what differs is shared: "
        "modelconfig.kagent.dev/gpt (spec.model, also used by second)\n"
        "hint: kubectl kagent rollout undo agent/clock -n default --to-revision=2 --with-sources\n",
    )
    assert story.cluster.read(MODEL_CONFIG, "gpt")["spec"]["model"] == "large"


def test_the_spec_alone_is_restored_and_what_still_differs_is_said(story: Story, kagent: Kagent) -> None:
    story.model("large")
    assert kagent("rollback", "clock", "--to-revision=1") == (
        0,
        "agent.kagent.dev/clock spec restored from revision 1, but shared sources still differ "
        f"(config hash {story.hash()}, now revision 4)\n",
        "Warning: not restored: modelconfig.kagent.dev/gpt (spec.model)\n"
        "hint: kubectl kagent rollout undo agent/clock -n default --to-revision=1 --with-sources\n",
    )
    assert prompt(story.cluster) == "Tell the time."
    assert story.cluster.read(MODEL_CONFIG, "gpt")["spec"]["model"] == "large"
    assert newest(story).rollback_of is None  # no earlier revision was just that


def test_with_sources_all_of_it_comes_back(story: Story, kagent: Kagent) -> None:
    story.add(AGENT, agent("second"))
    story.model("large")
    code, out, err = kagent("rollback", "clock", "--to-revision=1", "--with-sources")
    assert err == "restoring: modelconfig.kagent.dev/gpt (spec.model, also used by second)\n"
    assert (code, out) == (0, back(story, 1, 5))  # 4 is the moment between the two writes
    assert story.cluster.read(MODEL_CONFIG, "gpt")["spec"] == model_config()["spec"]
    assert newest(story).change_cause == (
        "kubectl kagent rollout undo agent/clock --to-revision=1 --with-sources"
    )


def test_with_sources_a_tool_server_and_a_config_map(story: Story, kagent: Kagent) -> None:
    server = {"kind": "RemoteMCPServer", "name": "tools", "toolNames": ["a"]}
    story.cluster.add(REMOTE_MCP_SERVER, {"metadata": {"name": "tools"}, "spec": {"url": "http://a"}})
    story.cluster.add(CONFIG_MAP, config_map("prompts", used="Be kind.", spare="x"))
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    more = {"tools": [{"type": "McpServer", "mcpServer": server}], "systemMessageFrom": source}
    story.edit(AGENT, "clock", {"declarative": more})  # 3
    story.edit(REMOTE_MCP_SERVER, "tools", {"url": "http://b"})  # 4
    story.edit(CONFIG_MAP, "prompts", {"used": "Be rude.", "spare": "y"})  # 5
    code, out, err = kagent("rollback", "clock", "--to-revision=3", "--with-sources")
    assert err == (
        "restoring: configmap/prompts (data.used)\nrestoring: remotemcpserver.kagent.dev/tools (spec.url)\n"
    )
    assert (code, out) == (0, back(story, 3, 7))
    assert story.cluster.read(CONFIG_MAP, "prompts")["data"] == {"used": "Be kind.", "spare": "y"}
    assert story.cluster.read(REMOTE_MCP_SERVER, "tools")["spec"] == {"url": "http://a"}


def test_a_deleted_source_is_said_to_be_deleted(story: Story, kagent: Kagent) -> None:
    story.cluster.remove(MODEL_CONFIG, "gpt")
    story.controllers.act()
    assert kagent("rollback", "clock", "--to-revision=1", "--with-sources") == (
        0,
        "agent.kagent.dev/clock spec restored from revision 1, but shared sources still differ "
        f"(config hash {story.hash()}, now revision 4)\n",
        "Warning: not restored: modelconfig.kagent.dev/gpt (it was deleted since)\n",
    )
    assert kagent("rollback", "clock", "--to-revision=1", "--with-sources") == (
        1,
        "",
        "error: nothing in agent.kagent.dev/clock itself differs from revision 1; what differs is shared: "
        "modelconfig.kagent.dev/gpt (it was deleted since)\n"
        "hint: put it back by hand; what it was: kubectl kagent rollout history agent/clock -n default "
        "--revision=1 -o yaml\n",
    )


def test_a_secret_is_beyond_undo(story: Story, kagent: Kagent) -> None:
    story.cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "aaaa"})
    story.controllers.act()
    story.look()
    story.cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "bbbb"})
    story.controllers.act()
    assert kagent("rollback", "clock", "--with-sources") == (
        1,
        "",
        "error: nothing in agent.kagent.dev/clock itself differs from revision 3; what differs is shared: "
        "modelconfig.kagent.dev/gpt (its Secret has another value now)\n"
        "hint: no value of a Secret is recorded: put the old one back by hand\n",
    )
    story.model("large")
    code, out, err = kagent("rollback", "clock", "--to-revision=3", "--with-sources")
    assert (code, out) == (
        0,
        "agent.kagent.dev/clock spec restored from revision 3, but shared sources still differ "
        "(now revision 6)\n",
    )
    assert err == (
        "restoring: modelconfig.kagent.dev/gpt (spec.model)\n"
        "Warning: not restored: modelconfig.kagent.dev/gpt (its Secret has another value now)\n"
    )


def test_a_source_that_may_not_be_written_stops_all_of_it(story: Story, kagent: Kagent) -> None:
    story.model("large")
    story.cluster.deny("patch", MODEL_CONFIG)
    before = story.cluster.read(AGENT, "clock")
    code, out, err = kagent("rollback", "clock", "--to-revision=1", "--with-sources")
    assert (code, out) == (6, "")
    assert 'Error from server (Forbidden): modelconfigs.kagent.dev "gpt" is forbidden' in err
    assert story.cluster.read(AGENT, "clock") == before
    assert story.look().revisions[-1].number == 3


# Not as planned


CONFLICT = (
    "Error from server (Conflict): agent.kagent.dev/clock was changed by somebody else just now; nothing was "
    "rolled back\n"
    "hint: look at it with kubectl kagent rollout history agent/clock -n default, then try again\n"
)


@pytest.mark.parametrize("flags", [[], ["--to-revision=1", "--with-sources"]])
def test_an_edit_between_plan_and_patch(story: Story, kagent: Kagent, flags: list[str]) -> None:
    if flags:
        story.model("large")
    story.cluster.before("patch", AGENT, lambda: story.prompt("Mine."))
    code, out, err = kagent("rollback", "clock", *flags)
    assert (code, out) == (1, "")
    assert err.endswith(CONFLICT)
    assert prompt(story.cluster) == "Mine."
    assert story.cluster.read(MODEL_CONFIG, "gpt")["spec"]["model"] == ("large" if flags else "small")


def test_a_controller_that_is_away(story: Story, controllers: Controllers, kagent: Kagent) -> None:
    controllers.stopped = True
    assert kagent("rollback", "clock") == (
        4,
        "",
        "error: the spec of revision 1 is in agent.kagent.dev/clock, but its controller has not taken it up "
        "within 30s\n"
        "hint: does the controller act? kubectl kagent rollout status agent/clock -n default says\n",
    )
    assert prompt(story.cluster) == "Tell the time."
    assert newest(story).rollback_of == 1


def test_a_hash_that_does_not_come_back(story: Story, controllers: Controllers, kagent: Kagent) -> None:
    """An upgraded controller renders the same config in another way, and so does one with another Secret."""
    old = story.look().revisions[0].config_hash
    controllers.salt = "v2"
    before = story.cluster.clock.monotonic()
    code, out, err = kagent("rollback", "clock", "--wait")
    assert (code, out) == (
        0,
        f"agent.kagent.dev/clock spec restored from revision 1 (config hash {story.hash()}, now revision 3; "
        f"the config hash is not the {old} it had, because of what no revision holds: a Secret that a "
        "server's headers use, or the controller)\n",
    )
    assert err == f'agent "clock" successfully rolled out (config hash {story.hash()})\n'
    assert newest(story).config_hash == story.hash()
    assert story.cluster.clock.monotonic() - before < 2


def test_once_rendered_anew_the_next_undo_knows_its_hash(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    controllers.salt = "v2"
    kagent("rollback", "clock")  # 3 = 1, rendered by the new controller
    kagent("rollback", "clock", "--to-revision=2")
    assert kagent("rollback", "clock", "--to-revision=1") == (0, back(story, 1, 5), "")


def test_restored_sources_that_are_rendered_in_another_way(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    """They show in the hash alone, so it is waited for; then it has moved at least."""
    story.model("large")
    controllers.salt = "v2"
    old = story.look().revisions[1].config_hash
    code, out, _ = kagent("rollback", "clock", "--with-sources")
    assert (code, out) == (
        0,
        f"agent.kagent.dev/clock spec restored from revision 2 (now revision 4; the config hash is not the "
        f"{old} it had, because of what no revision holds: a Secret that a server's headers use, or the "
        "controller)\n",
    )


def test_restored_sources_that_no_controller_renders(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    story.model("large")
    old, running = story.look().revisions[1].config_hash, story.hash()
    controllers.stopped = True
    code, out, err = kagent("rollback", "clock", "--with-sources")
    assert (code, out) == (4, "")
    assert err.endswith(
        "error: the spec of revision 2 is in agent.kagent.dev/clock (restored too: "
        f"modelconfig.kagent.dev/gpt), but its config hash is still {running}, not the {old} of revision 2\n"
        "hint: does the controller act? kubectl kagent rollout status agent/clock -n default says\n"
    )


def test_a_revision_that_was_never_seen_running(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    controllers.stopped = True
    story.prompt("Seen by nobody.")
    story.prompt("Tell jokes.")
    controllers.stopped = False
    code, out, err = kagent("rollback", "clock")
    assert (code, err) == (0, "")
    assert out == (
        f"agent.kagent.dev/clock spec restored from revision 3 (config hash {story.hash()}, now revision 5; "
        "that revision was never seen running, so there is no config hash to compare with)\n"
    )


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("create", "Warning: the live config is not recorded: "),
        ("patch", "Warning: config hash, image and time ready are not noted: "),
    ],
)
def test_done_although_it_may_not_be_recorded(story: Story, kagent: Kagent, verb: str, message: str) -> None:
    """And said once, although three looks are refused."""
    story.cluster.deny(verb, CONTROLLER_REVISION)
    code, out, err = kagent("rollback", "clock")
    assert code == 0
    assert prompt(story.cluster) == "Tell the time."
    assert message in err
    assert err.count("is forbidden") == 1 if verb == "create" else err.count(message) == 1
    recorded = "not recorded" if verb == "create" else "now revision 3"
    assert out == (
        f"agent.kagent.dev/clock rolled back to revision 1 (config hash {story.hash()} is back, {recorded})\n"
    )


def test_without_a_right_to_record_there_is_nothing_to_return_to(
    cluster: FakeCluster, kagent: Kagent
) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    cluster.deny("create", CONTROLLER_REVISION)
    code, out, err = kagent("rollout", "undo", "clock")
    assert (code, out) == (1, "")
    assert err.startswith("Warning: the live config is not recorded: controllerrevisions.apps is forbidden")
    assert err.endswith("no rollout history found for agent.kagent.dev/clock: nothing is recorded\n")


def test_what_somebody_changed_again_is_not_called_the_rollback(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    def change() -> None:
        controllers.act()  # what is back runs for a moment
        story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "Theirs."}}})

    back = story.look().revisions[0].config_hash
    story.cluster.before("list", CONTROLLER_REVISION, change, nth=2)
    assert kagent("rollback", "clock") == (
        0,
        "agent.kagent.dev/clock rolled back to revision 1 "
        f"(config hash {back} is back, revision 3, and changed again since)\n",
        "",
    )
    assert [revision.change_cause for revision in story.look().revisions[2:]] == [
        "kubectl kagent rollout undo agent/clock --to-revision=1",
        "",
    ]


# Ctrl-C


SHOWS = "kubectl kagent rollout status agent/clock -n default shows how far it is"
INTERRUPTED = f"error: interrupted, but the spec of revision 1 is in agent.kagent.dev/clock\nhint: {SHOWS}\n"


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def arrange_interrupt(verb: str, resource: Any, nth: int = 1) -> Callable[[FakeCluster], None]:
    return lambda cluster: cluster.before(verb, resource, interrupt, nth=nth)


@pytest.mark.parametrize(
    "arrange",
    [
        arrange_interrupt("patch", AGENT),
        arrange_interrupt("list", CONTROLLER_REVISION, nth=2),
        arrange_interrupt("list", AGENT, nth=2),
        arrange_interrupt("create", CONTROLLER_REVISION),
    ],
    ids=["before the patch", "after it", "while looking", "while recording"],
)
def test_ctrl_c_in_the_middle_waits_until_it_is_done_and_recorded(
    story: Story, kagent: Kagent, arrange: Callable[[FakeCluster], None]
) -> None:
    arrange(story.cluster)
    assert kagent("rollback", "clock") == (130, "", INTERRUPTED)
    assert prompt(story.cluster) == "Tell the time."
    stored = story.cluster.read_all(CONTROLLER_REVISION)[-1]["metadata"]["annotations"]
    assert stored["kubectl-kagent/rollback-of"] == "1"
    assert stored["kubernetes.io/change-cause"] == "kubectl kagent rollout undo agent/clock --to-revision=1"


def test_ctrl_c_in_the_middle_of_sources(story: Story, kagent: Kagent) -> None:
    story.model("large")
    arrange_interrupt("patch", MODEL_CONFIG, nth=2)(story.cluster)  # the first only tries
    code, out, err = kagent("rollback", "clock", "--to-revision=1", "--with-sources")
    assert (code, out) == (130, "")
    assert err == (
        "restoring: modelconfig.kagent.dev/gpt (spec.model)\n"
        "error: interrupted, but the spec of revision 1 is in agent.kagent.dev/clock (restored too: "
        "modelconfig.kagent.dev/gpt)\n"
        f"hint: {SHOWS}\n"
    )
    assert prompt(story.cluster) == "Tell the time."
    assert story.cluster.read(MODEL_CONFIG, "gpt")["spec"]["model"] == "small"
    assert newest(story).rollback_of == 1


def test_ctrl_c_before_anything_changes_nothing(story: Story, kagent: Kagent) -> None:
    arrange_interrupt("list", CONTROLLER_REVISION)(story.cluster)
    assert kagent("rollback", "clock") == (130, "", "interrupted\n")
    assert prompt(story.cluster) == "Guess."
    assert story.cluster.writes[-1].resource == CONTROLLER_REVISION  # of the story itself


def test_ctrl_c_while_it_waits_for_the_controller(
    story: Story, controllers: Controllers, kagent: Kagent
) -> None:
    controllers.stopped = True
    arrange_interrupt("list", AGENT, nth=5)(story.cluster)
    assert kagent("rollback", "clock") == (130, "", INTERRUPTED)
    assert newest(story).rollback_of == 1


def test_what_helps_against_the_failure_comes_before_what_shows_the_change(
    story: Story, kagent: Kagent
) -> None:
    def logged_out() -> None:
        raise Unauthorized("the token is expired", hint="log in again")

    story.cluster.before("patch", AGENT, lambda: story.cluster.before("list", AGENT, logged_out, nth=2))
    assert kagent("rollback", "clock") == (
        6,
        "",
        "error: the spec of revision 1 is in agent.kagent.dev/clock, but the token is expired\n"
        f"hint: log in again; {SHOWS}\n",
    )


def test_the_handlers_of_signals_are_the_old_ones_again(story: Story, kagent: Kagent) -> None:
    held = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in held]
    arrange_interrupt("patch", AGENT)(story.cluster)
    kagent("rollback", "clock")
    assert [signal.getsignal(number) for number in held] == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_end_of_the_terminal_waits_until_all_of_it_is_restored(
    story: Story, kagent: Kagent, number: int
) -> None:
    story.model("large")
    heard: list[int] = []
    before = signal.signal(number, lambda number, _frame: heard.append(number))
    seen: list[int] = []

    def end() -> None:
        signal.raise_signal(number)
        seen.extend(heard)

    story.cluster.before("patch", MODEL_CONFIG, end, nth=2)  # the first only tries
    try:
        code, out, _ = kagent("rollback", "clock", "--to-revision=1", "--with-sources")
    finally:
        signal.signal(number, before)
    assert (code, out) == (0, back(story, 1, 5))
    assert (seen, heard) == ([], [number])
    assert story.cluster.read(MODEL_CONFIG, "gpt")["spec"]["model"] == "small"


# Dry run


PREVIEW = "prompt:\n  --- live\n  +++ revision 1\n  @@ -1 +1 @@\n  -Guess.\n  +Tell the time.\n"


@pytest.mark.parametrize("how", ["client", "server"])
def test_a_dry_run_shows_and_leaves_everything(story: Story, kagent: Kagent, how: str) -> None:
    before = [story.cluster.read_all(resource) for resource in (AGENT, MODEL_CONFIG, CONTROLLER_REVISION)]
    suffix = {"client": "(dry run)", "server": "(server dry run)"}[how]
    line = f"agent.kagent.dev/clock rolled back to revision 1 {suffix}\n"
    assert kagent("rollback", "clock", f"--dry-run={how}") == (0, line, PREVIEW)
    after = [story.cluster.read_all(resource) for resource in (AGENT, MODEL_CONFIG, CONTROLLER_REVISION)]
    assert after == before


@pytest.mark.parametrize("how", ["client", "server"])
def test_a_dry_run_prints_the_object_as_it_would_be(story: Story, kagent: Kagent, how: str) -> None:
    code, out, _ = kagent("rollback", "clock", f"--dry-run={how}", "-o", "yaml")
    assert code == 0
    assert yaml.safe_load(out)["spec"] == agent(deployment={"replicas": 1})["spec"]


def test_a_dry_run_on_the_server_asks_it_about_sources_too(story: Story, kagent: Kagent) -> None:
    story.model("large")
    story.cluster.requests.clear()
    code, out, _ = kagent("rollback", "clock", "--to-revision=1", "--with-sources", "--dry-run=server")
    assert code == 0
    assert [(request.resource, request.dry_run) for request in story.cluster.writes] == [
        (AGENT, True),
        (MODEL_CONFIG, True),
    ]
    assert out == "agent.kagent.dev/clock rolled back to revision 1 (server dry run)\n"


@pytest.mark.parametrize("how", ["client", "server"])
def test_a_dry_run_leaves_out_shared_sources_that_stay(story: Story, kagent: Kagent, how: str) -> None:
    story.model("large")
    code, out, err = kagent("rollback", "clock", "--to-revision=1", f"--dry-run={how}")
    suffix = {"client": "(dry run)", "server": "(server dry run)"}[how]
    restored = "spec restored from revision 1, but shared sources still differ"
    assert (code, out) == (0, f"agent.kagent.dev/clock {restored} {suffix}\n")
    assert err.startswith("Warning: not restored: modelconfig.kagent.dev/gpt (spec.model")
    assert err.endswith(f"--with-sources\n{PREVIEW}")


def test_a_dry_run_stores_not_even_the_live_config(story: Story, kagent: Kagent) -> None:
    story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "New."}}})
    story.cluster.requests.clear()
    assert kagent("rollback", "clock", "--dry-run=client")[0] == 0
    assert story.cluster.writes == []


def test_without_kagent(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.missing(AGENT)
    code, out, err = kagent("rollout", "undo", "agent/clock")
    assert (code, out) == (1, "")
    assert err.startswith('error: the server doesn\'t have a resource type "agents" in kagent.dev/v1alpha2\n')
