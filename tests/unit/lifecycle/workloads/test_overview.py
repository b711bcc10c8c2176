"""One line of get: the state of a workload from its Deployment, and who decides its replicas."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kubectl_kagent.lifecycle.workloads.autoscaler import Autoscaler
from kubectl_kagent.lifecycle.workloads.overview import Overview, overview
from kubectl_kagent.model.deployment import Counts, Deployment
from kubectl_kagent.model.resources import AGENT, HPA, SCALED_OBJECT
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render.overview import decides, row
from tests.objects import agent, byo

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
