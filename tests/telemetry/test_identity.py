"""Whose a span is, the collector takes from the pod that sends it. Exported turns are not counted again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent.cluster.connect import Connection, connect
from tests.cluster.conftest import own_namespace, wait_for
from tests.cluster.log_pods import running
from tests.cluster.workloads import byo, create
from tests.lab.images.python import AGENT_RUNTIME, PYTHON
from tests.lab.layout import NODE_ADDRESS
from tests.telemetry.series import query

pytestmark = pytest.mark.telemetry

URL = f"http://{NODE_ADDRESS}:4318/v1/traces"
SEND = f"""
import sys, urllib.request
headers = {{"Content-Type": "application/json"}}
urllib.request.urlopen(urllib.request.Request("{URL}", sys.argv[1].encode(), headers), timeout=20)
"""
VICTIM = {
    "service.name": "victim",
    "service.namespace": "other_team",
    "agent": "victim",
    "k8s.namespace.name": "other-team",
}


def test_a_pod_cannot_speak_for_another_agent(lab_kubeconfig: Path) -> None:
    with own_namespace(lab_kubeconfig) as tools:
        api = connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))
        create(
            api,
            byo(
                "loud-one",
                image=AGENT_RUNTIME,
                cmd=PYTHON,
                args=["-c", "import signal; signal.pause()"],
                replicas=1,
            ),
        )
        pod = wait_for(lambda: running(api, "loud-one"), "a pod")[0]
        forged = request(("anything", f"forged-{tools.namespace}"), ("kubectl-kagent", "exported"))
        tools.kubectl("exec", pod, "--", PYTHON, "-c", SEND, forged)
        tool = f'gen_ai_tool_name="forged-{tools.namespace}"'
        (found,) = wait_for(
            lambda: query(tools, f"traces_span_metrics_calls_total{{{tool}}} > 0"), "the span in Prometheus"
        )
        own = {"service_name": "loud_one", "service_namespace": tools.namespace.replace("-", "_")}
        own |= {"gen_ai_agent_name": "loud-one", "k8s_namespace_name": tools.namespace}
        assert {key: found["metric"][key] for key in own} == own
        assert found["value"][1] == "1"
        exported = f'{{k8s_namespace_name="{tools.namespace}", gen_ai_tool_name="exported"}}'
        assert query(tools, f"traces_span_metrics_calls_total{exported}") == []


def request(*calls: tuple[str, str]) -> str:
    """Spans of tool calls, each of a scope and a tool, under another agent's name."""
    scopes = [{"scope": {"name": scope}, "spans": [span(tool)]} for scope, tool in calls]
    resource = {"attributes": attributes(VICTIM)}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]})


def span(tool: str) -> dict[str, Any]:
    told = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool, "gen_ai.agent.name": "victim"}
    return {
        "traceId": "a" * 32,
        "spanId": "b" * 16,
        "name": f"execute_tool {tool}",
        "startTimeUnixNano": "1000000000",
        "endTimeUnixNano": "2000000000",
        "attributes": attributes(told),
    }


def attributes(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]
