"""The walk back through the moments before now: what is found, who did it, what is no longer to be had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubectl_kagent.clock import timestamp
from kubectl_kagent.errors import Expired, NotFound
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history import undo_plan
from kubectl_kagent.lifecycle.history.look_back import Timeline, look_back
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.snapshots import Observation
from kubectl_kagent.lifecycle.history.undo import restore
from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, MCP_SERVER, MODEL_CONFIG, Resource
from kubectl_kagent.model.revision import Revision
from tests.fake.cluster import FakeCluster
from tests.objects import agent, mcp_server, model_config, workload
from tests.unit.lifecycle.history.test_recorder import Watcher


@pytest.fixture
def clock(cluster: FakeCluster) -> FakeCluster:
    """The keys of a spec are in order, as the API server has them: the count before the prompt."""
    cluster.add(MODEL_CONFIG, model_config())
    obj = agent()
    obj["spec"]["declarative"] = {"deployment": {"replicas": 1}, **obj["spec"]["declarative"]}
    cluster.add(AGENT, obj)
    return cluster


def look(cluster: FakeCluster, **how: Any) -> History:
    return history.update(cluster, workload(cluster), manager="looker", **how)


def prompt(cluster: FakeCluster, text: str, **how: Any) -> str:
    cluster.clock.sleep(60)
    written = cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": text}}}, **how)
    return str(written["metadata"]["resourceVersion"])


def model(cluster: FakeCluster, name: str) -> None:
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": name}})


def scale(cluster: FakeCluster, count: int, **how: Any) -> None:
    cluster.clock.sleep(60)
    cluster.edit(AGENT, "clock", {"spec": {"declarative": {"deployment": {"replicas": count}}}}, **how)


def walk(cluster: FakeCluster, known: Revision | None = None, since: int = 0) -> Timeline:
    return look_back(cluster, AGENT, "default", "clock", known=known, since=since)


def what(moment: Observation) -> tuple[str, str]:
    content = moment.snapshot.sources[0].content or {"spec": {"model": "(none)"}}
    return moment.workload.prompt, str(content["spec"]["model"])


def recorded(cluster: FakeCluster) -> Revision:
    live = history.update(cluster, workload(cluster), manager="looker").live
    assert live is not None
    return live


# What is found


def test_the_walk_gives_every_moment_oldest_first(clock: FakeCluster) -> None:
    prompt(clock, "one")
    model(clock, "large")
    prompt(clock, "two")
    timeline = walk(clock)
    assert [what(moment) for moment in timeline.observations] == [
        ("Tell the time.", "small"),
        ("one", "small"),
        ("one", "large"),
        ("two", "large"),
    ]
    assert timeline.gap is False


def test_the_walk_ends_at_the_known_revision(clock: FakeCluster) -> None:
    known = recorded(clock)
    prompt(clock, "one")
    prompt(clock, "two")
    assert [what(moment)[0] for moment in walk(clock, known).observations] == ["one", "two"]


def test_the_walk_does_not_end_at_a_status_write_of_the_known_one(clock: FakeCluster) -> None:
    """The known content with a newer version: the walk needs no further step either."""
    known = recorded(clock)
    for turn in range(5):
        clock.set_status(AGENT, "clock", {"observedGeneration": turn})
    prompt(clock, "one")
    clock.requests.clear()
    assert [what(moment)[0] for moment in walk(clock, known).observations] == ["one"]
    looks = [request for request in clock.requests if request.resource == AGENT]
    assert len(looks) == 2


def test_when_nothing_happened_the_walk_is_one_look(clock: FakeCluster) -> None:
    known = recorded(clock)
    clock.set_status(AGENT, "clock", {"observedGeneration": 1})
    clock.requests.clear()
    (moment,) = walk(clock, known).observations
    assert moment.snapshot.hash == known.hash
    assert len([request for request in clock.requests if request.resource == AGENT]) == 1


def test_the_walk_goes_no_further_than_since(clock: FakeCluster) -> None:
    prompt(clock, "one")
    since = int(prompt(clock, "two"))
    prompt(clock, "three")
    assert [what(moment)[0] for moment in walk(clock, since=since).observations] == ["three"]


def test_the_walk_ends_where_the_object_was_another(clock: FakeCluster) -> None:
    prompt(clock, "old")
    clock.remove(AGENT, "clock")
    clock.add(AGENT, agent(systemMessage="new"))
    prompt(clock, "newer")
    assert [what(moment)[0] for moment in walk(clock).observations] == ["new", "newer"]


def test_the_walk_follows_a_reference_to_another_source(clock: FakeCluster) -> None:
    known = recorded(clock)
    clock.add(MODEL_CONFIG, model_config("other", "second"))
    model(clock, "large")
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"modelConfig": "other"}}})
    assert [what(moment)[1] for moment in walk(clock, known).observations] == ["large", "second"]


def test_a_source_that_was_replaced_is_another_object(clock: FakeCluster) -> None:
    known = recorded(clock)
    clock.remove(MODEL_CONFIG, "gpt")
    clock.add(MODEL_CONFIG, model_config())
    timeline = walk(clock, known)
    assert what(timeline.observations[-1]) == ("Tell the time.", "small")
    assert recorded(clock).number == known.number


def test_the_walk_stops_at_what_is_forgotten(clock: FakeCluster) -> None:
    known = recorded(clock)
    for text in ("one", "two", "three"):
        prompt(clock, text)
    clock.compact()
    prompt(clock, "four")
    timeline = walk(clock, known)
    assert [what(moment)[0] for moment in timeline.observations] == ["three", "four"]
    assert timeline.gap is True


def test_without_a_known_revision_nothing_is_missed(clock: FakeCluster) -> None:
    prompt(clock, "one")
    clock.compact()
    assert walk(clock).gap is False


def test_forgotten_writes_of_several_objects_count_together(clock: FakeCluster) -> None:
    """One of the agent and one of its model: the config between them is lost."""
    known = recorded(clock)
    prompt(clock, "one")
    model(clock, "large")
    clock.compact()
    assert walk(clock, known).gap is True


def test_a_workload_that_is_not_there_is_not_found(clock: FakeCluster) -> None:
    with pytest.raises(NotFound, match=r'agents\.kagent\.dev "ghost" not found in namespace "default"'):
        look_back(clock, AGENT, "default", "ghost", known=None)


# What a server may do to it


class Altered:
    """The cluster, with another answer to some lists."""

    def __init__(self, cluster: FakeCluster, answer: Callable[[str | None], str | None]) -> None:
        self._cluster = cluster
        self._answer = answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def list_objects(self, *where: Any, at: str | None = None, **how: Any) -> dict[str, Any]:
        return self._cluster.list_objects(*where, at=self._answer(at), **how)


def test_a_server_that_shows_only_the_present_is_noticed(clock: FakeCluster) -> None:
    """One that knows no resourceVersionMatch: what was before is not to be had."""
    known = recorded(clock)
    for text in ("one", "two", "three"):
        prompt(clock, text)
    present: Any = Altered(clock, lambda _at: None)
    clock.requests.clear()
    timeline = look_back(present, AGENT, "default", "clock", known=known)
    assert [what(moment)[0] for moment in timeline.observations] == ["three"]
    assert timeline.gap is True
    assert len(clock.requests) < 10


def test_a_walk_ends_after_some_hundred_moments_and_says_so(clock: FakeCluster) -> None:
    known = recorded(clock)
    for turn in range(310):
        prompt(clock, str(turn))
    timeline = walk(clock, known)
    assert [what(moment)[0] for moment in timeline.observations] == [str(turn) for turn in range(10, 310)]
    assert timeline.gap is True


@pytest.mark.parametrize("resource", [AGENT, MODEL_CONFIG, DEPLOYMENT])
def test_a_server_that_has_forgotten_the_present_is_an_error_that_says_so(
    clock: FakeCluster, resource: Resource
) -> None:
    def forget() -> None:
        raise Expired("The provided continue parameter is too old")

    clock.before("list", resource, forget)
    with pytest.raises(Expired, match="too old"):
        walk(clock)


# Who did it


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("looked", [False, True])
def test_a_change_after_a_scale_is_its_author_s_and_no_autoscaler_s(
    clock: FakeCluster, *, looked: bool, forgotten: bool
) -> None:
    look(clock)
    scale(clock, 5, manager="autoscaler")
    if looked:
        look(clock)
    if forgotten:
        clock.compact()
    prompt(clock, "one", manager="ann")
    wrote = timestamp(clock.clock.now)
    if forgotten:
        clock.compact()
    new = look(clock).revisions[-1]
    assert (new.changed_by, timestamp(new.changed_at)) == ("ann", wrote)


def test_of_two_writes_in_one_second_each_is_its_author_s(clock: FakeCluster) -> None:
    """What only the server itself uses is in no revision of the agent."""
    clock.add(MCP_SERVER, mcp_server())
    tool = {"type": "McpServer", "mcpServer": {"kind": "MCPServer", "name": "datetime"}}
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"tools": [tool]}}})
    look(clock)
    for manager, deployment in (("bob", {"image": "registry.example/2"}), ("zoe", {"port": 4000})):
        clock.edit(MCP_SERVER, "datetime", {"spec": {"deployment": deployment}}, manager=manager)
        past = look(clock)
    assert past.revisions[-1].changed_by == "zoe"


@pytest.mark.parametrize(
    "beat",
    [
        lambda cluster: cluster.set_status(MODEL_CONFIG, "gpt", {"observedGeneration": 1}),
        lambda cluster: cluster.edit(
            MODEL_CONFIG, "gpt", {"metadata": {"labels": {"a": "b"}}}, manager="bob"
        ),
    ],
)
def test_who_wrote_to_another_source_since_has_made_no_change(
    clock: FakeCluster, beat: Callable[[FakeCluster], object]
) -> None:
    """What was before the newest write is forgotten, and the known revision tells whose change it was."""
    look(clock)
    prompt(clock, "one", manager="ann")
    at = clock.clock.now
    clock.clock.sleep(300)
    beat(clock)
    clock.compact()
    *_, changed = look(clock).revisions
    assert (changed.changed_by, changed.changed_at) == ("ann", at)


def test_who_deleted_a_source_and_when_is_not_known(clock: FakeCluster) -> None:
    """At the latest when the next change came."""
    look(clock)
    clock.remove(MODEL_CONFIG, "gpt")
    prompt(clock, "one", manager="ann")
    wrote = clock.clock.now
    clock.clock.sleep(60)
    _, gone, edited = look(clock).revisions
    assert [(one.changed_by, one.changed_at) for one in (gone, edited)] == [("", wrote), ("ann", wrote)]


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("looked", [False, True])
def test_who_only_removed_a_field_and_when_is_not_known(
    clock: FakeCluster, *, looked: bool, forgotten: bool
) -> None:
    """The newest write that managedFields tell of is not theirs; at the latest it was when the next came."""
    look(clock)
    clock.clock.sleep(60)
    clock.edit(AGENT, "clock", {"spec": {"description": "of a day"}}, manager="ann")
    if looked:
        look(clock)
    clock.clock.sleep(60)
    clock.edit(AGENT, "clock", {"spec": {"description": None}}, manager="bob")
    if forgotten and looked:
        clock.compact()
    clock.edit(AGENT, "clock", {"metadata": {"annotations": {"a": "b"}}}, manager="zoe")
    clock.clock.sleep(60)
    *_, added, removed = look(clock).revisions
    assert (added.changed_by, removed.changed_by) == ("ann", "")
    assert (removed.changed_at - added.changed_at).total_seconds() == 60


# A gap stays one


def there_and_back(cluster: FakeCluster) -> None:
    """Two changes that nobody looks at before etcd forgets them."""
    before = cluster.read(AGENT, "clock")["spec"]["declarative"]["systemMessage"]
    prompt(cluster, "Elsewhere.")
    prompt(cluster, before)
    cluster.compact()


def test_a_recorder_that_looked_twice_after_a_gap_tells_it(clock: FakeCluster) -> None:
    look(clock)
    watcher = Watcher(clock)
    prompt(clock, "Elsewhere.")
    prompt(clock, "Tell the time.")
    events = list(watcher.events())
    clock.compact()
    for change in events:
        watcher.recorder.note(change)
    assert list(watcher.recorder.record_due()) == []
    clock.set_status(AGENT, "clock", {"observedGeneration": 3})
    watcher.turn()
    prompt(clock, "one")
    watcher.turn()
    assert [revision.gap_before for revision in look(clock).revisions] == [False, True]


def test_an_undo_after_a_gap_tells_it(clock: FakeCluster) -> None:
    look(clock)
    prompt(clock, "one")
    look(clock)
    there_and_back(clock)
    past = look(clock)
    undo = undo_plan.plan(clock, past, undo_plan.choose(past, 1))
    restore(clock, undo, manager="undoer", cause="")
    assert [revision.gap_before for revision in look(clock).revisions] == [False, False, True]


def test_a_source_that_went_and_came_back_unseen_is_a_gap(clock: FakeCluster) -> None:
    """Another uid: it was deleted and created, and the config without it was in force between."""
    look(clock)
    clock.remove(MODEL_CONFIG, "gpt")
    clock.add(MODEL_CONFIG, model_config(model="large"))
    clock.compact()
    assert [revision.gap_before for revision in look(clock).revisions] == [False, True]


def test_what_happened_to_a_newly_named_source_unseen_is_a_gap(clock: FakeCluster) -> None:
    clock.add(MODEL_CONFIG, model_config("other", model="a"))
    look(clock)
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"modelConfig": "other"}}})
    for name in ("b", "c"):
        clock.edit(MODEL_CONFIG, "other", {"spec": {"model": name}})
    clock.compact()
    assert [revision.gap_before for revision in look(clock).revisions] == [False, True]


def test_a_source_that_came_and_was_changed_unseen_is_a_gap(clock: FakeCluster) -> None:
    clock.remove(MODEL_CONFIG, "gpt")
    look(clock)
    clock.add(MODEL_CONFIG, model_config())
    model(clock, "large")
    clock.compact()
    assert [revision.gap_before for revision in look(clock).revisions][-2:] == [False, True]


def test_what_is_applied_together_is_no_gap(clock: FakeCluster) -> None:
    """A new source that was written before the agent that names it."""
    look(clock)
    clock.add(MODEL_CONFIG, model_config("other", model="a"))
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"modelConfig": "other"}}})
    clock.compact()
    assert [revision.gap_before for revision in look(clock).revisions] == [False, False]


def test_a_source_whose_deletion_is_forgotten_may_have_been_another_before(clock: FakeCluster) -> None:
    look(clock)
    clock.remove(MODEL_CONFIG, "gpt")
    clock.compact()
    clock.set_status(AGENT, "clock", {"observedGeneration": 2})
    assert [revision.gap_before for revision in look(clock).revisions] == [False, True]


def name_another_key(cluster: FakeCluster) -> None:
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"apiKeySecretKey": "other"}})


@pytest.mark.parametrize(
    ("also", "gap"),
    [
        (lambda cluster: prompt(cluster, "one"), True),
        (lambda cluster: model(cluster, "large"), True),
        (name_another_key, False),
    ],
)
def test_a_secret_that_was_rotated_unseen_is_a_change_beside_another(
    clock: FakeCluster, also: Callable[[FakeCluster], object], *, gap: bool
) -> None:
    """Unless its ModelConfig names another one: one write has done both."""
    clock.set_status(MODEL_CONFIG, "gpt", {"secretHash": "aaaa"})
    clock.compact()
    look(clock)
    also(clock)
    clock.set_status(MODEL_CONFIG, "gpt", {"secretHash": "bbbb"})
    clock.compact()
    assert [revision.gap_before for revision in look(clock).revisions] == [False, gap]


def test_a_secret_that_was_rotated_there_and_back_before_a_change_is_told(clock: FakeCluster) -> None:
    clock.set_status(MODEL_CONFIG, "gpt", {"secretHash": "aaaa"})
    clock.compact()
    look(clock)
    for digest in ("bbbb", "aaaa"):
        clock.set_status(MODEL_CONFIG, "gpt", {"secretHash": digest})
    prompt(clock, "one")
    assert len(look(clock).revisions) == 4


# A deletion is a write too, and leaves no object that tells its version


def configs(past: History) -> list[tuple[str, bool]]:
    """The prompt of each revision, and whether its ModelConfig was there."""
    return [
        (r.spec["declarative"]["systemMessage"], r.sources[0].content is not None) for r in past.revisions
    ]


def test_a_deletion_before_an_edit_is_a_revision_of_its_own(clock: FakeCluster) -> None:
    look(clock)
    clock.remove(MODEL_CONFIG, "gpt")
    prompt(clock, "one", manager="ann")
    assert configs(look(clock)) == [("Tell the time.", True), ("Tell the time.", False), ("one", False)]


def test_an_edit_before_a_deletion_is_not_missed(clock: FakeCluster) -> None:
    look(clock)
    prompt(clock, "one")
    clock.remove(MODEL_CONFIG, "gpt")
    prompt(clock, "two")
    assert configs(look(clock)) == [
        ("Tell the time.", True),
        ("one", True),
        ("one", False),
        ("two", False),
    ]


def test_an_edit_before_a_deletion_that_is_the_last_is_not_missed(clock: FakeCluster) -> None:
    look(clock)
    prompt(clock, "one")
    clock.remove(MODEL_CONFIG, "gpt")
    assert configs(look(clock)) == [("Tell the time.", True), ("one", True), ("one", False)]


def test_several_edits_of_a_source_that_is_then_deleted_are_not_missed(clock: FakeCluster) -> None:
    look(clock)
    for name in ("a", "b", "c"):
        clock.edit(MODEL_CONFIG, "gpt", {"spec": {"model": name}})
    clock.remove(MODEL_CONFIG, "gpt")
    past = look(clock)
    assert models(past) == ["small", "a", "b", "c", None]


def models(past: History) -> list[str | None]:
    """The model of each revision; None: its ModelConfig is missing."""
    return [(each.sources[0].content or {}).get("spec", {}).get("model") for each in past.revisions]


def test_a_source_that_is_replaced_is_missing_in_no_config(clock: FakeCluster) -> None:
    """kagent renders nothing from what is not there: what was before is the revision to go back to."""
    look(clock)
    model(clock, "a")
    clock.remove(MODEL_CONFIG, "gpt")
    prompt(clock, "one")
    clock.add(MODEL_CONFIG, model_config(model="b"))
    past = look(clock)
    assert (models(past), configs(past)[-1]) == (["small", "a", "b"], ("one", True))


def test_a_recorder_sees_the_edits_before_a_quick_deletion(clock: FakeCluster) -> None:
    watcher = Watcher(clock)
    watcher.turn()
    for name in ("a", "b", "c"):
        clock.edit(MODEL_CONFIG, "gpt", {"spec": {"model": name}})
    clock.remove(MODEL_CONFIG, "gpt")
    watcher.turn()
    assert models(look(clock)) == ["small", "a", "b", "c", None]
