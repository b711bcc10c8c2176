"""The series of kagent's objects are what kubectl says of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Tools, own_namespace, wait_for
from tests.telemetry.conftest import AGENT, Turn, ask
from tests.telemetry.series import query

pytestmark = pytest.mark.telemetry

Object = dict[str, Any]
# Labels, without those that all of them have, and the value.
Sample = tuple[dict[str, str], float]

COMMON = {"__name__", "job", "instance", "namespace", "cluster"}
CLOCK = {"kind": "MCPServer", "apiGroup": "kagent.dev", "name": "clock"}
PARKED = {"replicas": 0}
OBJECTS: list[Object] = [
    {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "metadata": {"name": "declared"},
        "spec": {
            "type": "Declarative",
            "description": "a test",
            "declarative": {
                "runtime": "python",
                "modelConfig": "model",
                "systemMessage": "Be brief.",
                "deployment": PARKED,
                "tools": [
                    {"type": "McpServer", "mcpServer": CLOCK},
                    {"type": "Agent", "agent": {"name": "own"}},
                ],
            },
        },
    },
    {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "metadata": {"name": "own", "labels": {"generation": "7", "status": "True"}},
        "spec": {
            "type": "BYO",
            "description": "a test",
            "byo": {"deployment": {"image": "lab.local/none", **PARKED}},
        },
    },
    {
        "apiVersion": "kagent.dev/v1alpha1",
        "kind": "MCPServer",
        "metadata": {"name": "clock"},
        "spec": {
            "transportType": "http",
            "httpTransport": {"targetPort": 8080},
            "deployment": {"image": "lab.local/none", "port": 8080, **PARKED},
        },
    },
    {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "RemoteMCPServer",
        "metadata": {"name": "far"},
        "spec": {
            "description": "a test",
            "protocol": "STREAMABLE_HTTP",
            "url": "http://user:word@10.244.0.1:9/mcp?token=t",
        },
    },
    {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "ModelConfig",
        "metadata": {"name": "model"},
        "spec": {
            "provider": "OpenAI",
            "model": "scripted",
            # Names of headers that are names of labels, too: they make no series.
            "defaultHeaders": {"model": "other", "provider": "other"},
            "openAI": {"baseUrl": "http://10.244.0.1:9101/v1"},
        },
    },
]


@pytest.fixture(scope="module")
def tools(lab_kubeconfig: Path) -> Iterator[Tools]:
    with own_namespace(lab_kubeconfig) as found:
        wanted = {"apiVersion": "v1", "kind": "List", "items": OBJECTS}
        found.kubectl("apply", "-f", "-", stdin=json.dumps(wanted))
        yield found


def objects(tools: Tools, kind: str) -> list[Object]:
    found: list[Object] = json.loads(tools.kubectl("get", kind, "-o", "json").out)["items"]
    return found


def series(tools: Tools, name: str) -> list[Sample]:
    found = query(tools, f'{name}{{namespace="{tools.namespace}", job="kagent-state-metrics"}}')
    return ordered((own_labels(item["metric"]), float(item["value"][1])) for item in found)


def own_labels(metric: dict[str, str]) -> dict[str, str]:
    customresource = "customresource_"
    return {
        key: value
        for key, value in metric.items()
        if key not in COMMON and not key.startswith(customresource)
    }


def ordered(samples: Iterable[Sample]) -> list[Sample]:
    return sorted(samples, key=lambda sample: (sorted(sample[0].items()), sample[1]))


def become(tools: Tools, name: str, *wanted: Sample) -> None:
    """Until the next scrape the series are those of a moment ago."""
    try:
        wait_for(lambda: series(tools, name) == ordered(wanted), name, timeout=60)
    except AssertionError:
        assert series(tools, name) == ordered(wanted)
        raise


def test_agents(tools: Tools) -> None:
    declared = {"type": "Declarative", "runtime": "python", "model_config": "model"}
    become(
        tools, "kagent_agent_info", ({"name": "declared", **declared}, 1), ({"name": "own", "type": "BYO"}, 1)
    )
    server = {"tool_type": "McpServer", "mcp_server": "clock", "mcp_kind": "MCPServer"}
    agent = {"tool_type": "Agent", "ref_agent": "own"}
    become(
        tools,
        "kagent_agent_tool_ref_info",
        *(({"name": "declared", **labels}, 1) for labels in (server, agent)),
    )


def test_mcp_servers_and_models(tools: Tools) -> None:
    server = {"name": "clock", "transport": "http", "image": "lab.local/none"}
    become(tools, "kagent_mcpserver_info", (server, 1))
    model = {"name": "model", "model": "scripted", "provider": "OpenAI"}
    become(tools, "kagent_modelconfig_info", (model, 1))


def test_a_url_without_what_may_be_a_secret(tools: Tools) -> None:
    server = {"name": "far", "url": "http://10.244.0.1:9/mcp", "protocol": "STREAMABLE_HTTP"}
    become(tools, "kagent_remotemcpserver_info", (server, 1))


@pytest.mark.parametrize("kind", ["agent", "mcpserver", "remotemcpserver", "modelconfig"])
def test_conditions(tools: Tools, kind: str) -> None:
    def agree() -> bool:
        found = objects(tools, kind)
        conditions = [(item, each) for item in found for each in item.get("status", {}).get("conditions", ())]
        wanted = [
            (
                {"name": item["metadata"]["name"], "type": each["type"], "reason": each["reason"]},
                float(each["status"] == "True"),
            )
            for item, each in conditions
        ]
        return bool(wanted) and series(tools, f"kagent_{kind}_status_condition") == ordered(wanted)

    wait_for(agree, f"the conditions of {kind}", timeout=60)


def test_when_an_agents_conditions_changed(tools: Tools) -> None:
    def agree() -> bool:
        wanted = [
            (
                {"name": item["metadata"]["name"], "type": each["type"]},
                datetime.fromisoformat(each["lastTransitionTime"]).timestamp(),
            )
            for item in objects(tools, "agent")
            for each in item.get("status", {}).get("conditions", ())
        ]
        found = series(tools, "kagent_agent_status_condition_last_transition_seconds")
        return bool(wanted) and found == ordered(wanted)

    wait_for(agree, "the times of conditions", timeout=60)


def test_generations_and_replicas(tools: Tools) -> None:
    def agree() -> bool:
        found = objects(tools, "agent")
        names = [({"name": item["metadata"]["name"]}, item) for item in found]
        made = [(labels, item["metadata"]["generation"]) for labels, item in names]
        seen = [(labels, item["status"]["observedGeneration"]) for labels, item in names if "status" in item]
        return (
            series(tools, "kagent_agent_generation") == ordered(made)
            and series(tools, "kagent_agent_status_observed_generation") == ordered(seen)
            and series(tools, "kagent_agent_spec_replicas") == [(labels, 0) for labels, _ in names]
        )

    wait_for(agree, "generations and replicas", timeout=60)
    become(tools, "kagent_mcpserver_spec_replicas", ({"name": "clock"}, 0))


def test_pods_that_the_cluster_measures(turn: Turn) -> None:
    """kube-state-metrics has kagent's labels of a pod, and cAdvisor its container: joined by the pod."""
    owned = f'kube_pod_labels{{namespace="{turn.tools.namespace}", label_kagent="{AGENT}"}}'
    used = 'container_memory_working_set_bytes{container="kagent"}'
    joined = f"sum by (label_kagent) ({used} * on (namespace, pod) group_left (label_kagent) {owned})"
    (found,) = wait_for(lambda: query(turn.tools, joined), "the memory of the agent's container")
    assert found["metric"] == {"label_kagent": AGENT}
    assert float(found["value"][1]) > 2**20


JOBS = {
    *("kagent-collector", "kagent-state-metrics", "kagent-logs", "kmcp"),
    *("kube-state-metrics", "cadvisor", "prometheus"),
}


def test_all_that_is_to_be_scraped_is(tools: Tools) -> None:
    """kagent's controller only where it has metrics; kagent-tools and agentgateway are not in the lab."""

    def up() -> bool:
        targets = ask(tools, "prometheus", "/api/v1/targets", state="active")["data"]["activeTargets"]
        health = {item["labels"]["job"]: item["health"] for item in targets}
        return JOBS <= health.keys() <= JOBS | {"kagent-controller"} and set(health.values()) == {"up"}

    wait_for(up, "the targets of Prometheus", timeout=60)
