"""check on the real API server: what kagent itself says of a model, a server and an agent that can't work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Tools, own_namespace, wait_for

pytestmark = pytest.mark.cluster

API = "kagent.dev/v1alpha2"


@pytest.fixture(scope="module")
def tools(lab_kubeconfig: Path) -> Iterator[Tools]:
    with own_namespace(lab_kubeconfig) as found:
        yield found


def put(tools: Tools, kind: str, name: str, spec: dict[str, Any]) -> None:
    body = {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}
    tools.kubectl("apply", "-f", "-", stdin=json.dumps(body))


def sections(tools: Tools) -> dict[str, list[tuple[str, str, str]]]:
    """The failures of each section about the test's own namespace: object, text, and the first cause."""
    found = json.loads(tools.kagent("check", "-o", "json").out)
    return {
        item["section"]: [
            (each["object"], each["text"], "".join(each["causes"][:1]))
            for each in item["findings"]
            if each["level"] == "failure" and tools.namespace in each["object"]
        ]
        for item in found["items"]
    }


def everything(tools: Tools, section: str) -> list[dict[str, Any]]:
    """All findings of a section."""
    found = json.loads(tools.kagent("check", "-o", "json").out)
    return [each for item in found["items"] if item["section"] == section for each in item["findings"]]


def test_each_fault_stands_in_its_section_and_in_no_other(tools: Tools) -> None:
    ns = tools.namespace
    key = {"apiKeySecret": "absent", "apiKeySecretKey": "key"}
    put(tools, "ModelConfig", "locked", {"provider": "OpenAI", "model": "m", **key})
    declarative = {"modelConfig": "nowhere", "systemMessage": "hi", "runtime": "go"}
    put(tools, "Agent", "lost", {"type": "Declarative", "description": "x", "declarative": declarative})
    put(tools, "RemoteMCPServer", "dead", {"description": "x", "url": "http://127.0.0.1:9/mcp"})
    wait_for(lambda: sections(tools)["remotemcpservers"], "kagent has asked the server")
    found = sections(tools)
    assert found["models"] == [(f"modelconfig {ns}/nowhere", "does not exist", f"used by agent {ns}/lost")]
    refused = [each for each in everything(tools, "models") if each["level"] == "warning"]
    assert [(each["object"], each["text"]) for each in refused] == [
        (f"modelconfig {ns}/locked", "is not accepted, nor used")
    ]
    assert 'Secret "absent" not found' in refused[0]["causes"][0]
    assert [each[:2] for each in found["remotemcpservers"]] == [
        (f"remotemcpserver {ns}/dead", "is not ready")
    ]
    assert "connection refused" in found["remotemcpservers"][0][2]
    assert (found["agents"], found["tools"], found["mcpservers"]) == ([], [], [])
    done = tools.kagent("check")
    assert (done.code, done.err) == (1, "")


def test_who_may_do_nothing_is_told_what_is_not_checked_and_what_it_takes(tools: Tools) -> None:
    found = json.loads(tools.kagent("check", "-o", "json", "--as=nobody").out)
    by_name = {item["section"]: item for item in found["items"]}
    assert not found["failed"]
    assert [by_name[name]["ok"] for name in by_name if name != "cluster"] == [0] * (len(by_name) - 1)
    told = [each["text"] for each in by_name["access"]["findings"]]
    assert any(f"of kagent-view in namespace {tools.namespace}" in text for text in told)
