"""The revisions of all agents of a namespace: each list asked for once, nobody's given to another."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kubectl_kagent.impact.agents import agent_periods
from kubectl_kagent.impact.periods import Period
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION, MODEL_CONFIG, REPLICA_SET
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Controllers, Story
from tests.objects import agent, model_config


@pytest.fixture
def two(cluster: FakeCluster, controllers: Controllers) -> Story:
    """Agents a and b, each with a recorded revision, and b with another prompt."""
    found = Story(cluster, controllers)
    found.add(MODEL_CONFIG, model_config())
    for name in ("a", "b"):
        found.add(AGENT, agent(name))
        found.look(name)
    found.prompt("Guess.", "b")
    cluster.clock.sleep(60)
    return found


def look(cluster: FakeCluster, namespace: str | None = "default") -> tuple[list[Period], list[Note]]:
    now = cluster.clock.now
    return agent_periods(cluster, namespace, now=now, since=now - timedelta(hours=1))


def names(found: list[Period]) -> list[tuple[str, str]]:
    return [(period.workload.name, period.name) for period in found]


def test_each_has_its_own(two: Story) -> None:
    two.cluster.requests.clear()
    found, notes = look(two.cluster)
    assert names(found) == [("a", "revision 1"), ("b", "revision 1"), ("b", "revision 2")]
    assert notes == []
    assert sorted((one.verb, one.resource.plural) for one in two.cluster.requests) == [
        ("list", resource.plural) for resource in (AGENT, CONTROLLER_REVISION, REPLICA_SET)
    ]


def test_what_can_not_be_read_is_told(two: Story) -> None:
    two.cluster.edit(
        CONTROLLER_REVISION, "agent-b-r1", {"metadata": {"labels": {"kubectl-kagent/hash": None}}}
    )
    found, notes = look(two.cluster)
    assert names(found) == [("a", "revision 1"), ("b", "revision 2")]
    assert [note.line for note in notes] == [
        "controllerrevision.apps/agent-b-r1 holds no revision of ours; it is left out"
    ]


def test_the_revisions_of_a_deleted_namesake_are_not_its_own(two: Story) -> None:
    two.cluster.remove(AGENT, "b")
    two.cluster.add(AGENT, agent("b"))
    found, notes = look(two.cluster)
    assert names(found) == [("a", "revision 1")]
    assert [note.line for note in notes] == ["no revision and no ReplicaSet is known of default/b"]


def test_all_namespaces(two: Story) -> None:
    far = agent("far")
    two.cluster.add(AGENT, far | {"metadata": far["metadata"] | {"namespace": "far"}})
    found, notes = look(two.cluster, None)
    assert (len(found), notes[0].line) == (3, "no revision and no ReplicaSet is known of far/far")
