"""What a Deployment says of its rollout: one answer for every verb."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.model.conditions import condition, conditions
from kubectl_kagent.model.deployment import Counts, Deployment
from kubectl_kagent.model.resources import AGENT, MCP_SERVER
from kubectl_kagent.model.workload import Workload
from tests.objects import agent, mcp_server

Object = dict[str, Any]


def deployment(*, wanted: int = 1, **status: int) -> Object:
    counts = {"replicas": wanted, "updatedReplicas": wanted, "availableReplicas": wanted}
    return {
        "metadata": {"generation": 3},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": 3, **counts, **status},
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (deployment(), True),
        (deployment(wanted=3), True),
        (deployment(wanted=0), True),
        (deployment(availableReplicas=0), False),
        (deployment(wanted=3, availableReplicas=2), False),
        (deployment(wanted=3, updatedReplicas=2), False),
        (deployment(replicas=2), False),
        (deployment(replicas=2, updatedReplicas=2, availableReplicas=2), True),  # one is about to go
        (deployment(observedGeneration=2), False),
        (deployment(observedGeneration=4), True),
        ({**deployment(), "status": {}}, False),
        ({**deployment(), "status": None}, False),
    ],
)
def test_rolled_out_is_as_in_kubectl(found: Object, *, expected: bool) -> None:
    assert Deployment(found).rolled_out == expected


def test_counts_that_are_not_said_are_0() -> None:
    assert Deployment(deployment(wanted=2, readyReplicas=1)).counts == Counts(2, 2, 1, 2, 2)
    assert Deployment({"metadata": {}, "spec": {}}).counts == Counts(0, 0, 0, 0, 0)


def test_the_config_hash_is_where_each_controller_puts_it() -> None:
    annotations = {"kagent.dev/config-hash": "11", "kmcp.kagent.dev/mcpserver-config-hash": "ab"}
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [{"image": "x:1"}, {}]}}
    found = Deployment({"metadata": {}, "spec": {"template": template}})
    assert found.config_hash(Workload(AGENT, agent())) == "11"
    assert found.config_hash(Workload(MCP_SERVER, mcp_server())) == "ab"
    assert found.image == "x:1"
    assert (Deployment({}).config_hash(Workload(AGENT, agent())), Deployment({}).image) == ("", "")


def test_conditions() -> None:
    said = {
        "type": "Available",
        "status": "False",
        "reason": "Few",
        "lastTransitionTime": "2026-11-23T08:00:00Z",
    }
    obj = {"status": {"conditions": [said, {"type": "Odd"}]}}
    available, odd = conditions(obj)
    assert (available.text, available.since, available.observed) == ("Few", "2026-11-23T08:00:00Z", 0)
    assert (odd.text, odd.status) == ("Odd", "")
    assert condition(obj, "Available") == condition(obj, "Available", "False") == available
    assert condition(obj, "Available", "True") is condition(obj, "None") is condition(None, "Odd") is None
    assert conditions({}) == conditions({"status": None}) == ()
