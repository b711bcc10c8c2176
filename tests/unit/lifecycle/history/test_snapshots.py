"""Looks at one moment, and the walk back through the moments before it."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.errors import Expired, Forbidden
from kubectl_kagent.lifecycle.history.snapshots import Observation, observe, sight
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, DEPLOYMENT, MODEL_CONFIG
from tests.fake.cluster import FakeCluster
from tests.objects import agent, config_map, model_config, reconcile


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
    return observe(cluster, sight(cluster, AGENT, "default", name, at=at), ())


def seen(cluster: FakeCluster, *, at: str | None = None) -> Observation:
    moment = around(cluster, at=at)
    assert moment is not None
    return moment


def what(moment: Observation) -> tuple[str, str]:
    content = moment.snapshot.sources[0].content or {"spec": {"model": "(none)"}}
    return moment.workload.prompt, str(content["spec"]["model"])


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


def test_the_deployment_of_a_deleted_namesake_is_not_its_own(clock: FakeCluster) -> None:
    reconcile(clock, config_hash="11")
    clock.remove(AGENT, "clock")
    clock.add(AGENT, agent())
    assert seen(clock).deployment is None
