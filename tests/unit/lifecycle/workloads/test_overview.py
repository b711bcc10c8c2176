"""One line of get: the state of a workload from its Deployment, and who decides its replicas."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from kubectl_kagent.errors import Forbidden
from kubectl_kagent.lifecycle.history.revisions import revisions_of
from kubectl_kagent.lifecycle.workloads.autoscaler import Autoscaler
from kubectl_kagent.lifecycle.workloads.description import describe
from kubectl_kagent.lifecycle.workloads.overview import Overview, overview, overviews
from kubectl_kagent.model.deployment import Counts, Deployment
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
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render.overview import decides, row
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Story
from tests.objects import agent, byo, hpa, mcp_server, model_config, reconcile, scaled_object

Object = dict[str, Any]


def condition(type_: str, status: str, message: str = "", reason: str = "") -> Object:
    return {"type": type_, "status": status, "message": message, "reason": reason}


def live(obj: Object | None = None, *conditions: Object, generation: int = 1, seen: int = 1) -> Workload:
    obj = obj or agent()
    metadata = {
        **obj["metadata"],
        "namespace": "default",
        "generation": generation,
        "creationTimestamp": "2026-11-23T07:00:00Z",
    }
    status = {"observedGeneration": seen, "conditions": list(conditions)}
    return Workload(AGENT, {**obj, "metadata": metadata, "status": status})


def deployment(wanted: int = 2, *conditions: Object, **status: int) -> Object:
    ready = status.get("readyReplicas", wanted)
    counts = {
        "replicas": wanted,
        "updatedReplicas": wanted,
        "readyReplicas": ready,
        "availableReplicas": ready,
    }
    return {
        "metadata": {"generation": 3},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": 3, **counts, **status, "conditions": list(conditions)},
    }


def seen(workload: Workload, found: Object | None = None, **how: Any) -> Overview:
    how = {"autoscaler": None, "model": "", "revision": None} | how
    return overview(workload, Deployment(found) if found is not None else None, **how)


# The state


@pytest.mark.parametrize(
    ("workload", "found", "state"),
    [
        (live(), deployment(), "Ready"),
        (live(), deployment(readyReplicas=3, replicas=2), "Ready"),
        (live(), deployment(readyReplicas=1), "NotReady"),
        (live(), deployment(readyReplicas=0), "NotReady"),
        (live(), deployment(updatedReplicas=1), "Progressing"),
        (live(), deployment(replicas=3), "Progressing"),
        (live(), deployment(observedGeneration=2), "Progressing"),
        (live(), deployment(0), "ScaledToZero"),
        (live(), {"metadata": {}, "spec": {"replicas": 1}}, "Progressing"),
        (live(), None, "NoDeployment"),
        (live(generation=2), deployment(), "Pending: the controller has not seen the newest change"),
        (
            live(None, condition("Accepted", "False", "no such model")),
            deployment(),
            "NotAccepted: no such model",
        ),
        (live(None, condition("Accepted", "True")), deployment(), "Ready"),
        (live(None, condition("Accepted", "Unknown", "thinking")), deployment(), "Ready"),
        (
            live(),
            deployment(2, condition("ReplicaFailure", "True", "exceeded quota"), updatedReplicas=0),
            "Stuck: exceeded quota",
        ),
        (live(), deployment(2, condition("ReplicaFailure", "False", "old news")), "Ready"),
        (
            live(),
            deployment(
                2, condition("Progressing", "False", "", "ProgressDeadlineExceeded"), availableReplicas=0
            ),
            "Stuck: ProgressDeadlineExceeded",
        ),
        (live(), deployment(2, condition("Progressing", "True", "all is well")), "Ready"),
        (live(), deployment(2, condition("Progressing", "False"), availableReplicas=0), "Stuck: Progressing"),
        (live(), {**deployment(updatedReplicas=1), "spec": {"replicas": 2, "paused": True}}, "Paused"),
        (live(), {**deployment(), "spec": {"replicas": 2, "paused": True}}, "Ready"),
        (live(), deployment(0, replicas=1), "Progressing"),
    ],
)
def test_the_state(workload: Workload, found: Object | None, state: str) -> None:
    assert seen(workload, found).state == state


def test_what_is_worse_is_said_first() -> None:
    refused = condition("Accepted", "False", "no model")
    assert seen(live(None, refused), None).state == "NotAccepted: no model"
    assert seen(live(None, refused, generation=2), None).state.startswith("Pending")  # a refusal of what was
    assert seen(live(generation=2), deployment(0)).state.startswith("Pending")
    quota = condition("ReplicaFailure", "True", "quota")
    deadline = condition("Progressing", "False", "deadline")
    assert seen(live(), deployment(2, deadline, quota, availableReplicas=0)).state == "Stuck: quota"
    assert seen(live(), deployment(2, deadline, quota)).state == "Ready"
    assert seen(live(), deployment(0, deadline, quota)).state == "ScaledToZero"


def test_kagent_s_own_ready_is_not_believed() -> None:
    """It is True in a stuck rollout, and False for an agent that sleeps."""
    ready = live(None, condition("Ready", "True", "Deployment is ready"))
    assert seen(ready, deployment(updatedReplicas=1)).state == "Progressing"
    asleep = live(None, condition("Ready", "False", "0/0 pods are ready"))
    assert seen(asleep, deployment(0)).state == "ScaledToZero"


# The rest of the line


def test_counts_come_from_the_deployment() -> None:
    found = seen(live(), deployment(5, readyReplicas=3, updatedReplicas=4))
    assert found.counts == Counts(wanted=5, existing=5, ready=3, available=3, updated=4)
    assert seen(live(), None).counts is None
    assert seen(live(), {"metadata": {}, "spec": {}, "status": None}).counts == Counts(0, 0, 0, 0, 0)


def test_hash_and_image_of_what_is_to_run() -> None:
    template = {
        "metadata": {"annotations": {"kagent.dev/config-hash": "11"}},
        "spec": {"containers": [{"image": "app:1"}, {"image": "sidecar:1"}]},
    }
    found = seen(live(), {"metadata": {}, "spec": {"template": template}})
    assert (found.config_hash, found.image) == ("11", "app:1")
    assert (seen(live(), None).config_hash, seen(live(), None).image) == ("", "")


def test_tools_are_counted_by_name() -> None:
    tools = [
        {"type": "McpServer", "mcpServer": {"name": "a", "toolNames": ["x", "y"]}},
        {"type": "McpServer", "mcpServer": {"name": "b", "toolNames": ["z"]}},
        {"type": "Agent", "agent": {"name": "c"}},
    ]
    assert seen(live(agent(tools=tools))).tools == 3


def test_the_time_of_creation() -> None:
    assert seen(live()).created == datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("recorded", "running", "spec", "expected"),
    [
        ("11", "11", agent()["spec"], "4"),
        ("", "12", agent()["spec"], "4"),
        ("11", "12", agent()["spec"], "4, rendered anew"),
        ("11", "12", agent(deployment={"replicas": 3})["spec"], "4, rendered anew"),
        ("11", "12", agent(systemMessage="Other.")["spec"], "not recorded"),
        ("11", "12", "no spec", "not recorded"),
        ("11", "", agent()["spec"], "4"),
    ],
)
def test_when_something_else_runs_than_the_newest_revision_that_is_said(
    recorded: str, running: str, spec: Any, expected: str
) -> None:
    marks = {"kubectl-kagent/config-hash": recorded} if recorded else {}
    revision = {"metadata": {"name": "agent-clock-r4", "annotations": marks}, "data": {"spec": spec}}
    template = {"metadata": {"annotations": {"kagent.dev/config-hash": running}}}
    found = {"metadata": {}, "spec": {"template": template}}
    assert seen(live(), found, revision=revision).revision == expected


# Who decides


def scaler(minimum: int, maximum: int, *, keda: bool = False) -> Autoscaler:
    return Autoscaler(SCALED_OBJECT if keda else HPA, "x", minimum, maximum, {})


@pytest.mark.parametrize(
    ("obj", "autoscaler", "expected"),
    [
        (agent(), None, "deployment"),
        (agent(deployment={"replicas": 0}), None, "spec"),
        (byo(replicas=2), None, "spec"),
        (agent(), scaler(1, 5), "hpa 1-5"),
        (agent(), scaler(0, 100, keda=True), "keda 0-100"),
        (agent(deployment={"replicas": 2}), scaler(1, 5), "hpa 1-5 and spec!"),
    ],
)
def test_who_decides_the_replicas(obj: Object, autoscaler: Autoscaler | None, expected: str) -> None:
    assert decides(seen(live(obj), autoscaler=autoscaler)) == expected


def test_what_may_not_be_read_is_unknown_and_not_none() -> None:
    found = seen(live(), deployment(), unknown=frozenset(("autoscaler", "model", "revision")))
    cells = row(found, now=found.created, wide=False, namespaces=False)
    assert cells == [
        "clock",
        "Declarative",
        "2/2",
        "2",
        "<unknown>",
        "<unknown>",
        "0",
        "<unknown>",
        "0s",
        "Ready",
    ]


def test_a_long_state_is_cut_unless_there_is_room() -> None:
    found = seen(live(None, condition("Accepted", "False", "x" * 80)))
    cut = "NotAccepted: " + "x" * 46 + "…"
    assert row(found, now=found.created, wide=False, namespaces=False)[-1] == cut
    assert "NotAccepted: " + "x" * 80 in row(found, now=found.created, wide=True, namespaces=False)


# Read from a cluster


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
    monkeypatch.setattr("kubectl_kagent.lifecycle.workloads.overview._MOST_LATE", together)
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
