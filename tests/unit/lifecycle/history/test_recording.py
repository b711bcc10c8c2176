"""Storing what a look back found, among others who write the same objects, or write anything into them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from kubectl_kagent.errors import AlreadyExists, NotFound
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.objects import agent, lines, reconcile, workload

Object = dict[str, Any]


@pytest.fixture
def clock(cluster: FakeCluster) -> FakeCluster:
    """An agent with two recorded revisions."""
    cluster.add(AGENT, agent(modelConfig="", systemMessage="0"))
    look(cluster)
    prompt(cluster, "1")
    look(cluster)
    return cluster


def look(cluster: FakeCluster, **how: Any) -> History:
    return history.update(cluster, workload(cluster), manager="looker", **how)


def prompt(cluster: FakeCluster, text: str) -> None:
    cluster.clock.sleep(1)
    cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": text}}})


def prompts(past: History) -> list[tuple[int, str]]:
    return [(r.number, r.spec["declarative"]["systemMessage"]) for r in past.revisions]


def always(cluster: FakeCluster, verb: str, error: Callable[[], Exception]) -> None:
    """Let each such request on revisions fail."""

    def fail() -> None:
        cluster.before(verb, CONTROLLER_REVISION, fail)
        raise error()

    cluster.before(verb, CONTROLLER_REVISION, fail)


# Without end


def test_numbers_that_are_always_taken_end_in_a_note(clock: FakeCluster) -> None:
    always(clock, "create", lambda: AlreadyExists("it exists"))
    prompt(clock, "2")
    clock.requests.clear()
    past = look(clock)
    assert lines(past) == (
        "the live config is not recorded: somebody else keeps changing the revisions of "
        "agent.kagent.dev/clock; try again",
    )
    assert (past.live, prompts(past)) == (None, [(1, "0"), (2, "1")])
    assert len(clock.requests) < 100


def test_so_do_revisions_that_vanish_each_time(clock: FakeCluster) -> None:
    reconcile(clock, config_hash="11")
    always(clock, "patch", lambda: NotFound("it is gone"))
    past = look(clock)
    assert lines(past) == (
        "config hash, image and time ready are not noted: somebody else keeps changing the revisions of "
        "agent.kagent.dev/clock; try again",
    )
    assert past.live == past.revisions[-1]


def test_the_command_line_says_so_and_shows_what_there_is(clock: FakeCluster, kagent: Kagent) -> None:
    always(clock, "create", lambda: AlreadyExists("it exists"))
    prompt(clock, "2")
    code, out, err = kagent("rollout", "history", "agent/clock")
    assert (code, [line.split()[0] for line in out.splitlines()[2:]]) == (0, ["1", "2"])
    assert err == (
        "Warning: the live config is not recorded: somebody else keeps changing the revisions of "
        "agent.kagent.dev/clock; try again\n"
    )


def test_an_object_that_was_made_anew_is_not_taken_for_the_old_one(clock: FakeCluster) -> None:
    old = workload(clock)
    for number in (1, 2):
        clock.remove(CONTROLLER_REVISION, f"agent-clock-r{number}")
    clock.remove(AGENT, "clock")
    clock.add(AGENT, agent(modelConfig="", systemMessage="new"))
    theirs = look(clock).revisions
    with pytest.raises(NotFound, match=r"agent\.kagent\.dev/clock has been deleted and created again"):
        history.update(clock, old, manager="late")
    assert look(clock).revisions == theirs


def test_a_revision_of_one_that_is_made_anew_meanwhile_is_not_cleared_away(clock: FakeCluster) -> None:
    """The look was right when it began: what is in the way is newer than it."""
    old = workload(clock)
    theirs: list[History] = []

    def anew() -> None:
        for item in clock.read_all(CONTROLLER_REVISION):
            clock.remove(CONTROLLER_REVISION, item["metadata"]["name"])
        clock.remove(AGENT, "clock")
        clock.add(AGENT, agent(modelConfig="", systemMessage="new"))
        for text in ("1", "2", "3"):
            prompt(clock, text)
        theirs.append(look(clock))

    prompt(clock, "2")
    clock.before("create", CONTROLLER_REVISION, anew)
    with pytest.raises(NotFound, match="has been deleted and created again"):
        history.update(clock, old, manager="late")
    assert look(clock).revisions == theirs[0].revisions


# What is no revision of ours


def rewrite(cluster: FakeCluster, name: str, change: Callable[[Object], None]) -> None:
    """Another revision in place of the one of that name: only its metadata may be changed."""
    found = copy.deepcopy(cluster.read(CONTROLLER_REVISION, name))
    for key in ("uid", "creationTimestamp", "managedFields", "resourceVersion"):
        del found["metadata"][key]
    change(found)
    cluster.remove(CONTROLLER_REVISION, name)
    cluster.add(CONTROLLER_REVISION, found)


def data(**changes: Any) -> Callable[[Object], None]:
    return lambda found: found["data"].update(changes)


MALFORMED = {
    "no data": lambda found: found.pop("data"),
    "data null": lambda found: found.update(data=None),
    "data a text": lambda found: found.update(data="x"),
    "no revision": lambda found: found.pop("revision"),
    "no hash": lambda found: found["metadata"]["labels"].pop("kubectl-kagent/hash"),
    "spec a list": data(spec=[]),
    "tools a text": data(spec={"type": "Declarative", "declarative": {"tools": "x"}}),
    "tool names a number": data(
        spec={"type": "Declarative", "declarative": {"tools": [{"mcpServer": {"toolNames": 7}}]}}
    ),
    "a kind that is none": data(sources=[{"kind": "Secret", "namespace": "x", "name": "y"}]),
    "a source without a name": data(sources=[{"kind": "Service", "namespace": "x"}]),
    "a source a text": data(sources=["x"]),
    "content a text": data(sources=[{"kind": "Service", "namespace": "x", "name": "y", "content": "x"}]),
    "a number too long": data(resourceVersion="9" * 5000),
    "a generation of no number": data(generation="many"),
    "no time": data(changedAt="yesterday"),
    "a time without a zone": data(changedAt="2026-11-23T08:00:00"),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("name", ["agent-clock-r1", "agent-clock-r2"])
def test_what_holds_no_revision_of_ours_is_named_and_left_out(
    clock: FakeCluster, kagent: Kagent, name: str, change: Callable[[Object], None]
) -> None:
    rewrite(clock, name, change)
    prompt(clock, "2")
    past = look(clock)
    left_out = f"controllerrevision.apps/{name} holds no revision of ours; it is left out"
    assert left_out in lines(past)
    assert past.live == past.revisions[-1]
    # what the API server still remembers of a lost one is recorded again
    kept = [(2, "1"), (3, "2")] if name.endswith("1") else [(1, "0"), (3, "1"), (4, "2")]
    assert prompts(past) == kept
    prompt(clock, "3")
    assert prompts(look(clock)) == [*kept, (kept[-1][0] + 1, "3")]
    assert kagent("rollout", "undo", "agent/clock", "--dry-run=client")[0] == 0
    for words in (["rollout", "history"], ["rollout", "diff"], ["describe"]):
        code, out, err = kagent(*words, "agent/clock")
        assert (code, left_out in out + err) == (0, True), (words, out, err)


@pytest.mark.parametrize("label", ["name", "kind"])
def test_the_newest_without_its_label_costs_a_number_and_is_said(clock: FakeCluster, label: str) -> None:
    """A backup tool, or kubectl label."""
    labels = {f"kubectl-kagent/{label}": None}
    clock.edit(CONTROLLER_REVISION, "agent-clock-r2", {"metadata": {"labels": labels}})
    prompt(clock, "2")
    past = look(clock)
    assert prompts(past) == [(1, "0"), (3, "1"), (4, "2")]
    assert lines(past) == (
        "controllerrevision.apps/agent-clock-r2 has lost its owner, its labels or its content: "
        "it is left out, and the next revision is 3",
    )
    assert "agent-clock-r2" in [item["metadata"]["name"] for item in clock.read_all(CONTROLLER_REVISION)]
    clock.requests.clear()
    assert look(clock).notes == ()
    assert clock.writes == []


@pytest.mark.parametrize("owners", [None, [{"uid": "other", "kind": "StatefulSet", "controller": True}]])
def test_what_is_not_an_agents_own_is_not_deleted(clock: FakeCluster, owners: list[Object] | None) -> None:
    """kubectl delete --cascade=orphan leaves revisions without an owner, and anybody may take a name."""

    def disown(found: Object) -> None:
        found["metadata"]["name"] = "agent-clock-r3"
        found["metadata"]["ownerReferences"] = owners

    rewrite(clock, "agent-clock-r1", disown)
    prompt(clock, "2")
    past = look(clock)
    assert past.live is not None
    assert past.live.number == 4
    assert "agent-clock-r3 has lost its owner, its labels or its content" in lines(past)[-1]
    (kept,) = [
        item for item in clock.read_all(CONTROLLER_REVISION) if item["metadata"]["name"] == "agent-clock-r3"
    ]
    assert kept["metadata"].get("ownerReferences") == owners


def test_however_many_have_lost_them_it_goes_on_after_the_last(clock: FakeCluster) -> None:
    for number in range(3, 21):
        prompt(clock, str(number))
        look(clock)
    for item in clock.read_all(CONTROLLER_REVISION):
        patch = {"metadata": {"labels": {"kubectl-kagent/name": None}}}
        clock.edit(CONTROLLER_REVISION, item["metadata"]["name"], patch)
    past = look(clock)
    assert past.live is not None
    assert past.live.number >= 21


def test_a_name_that_was_taken_by_another_kind_of_revision_costs_a_number_too(clock: FakeCluster) -> None:
    """A forged one: it says that it is another than its name."""

    def forge(found: Object) -> None:
        found["metadata"]["name"] = "agent-clock-r3"
        found["revision"] = 1

    rewrite(clock, "agent-clock-r1", forge)
    prompt(clock, "2")
    past = look(clock)
    assert past.live is not None
    assert past.live.number == 4


def test_a_name_is_what_makes_a_number_one_revisions(cluster: FakeCluster) -> None:
    """Else any other could stand in for revision 1 at an undo."""
    cluster.add(AGENT, agent(modelConfig=""))
    history.update(cluster, workload(cluster), manager="m")
    forged = cluster.read(CONTROLLER_REVISION, "agent-clock-r1")
    forged["metadata"] = {
        **{key: forged["metadata"][key] for key in ("labels", "ownerReferences")},
        "name": "agent-clock-a1",
    }
    cluster.add(CONTROLLER_REVISION, forged)
    past = history.update(cluster, workload(cluster), manager="m")
    assert [revision.name for revision in past.revisions] == ["agent-clock-r1"]
    assert lines(past) == (
        "controllerrevision.apps/agent-clock-a1 claims to be revision 1 under another name; it is left out",
    )


def test_after_the_last_number_that_there_is_history_goes_on(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    history.update(cluster, workload(cluster), manager="m")
    last = cluster.read(CONTROLLER_REVISION, "agent-clock-r1")
    name = f"agent-clock-r{2**63 - 1}"
    last["metadata"] = {**{key: last["metadata"][key] for key in ("labels", "ownerReferences")}, "name": name}
    cluster.add(CONTROLLER_REVISION, {**last, "revision": 2**63 - 1})
    cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "x"}}})
    past = history.update(cluster, workload(cluster), manager="m")
    assert [revision.number for revision in past.revisions] == [1, 2]
    assert lines(past) == (f"controllerrevision.apps/{name} holds no revision of ours; it is left out",)


def test_a_number_beyond_all_that_there_may_be_is_not_counted_on_from(clock: FakeCluster) -> None:
    """Else what comes after it could not be read, and would be written again with each look."""

    forged = copy.deepcopy(clock.read(CONTROLLER_REVISION, "agent-clock-r1"))
    forged["data"] = {}
    for number in (3, 10**18 - 1):
        kept = {key: forged["metadata"][key] for key in ("labels", "ownerReferences")}
        clock.add(CONTROLLER_REVISION, {**forged, "metadata": {**kept, "name": f"agent-clock-r{number}"}})
    for change, number in (("2", 4), ("3", 5)):
        prompt(clock, change)
        past = look(clock)
        assert past.live is not None
        assert past.live.number == number


def test_after_the_last_number_nothing_is_written_and_it_is_said_what_stands_there(
    clock: FakeCluster,
) -> None:
    def forge(found: Object) -> None:
        found["metadata"]["name"] = f"agent-clock-r{2**31 - 1}"
        found["revision"] = 2**31 - 1

    rewrite(clock, "agent-clock-r1", forge)
    prompt(clock, "2")
    clock.requests.clear()
    past = look(clock)
    assert past.live is None
    assert lines(past)[-1] == (
        "the live config is not recorded: there is no number after that of "
        "controllerrevision.apps/agent-clock-r2147483647; "
        "kubectl delete controllerrevision agent-clock-r2147483647 -n default makes room"
    )
    assert clock.writes == []
