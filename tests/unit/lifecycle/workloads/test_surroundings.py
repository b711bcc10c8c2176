"""What get reads around workloads: each kind once, and what may be late or untrue once more."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from kubectl_kagent.errors import Forbidden
from kubectl_kagent.lifecycle.history.revisions import revisions_of
from kubectl_kagent.lifecycle.workloads.description import describe
from kubectl_kagent.lifecycle.workloads.overview import Overview, overviews
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    SCALED_OBJECT,
    Resource,
)
from kubectl_kagent.render.overview import decides
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Story
from tests.objects import agent, byo, hpa, mcp_server, model_config, reconcile, scaled_object

Object = dict[str, Any]


def look(
    cluster: FakeCluster, namespace: str | None = "default", resource: Resource = AGENT
) -> list[Overview]:
    def read() -> list[dict[str, Any]]:
        return list(cluster.list_objects(resource, namespace)["items"])

    return overviews(cluster, resource, namespace, read, warn=warnings.append)


warnings: list[Note] = []


@pytest.fixture(autouse=True)
def _no_warnings() -> None:
    warnings.clear()


def test_each_workload_gets_its_own_deployment_model_revision_and_autoscaler(story: Story) -> None:
    cluster = story.cluster
    other = {**agent(modelConfig="big"), "metadata": {"name": "clock", "namespace": "far"}}
    cluster.add(AGENT, other)
    cluster.add(
        MODEL_CONFIG, {**model_config("big", "large"), "metadata": {"name": "big", "namespace": "far"}}
    )
    cluster.add(HPA, hpa("clock"))
    near, far = look(cluster, namespace=None)
    assert (near.workload.namespace, near.model, near.revision, near.state) == (
        "default",
        "small",
        "2",
        "Ready",
    )
    assert near.autoscaler is not None
    assert (far.workload.namespace, far.model, far.revision, far.state) == (
        "far",
        "large",
        "",
        "Pending: the controller has not seen the newest change",
    )
    assert far.autoscaler is None
    assert warnings == []


def test_of_revisions_only_the_metadata_is_read(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless something else runs than the newest one says: then that one is read."""
    kinds: list[str] = []
    metadata, whole = story.cluster.list_metadata, story.cluster.list_objects

    def list_metadata(resource: Resource, *where: Any, **how: Any) -> Object:
        kinds.append(f"metadata of {resource.plural}")
        return metadata(resource, *where, **how)

    def list_objects(resource: Resource, *where: Any, **how: Any) -> Object:
        kinds.append(resource.plural)
        return whole(resource, *where, **how)

    monkeypatch.setattr(story.cluster, "list_metadata", list_metadata)
    monkeypatch.setattr(story.cluster, "list_objects", list_objects)
    (found,) = look(story.cluster)
    assert (found.revision, kinds.count("controllerrevisions")) == ("2", 0)
    assert kinds.count("metadata of controllerrevisions") == 1
    run_another(story)
    (found,) = look(story.cluster)
    assert (found.revision, kinds.count("controllerrevisions")) == ("2, rendered anew", 1)


def test_what_runs_where_there_is_no_deployment_is_not_said(story: Story) -> None:
    """Nor where one has the name that is not the agent's."""
    deployment = story.cluster.read(DEPLOYMENT, "clock")
    story.cluster.remove(DEPLOYMENT, "clock")
    assert [each.revision for each in look(story.cluster)] == ["2"]
    foreign = {"name": "clock", "namespace": "default"}
    story.cluster.add(DEPLOYMENT, {**deployment, "metadata": foreign})
    assert [each.revision for each in look(story.cluster)] == ["2"]


def run_another(story: Story) -> None:
    template = {"metadata": {"annotations": {"kagent.dev/config-hash": "another"}}}
    story.cluster.edit(DEPLOYMENT, "clock", {"spec": {"template": template}})


@pytest.mark.parametrize("runs", ["2", "2, rendered anew"])
@pytest.mark.parametrize("config_hash", ["1", None])
@pytest.mark.parametrize("content", [{"data": {"spec": "none"}}, {"data": None}, {"revision": 97}])
def test_a_revision_that_can_not_be_read_is_not_the_newest(
    story: Story, content: Object, config_hash: str | None, runs: str
) -> None:
    """As ``history`` has it, whatever the metadata says; also where there is another one below it."""
    if runs != "2":
        run_another(story)
    real = story.cluster.read(CONTROLLER_REVISION, "agent-clock-r2")
    kept = {key: real["metadata"][key] for key in ("labels", "ownerReferences")}
    kept["annotations"] = {"kubectl-kagent/config-hash": config_hash} if config_hash else {}
    for number in (98, 99):
        forged = {**real, "revision": number, **content}
        story.cluster.add(
            CONTROLLER_REVISION, {**forged, "metadata": {**kept, "name": f"agent-clock-r{number}"}}
        )
    (found,) = look(story.cluster)
    assert found.revision == runs
    (described,) = describe(story.cluster, AGENT, [found.workload])
    assert described.overview.revision == runs


def test_revisions_of_a_server_are_not_those_of_the_agent_of_its_name(story: Story) -> None:
    story.add(MCP_SERVER, mcp_server("clock"))
    (server,) = look(story.cluster, resource=MCP_SERVER)
    assert server.revision == ""


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("agent-clock-r99", {"uid": "of-a-deleted-one"}),
        ("agent-clock-r99", {"controller": False}),
        ("agent-clock-r099", {}),
        ("agent-other-r99", {}),
        (f"agent-clock-r{2**31}", {}),
    ],
)
def test_a_revision_that_history_leaves_out_is_not_the_newest(story: Story, name: str, owner: Object) -> None:
    """Whoever may write revisions may write anything into them."""
    forged = story.cluster.read(CONTROLLER_REVISION, "agent-clock-r2")
    kept = {key: forged["metadata"][key] for key in ("labels", "ownerReferences", "annotations")}
    kept["ownerReferences"] = [{**kept["ownerReferences"][0], **owner}]
    kept["annotations"] = {**kept["annotations"], "kubectl-kagent/config-hash": "1"}
    story.cluster.add(CONTROLLER_REVISION, {**forged, "metadata": {**kept, "name": name}})
    (found,) = look(story.cluster)
    assert found.revision == "2"


@pytest.mark.parametrize("label", ["kubectl-kagent/name", "kubectl-kagent/kind"])
def test_nor_is_one_that_was_given_another_label(story: Story, label: str) -> None:
    relabelled = {"metadata": {"labels": {label: "other"}}}
    story.cluster.edit(CONTROLLER_REVISION, "agent-clock-r2", relabelled)
    (found,) = look(story.cluster)
    assert [each.number for each in revisions_of(story.cluster, found.workload)] == [1]
    assert found.revision == "not recorded"


def test_a_model_config_that_is_not_there(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    cluster.add(AGENT, byo())
    assert [item.model for item in look(cluster)] == ["gpt (missing)", ""]


@pytest.mark.parametrize(
    ("resource", "part", "wanted"),
    [
        (MODEL_CONFIG, "model", "list"),
        (CONTROLLER_REVISION, "revision", "list"),
        (HPA, "autoscaler", "list"),
    ],
)
def test_what_is_forbidden_is_told_once_and_the_rest_is_shown(
    story: Story, resource: Any, part: Any, wanted: str
) -> None:
    for name, namespace in (("second", "default"), ("third", "far")):
        story.cluster.add(AGENT, {**agent(name), "metadata": {"name": name, "namespace": namespace}})
    story.cluster.deny("list", resource)
    found = look(story.cluster, namespace=None)
    assert [item.unknown for item in found] == [frozenset((part,))] * 3
    (warning,) = warnings
    assert warning.line.startswith(f"{part} unknown: {resource.full_name} is forbidden")


def test_keda_and_kmcp_need_not_be_there(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    cluster.missing(SCALED_OBJECT)
    assert [item.unknown for item in look(cluster)] == [frozenset()]


def test_a_scaled_object_is_the_one_that_decides(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    reconcile(cluster, config_hash="1")
    cluster.add(SCALED_OBJECT, scaled_object("clock", minReplicaCount=2, maxReplicaCount=4))
    cluster.add(HPA, hpa("clock"))
    (found,) = look(cluster)
    assert decides(found) == "keda 2-4"


def test_deployments_are_needed(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    cluster.deny("list", DEPLOYMENT)
    with pytest.raises(Forbidden):
        look(cluster)


@pytest.mark.parametrize(("together", "lists"), [(1, [None, "default"]), (0, [None, None])])
def test_a_deployment_that_is_older_than_what_its_agent_tells_is_read_again(
    story: Story, monkeypatch: pytest.MonkeyPatch, together: int, lists: list[str | None]
) -> None:
    """The controller has rendered an edit and said so after the Deployments were listed."""
    monkeypatch.setattr("kubectl_kagent.lifecycle.workloads.surroundings._MOST_LATE", together)
    cluster, listed = story.cluster, threading.Event()
    before = cluster.list_objects

    def list_objects(resource: Resource, *where: Any, **how: Any) -> dict[str, Any]:
        if resource is AGENT:
            assert listed.wait(10)
            cluster.edit(AGENT, "clock", {"spec": {"declarative": {"deployment": {"replicas": 3}}}})
            cluster.edit(DEPLOYMENT, "clock", {"spec": {"replicas": 3}})
        answer = before(resource, *where, **how)
        if resource is DEPLOYMENT:
            listed.set()
        return answer

    monkeypatch.setattr(cluster, "list_objects", list_objects)
    cluster.requests.clear()
    (found,) = look(cluster, namespace=None)
    assert found.counts is not None
    assert (found.workload.replicas, found.counts.wanted) == (3, 3)
    assert [request.namespace for request in cluster.requests if request.resource is DEPLOYMENT] == lists


def test_what_can_not_be_read_is_not_told_when_the_workloads_can_not_be_either(cluster: FakeCluster) -> None:
    cluster.deny("list", HPA)
    cluster.deny("list", AGENT)
    with pytest.raises(Forbidden, match="agents"):
        look(cluster)
    assert warnings == []
