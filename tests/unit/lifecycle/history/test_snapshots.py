"""Looks at one moment, and the walk back through the moments before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubectl_kagent.errors import Expired, Forbidden, NotFound
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.snapshots import Observation, Timeline, look_back, observe, sight
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, DEPLOYMENT, MODEL_CONFIG, Resource
from kubectl_kagent.model.revision import Revision
from tests.fake.cluster import FakeCluster
from tests.objects import agent, config_map, model_config, reconcile, workload


@pytest.fixture
def clock(cluster: FakeCluster) -> FakeCluster:
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(AGENT, agent())
    return cluster


def version(obj: dict[str, Any]) -> str:
    return str(obj["metadata"]["resourceVersion"])


def prompt(cluster: FakeCluster, text: str) -> str:
    return version(cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": text}}}))


def model(cluster: FakeCluster, name: str) -> str:
    return version(cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": name}}))


def around(cluster: FakeCluster, name: str = "clock", *, at: str | None = None) -> Observation | None:
    return observe(cluster, sight(cluster, AGENT, "default", name, at=at), None)


def seen(cluster: FakeCluster, *, at: str | None = None) -> Observation:
    moment = around(cluster, at=at)
    assert moment is not None
    return moment


def walk(cluster: FakeCluster, known: Revision | None = None, since: int = 0) -> Timeline:
    return look_back(cluster, AGENT, "default", "clock", known=known, since=since)


def what(moment: Observation) -> tuple[str, str]:
    content = moment.snapshot.sources[0].content or {"spec": {"model": "(none)"}}
    return moment.workload.prompt, str(content["spec"]["model"])


def recorded(cluster: FakeCluster) -> Revision:
    live = history.update(cluster, workload(cluster), manager="looker").live
    assert live is not None
    return live


# One moment


def test_a_moment_is_all_of_one_version(clock: FakeCluster) -> None:
    versions = [prompt(clock, "one"), model(clock, "large"), prompt(clock, "two"), model(clock, "larger")]
    assert [what(seen(clock, at=at)) for at in versions] == [
        ("one", "small"),
        ("one", "large"),
        ("two", "large"),
        ("two", "larger"),
    ]
    assert what(seen(clock)) == ("two", "larger")


def test_a_moment_is_as_new_as_the_newest_write_in_it(clock: FakeCluster) -> None:
    first = seen(clock)
    assert first.snapshot.resource_version == int(version(clock.read(AGENT, "clock")))
    newest = model(clock, "large")
    clock.add(CONFIG_MAP, config_map("unrelated"))
    assert seen(clock).snapshot.resource_version == int(newest)
    assert seen(clock).written["kind"] == "ModelConfig"


def test_the_deployment_belongs_to_the_moment(clock: FakeCluster) -> None:
    before = version(clock.read(AGENT, "clock"))
    reconcile(clock, config_hash="11")
    assert seen(clock, at=before).deployment is None
    deployment = seen(clock).deployment
    assert deployment is not None
    assert deployment["spec"]["template"]["metadata"]["annotations"] == {"kagent.dev/config-hash": "11"}


def test_status_writes_of_the_deployment_make_no_moment(clock: FakeCluster) -> None:
    before = seen(clock).snapshot.resource_version
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "clock"}, "spec": {}}
    clock.add(DEPLOYMENT, body)
    assert seen(clock).snapshot.resource_version == before


def test_before_its_creation_there_is_no_workload(clock: FakeCluster) -> None:
    assert around(clock, at="1") is None
    assert around(clock, "ghost") is None


def test_what_is_compacted_or_forbidden_is_raised(clock: FakeCluster) -> None:
    prompt(clock, "one")
    clock.compact()
    with pytest.raises(Expired):
        around(clock, at="2")
    clock.deny("list", MODEL_CONFIG)
    with pytest.raises(Forbidden):
        around(clock)


# The walk back


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


def test_the_deployment_of_a_deleted_namesake_is_not_its_own(clock: FakeCluster) -> None:
    reconcile(clock, config_hash="11")
    clock.remove(AGENT, "clock")
    clock.add(AGENT, agent())
    assert seen(clock).deployment is None
