"""An undo that ends before all of it is done says first what is: the spec, and which of the sources."""

from __future__ import annotations

import pytest

from kubectl_kagent.errors import KagentError, OtherServerError, Unauthorized, Unreachable
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MODEL_CONFIG,
    Resource,
)
from tests.conftest import Kagent
from tests.fake.controllers import Story
from tests.objects import config_map
from tests.unit.commands.rollout.test_undo import CONFLICT, SHOWS, back, newest, prompt

GONE = Unreachable("the connection to the server 127.0.0.1:1 was refused")
BUSY = OtherServerError("TooManyRequests", "the server has received too many requests")
SPEC_IS_IN = "error: the spec of revision 1 is in agent.kagent.dev/clock, but "


def fail(story: Story, error: KagentError, verb: str, resource: Resource, nth: int) -> None:
    def refuse() -> None:
        raise error

    story.cluster.before(verb, resource, refuse, nth=nth)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (GONE, 5, "the connection to the server 127.0.0.1:1 was refused"),
        (BUSY, 1, "Error from server (TooManyRequests): the server has received too many requests"),
    ],
)
@pytest.mark.parametrize(
    ("verb", "resource", "nth"),
    [
        ("list", CONTROLLER_REVISION, 2),
        ("list", AGENT, 2),
        ("list", MODEL_CONFIG, 2),
        ("list", DEPLOYMENT, 2),
    ],
)
def test_what_fails_after_the_patch_says_that_the_spec_is_in(
    story: Story,
    kagent: Kagent,
    error: KagentError,
    code: int,
    words: str,
    verb: str,
    resource: Resource,
    nth: int,
) -> None:
    fail(story, error, verb, resource, nth)
    assert kagent("rollback", "clock") == (code, "", f"{SPEC_IS_IN}{words}\nhint: {SHOWS}\n")
    assert prompt(story.cluster) == "Tell the time."
    assert newest(story).rollback_of == 1  # the next look records it


def test_a_controller_that_cannot_be_asked_about(story: Story, kagent: Kagent) -> None:
    def refuse() -> None:
        story.cluster.before("list", AGENT, refuse)
        raise GONE

    story.cluster.before("list", AGENT, refuse, nth=3)
    code, out, err = kagent("rollback", "clock")
    assert (code, out, err) == (5, "", f"{SPEC_IS_IN}{GONE.message}\nhint: {SHOWS}\n")


def test_a_hash_that_is_back_is_success_although_it_can_not_be_noted(story: Story, kagent: Kagent) -> None:
    fail(story, GONE, "patch", CONTROLLER_REVISION, 1)
    assert kagent("rollback", "clock") == (
        0,
        back(story, 1, 3),
        f"Warning: config hash, image and time ready are not noted: {GONE.message}\n",
    )


def test_what_is_not_recorded_is_said_although_the_controller_is_away(story: Story, kagent: Kagent) -> None:
    story.cluster.deny("create", CONTROLLER_REVISION)
    story.controllers.stopped = True
    code, out, err = kagent("rollback", "clock")
    assert (code, out) == (4, "")
    assert err.startswith("Warning: the live config is not recorded: controllerrevisions.apps is forbidden: ")
    assert f"\n{SPEC_IS_IN}its controller has not taken it up within 30s\n" in err


def test_pods_that_do_not_come_after_it(story: Story, kagent: Kagent) -> None:
    fail(story, Unauthorized("you must be logged in to the server"), "get", DEPLOYMENT, 2)
    code, out, err = kagent("rollback", "clock", "--wait")
    assert (code, out) == (6, back(story, 1, 3))
    assert err == f"{SPEC_IS_IN}you must be logged in to the server\nhint: {SHOWS}\n"


# Half of the sources


@pytest.fixture
def prompted(story: Story) -> Story:
    """Revision 3 has a prompt of its own ConfigMap; 4 and 5 change that and the model."""
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    story.cluster.add(CONFIG_MAP, config_map("prompts", used="Be kind."))
    story.edit(AGENT, "clock", {"declarative": {"systemMessageFrom": source}})
    story.edit(CONFIG_MAP, "prompts", {"used": "Be rude."})
    story.model("large")
    story.prompt("Guess again.")
    return story


WITH_SOURCES = ("rollback", "clock", "--to-revision=3", "--with-sources")
RESTORING = "restoring: configmap/prompts (data.used)\nrestoring: modelconfig.kagent.dev/gpt (spec.model)\n"
REST = "kubectl kagent rollout undo agent/clock -n default --to-revision=3 --with-sources restores the rest"


def test_an_edit_of_the_second_source_leaves_it_and_says_which_is_restored(
    prompted: Story, kagent: Kagent
) -> None:
    cluster = prompted.cluster
    cluster.before(
        "patch",
        MODEL_CONFIG,
        lambda: cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "mine"}}),
        nth=2,  # the first only tries
    )
    assert kagent(*WITH_SOURCES) == (
        1,
        "",
        f"{RESTORING}"
        "error: the spec of revision 3 is in agent.kagent.dev/clock (restored too: configmap/prompts), but "
        "not restored: modelconfig.kagent.dev/gpt: Error from server (Conflict): modelconfig.kagent.dev/gpt "
        "was changed by somebody else just now\n"
        f"hint: {REST}\n",
    )
    assert prompt(cluster) == "Guess."
    assert cluster.read(CONFIG_MAP, "prompts")["data"] == {"used": "Be kind."}
    assert cluster.read(MODEL_CONFIG, "gpt")["spec"]["model"] == "mine"
    prompted.controllers.act()
    code, out, _ = kagent(*WITH_SOURCES)
    assert (code, out.startswith("agent.kagent.dev/clock rolled back to revision 3 ")) == (0, True)
    assert cluster.read(MODEL_CONFIG, "gpt")["spec"]["model"] == "small"


def test_an_edit_since_the_plan_is_not_overwritten(prompted: Story, kagent: Kagent) -> None:
    cluster = prompted.cluster
    cluster.before("patch", AGENT, lambda: cluster.edit(CONFIG_MAP, "prompts", {"data": {"used": "Mine."}}))
    code, out, err = kagent(*WITH_SOURCES)
    assert (code, out) == (1, "")
    assert err.startswith(
        f"{RESTORING}Error from server (Conflict): configmap/prompts was changed by somebody"
    )
    assert cluster.read(CONFIG_MAP, "prompts")["data"] == {"used": "Mine."}
    assert prompt(cluster) == "Guess again."  # the try told it before anything was done


@pytest.mark.parametrize(("error", "code"), [(GONE, 5), (BUSY, 1)])
def test_a_source_that_can_not_be_restored_just_now(
    prompted: Story, kagent: Kagent, error: KagentError, code: int
) -> None:
    fail(prompted, error, "patch", CONFIG_MAP, 2)
    assert kagent(*WITH_SOURCES) == (
        code,
        "",
        f"{RESTORING}"
        "error: the spec of revision 3 is in agent.kagent.dev/clock, but not restored: configmap/prompts, "
        f"modelconfig.kagent.dev/gpt: {error.line.removeprefix('error: ')}\n"
        f"hint: {REST}\n",
    )


def test_a_status_of_a_source_written_meanwhile_is_no_conflict(prompted: Story, kagent: Kagent) -> None:
    cluster = prompted.cluster

    def observed(turn: int) -> None:
        cluster.set_status(MODEL_CONFIG, "gpt", {"observedGeneration": turn})

    for turn in range(3):
        cluster.before("patch", MODEL_CONFIG, lambda turn=turn: observed(turn), nth=turn + 2)
    assert kagent(*WITH_SOURCES)[0] == 0
    assert cluster.read(MODEL_CONFIG, "gpt")["spec"]["model"] == "small"


def test_an_agent_whose_status_never_rests_is_given_up(story: Story, kagent: Kagent) -> None:
    turns: list[int] = []

    def write() -> None:
        turns.append(len(turns))
        story.cluster.set_status(AGENT, "clock", {"observedGeneration": 2, "turn": len(turns)})
        story.cluster.before("patch", AGENT, write)

    story.cluster.before("patch", AGENT, write)
    assert kagent("rollback", "clock") == (1, "", CONFLICT)
    assert len(turns) == 5
