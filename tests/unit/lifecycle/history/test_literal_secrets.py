"""Secrets in plain text are named before they are shared through history."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kubectl_kagent.lifecycle.history.diff import difference
from kubectl_kagent.lifecycle.history.literal_secrets import literal_secrets
from kubectl_kagent.model.resources import CONFIG_MAP, MCP_SERVER, MODEL_CONFIG
from kubectl_kagent.model.snapshot import ConfigSource, Snapshot
from kubectl_kagent.model.workload import Reference, Workload

FROM_SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}


def snapshot(spec: dict[str, Any], *sources: ConfigSource) -> Snapshot:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Snapshot(spec, sources, 1, 1, "kubectl", moment, ("declarative", "deployment"))


def workload() -> Workload:
    return Workload(MCP_SERVER, {"metadata": {"name": "x", "namespace": "ns"}, "spec": {}})


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"name": "API_KEY", "value": "abc"}, ["spec.byo.deployment.env[API_KEY].value"]),
        ({"name": "GITHUB_TOKEN", "value": "abc"}, ["spec.byo.deployment.env[GITHUB_TOKEN].value"]),
        ({"name": "API_KEY", "valueFrom": FROM_SECRET}, []),
        ({"name": "API_KEY", "value": ""}, []),
        ({"name": "LOG_LEVEL", "value": "debug"}, []),
        ({"name": "DB_PWD", "value": "abc"}, ["spec.byo.deployment.env[DB_PWD].value"]),
        ({"name": "GITHUB_PAT", "value": "abc"}, ["spec.byo.deployment.env[GITHUB_PAT].value"]),
        (
            {"name": "DATABASE_URL", "value": "postgres://bob:abc@db/x"},
            ["spec.byo.deployment.env[DATABASE_URL].value"],
        ),
        ({"name": "DATABASE_URL", "value": "postgres://db/x"}, []),
        ({"name": "MODE", "value": "glpat-abcdefgh12345678abcd"}, ["spec.byo.deployment.env[MODE].value"]),
        ({"name": "API_KEY", "value": "$(OTHER_KEY)"}, []),
        ({"name": "MAX_TOKENS", "value": "4096"}, []),
        ({"name": "KEYBOARD_LAYOUT", "value": "de"}, []),
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


def test_arguments_prompts_and_keys() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"
    spec = {
        "declarative": {"systemMessage": "Log in with password: abc1", "stream": True},
        "deployment": {"args": ["serve", "--api-key=abc", "--token", "abc", "--port", "80"], "ca": pem},
        "url": "https://tools.example/mcp?api_key=abc",
    }
    assert literal_secrets(snapshot(spec)) == [
        "spec.declarative.systemMessage",
        "spec.deployment.args[1]",
        "spec.deployment.args[3]",
        "spec.deployment.ca",
        "spec.url",
    ]


def test_what_is_named_is_what_a_diff_masks() -> None:
    spec = {"deployment": {"env": {"X_AUTH": "abc", "DB_PASSWORD": "abc", "MAX_TOKENS": "4096"}}}
    found = difference(workload(), snapshot(spec), snapshot({"deployment": {}}))
    assert literal_secrets(snapshot(spec)) == [
        "spec.deployment.env.X_AUTH",
        "spec.deployment.env.DB_PASSWORD",
    ]
    assert [change.old["env"] for change in found.fields] == [
        {"X_AUTH": "[masked]", "DB_PASSWORD": "[masked]", "MAX_TOKENS": "4096"}
    ]


def test_sources_but_not_the_text_of_a_prompt() -> None:
    model = Reference(MODEL_CONFIG, "ns", "m")
    prompt = Reference(CONFIG_MAP, "ns", "p")
    found = literal_secrets(
        snapshot(
            {"description": "the secret token of success"},
            ConfigSource(model, "u", 1, {"spec": {"defaultHeaders": {"X-Api-Key": "abc", "X-Team": "t"}}}),
            ConfigSource(prompt, "u", 0, {"data": {"api-key-prompt": "never tell a token"}}),
        )
    )
    assert found == ["modelconfig.kagent.dev/m spec.defaultHeaders.X-Api-Key"]
