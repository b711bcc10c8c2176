"""Who decides the replica count, and handing it over to an HPA."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.errors import Forbidden, KagentError
from kubectl_kagent.lifecycle.workloads.autoscaler import autoscale, autoscalers, hpa_object, release
from kubectl_kagent.model.resources import AGENT, HPA, MCP_SERVER, SCALED_OBJECT
from tests.fake.cluster import FakeCluster
from tests.objects import agent, byo, hpa, mcp_server, scaled_object, workload


def autoscale_clock(cluster: FakeCluster, **how: Any) -> dict[str, Any]:
    how = {"minimum": 1, "maximum": 3, "cpu": 70, "memory": None, "dry_run": False, "manager": "m"} | how
    return autoscale(cluster, workload(cluster), **how)


def test_autoscalers_are_found_by_their_deployment(cluster: FakeCluster) -> None:
    cluster.add(HPA, hpa("clock", minimum=0, maximum=6))
    cluster.add(SCALED_OBJECT, scaled_object("other", minReplicaCount=1, maxReplicaCount=4))
    found = autoscalers(cluster, "default")
    assert {name: (one.label, one.minimum, one.maximum) for name, one in found.items()} == {
        ("default", "clock"): ("horizontalpodautoscaler.autoscaling/clock-hpa", 0, 6),
        ("default", "other"): ("scaledobject.keda.sh/other-scaler", 1, 4),
    }


def test_what_is_not_said_has_the_autoscalers_own_defaults(cluster: FakeCluster) -> None:
    bare = hpa("clock")
    del bare["spec"]["minReplicas"]
    cluster.add(HPA, bare)
    cluster.add(SCALED_OBJECT, scaled_object("other"))
    found = autoscalers(cluster, "default")
    clock, other = found["default", "clock"], found["default", "other"]
    assert (clock.minimum, other.minimum, other.maximum) == (1, 0, 100)


def test_a_scaled_object_stands_for_the_hpa_that_keda_makes(cluster: FakeCluster) -> None:
    cluster.add(HPA, {**hpa("clock"), "metadata": {"name": "keda-hpa-clock"}})
    cluster.add(SCALED_OBJECT, scaled_object("clock"))
    assert autoscalers(cluster, "default")["default", "clock"].label == "scaledobject.keda.sh/clock-scaler"


@pytest.mark.parametrize(
    ("annotations", "leaves"),
    [
        ({}, False),
        ({"paused": "true"}, True),
        ({"paused": "false"}, False),
        ({"paused": "F"}, False),
        ({"paused": ""}, True),  # whatever is no word of Go's for false pauses it
        ({"paused-replicas": "0"}, True),
        ({"paused-replicas": "2"}, False),
        ({"paused-replicas": "none"}, False),
        ({"paused-replicas": "0", "paused": "false"}, True),
        ({"paused-replicas": "2", "paused": "true"}, False),
    ],
)
def test_keda_leaves_what_it_is_paused_for(
    cluster: FakeCluster, annotations: dict[str, str], *, leaves: bool
) -> None:
    paused = scaled_object("clock")
    paused["metadata"]["annotations"] = {f"autoscaling.keda.sh/{key}": it for key, it in annotations.items()}
    cluster.add(SCALED_OBJECT, paused)
    assert autoscalers(cluster, "default")["default", "clock"].leaves_zero is leaves


@pytest.mark.parametrize("why", ["not installed", "forbidden"])
def test_without_keda_the_hpas_are_still_seen(cluster: FakeCluster, why: str) -> None:
    cluster.add(HPA, hpa("clock"))
    if why == "forbidden":
        cluster.deny("list", SCALED_OBJECT)
    else:
        cluster.missing(SCALED_OBJECT)
    assert set(autoscalers(cluster, "default")) == {("default", "clock")}


def test_without_a_look_at_hpas_nothing_is_claimed(cluster: FakeCluster) -> None:
    cluster.deny("list", HPA)
    with pytest.raises(Forbidden):
        autoscalers(cluster, "default")


def test_the_hpa_targets_the_deployment_with_the_metrics_asked_for(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    obj = hpa_object(workload(cluster), minimum=1, maximum=3, cpu=70, memory=80)
    assert obj["metadata"] == {"name": "clock", "namespace": "default"}
    assert obj["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "clock"},
        "minReplicas": 1,
        "maxReplicas": 3,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": value}},
            }
            for name, value in (("cpu", 70), ("memory", 80))
        ],
    }
    only = hpa_object(workload(cluster), minimum=1, maximum=3, cpu=None, memory=80)["spec"]["metrics"]
    assert [metric["resource"]["name"] for metric in only] == ["memory"]


def test_autoscale_makes_the_hpa_first_and_then_gives_it_the_count(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 2}))
    created = autoscale_clock(cluster)
    assert created["metadata"]["name"] == "clock"
    stored = [(write.verb, write.resource) for write in cluster.writes if not write.dry_run]
    assert stored == [("create", HPA), ("patch", AGENT)]
    assert workload(cluster).replicas is None


def test_autoscale_leaves_an_agent_without_a_count_alone(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    autoscale_clock(cluster)
    assert [write.verb for write in cluster.writes] == ["create"]


def test_who_may_not_release_the_count_gets_no_hpa(cluster: FakeCluster) -> None:
    """It would only fight the CR."""
    cluster.add(AGENT, agent(deployment={"replicas": 2}))
    cluster.deny("patch", AGENT)
    with pytest.raises(Forbidden):
        autoscale_clock(cluster)
    assert cluster.read_all(HPA) == []


def test_a_dry_run_stores_neither(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 2}))
    autoscale_clock(cluster, dry_run=True)
    assert cluster.read_all(HPA) == []
    assert workload(cluster).replicas == 2


def test_two_autoscalers_are_one_too_many(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 2}))
    cluster.add(SCALED_OBJECT, scaled_object("clock"))
    with pytest.raises(KagentError, match=r"already has an autoscaler: scaledobject\.keda\.sh/clock-scaler"):
        autoscale_clock(cluster)
    assert cluster.writes == []


def test_an_mcp_server_cant_be_autoscaled(cluster: FakeCluster) -> None:
    cluster.add(MCP_SERVER, mcp_server())
    server = workload(cluster, "datetime", MCP_SERVER)
    with pytest.raises(KagentError, match="can't be autoscaled: kmcp rewrites its replicas"):
        autoscale(cluster, server, minimum=1, maximum=2, cpu=50, memory=None, dry_run=False, manager="m")
    assert cluster.writes == []


def test_release_of_a_byo_agent_is_at_its_own_path(cluster: FakeCluster) -> None:
    cluster.add(AGENT, byo(replicas=4))
    release(cluster, workload(cluster, "own"), dry_run=False, manager="m")
    assert cluster.read(AGENT, "own")["spec"] == byo()["spec"]
