"""What kagent's controller says in the status of agents, models and tool servers."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.agents import (
    await_accepted,
    await_reconciled,
    byo,
    condition,
    declarative,
    made,
    mcp_tool,
    model_config,
    prepare,
    remote_mcp_server,
    set_prompt,
)
from tests.contract.kubectl import Namespace, Object, eventually, own_namespace

pytestmark = pytest.mark.cluster

READY_SECONDS = 90.0


@pytest.fixture(scope="module")
def namespace(lab_kubeconfig: Path) -> Iterator[Namespace]:
    with own_namespace(lab_kubeconfig, "standin-conditions") as fresh:
        prepare(fresh)
        yield fresh


@pytest.fixture
def name() -> str:
    return f"agent-{uuid.uuid4().hex[:6]}"


def said(found: Object) -> tuple[object, object, object, object]:
    return (found.get("status"), found.get("reason"), found.get("message"), found.get("observedGeneration"))


def refused(namespace: Namespace, created: Object) -> str:
    """The message with which the Agent was not accepted."""
    namespace.create(created)
    resource = f"agent/{created['metadata']['name']}"
    eventually(lambda: condition(namespace, resource, "Accepted").get("reason") == "ReconcileFailed")
    return str(condition(namespace, resource, "Accepted")["message"])


def test_an_accepted_agent(namespace: Namespace, name: str) -> None:
    made(namespace, declarative(name))
    accepted = condition(namespace, f"agent/{name}", "Accepted")
    assert said(accepted) == ("True", "Reconciled", "Agent configuration accepted", 1)


def test_scaled_to_zero_is_not_ready(namespace: Namespace, name: str) -> None:
    made(namespace, declarative(name))
    eventually(lambda: condition(namespace, f"agent/{name}", "Ready") != {})
    ready = condition(namespace, f"agent/{name}", "Ready")
    assert said(ready) == ("False", "DeploymentNotReady", "Deployment is not ready, 0/0 pods are ready", 1)


def test_ready_stays_true_while_a_rollout_is_stuck(namespace: Namespace, name: str) -> None:
    made(namespace, byo(name, replicas=1))
    resource = f"agent/{name}"
    eventually(lambda: condition(namespace, resource, "Ready").get("status") == "True", READY_SECONDS)
    assert said(condition(namespace, resource, "Ready")) == (
        "True",
        "DeploymentReady",
        "Deployment is ready",
        1,
    )

    namespace.patch(resource, {"spec": {"byo": {"deployment": {"image": "lab.local/missing:1"}}}})
    eventually(lambda: namespace.get(f"deploy/{name}")["status"].get("unavailableReplicas") == 1)
    eventually(lambda: condition(namespace, resource, "Ready").get("observedGeneration") == 2)
    assert said(condition(namespace, resource, "Ready")) == (
        "True",
        "DeploymentReady",
        "Deployment is ready",
        2,
    )


def test_a_missing_model_config_is_named_and_ready_keeps_its_old_generation(
    namespace: Namespace, name: str
) -> None:
    made(namespace, declarative(name))
    resource = f"agent/{name}"
    eventually(lambda: condition(namespace, resource, "Ready") != {})
    namespace.patch(resource, {"spec": {"declarative": {"modelConfig": "missing"}}})
    await_reconciled(namespace, name)
    message = f'failed to compile agent {namespace.name}/{name}: ModelConfig.kagent.dev "missing" not found'
    assert said(condition(namespace, resource, "Accepted")) == ("False", "ReconcileFailed", message, 2)
    assert condition(namespace, resource, "Ready")["observedGeneration"] == 1

    namespace.patch(resource, {"spec": {"declarative": {"modelConfig": "shared-model"}}})
    await_accepted(namespace, resource)


def test_a_model_config_that_comes_later_is_noticed(namespace: Namespace, name: str) -> None:
    assert "not found" in refused(namespace, declarative(name, {"modelConfig": name}))
    namespace.create(model_config(name))
    await_accepted(namespace, f"agent/{name}")


def test_what_the_api_server_refuses_is_said_in_its_own_words(namespace: Namespace, name: str) -> None:
    message = refused(namespace, declarative(name, {"systemMessage": "x" * 1024 * 1024}))
    assert message == (
        f"failed to reconcile owned objects: failed to create objects for {name}: "
        f'Secret "{name}" is invalid: data: Too long: may not be more than 1048576 bytes'
    )


def test_no_system_message_is_refused(namespace: Namespace, name: str) -> None:
    message = refused(namespace, declarative(name, {"systemMessage": None}))
    assert message == (
        f"failed to compile agent {namespace.name}/{name}: "
        "at least one system message source (SystemMessage or SystemMessageFrom) must be specified"
    )


def test_a_missing_prompt_source_is_named(namespace: Namespace, name: str) -> None:
    source = {"type": "ConfigMap", "name": "missing", "key": "prompt"}
    message = refused(namespace, declarative(name, {"systemMessage": None, "systemMessageFrom": source}))
    assert message == (
        f"failed to compile agent {namespace.name}/{name}: "
        f'failed to find ConfigMap for {namespace.name}/missing: ConfigMap "missing" not found'
    )


def test_a_prompt_template_that_includes_nothing_known_is_refused(namespace: Namespace, name: str) -> None:
    map_of_prompts = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}
    namespace.create(map_of_prompts)
    changes = {
        "systemMessage": '{{include "house/rules"}}',
        "promptTemplate": {"dataSources": [{"kind": "ConfigMap", "name": name}]},
    }
    message = refused(namespace, declarative(name, changes))
    assert 'prompt template "house/rules" not found in promptSources' in message
    assert f"available: [{name}/a]" in message


def test_missing_tools_are_named(namespace: Namespace, name: str) -> None:
    for kind in ("RemoteMCPServer", "MCPServer"):
        message = refused(
            namespace, declarative(f"{name}-{kind.lower()}", {"tools": [mcp_tool(kind, "missing")]})
        )
        assert message.endswith(f': {kind}.kagent.dev "missing" not found')
    tool = {"type": "Agent", "agent": {"name": "missing"}}
    message = refused(namespace, declarative(name, {"tools": [tool]}))
    assert message.endswith(': Agent.kagent.dev "missing" not found')


def test_an_agent_cannot_be_its_own_tool(namespace: Namespace, name: str) -> None:
    message = refused(namespace, declarative(name, {"tools": [{"type": "Agent", "agent": {"name": name}}]}))
    assert message == (
        f"failed to compile agent {namespace.name}/{name}: "
        f"agent tool cannot be used to reference itself, {namespace.name}/{name}"
    )


def test_tool_servers_of_other_namespaces_must_allow_it(namespace: Namespace, name: str) -> None:
    with own_namespace(namespace.kubeconfig, "standin-tools") as other:
        closed = remote_mcp_server("closed")
        opened = remote_mcp_server("opened", allowedNamespaces={"from": "All"})
        other.create(closed, opened)
        tool = mcp_tool("RemoteMCPServer", "closed", namespace=other.name)
        message = refused(namespace, declarative(name, {"tools": [tool]}))
        assert message == (
            f"cross-namespace reference to RemoteMCPServer {other.name}/closed "
            f"is not allowed from namespace {namespace.name}"
        )
        tool = mcp_tool("RemoteMCPServer", "opened", namespace=other.name)
        namespace.patch(f"agent/{name}", {"spec": {"declarative": {"tools": [tool]}}})
        await_accepted(namespace, f"agent/{name}")


def test_features_that_the_go_runtime_lacks_are_warned_of(namespace: Namespace, name: str) -> None:
    compaction = {"compaction": {"compactionInterval": 5, "overlapSize": 2}}
    made(namespace, declarative(name, {"context": compaction}))
    resource = f"agent/{name}"
    eventually(lambda: condition(namespace, resource, "UnsupportedFeatures") != {})
    warned = condition(namespace, resource, "UnsupportedFeatures")
    assert (warned["status"], warned["reason"]) == ("True", "UnsupportedFeatures")
    assert "context compression/compaction (not implemented in Go runtime)" in warned["message"]

    namespace.patch(resource, {"spec": {"declarative": {"context": None}}})
    eventually(lambda: condition(namespace, resource, "UnsupportedFeatures") == {})


def test_a_model_config_without_its_secret(namespace: Namespace, name: str) -> None:
    namespace.create(model_config(name, secret="missing"))
    eventually(lambda: condition(namespace, f"modelconfig/{name}", "Accepted") != {})
    accepted = condition(namespace, f"modelconfig/{name}", "Accepted")
    message = '1 error occurred:\n\t* failed to get secret missing: Secret "missing" not found\n\n'
    assert said(accepted) == ("False", "ModelConfigReconcileFailed", message, None)


def test_a_remote_mcp_server_that_does_not_answer(namespace: Namespace, name: str) -> None:
    namespace.create(remote_mcp_server(name, url="http://127.0.0.1:1/mcp"))
    eventually(lambda: condition(namespace, f"remotemcpserver/{name}", "Accepted") != {})
    accepted = condition(namespace, f"remotemcpserver/{name}", "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "ReconcileFailed")
    assert accepted["message"] == (
        f"failed to fetch tools for toolServer {namespace.name}/{name}: "
        f"failed to connect client for toolServer {namespace.name}/{name}: "
        'calling "initialize": sending "initialize": rejected by transport: '
        'Post "http://127.0.0.1:1/mcp": dial tcp 127.0.0.1:1: connect: connection refused'
    )


def test_status_follows_every_generation(namespace: Namespace, name: str) -> None:
    made(namespace, declarative(name))
    for generation in (2, 3):
        set_prompt(namespace, name, f"Prompt {generation}.")
        await_reconciled(namespace, name)
        assert condition(namespace, f"agent/{name}", "Accepted")["observedGeneration"] == generation
