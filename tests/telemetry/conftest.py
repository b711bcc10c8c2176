"""One turn of a real agent, and the telemetry parts of the lab as a client reaches them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.cluster.conftest import Tools, own_namespace, wait_for
from tests.lab import relay
from tests.lab.lab import Lab
from tests.lab.layout import CHECKOUT, NODE_ADDRESS
from tests.lab.network import entering

EXAMPLE = CHECKOUT / "manifests" / "examples" / "datetime-agent" / "overlays" / "lab"
AGENT = "datetime-agent"
QUESTION = 'call get_time {"timezone": "Europe/Berlin"}'


@dataclass(frozen=True)
class Turn:
    """A question that the agent answered with one call of its tool get_time."""

    tools: Tools
    session: str


@pytest.fixture(scope="session")
def turn(lab_kubeconfig: Path) -> Iterator[Turn]:
    """The example's agent (Python runtime) in a namespace of its own, asked once."""
    with own_namespace(lab_kubeconfig) as tools:
        tools.kubectl("apply", "-k", str(EXAMPLE))
        for target in ("mcpserver/datetime-mcp", f"agent/{AGENT}"):
            done = tools.kagent("rollout", "status", target, "--timeout=3m", timeout=200)
            assert done.code == 0, done.err

        def answer() -> str:
            """A Service knows a new pod a moment later than it is ready; a lost question leaves no turn."""
            return tools.kagent("chat", AGENT, QUESTION, "-o", "json").out

        events = wait_for(answer, "an answer").splitlines()
        sessions = {json.loads(line)["result"]["contextId"] for line in events}
        assert len(sessions) == 1
        yield Turn(tools, sessions.pop())


@pytest.fixture(scope="session")
def otlp(lab: Lab) -> Iterator[str]:
    """The collector's OTLP receiver for HTTP, on a loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        program = [sys.executable, relay.__file__, NODE_ADDRESS, "4318"]
        carrier = subprocess.Popen([*entering(lab.layout), *program], stdin=listener.fileno())
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        carrier.terminate()
        carrier.wait(timeout=30)


def traces_of(tools: Tools, agent: str, key: str, value: str) -> list[str]:
    """Ids of the traces in Jaeger in which a span of the agent has that attribute."""
    tags = json.dumps({key: value})
    found = ask(tools, "jaeger", "/api/traces", service=agent.replace("-", "_"), tags=tags)
    return [trace["traceID"].zfill(32) for trace in found["data"]]


def trace(tools: Tools, id_: str) -> dict[str, Any]:
    """A trace in Jaeger, as OTLP JSON."""
    found: dict[str, Any] = ask(tools, "jaeger", f"/api/v3/traces/{id_}")["result"]
    return found


def ask(tools: Tools, part: str, path: str, **query: str) -> Any:
    """What a telemetry part answers through the API server, found by the label of its Service."""
    found = tools.kubectl("get", "services", "-A", "-l", f"app.kubernetes.io/name={part}", "-o", "json")
    (item,) = json.loads(found.out)["items"]
    name, port = item["metadata"]["name"], item["spec"]["ports"][0]["port"]
    base = f"/api/v1/namespaces/{item['metadata']['namespace']}/services/{name}:{port}/proxy"
    return json.loads(tools.kubectl("get", "--raw", f"{base}{path}?{urlencode(query)}").out)


@dataclass(frozen=True)
class Span:
    service: str
    scope: str
    name: str
    id: str
    parent: str
    attributes: dict[str, str]


def spans_of(trace: dict[str, Any]) -> list[Span]:
    """All spans of a trace in OTLP JSON."""
    return [
        Span(
            values(batch["resource"])["service.name"],
            scope.get("scope", {}).get("name", ""),
            span["name"],
            span["spanId"],
            span.get("parentSpanId", ""),
            values(span),
        )
        for batch in trace["resourceSpans"]
        for scope in batch["scopeSpans"]
        for span in scope.get("spans", ())  # Jaeger leaves a scope whose spans are all repetitions
    ]


def values(holder: dict[str, Any]) -> dict[str, str]:
    return {item["key"]: item["value"].get("stringValue", "") for item in holder.get("attributes", ())}
