"""What kagent's controller says in the status of agents, models and tool servers."""

import uuid
from collections.abc import Iterator

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
from tests.contract.kubectl import Cluster, Object, eventually, own_namespace

pytestmark = pytest.mark.cluster

READY_SECONDS = 90.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with own_namespace("standin-conditions") as namespace:
        prepare(namespace)
        yield namespace


@pytest.fixture
def name() -> str:
    return f"agent-{uuid.uuid4().hex[:6]}"


def said(found: Object) -> tuple[object, object, object, object]:
    return (found.get("status"), found.get("reason"), found.get("message"), found.get("observedGeneration"))


def refused(cluster: Cluster, created: Object) -> str:
    """The message with which the Agent was not accepted."""
    cluster.create(created)
    resource = f"agent/{created['metadata']['name']}"
    eventually(lambda: condition(cluster, resource, "Accepted").get("reason") == "ReconcileFailed")
    return str(condition(cluster, resource, "Accepted")["message"])


def test_an_accepted_agent(cluster: Cluster, name: str) -> None:
    made(cluster, declarative(name))
    accepted = condition(cluster, f"agent/{name}", "Accepted")
    assert said(accepted) == ("True", "Reconciled", "Agent configuration accepted", 1)


def test_scaled_to_zero_is_not_ready(cluster: Cluster, name: str) -> None:
    made(cluster, declarative(name))
    eventually(lambda: condition(cluster, f"agent/{name}", "Ready") != {})
    ready = condition(cluster, f"agent/{name}", "Ready")
    assert said(ready) == ("False", "DeploymentNotReady", "Deployment is not ready, 0/0 pods are ready", 1)


def test_ready_stays_true_while_a_rollout_is_stuck(cluster: Cluster, name: str) -> None:
    made(cluster, byo(name, replicas=1))
    resource = f"agent/{name}"
    eventually(lambda: condition(cluster, resource, "Ready").get("status") == "True", READY_SECONDS)
    assert said(condition(cluster, resource, "Ready")) == (
        "True",
        "DeploymentReady",
        "Deployment is ready",
        1,
    )

    cluster.patch(resource, {"spec": {"byo": {"deployment": {"image": "lab.local/missing:1"}}}})
    eventually(lambda: cluster.get(f"deploy/{name}")["status"].get("unavailableReplicas") == 1)
    eventually(lambda: condition(cluster, resource, "Ready").get("observedGeneration") == 2)
    assert said(condition(cluster, resource, "Ready")) == (
        "True",
        "DeploymentReady",
        "Deployment is ready",
        2,
    )


def test_a_missing_model_config_is_named_and_ready_keeps_its_old_generation(
    cluster: Cluster, name: str
) -> None:
    made(cluster, declarative(name))
    resource = f"agent/{name}"
    eventually(lambda: condition(cluster, resource, "Ready") != {})
    cluster.patch(resource, {"spec": {"declarative": {"modelConfig": "missing"}}})
    await_reconciled(cluster, name)
    message = (
        f'failed to compile agent {cluster.namespace}/{name}: ModelConfig.kagent.dev "missing" not found'
    )
    assert said(condition(cluster, resource, "Accepted")) == ("False", "ReconcileFailed", message, 2)
    assert condition(cluster, resource, "Ready")["observedGeneration"] == 1

    cluster.patch(resource, {"spec": {"declarative": {"modelConfig": "shared-model"}}})
    await_accepted(cluster, resource)


def test_a_model_config_that_comes_later_is_noticed(cluster: Cluster, name: str) -> None:
    assert "not found" in refused(cluster, declarative(name, {"modelConfig": name}))
    cluster.create(model_config(name))
    await_accepted(cluster, f"agent/{name}")


def test_what_the_api_server_refuses_is_said_in_its_own_words(cluster: Cluster, name: str) -> None:
    message = refused(cluster, declarative(name, {"systemMessage": "x" * 1024 * 1024}))
    assert message == (
        f"failed to reconcile owned objects: failed to create objects for {name}: "
        f'Secret "{name}" is invalid: data: Too long: may not be more than 1048576 bytes'
    )


def test_no_system_message_is_refused(cluster: Cluster, name: str) -> None:
    message = refused(cluster, declarative(name, {"systemMessage": None}))
    assert message == (
        f"failed to compile agent {cluster.namespace}/{name}: "
        "at least one system message source (SystemMessage or SystemMessageFrom) must be specified"
    )


def test_a_missing_prompt_source_is_named(cluster: Cluster, name: str) -> None:
    source = {"type": "ConfigMap", "name": "missing", "key": "prompt"}
    message = refused(cluster, declarative(name, {"systemMessage": None, "systemMessageFrom": source}))
    assert message == (
        f"failed to compile agent {cluster.namespace}/{name}: "
        f'failed to find ConfigMap for {cluster.namespace}/missing: ConfigMap "missing" not found'
    )


def test_a_prompt_template_that_includes_nothing_known_is_refused(cluster: Cluster, name: str) -> None:
    map_of_prompts = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}
    cluster.create(map_of_prompts)
    changes = {
        "systemMessage": '{{include "house/rules"}}',
        "promptTemplate": {"dataSources": [{"kind": "ConfigMap", "name": name}]},
    }
    message = refused(cluster, declarative(name, changes))
    assert 'prompt template "house/rules" not found in promptSources' in message
    assert f"available: [{name}/a]" in message


def test_missing_tools_are_named(cluster: Cluster, name: str) -> None:
    for kind in ("RemoteMCPServer", "MCPServer"):
        message = refused(
            cluster, declarative(f"{name}-{kind.lower()}", {"tools": [mcp_tool(kind, "missing")]})
        )
        assert message.endswith(f': {kind}.kagent.dev "missing" not found')
    tool = {"type": "Agent", "agent": {"name": "missing"}}
    message = refused(cluster, declarative(name, {"tools": [tool]}))
    assert message.endswith(': Agent.kagent.dev "missing" not found')


def test_an_agent_cannot_be_its_own_tool(cluster: Cluster, name: str) -> None:
    message = refused(cluster, declarative(name, {"tools": [{"type": "Agent", "agent": {"name": name}}]}))
    assert message == (
        f"failed to compile agent {cluster.namespace}/{name}: "
        f"agent tool cannot be used to reference itself, {cluster.namespace}/{name}"
    )


def test_tool_servers_of_other_namespaces_must_allow_it(cluster: Cluster, name: str) -> None:
    with own_namespace("standin-tools") as other:
        closed = remote_mcp_server("closed")
        opened = remote_mcp_server("opened", allowedNamespaces={"from": "All"})
        other.create(closed, opened)
        tool = mcp_tool("RemoteMCPServer", "closed", namespace=other.namespace)
        message = refused(cluster, declarative(name, {"tools": [tool]}))
        assert message == (
            f"cross-namespace reference to RemoteMCPServer {other.namespace}/closed "
            f"is not allowed from namespace {cluster.namespace}"
        )
        tool = mcp_tool("RemoteMCPServer", "opened", namespace=other.namespace)
        cluster.patch(f"agent/{name}", {"spec": {"declarative": {"tools": [tool]}}})
        await_accepted(cluster, f"agent/{name}")


def test_features_that_the_go_runtime_lacks_are_warned_of(cluster: Cluster, name: str) -> None:
    compaction = {"compaction": {"compactionInterval": 5, "overlapSize": 2}}
    made(cluster, declarative(name, {"context": compaction}))
    resource = f"agent/{name}"
    eventually(lambda: condition(cluster, resource, "UnsupportedFeatures") != {})
    warned = condition(cluster, resource, "UnsupportedFeatures")
    assert (warned["status"], warned["reason"]) == ("True", "UnsupportedFeatures")
    assert "context compression/compaction (not implemented in Go runtime)" in warned["message"]

    cluster.patch(resource, {"spec": {"declarative": {"context": None}}})
    eventually(lambda: condition(cluster, resource, "UnsupportedFeatures") == {})


def test_a_model_config_without_its_secret(cluster: Cluster, name: str) -> None:
    cluster.create(model_config(name, secret="missing"))
    eventually(lambda: condition(cluster, f"modelconfig/{name}", "Accepted") != {})
    accepted = condition(cluster, f"modelconfig/{name}", "Accepted")
    message = '1 error occurred:\n\t* failed to get secret missing: Secret "missing" not found\n\n'
    assert said(accepted) == ("False", "ModelConfigReconcileFailed", message, None)


def test_a_remote_mcp_server_that_does_not_answer(cluster: Cluster, name: str) -> None:
    cluster.create(remote_mcp_server(name, url="http://127.0.0.1:1/mcp"))
    eventually(lambda: condition(cluster, f"remotemcpserver/{name}", "Accepted") != {})
    accepted = condition(cluster, f"remotemcpserver/{name}", "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "ReconcileFailed")
    assert accepted["message"].startswith(
        f"failed to fetch tools for toolServer {cluster.namespace}/{name}: "
        f"failed to connect client for toolServer {cluster.namespace}/{name}: "
    )


def test_status_follows_every_generation(cluster: Cluster, name: str) -> None:
    made(cluster, declarative(name))
    for generation in (2, 3):
        set_prompt(cluster, name, f"Prompt {generation}.")
        await_reconciled(cluster, name)
        assert condition(cluster, f"agent/{name}", "Accepted")["observedGeneration"] == generation
