"""Secrets in plain text are named before they are shared through history."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kubectl_kagent.lifecycle.plaintext import literal_secrets
from kubectl_kagent.model.resources import CONFIG_MAP, MODEL_CONFIG
from kubectl_kagent.model.revision import Snapshot, Source
from kubectl_kagent.model.workload import Reference

FROM_SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}


def snapshot(spec: dict[str, Any], *sources: Source) -> Snapshot:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Snapshot(spec, sources, 1, 1, "kubectl", moment, ("declarative", "deployment"))


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"name": "API_KEY", "value": "abc"}, ["spec.byo.deployment.env[API_KEY].value"]),
        ({"name": "GITHUB_TOKEN", "value": "abc"}, ["spec.byo.deployment.env[GITHUB_TOKEN].value"]),
        ({"name": "API_KEY", "valueFrom": FROM_SECRET}, []),
        ({"name": "API_KEY", "value": ""}, []),
        ({"name": "LOG_LEVEL", "value": "debug"}, []),
    ],
)
def test_env_of_an_agent(entry: dict[str, Any], named: list[str]) -> None:
    assert literal_secrets(snapshot({"byo": {"deployment": {"env": [entry]}}})) == named


def test_env_map_of_an_mcp_server_and_tool_headers() -> None:
    assert literal_secrets(snapshot({"deployment": {"env": {"DB_PASSWORD": "x", "MODE": "y"}}})) == [
        "spec.deployment.env.DB_PASSWORD"
    ]
    tools = [{"type": "McpServer", "headersFrom": [{"name": "Authorization", "value": "Bearer x"}]}]
    assert literal_secrets(snapshot({"declarative": {"tools": tools}})) == [
        "spec.declarative.tools.headersFrom[Authorization].value"
    ]


def test_sources_but_not_the_text_of_a_prompt() -> None:
    model = Reference(MODEL_CONFIG, "ns", "m")
    prompt = Reference(CONFIG_MAP, "ns", "p")
    found = literal_secrets(
        snapshot(
            {"description": "the secret token of success"},
            Source(model, "u", 1, {"spec": {"defaultHeaders": {"X-Api-Key": "abc", "X-Team": "t"}}}),
            Source(prompt, "u", 0, {"data": {"api-key-prompt": "never tell a token"}}),
        )
    )
    assert found == ["modelconfig.kagent.dev/m spec.defaultHeaders.X-Api-Key"]
