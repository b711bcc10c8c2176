"""Undo in its parts: which revision, what it would change, and whether it is back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_kagent.errors import (
    Conflict,
    Forbidden,
    KagentError,
    NotFound,
    OtherServerError,
    TimedOut,
    Unreachable,
)
from kubectl_kagent.lifecycle.history import undo_plan
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.undo import Restored, restore, roll_back
from kubectl_kagent.lifecycle.history.undo_plan import UndoPlan
from kubectl_kagent.lifecycle.history.verification import Verified, expected_hash, verify
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    Resource,
)
from kubectl_kagent.model.revision import Revision
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Controllers, Story
from tests.objects import agent, byo, config_map, model_config, reconcile, workload

Object = dict[str, Any]


def past(story: Story, *ready: int) -> History:
    """The history with only the revisions of these numbers ever ready."""
    found = story.look()
    marks = {"kubectl-kagent/ready-at": "2026-11-23T08:00:00Z"}
    revisions = tuple(
        replace(
            r,
            annotations={k: v for k, v in r.annotations.items() if k not in marks}
            | (marks if r.number in ready else {}),
        )
        for r in found.revisions
    )
    return replace(found, revisions=revisions)


def planned(story: Story, to_revision: int = 0) -> UndoPlan:
    found = story.look()
    return undo_plan.plan(story.cluster, found, undo_plan.choose(found, to_revision))


def carry_out(story: Story, undo: UndoPlan, *, with_sources: bool = False) -> Restored:
    undo = replace(undo, with_sources=with_sources)
    return restore(story.cluster, undo, manager="undoer", cause="because")


def deployment_settings(story: Story) -> Object:
    settings: Object = story.cluster.read(AGENT, "clock")["spec"]["declarative"]["deployment"]
    return settings


# Which revision


def test_the_default_is_the_newest_that_differs_from_the_live_config(story: Story) -> None:
    story.prompt("Guess well.")
    assert undo_plan.choose(story.look(), 0).number == 2
    story.prompt("Guess.")  # revision 4 is 2 again
    assert undo_plan.choose(story.look(), 0).number == 3


def test_scaling_makes_no_other_config_to_return_to(story: Story) -> None:
    story.edit(AGENT, "clock", {"declarative": {"deployment": {"replicas": 5}}})
    assert undo_plan.choose(story.look(), 0).number == 1


def test_a_number_is_that_revision_and_a_negative_one_counts_back(story: Story) -> None:
    story.prompt("Guess well.")
    found = story.look()
    assert [undo_plan.choose(found, number).number for number in (1, 3, -1, -2)] == [1, 3, 2, 1]


@pytest.mark.parametrize("number", [7, -2])
def test_a_number_that_is_not_there(story: Story, number: int) -> None:
    with pytest.raises(NotFound, match=f"agent.kagent.dev/clock has no revision {number}"):
        undo_plan.choose(story.look(), number)


def test_with_one_config_only_there_is_nothing_to_return_to(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    story = Story(cluster, Controllers(cluster))
    with pytest.raises(NotFound, match="only the live config is recorded"):
        undo_plan.choose(story.look(), 0)


def test_the_good_one_was_ready_and_does_not_run(story: Story) -> None:
    story.prompt("Guess well.")
    story.prompt("Guess badly.")
    assert undo_plan.choose_good(past(story, 1, 2, 4)).number == 2
    assert undo_plan.choose_good(past(story, 1)).number == 1
    assert undo_plan.choose_good(past(story)).number == 3


def test_the_last_good_one_is_none_of_the_two_at_hand(story: Story) -> None:
    story.prompt("Guess well.")  # 3
    story.prompt("Guess.")  # 4 = 2
    found = past(story, 1, 2, 3, 4)
    three = found.find(3)
    good = undo_plan.last_good(found, three)
    assert good is not None
    assert good.number == 1
    assert undo_plan.last_good(past(story, 2, 3, 4), three) is None


def test_the_last_good_one_was_not_rolled_back_from_either(story: Story) -> None:
    carry_out(story, planned(story, to_revision=1))  # 3 = 1
    story.prompt("Guess badly.")
    carry_out(story, planned(story, to_revision=1))  # 5 = 1
    found = past(story, 2, 4)
    assert undo_plan.last_good(found, found.find(4)) is None


def test_a_revision_is_known_to_have_been_rolled_back_from(story: Story) -> None:
    carry_out(story, planned(story, to_revision=1))  # 3 = 1
    found = story.look()
    assert [undo_plan.rolled_back_from(found, found.find(number)) for number in (1, 2, 3)] == [None, 3, None]


def test_who_writes_a_bad_config_again_rolls_nothing_back(story: Story) -> None:
    """As a pipeline does with the file that failed: the one that was good meanwhile is good."""
    carry_out(story, planned(story, to_revision=1))  # 3 = 1
    story.prompt("Guess.")  # 4 = 2
    found = past(story, 1, 3)
    assert [revision.rollback_of for revision in found.revisions] == [None, None, 1, 2]
    assert [revision.is_undo for revision in found.revisions] == [False, False, True, False]
    assert undo_plan.rolled_back_from(found, found.find(3)) is None


# What would change


def test_the_spec_comes_back_and_the_replica_count_stays(story: Story) -> None:
    story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"deployment": {"replicas": 7}}}})
    undo = planned(story)
    assert undo.spec == agent(deployment={"replicas": 7})["spec"]
    assert undo.spec_differs


def test_a_count_that_an_autoscaler_decides_stays_with_it(story: Story) -> None:
    story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"deployment": {"replicas": None}}}})
    assert planned(story).spec == agent()["spec"]


@pytest.mark.parametrize("settings", [{"replicas": 4}, {"replicas": None}, None])
def test_the_live_revision_differs_in_nothing_however_it_is_scaled(story: Story, settings: Any) -> None:
    """A released count leaves an empty place behind, which is no other config."""
    story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"deployment": settings}}})
    assert not planned(story, to_revision=2).spec_differs


def test_the_count_stays_although_another_type_keeps_it_elsewhere(story: Story) -> None:
    story.edit(AGENT, "clock", {"declarative": {"deployment": {"replicas": 4}}})
    story.edit(AGENT, "clock", {**byo(replicas=6)["spec"], "declarative": None})
    undo = planned(story)
    assert undo.spec == agent(systemMessage="Guess.", deployment={"replicas": 6})["spec"]
    back = carry_out(story, undo)
    assert back.obj["spec"] == undo.spec
    assert planned(story).spec == byo(replicas=6)["spec"]


def test_fields_that_nobody_knows_come_back_too(story: Story) -> None:
    future = {"deep": [1, {"x": 1.5}], "none": [None]}
    story.edit(AGENT, "clock", {"future": future})
    story.edit(AGENT, "clock", {"future": None, "declarative": {"later": True}})
    carry_out(story, planned(story))
    assert story.cluster.read(AGENT, "clock")["spec"] == {
        **agent(systemMessage="Guess.", deployment={"replicas": 1})["spec"],
        "future": future,
    }


# Sources


def test_a_source_that_is_the_same_is_no_matter(story: Story) -> None:
    assert planned(story).sources == ()


def test_a_shared_source_is_named_with_who_else_uses_it(story: Story) -> None:
    for name in ("second", "third"):
        story.add(AGENT, agent(name))
    story.add(AGENT, agent("stranger", modelConfig="other"))
    story.model("large")
    (shared,) = planned(story, to_revision=2).sources
    assert shared.label == "modelconfig.kagent.dev/gpt"
    assert shared.other_agents == ("second", "third")
    assert shared.restorable
    assert [(change.path, change.old, change.new) for change in shared.changes] == [
        ("spec.model", "large", "small")
    ]


def test_a_tool_server_is_used_from_other_namespaces_too(story: Story) -> None:
    tools = [{"type": "McpServer", "mcpServer": {"kind": "RemoteMCPServer", "name": "r", "toolNames": ["a"]}}]
    far = [{**tools[0], "mcpServer": {**tools[0]["mcpServer"], "namespace": "default"}}]
    story.cluster.add(REMOTE_MCP_SERVER, {"metadata": {"name": "r"}, "spec": {"url": "http://a"}})
    story.edit(AGENT, "clock", {"declarative": {"tools": tools}})
    elsewhere = agent("guest", tools=far)
    elsewhere["metadata"]["namespace"] = "far"
    story.cluster.add(AGENT, elsewhere)
    story.cluster.edit(REMOTE_MCP_SERVER, "r", {"spec": {"url": "http://b"}})
    (shared,) = planned(story, to_revision=3).sources
    assert shared.other_agents == ("far/guest",)
    assert shared.note == ""


def test_a_source_of_the_target_that_the_live_config_does_not_use(story: Story) -> None:
    story.add(MODEL_CONFIG, model_config("other"))
    story.edit(AGENT, "clock", {"declarative": {"modelConfig": "other"}})
    assert planned(story).sources == ()
    story.model("large")
    (shared,) = planned(story).sources
    assert shared.label == "modelconfig.kagent.dev/gpt"


def test_a_deleted_source_can_not_be_restored(story: Story) -> None:
    story.cluster.remove(MODEL_CONFIG, "gpt")
    (shared,) = planned(story, to_revision=1).sources
    assert [(change.path, change.old) for change in shared.changes] == [("", None)]
    assert not shared.restorable


def test_a_source_that_was_not_there_then_is_not_deleted(story: Story) -> None:
    story.cluster.remove(MODEL_CONFIG, "gpt")
    story.prompt("Without.")
    story.add(MODEL_CONFIG, model_config())
    (shared,) = planned(story, to_revision=story.look().revisions[-2].number).sources
    assert [change.new for change in shared.changes] == [None]
    assert not shared.restorable


def test_a_rotated_secret_is_a_part_of_its_own_and_can_not_be_restored(story: Story) -> None:
    story.cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "aaaa"})
    story.look()
    story.cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "bbbb"})
    (secret,) = planned(story).sources
    assert not secret.restorable
    story.model("large")
    model, secret = planned(story, to_revision=3).sources
    assert [change.path for change in model.changes] == ["spec.model"]
    assert [change.path for change in secret.changes] == ["secret"]
    assert (model.restorable, secret.restorable) == (True, False)


def prompts(story: Story, **data: Any) -> None:
    story.cluster.edit(CONFIG_MAP, "prompts", {"data": data})
    story.look_at_all()


@pytest.fixture
def prompted(cluster: FakeCluster, controllers: Controllers) -> Story:
    """An agent whose prompt is one key of a ConfigMap."""
    story = Story(cluster, controllers)
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    story.add(CONFIG_MAP, config_map("prompts", used="a", spare="x"))
    story.add(AGENT, agent(systemMessageFrom=source, modelConfig=""))
    story.look()
    return story


def data(story: Story) -> Object:
    return dict(story.cluster.read(CONFIG_MAP, "prompts")["data"])


def test_of_a_config_map_only_the_key_in_use_comes_back(prompted: Story) -> None:
    prompts(prompted, used="b", spare="y", new="z")
    done = carry_out(prompted, planned(prompted), with_sources=True)
    assert data(prompted) == {"used": "a", "spare": "y", "new": "z"}
    assert [shared.label for shared in done.sources] == ["configmap/prompts"]


def test_a_key_that_was_not_there_goes_again(prompted: Story) -> None:
    prompted.cluster.edit(CONFIG_MAP, "prompts", {"data": {"used": None}})
    prompted.look()
    prompts(prompted, used="b")
    carry_out(prompted, planned(prompted, to_revision=2), with_sources=True)
    assert data(prompted) == {"spare": "x"}


def test_a_config_map_in_use_as_a_whole_comes_back_as_a_whole(story: Story) -> None:
    story.add(CONFIG_MAP, config_map("phrases", a="1", b="2"))
    sources = {"dataSources": [{"kind": "ConfigMap", "name": "phrases"}]}
    story.edit(AGENT, "clock", {"declarative": {"promptTemplate": sources}})
    story.edit(CONFIG_MAP, "phrases", {"a": "9", "b": None, "c": "3"})
    carry_out(story, planned(story), with_sources=True)
    assert story.cluster.read(CONFIG_MAP, "phrases")["data"] == {"a": "1", "b": "2"}


def test_without_being_asked_no_source_is_touched(story: Story) -> None:
    story.model("large")
    carry_out(story, planned(story, to_revision=1))
    assert MODEL_CONFIG not in [request.resource for request in story.cluster.writes]
    assert story.cluster.read(MODEL_CONFIG, "gpt")["spec"]["model"] == "large"


# Carrying it out


def test_the_result_is_recorded_as_a_rollback_with_its_cause(story: Story) -> None:
    done = carry_out(story, planned(story))
    assert done.recorded is not None
    assert (done.recorded.number, done.notes) == (3, ())
    newest = story.look().revisions[-1]
    assert (newest.rollback_of, newest.change_cause, newest.recorded_by) == (1, "because", "undoer")
    assert newest.is_undo
    assert (newest.changed_by, newest.spec) == ("undoer", agent(deployment={"replicas": 1})["spec"])


def test_of_equal_revisions_the_one_asked_for_is_named(story: Story) -> None:
    story.prompt("Tell the time.")  # 3 = 1
    story.prompt("Guess.")  # 4 = 2
    carry_out(story, planned(story, to_revision=1))
    assert [revision.rollback_of for revision in story.look().revisions] == [None, None, 1, 2, 1]


def test_a_recorder_that_was_quicker_gets_the_cause_added(story: Story) -> None:
    undo = planned(story)
    story.cluster.before("list", AGENT, story.look)
    done = carry_out(story, undo)
    assert done.recorded is not None
    (newest,) = [r for r in story.look().revisions if r.number == 3]
    assert (newest.recorded_by, newest.change_cause, newest.rollback_of) == ("looker", "because", 1)
    assert newest.is_undo


@pytest.mark.parametrize("rendered", [False, True])
@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("resource", [AGENT, MODEL_CONFIG])
def test_what_somebody_changes_right_after_is_not_taken_for_the_undo(
    story: Story, resource: Resource, *, recorded: bool, rendered: bool
) -> None:
    def change() -> None:
        if rendered:
            story.controllers.act()
        spec: Object = {"model": "other"}
        if resource is AGENT:
            spec = {"declarative": {"systemMessage": "Theirs."}}
        story.cluster.edit(resource, "clock" if resource is AGENT else "gpt", {"spec": spec}, manager="other")
        if recorded:
            story.look()

    undo = planned(story)
    story.cluster.before("list", CONTROLLER_REVISION, change)
    done = carry_out(story, undo)
    assert (done.recorded and done.recorded.number, done.is_live) == (3, False)
    *_, ours, theirs = story.look().revisions
    assert (ours.changed_by, ours.change_cause, ours.rollback_of) == ("undoer", "because", 1)
    assert (theirs.changed_by, theirs.change_cause, theirs.rollback_of) == ("other", "", None)


def test_what_was_scaled_right_after_is_still_what_the_undo_made(story: Story) -> None:
    def scale() -> None:
        spec = {"declarative": {"deployment": {"replicas": 4}}}
        story.cluster.edit(AGENT, "clock", {"spec": spec}, manager="other")

    undo = planned(story)
    story.cluster.before("list", CONTROLLER_REVISION, scale)
    done = carry_out(story, undo)
    assert (done.recorded and done.recorded.number, done.is_live) == (3, True)
    assert story.look().revisions[-1].change_cause == "because"


def test_a_status_written_meanwhile_is_no_conflict(story: Story) -> None:
    undo = planned(story)
    status = {"observedGeneration": 2, "conditions": []}
    for turn in range(3):
        written = {**status, "turn": turn}
        story.cluster.before(
            "patch",
            AGENT,
            lambda written=written: story.cluster.set_status(AGENT, "clock", written),
            nth=turn + 1,
        )
    done = carry_out(story, undo)
    assert done.obj["spec"] == undo.spec
    assert done.recorded is not None


def test_an_edit_meanwhile_is_a_conflict_and_nothing_changes(story: Story) -> None:
    undo = planned(story)
    story.cluster.before("patch", AGENT, lambda: story.prompt("Mine."))
    with pytest.raises(Conflict, match="was changed by somebody else just now; nothing was rolled back"):
        carry_out(story, undo)
    assert story.cluster.read(AGENT, "clock")["spec"]["declarative"]["systemMessage"] == "Mine."


def configs(story: Story) -> list[tuple[str, str, str]]:
    """Prompt and model of each revision, and who made it."""
    return [
        (
            r.spec["declarative"]["systemMessage"],
            (r.sources[0].content or {})["spec"]["model"],
            r.changed_by,
        )
        for r in story.look().revisions
    ]


BEFORE = [("Tell the time.", "small", "kubectl"), ("Guess.", "small", "kubectl-edit")]


@pytest.mark.parametrize(
    ("verb", "resource", "nth", "made"),
    [
        (
            "patch",
            AGENT,
            1,
            [("Guess.", "large", "somebody"), ("Tell the time.", "large", "undoer")],
        ),
        (
            "list",
            CONTROLLER_REVISION,
            1,
            [("Tell the time.", "small", "undoer"), ("Tell the time.", "large", "somebody")],
        ),
    ],
    ids=["before the patch", "after it"],
)
def test_what_somebody_does_to_a_source_around_the_patch_is_a_revision_of_its_own(
    story: Story, verb: str, resource: Resource, nth: int, made: list[tuple[str, str, str]]
) -> None:
    """The moment before the patch is only taken as known when nothing else was written."""
    undo = planned(story)

    def change() -> None:
        story.cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "large"}}, manager="somebody")

    story.cluster.before(verb, resource, change, nth=nth)
    carry_out(story, undo)
    assert configs(story) == [*BEFORE, *made]
    assert not any(revision.gap_before for revision in story.look().revisions)


def test_a_source_that_only_the_target_has_may_change_right_after_the_patch(story: Story) -> None:
    story.add(MODEL_CONFIG, model_config("other"))
    story.edit(AGENT, "clock", {"declarative": {"memory": {"modelConfig": "other"}}})  # 3
    story.edit(AGENT, "clock", {"declarative": {"memory": None}})  # 4
    undo = planned(story, to_revision=3)

    def change() -> None:
        story.cluster.edit(MODEL_CONFIG, "other", {"spec": {"model": "large"}}, manager="somebody")

    story.cluster.before("list", CONTROLLER_REVISION, change)
    carry_out(story, undo)
    memories = [(r.sources[-1].content or {})["spec"]["model"] for r in story.look().revisions]
    assert memories[4:] == ["small", "large"]


def test_a_source_that_the_target_has_no_more_may_change_right_before_the_patch(story: Story) -> None:
    story.add(MODEL_CONFIG, model_config("other"))
    story.edit(AGENT, "clock", {"declarative": {"modelConfig": "other"}})
    undo = planned(story)

    def change() -> None:
        story.cluster.edit(MODEL_CONFIG, "other", {"spec": {"model": "large"}}, manager="somebody")

    story.cluster.before("patch", AGENT, change)
    carry_out(story, undo)
    assert [model for _, model, _ in configs(story)][-3:] == ["small", "large", "small"]


def test_an_edit_and_its_undoing_by_somebody_else_right_after_the_patch_is_not_missed(story: Story) -> None:
    undo = planned(story)

    def change() -> None:
        for text in ("Mine.", "Tell the time."):
            story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": text}}})

    story.cluster.before("list", CONTROLLER_REVISION, change)
    carry_out(story, undo)
    assert [text for text, _, _ in configs(story)][2:] == ["Tell the time.", "Mine.", "Tell the time."]


def test_what_was_not_recorded_before_the_patch_is_looked_for_again(story: Story) -> None:
    """Recording was refused for a moment."""

    def refuse() -> None:
        raise Forbidden("not now")

    story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "New."}}})
    story.cluster.before("create", CONTROLLER_REVISION, refuse)
    carry_out(story, planned(story, to_revision=1))
    assert [text for text, _, _ in configs(story)][2:] == ["New.", "Tell the time."]


def test_the_hash_that_is_back_is_noted_on_no_other_config(story: Story, controllers: Controllers) -> None:
    """Somebody changes a source right after the patch, and takes it back before the controller is seen."""
    undo, cluster, expected = planned(story), story.cluster, story.look().revisions[0].config_hash

    def model(name: str) -> None:
        cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": name}})

    def take_back() -> None:
        model("small")
        controllers.act()

    cluster.before("list", CONTROLLER_REVISION, lambda: model("large"))
    cluster.before("create", CONTROLLER_REVISION, take_back, nth=2)
    done = roll_back(cluster, undo, manager="undoer", tell=lambda *_: None)
    assert (done.seen.is_back, done.restored.recorded and done.restored.recorded.number) == (True, 3)
    # what the controller made of the spec may be made from the source as it was a moment before
    assert [revision.config_hash for revision in story.look().revisions][2:] == ["", "", ""]
    cluster.clock.sleep(11)
    cluster.compact()
    assert [revision.config_hash for revision in story.look().revisions][2:] == ["", "", expected]


def test_what_a_later_spec_is_rendered_to_is_not_noted_on_the_restored_one(
    story: Story, controllers: Controllers
) -> None:
    """The config hash does not cover all of a spec: here not the image."""
    undo, cluster, expected = planned(story), story.cluster, story.look().revisions[0].config_hash
    controllers.stopped = True

    def edit() -> None:
        cluster.edit(AGENT, "clock", {"spec": {"declarative": {"deployment": {"image": "app:2"}}}})
        reconcile(cluster, config_hash=expected, image="app:2")

    cluster.before("list", AGENT, edit, nth=2)
    assert roll_back(cluster, undo, manager="undoer", tell=lambda *_: None).seen.is_back
    assert [(r.number, r.image) for r in story.look().revisions][2:] == [(3, ""), (4, "app:2")]


def test_a_new_agent_of_that_name_is_not_the_one_of_the_plan(story: Story) -> None:
    undo = planned(story)

    def replace_it() -> None:
        story.cluster.remove(AGENT, "clock")
        story.cluster.add(AGENT, agent(systemMessage="New."))
        story.prompt("Newer.")  # the generation of the old one

    story.cluster.before("patch", AGENT, replace_it)
    with pytest.raises(Conflict):
        carry_out(story, undo)
    assert story.cluster.read(AGENT, "clock")["spec"]["declarative"]["systemMessage"] == "Newer."


def test_a_secret_that_is_rotated_meanwhile_is_no_conflict(story: Story) -> None:
    story.cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "aaaa"})
    story.model("large")
    undo = planned(story)
    story.cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "bbbb"})
    done = carry_out(story, undo, with_sources=True)
    assert [shared.label for shared in done.sources] == ["modelconfig.kagent.dev/gpt"]
    assert story.cluster.read(MODEL_CONFIG, "gpt")["spec"]["model"] == "small"


# Is it back?


def check(story: Story, expected: str, *, sources: bool = False) -> Verified:
    since = story.hash() if sources else None
    return verify(
        story.cluster, workload(story.cluster), target(), expected=expected, with_sources_since=since
    )


def target() -> Revision:
    return Revision(4, "r4", "", {}, (), 1, 1, "", None, gap_before=False)  # type: ignore[arg-type]


def expect(story: Story, to_revision: int) -> str:
    found = story.look()
    return expected_hash(found, found.find(to_revision))


def test_the_expected_hash_is_the_one_it_had(story: Story) -> None:
    assert expect(story, 2) == story.hash()
    assert expect(story, 1) not in ("", story.hash())


def test_an_equal_revision_may_lend_its_hash(story: Story, controllers: Controllers) -> None:
    controllers.stopped = True
    story.prompt("Guess well.")
    story.prompt("Guess.")
    assert [bool(revision.config_hash) for revision in story.look().revisions] == [True, True, False, False]
    assert expect(story, 4) == expect(story, 2) != ""
    assert expect(story, 3) == ""


def test_what_is_rendered_already_takes_no_time(story: Story) -> None:
    before = story.cluster.clock.now
    found = check(story, story.hash())
    assert (found, found.is_back) == (Verified(story.hash(), story.hash()), True)
    assert story.cluster.clock.now == before


@pytest.mark.parametrize("accepted", [[], [{"type": "Accepted", "status": "True", "message": "accepted"}]])
def test_what_an_accepting_controller_says_is_no_refusal(story: Story, accepted: list[Object]) -> None:
    story.cluster.set_status(AGENT, "clock", {"observedGeneration": 2, "conditions": accepted})
    assert check(story, story.hash()).is_back


@pytest.mark.parametrize(
    ("found", "expected", "back"), [("1", "1", True), ("1", "2", False), ("", "", False)]
)
def test_only_the_very_hash_is_back(found: str, expected: str, *, back: bool) -> None:
    assert Verified(found, expected).is_back == back


def test_it_waits_until_the_controller_has_rendered_the_newest_spec(story: Story) -> None:
    old = story.hash()
    story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "x"}}})
    found = check(story, "")
    assert found.config_hash == story.hash() != old
    assert not found.is_back


def test_it_waits_for_the_hash_when_only_a_source_was_restored(story: Story) -> None:
    story.cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "large"}})
    assert check(story, story.hash(), sources=True).is_back


def test_another_hash_of_an_observed_spec_is_not_waited_for(story: Story) -> None:
    before = story.cluster.clock.now
    found = check(story, "123")
    assert (found, found.is_back) == (Verified(story.hash(), "123"), False)
    assert story.cluster.clock.now == before


HICCUPS = [
    Unreachable("the connection to the server was refused"),
    OtherServerError("TooManyRequests", "please try again later"),
    OtherServerError("InternalError", "etcdserver: leader changed"),
    NotFound('agents.kagent.dev "clock" not found'),
]


def fail_until(story: Story, error: KagentError, seconds: float) -> None:
    """Answer each look at the agent with ``error``, so many seconds long."""
    over = story.cluster.clock.monotonic() + seconds

    def refuse() -> None:
        if story.cluster.clock.monotonic() < over:
            story.cluster.before("list", AGENT, refuse)
            raise error

    story.cluster.before("list", AGENT, refuse)


@pytest.mark.parametrize("error", HICCUPS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("seconds", [0.1, 29])
def test_what_passes_is_waited_out(story: Story, error: KagentError, seconds: float) -> None:
    fail_until(story, error, seconds)
    assert check(story, story.hash()).is_back


@pytest.mark.parametrize("error", HICCUPS, ids=lambda error: type(error).__name__)
def test_what_does_not_pass_is_said_after_half_a_minute(story: Story, error: KagentError) -> None:
    fail_until(story, error, 60)
    before = story.cluster.clock.monotonic()
    with pytest.raises(type(error)) as failure:
        check(story, story.hash())
    assert failure.value is error
    assert 30 <= story.cluster.clock.monotonic() - before < 31


def test_a_missing_permission_is_not_waited_for(story: Story) -> None:
    story.cluster.deny("list", AGENT)
    before = story.cluster.clock.monotonic()
    with pytest.raises(Forbidden):
        check(story, story.hash())
    assert story.cluster.clock.monotonic() == before


@pytest.mark.parametrize(
    ("arrange", "message", "hint"),
    [
        (
            "away",
            "its controller has not taken it up within 30s",
            "does the controller act? kubectl kagent rollout status agent/clock -n default says",
        ),
        (
            "source not rendered",
            "its config hash is still {hash}, not the 123 of revision 4",
            "does the controller act? kubectl kagent rollout status agent/clock -n default says",
        ),
        (
            "refuses",
            "its controller refuses it: no model",
            "what it names may be gone: kubectl kagent describe agent/clock -n default",
        ),
        (
            "no Deployment",
            "there is no Deployment",
            "what it names may be gone: kubectl kagent describe agent/clock -n default",
        ),
    ],
)
def test_what_does_not_come_back_is_said_after_half_a_minute(
    story: Story, controllers: Controllers, arrange: str, message: str, hint: str
) -> None:
    cluster, expected = story.cluster, "123"
    controllers.stopped = True
    if arrange == "away":
        cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "x"}}})
    elif arrange == "refuses":
        condition = {"type": "Accepted", "status": "False", "message": "no model"}
        cluster.set_status(AGENT, "clock", {"observedGeneration": 9, "conditions": [condition]})
        expected = story.hash()
    elif arrange == "no Deployment":
        cluster.remove(DEPLOYMENT, "clock")
        expected = ""
    before = cluster.clock.monotonic()
    with pytest.raises(TimedOut) as failure:
        check(story, expected, sources=arrange == "source not rendered")
    assert failure.value.message == message.format(hash=story.hash())
    assert failure.value.hint == hint
    assert failure.value.exit_code == 4
    assert 30 <= cluster.clock.monotonic() - before < 31


def test_what_somebody_changed_again_is_not_back(story: Story, controllers: Controllers) -> None:
    restored, expected = workload(story.cluster), story.hash()
    story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "x"}}})
    controllers.act()
    with pytest.raises(KagentError) as failure:
        verify(story.cluster, restored, target(), expected=expected)
    assert (type(failure.value), failure.value.exit_code) == (KagentError, 1)
    assert failure.value.message == (
        f"somebody has changed it again since, and the config hash is {story.hash()}"
    )
    assert failure.value.hint == "kubectl kagent rollout history agent/clock -n default shows who"


def test_a_new_agent_of_the_same_name_is_not_the_one_that_came_back(story: Story) -> None:
    restored, expected = workload(story.cluster), story.hash()
    spec = story.cluster.read(AGENT, "clock")["spec"]
    story.cluster.remove(AGENT, "clock")
    story.cluster.add(AGENT, {**agent(), "spec": spec})
    with pytest.raises(NotFound, match="has been deleted and created again"):
        verify(story.cluster, restored, target(), expected=expected)


def test_a_workload_that_is_deleted_meanwhile_is_not_back(story: Story) -> None:
    restored = workload(story.cluster)
    story.cluster.remove(AGENT, "clock")
    with pytest.raises(NotFound, match=r'agents\.kagent\.dev "clock" not found'):
        verify(story.cluster, restored, target(), expected="")
