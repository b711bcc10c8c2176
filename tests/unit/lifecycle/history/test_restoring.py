"""What an undo writes, and what it does when somebody else has written meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubectl_kagent.errors import Conflict, Done, Incomplete
from kubectl_kagent.lifecycle.history import undo_plan
from kubectl_kagent.lifecycle.history.restoring import restore_sources, server_dry_run
from kubectl_kagent.lifecycle.history.undo_plan import UndoPlan
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, MODEL_CONFIG
from tests.fake.controllers import Story
from tests.objects import config_map


def planned(story: Story, to_revision: int = 1) -> UndoPlan:
    past = story.look()
    return undo_plan.plan(story.cluster, past, past.find(to_revision), with_sources=True)


def requests(story: Story, act: Callable[[], object]) -> list[tuple[str, str]]:
    story.cluster.requests.clear()
    act()
    return [(request.verb, request.resource.plural) for request in story.cluster.requests]


def restore(story: Story, undo: UndoPlan) -> None:
    restore_sources(story.cluster, undo, Done("the spec is in"), manager="undoer")


def test_the_server_is_asked_about_all_of_it_and_stores_nothing(story: Story) -> None:
    story.model("large")
    undo, before = planned(story), story.cluster.read_all(MODEL_CONFIG)
    obj = server_dry_run(story.cluster, undo)
    assert obj["spec"] == undo.spec
    assert story.cluster.read_all(MODEL_CONFIG) == before
    assert all(request.dry_run for request in story.cluster.writes[-2:])


def test_a_source_that_is_as_it_was_shown_takes_one_request(story: Story) -> None:
    story.model("large")
    undo = planned(story)
    assert requests(story, lambda: restore(story, undo)) == [("patch", "modelconfigs")]


def test_a_status_written_meanwhile_is_no_conflict(story: Story) -> None:
    story.model("large")
    undo = planned(story)
    story.cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "bbbb"})
    assert requests(story, lambda: restore(story, undo)) == [
        ("patch", "modelconfigs"),
        ("list", "modelconfigs"),
        ("patch", "modelconfigs"),
    ]
    assert story.cluster.read(MODEL_CONFIG, "gpt")["spec"]["model"] == "small"


@pytest.mark.parametrize("how", ["edited", "deleted"])
def test_a_source_that_is_not_as_it_was_shown_is_left_as_it_is(story: Story, how: str) -> None:
    story.model("large")
    undo = planned(story)
    if how == "deleted":
        story.cluster.remove(MODEL_CONFIG, "gpt")
    else:
        story.cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "mine"}})
    before = story.cluster.read_all(MODEL_CONFIG)
    with pytest.raises((Conflict, Incomplete)):
        restore(story, undo)
    assert story.cluster.read_all(MODEL_CONFIG) == before


def test_of_one_config_map_the_key_and_the_whole_are_restored_one_after_the_other(story: Story) -> None:
    story.cluster.add(CONFIG_MAP, config_map("prompts", used="a", more="x"))
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    template = {"dataSources": [{"kind": "ConfigMap", "name": "prompts"}]}
    story.edit(AGENT, "clock", {"declarative": {"systemMessageFrom": source, "promptTemplate": template}})
    story.edit(CONFIG_MAP, "prompts", {"used": "b", "more": "y"})
    undo = planned(story, to_revision=3)
    assert len(undo.restored) == 2
    restore(story, undo)
    assert story.cluster.read(CONFIG_MAP, "prompts")["data"] == {"used": "a", "more": "x"}
