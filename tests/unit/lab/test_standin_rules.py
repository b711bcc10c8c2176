"""The stand-in's small rules: what is kept on an update, what triggers what, templates, numbers."""

from typing import Any

import pytest

from tests.lab.standin import gojson, prompt
from tests.lab.standin.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    SECRET,
    SERVICE,
    Key,
    Object,
)
from tests.lab.standin.merge import merge
from tests.lab.standin.sources import ReconcileError
from tests.lab.standin.triggers import is_tool_server, names_secret, needs_reconcile, owning_agent, uses

CONTEXT = {"AgentName": "a", "ToolNames": ["x", "y"], "SkillNames": [], "Description": "what it does"}


def metadata(**fields: Any) -> Object:
    return {"name": "a", "namespace": "ns", "annotations": {}, "labels": {}, "ownerReferences": []} | fields


def deployment(**spec: Any) -> Object:
    template = {"metadata": metadata(annotations={"hash": "new"}), "spec": {"containers": ["wanted"]}}
    return {"metadata": metadata(), "spec": {"strategy": "ours", "template": template} | spec}


def test_an_update_of_a_deployment_keeps_replicas_and_foreign_template_metadata() -> None:
    existing = deployment(replicas=3, paused=True, minReadySeconds=9, strategy="theirs", selector="kept")
    existing["spec"]["template"] = {
        "metadata": {"annotations": {"hash": "old", "restartedAt": "now"}},
        "spec": {"containers": ["theirs"], "nodeName": "x"},
    }
    merged = merge(DEPLOYMENT, existing, deployment())["spec"]
    assert merged["replicas"] == 3
    assert merged["strategy"] == "ours"
    assert merged["selector"] == "kept"
    assert "paused" not in merged
    assert "minReadySeconds" not in merged
    assert merged["template"]["metadata"]["annotations"] == {"hash": "new", "restartedAt": "now"}
    assert merged["template"]["spec"] == {"containers": ["wanted"]}


def test_an_update_with_replicas_sets_them_even_to_zero() -> None:
    assert merge(DEPLOYMENT, deployment(replicas=3), deployment(replicas=0))["spec"]["replicas"] == 0


def test_an_update_of_other_kinds() -> None:
    secret = merge(
        SECRET, {"metadata": metadata(), "data": {"old": "x"}}, {"metadata": metadata(), "data": {}}
    )
    assert secret["data"] == {}
    existing = {"metadata": metadata(), "spec": {"ports": [1], "selector": {}, "clusterIP": "10.0.0.1"}}
    service = merge(
        SERVICE, existing, {"metadata": metadata(), "spec": {"ports": [2], "selector": {"a": "b"}}}
    )
    assert service["spec"] == {"ports": [2], "selector": {"a": "b"}, "clusterIP": "10.0.0.1"}


def test_annotations_and_labels_are_added_and_owners_replaced() -> None:
    existing = {
        "metadata": metadata(annotations={"a": "1", "b": "1"}, labels=None, ownerReferences=["theirs"])
    }
    desired = {"metadata": metadata(annotations={"a": "2"}, labels={"l": "2"}, ownerReferences=["ours"])}
    merged = merge(CONFIG_MAP, existing, desired)["metadata"]
    assert merged["annotations"] == {"a": "2", "b": "1"}
    assert merged["labels"] == {"l": "2"}
    assert merged["ownerReferences"] == ["ours"]


def versioned(generation: int, **fields: Any) -> Object:
    return {"metadata": metadata(generation=generation, **fields)}


def test_only_edits_of_the_spec_and_labels_count() -> None:
    old = versioned(1)
    assert needs_reconcile(None, old, labels_count=False)
    assert needs_reconcile(old, None, labels_count=False)
    assert needs_reconcile(old, versioned(2), labels_count=False)
    assert not needs_reconcile(old, versioned(1, annotations={"a": "b"}), labels_count=True)
    assert needs_reconcile(old, versioned(1, labels={"a": "b"}), labels_count=True)
    assert not needs_reconcile(old, versioned(1, labels={"a": "b"}), labels_count=False)


def test_owners_are_agents_that_control() -> None:
    agent = {"apiVersion": "kagent.dev/v1alpha2", "kind": "Agent", "name": "x", "controller": True}
    assert owning_agent({"metadata": metadata(ownerReferences=[agent])}) == Key("ns", "x")
    assert owning_agent({"metadata": metadata(ownerReferences=[agent | {"controller": False}])}) is None
    assert owning_agent({"metadata": metadata(ownerReferences=[agent | {"kind": "SandboxAgent"}])}) is None
    assert owning_agent({"metadata": metadata()}) is None


def agent(**declarative: Any) -> Object:
    return {"metadata": metadata(), "spec": {"type": "Declarative", "declarative": declarative}}


def tool(**reference: str) -> Object:
    return {"type": "McpServer", "mcpServer": {"name": "t", "apiGroup": "kagent.dev", **reference}}


def test_what_an_agent_is_made_from() -> None:
    uses_model = agent(modelConfig="m")
    assert uses(uses_model, MODEL_CONFIG, Key("ns", "m"))
    assert not uses(uses_model, MODEL_CONFIG, Key("other", "m"))
    from_map = agent(systemMessageFrom={"type": "ConfigMap", "name": "c", "key": "k"})
    assert uses(from_map, CONFIG_MAP, Key("ns", "c"))
    templated = agent(promptTemplate={"dataSources": [{"name": "c"}]})
    assert uses(templated, CONFIG_MAP, Key("ns", "c"))
    assert not uses(agent(systemMessageFrom={"type": "Secret", "name": "c"}), CONFIG_MAP, Key("ns", "c"))
    remote = agent(tools=[tool(kind="RemoteMCPServer", namespace="other")])
    assert uses(remote, REMOTE_MCP_SERVER, Key("other", "t"))
    assert not uses(remote, MCP_SERVER, Key("other", "t"))
    assert uses(agent(tools=[tool(kind="MCPServer")]), MCP_SERVER, Key("ns", "t"))
    assert uses(agent(tools=[tool(kind="Service", apiGroup="")]), SERVICE, Key("ns", "t"))
    assert not uses({"metadata": metadata(), "spec": {"type": "BYO"}}, MODEL_CONFIG, Key("ns", ""))


def test_which_secret_belongs_to_a_model_config() -> None:
    model = {"metadata": metadata(), "spec": {"apiKeySecret": "key", "tls": {"caCertSecretRef": "ca"}}}
    assert names_secret(model, Key("ns", "key"))
    assert names_secret(model, Key("ns", "ca"))
    assert not names_secret(model, Key("other", "key"))


def test_where_tools_are_looked_for() -> None:
    plain, marked = (
        {"metadata": metadata()},
        {"metadata": metadata(labels={"kagent.dev/mcp-service": "true"})},
    )
    off = {"metadata": metadata(labels={"kagent.dev/discovery": "disabled"})}
    assert [is_tool_server(SERVICE, obj) for obj in (plain, marked)] == [False, True]
    assert [is_tool_server(MCP_SERVER, obj) for obj in (plain, off)] == [True, False]
    assert is_tool_server(REMOTE_MCP_SERVER, plain)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("plain } { text", "plain } { text"),
        ("You are {{.AgentName}}: {{ .Description }}.", "You are a: what it does."),
        ('{{include "p/one"}}!', "{{.AgentName}} stays!"),
        ("Tools: {{range .ToolNames}}{{.}}, {{end}}", "Tools: x, y, "),
        ("{{range .SkillNames}}{{.}}{{else}}none{{end}}", "none"),
        ("{{if .ToolNames}}some{{else}}none{{end}}", "some"),
        ("{{range .ToolNames}}{{$.AgentName}}/{{.}} {{end}}", "a/x a/y "),
        ("a {{- /* a comment */ -}} b", "ab"),
        ("{{.ToolNames}}", "[x y]"),
    ],
)
def test_templates(template: str, message: str) -> None:
    assert prompt.execute(template, CONTEXT, {"p/one": "{{.AgentName}} stays"}) == message


@pytest.mark.parametrize(
    "template", ["{{", "{{range .ToolNames}}", "{{end}}", "{{printf 1}}", "{{.Missing}}"]
)
def test_broken_templates_are_refused(template: str) -> None:
    with pytest.raises(ReconcileError, match="system message template"):
        prompt.execute(template, CONTEXT, {})


def test_numbers_and_durations_as_go_writes_them() -> None:
    assert [gojson.seconds(text) for text in ("30s", "1m30s", "500ms", "1.5h")] == [30, 90, 0.5, 5400]
    assert gojson.compact({"a": gojson.number(30.0), "b": gojson.number(0.7)}) == '{"a":30,"b":0.7}'
    assert [gojson.optional_number(text) for text in ("", "nonsense", "0.2", "1")] == [None, None, 0.2, 1]
