"""The stand-in's conditions: reasons, messages, generations, and the order in which they catch up."""

import base64
from datetime import UTC, datetime
from typing import Any

import yaml

from tests.lab.standin.kinds import SECRET, Key, Kind, Object
from tests.lab.standin.sources import NotFound
from tests.lab.standin.status import agent_status, model_config_status, tool_server_status
from tests.recordings import DATA

RECORDED = DATA / "controller"
BEFORE = datetime(2026, 11, 23, 1, 3, 10, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 1, 9, tzinfo=UTC)


class OneSecret:
    def __init__(self, data: dict[str, str] | None) -> None:
        self._data = data

    def get(self, kind: Kind, key: Key) -> Object:
        assert kind is SECRET
        if self._data is None:
            raise NotFound(kind, key.name)
        return {
            "data": {name: base64.b64encode(value.encode()).decode() for name, value in self._data.items()}
        }


def recorded(name: str) -> Object:
    found: Object = yaml.safe_load((RECORDED / f"k8s_{name}.yaml").read_text())
    return found


def agent(generation: int = 1, status: Object | None = None, **declarative: Any) -> Object:
    return {
        "metadata": {"name": "a", "namespace": "ns", "generation": generation},
        "spec": {"type": "Declarative", "declarative": declarative},
        "status": status or {},
    }


def deployment(available: int, replicas: int = 1) -> Object:
    return {"spec": {"replicas": replicas}, "status": {"availableReplicas": available}}


def conditions(status: Object | None) -> dict[str, Object]:
    assert status is not None
    return {condition["type"]: condition for condition in status["conditions"]}


def settled(**declarative: Any) -> Object:
    """An agent whose two conditions are in place."""
    once = agent_status(agent(**declarative), deployment(1), "", BEFORE)
    twice = agent_status(agent(status=once, **declarative), deployment(1), "", BEFORE)
    return agent(status=twice, **declarative)


def test_two_passes_bring_the_recorded_conditions() -> None:
    want, found = recorded("agent")["status"]["conditions"], settled()["status"]["conditions"]
    for each in (*want, *found):
        each.pop("lastTransitionTime")
    assert found == want


def test_ready_waits_for_the_next_pass_when_accepted_changed() -> None:
    first = agent_status(agent(), deployment(1), "", NOW)
    assert set(conditions(first)) == {"Accepted"}


def test_a_failure_leaves_ready_at_its_old_generation() -> None:
    edited = settled()
    edited["metadata"]["generation"] = 2
    status = agent_status(edited, deployment(1), "failed to compile", NOW)
    found = conditions(status)
    assert found["Accepted"] == {
        "type": "Accepted",
        "status": "False",
        "reason": "ReconcileFailed",
        "message": "failed to compile",
        "observedGeneration": 2,
        "lastTransitionTime": "2026-11-23T01:09:00Z",
    }
    assert found["Ready"]["observedGeneration"] == 1
    assert status is not None
    assert status["observedGeneration"] == 2


def test_nothing_is_written_when_nothing_changed() -> None:
    assert agent_status(settled(), deployment(1), "", NOW) is None


def test_the_transition_time_moves_with_the_status_only() -> None:
    edited = settled()
    edited["metadata"]["generation"] = 2
    accepted = conditions(agent_status(edited, deployment(1), "", NOW))["Accepted"]
    assert (accepted["observedGeneration"], accepted["lastTransitionTime"]) == (2, "2026-11-23T01:03:10Z")


def test_what_ready_says_of_the_deployment() -> None:
    cases = [
        (None, ("Unknown", "DeploymentNotFound", 'Deployment.apps "a" not found')),
        (deployment(0, 0), ("False", "DeploymentNotReady", "Deployment is not ready, 0/0 pods are ready")),
        (deployment(0, 3), ("False", "DeploymentNotReady", "Deployment is not ready, 0/3 pods are ready")),
    ]
    for found, said in cases:
        ready = conditions(agent_status(settled(), found, "", NOW))["Ready"]
        assert (ready["status"], ready["reason"], ready["message"]) == said


def test_features_the_go_runtime_lacks_come_and_go() -> None:
    changed = settled()
    changed["spec"]["declarative"] = {"runtime": "go", "executeCodeBlocks": True}
    warned = agent_status(changed, deployment(1), "", NOW)
    message = conditions(warned)["UnsupportedFeatures"]["message"]
    assert "will be ignored: code execution (executeCodeBlocks is deprecated). Consider" in message
    repaired = agent_status(agent(status=warned, runtime="python"), deployment(1), "", NOW)
    assert "UnsupportedFeatures" not in conditions(repaired)


def test_a_model_configs_secret_hash_is_the_recorded_one() -> None:
    found = recorded("modelconfig")
    want = found.pop("status")
    status = model_config_status(found, OneSecret({"OPENAI_API_KEY": "sk-lab"}), BEFORE)
    assert status == want
    assert model_config_status(found | {"status": want}, OneSecret({"OPENAI_API_KEY": "sk-lab"}), NOW) is None


def test_a_model_config_without_its_secret() -> None:
    accepted = conditions(model_config_status(recorded("modelconfig"), OneSecret(None), NOW))["Accepted"]
    assert accepted["reason"] == "ModelConfigReconcileFailed"
    complaint = 'failed to get secret kagent-openai: Secret "kagent-openai" not found'
    assert accepted["message"] == f"1 error occurred:\n\t* {complaint}\n\n"


def test_a_tool_servers_status_is_the_recorded_one() -> None:
    server = recorded("remotemcpserver")
    want = server.pop("status")
    tools = want["discoveredTools"]
    assert tool_server_status(server, tools, "", BEFORE) == want
    assert tool_server_status(server | {"status": want}, tools, "", NOW) is None


def test_a_tool_server_that_fails_keeps_its_tools() -> None:
    server = recorded("remotemcpserver")
    tools = server["status"]["discoveredTools"]
    status = tool_server_status(server, tools, "no answer", NOW)
    assert status is not None
    assert status["discoveredTools"] == tools
    assert conditions(status)["Accepted"]["message"] == "no answer"
