"""What the plugin reads out of an Agent or MCPServer."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    DEPLOYMENT,
    LISTABLE,
    MCP_SERVER,
    MODEL_CONFIG,
    POD,
    REMOTE_MCP_SERVER,
    SERVICE,
    Resource,
    find_type,
)
from kubectl_kagent.model.workload import Reference, Workload, dig, with_replicas, without_replicas
from tests.objects import WORKLOAD_FILES, agent, byo, changed, load


def loaded(name: str) -> Workload:
    return Workload(WORKLOAD_FILES[name], load(name))


@pytest.mark.parametrize(
    ("name", "path", "replicas", "type_", "runtime", "selector", "label"),
    [
        (
            "declarative",
            ("declarative", "deployment"),
            3,
            "Declarative",
            "go",
            "app=kagent,kagent=clock",
            "agent.kagent.dev/clock",
        ),
        ("byo", ("byo", "deployment"), 2, "BYO", "", "app=kagent,kagent=own", "agent.kagent.dev/own"),
        (
            "mcpserver",
            ("deployment",),
            1,
            "http",
            "",
            "app.kubernetes.io/name=datetime,app.kubernetes.io/instance=datetime",
            "mcpserver.kagent.dev/datetime",
        ),
    ],
)
def test_each_kind_keeps_its_settings_in_its_own_place(
    name: str,
    path: tuple[str, ...],
    replicas: int,
    type_: str,
    runtime: str,
    selector: str,
    label: str,
) -> None:
    workload = loaded(name)
    assert workload.deployment_path == path
    assert workload.replicas == replicas
    assert (workload.type, workload.runtime) == (type_, runtime)
    assert workload.pod_selector == selector
    assert workload.label == label
    assert workload.namespace == "team"


def test_config_hashes_have_different_annotations() -> None:
    assert loaded("declarative").config_hash_annotation == "kagent.dev/config-hash"
    assert loaded("byo").config_hash_annotation == "kagent.dev/config-hash"
    assert loaded("mcpserver").config_hash_annotation == "kmcp.kagent.dev/mcpserver-config-hash"


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"type": "Declarative"},
        {"type": "Declarative", "declarative": {}},
        {"type": "Declarative", "declarative": {"deployment": {}}},
        {"type": "Declarative", "declarative": {"deployment": None}},
        {"type": "BYO", "byo": {"deployment": {"image": "x"}}},
        {"type": "BYO"},
    ],
)
def test_without_a_count_an_autoscaler_decides(spec: dict[str, Any]) -> None:
    assert Workload(AGENT, {"metadata": {"name": "x", "namespace": "y"}, "spec": spec}).replicas is None


def test_zero_is_a_count() -> None:
    assert Workload(AGENT, agent(deployment={"replicas": 0})).replicas == 0


def test_an_agent_without_a_type_is_declarative() -> None:
    obj = changed(agent(), "spec", to={"declarative": {"deployment": {"replicas": 4}}})
    assert Workload(AGENT, obj).type == "Declarative"
    assert Workload(AGENT, obj).replicas == 4


def test_an_agent_stored_before_the_runtime_field_runs_python() -> None:
    assert Workload(AGENT, agent()).runtime == "python"


def test_a_bare_object_has_nothing_and_breaks_nothing() -> None:
    workload = Workload(AGENT, {"metadata": {"name": "x", "namespace": "y"}})
    assert (workload.uid, workload.generation, workload.resource_version) == ("", 0, "")
    assert (workload.spec, dict(workload.labels), dict(workload.annotations)) == ({}, {}, {})
    assert (workload.prompt, workload.model_config, workload.tools) == ("", None, ())
    assert (workload.observed_generation, workload.condition("Ready")) == (0, None)
    assert workload.references() == ()


def test_conditions() -> None:
    workload = loaded("declarative")
    accepted, ready = workload.condition("Accepted"), workload.condition("Ready")
    assert accepted is not None
    assert (accepted.status, accepted.reason, accepted.observed) == ("True", "Reconciled", 4)
    assert ready is not None
    assert ready.message == "Deployment is not ready, 0/3 pods are ready"
    assert ready.observed == 0
    assert workload.observed_generation == 4


def test_references_are_everything_the_config_is_made_from() -> None:
    assert loaded("declarative").references() == (
        Reference(CONFIG_MAP, "team", "phrases"),
        Reference(CONFIG_MAP, "team", "prompts", ("clock",)),
        Reference(MCP_SERVER, "team", "kindless"),  # kagent refuses one of another namespace
        Reference(MODEL_CONFIG, "team", "chat-model"),
        Reference(MODEL_CONFIG, "team", "embedding-model"),
        Reference(MODEL_CONFIG, "team", "summary-model"),
        Reference(REMOTE_MCP_SERVER, "team", "remote"),
        Reference(SERVICE, "team", "plain-service"),
    )


def test_the_same_source_used_twice_is_one_reference() -> None:
    references = Workload(AGENT, placed(agent(memory={"modelConfig": "gpt"}))).references()
    assert references == (Reference(MODEL_CONFIG, "team", "gpt"),)


def test_what_stands_beside_the_type_counts_for_nothing() -> None:
    """Only the part that ``type`` names is in force."""
    obj = placed(byo())
    obj["spec"]["declarative"] = agent()["spec"]["declarative"]
    assert Workload(AGENT, obj).references() == ()
    assert loaded("mcpserver").references() == ()


def test_a_prompt_from_a_secret_is_no_reference() -> None:
    source = {"type": "Secret", "name": "prompts", "key": "clock"}
    references = Workload(AGENT, placed(agent(systemMessageFrom=source))).references()
    assert references == (Reference(MODEL_CONFIG, "team", "gpt"),)


def test_tools_say_where_each_comes_from() -> None:
    remote, datetime_, service, kindless, helper, far = loaded("declarative").tools
    assert (remote.tools, remote.approvals) == (("search", "fetch"), ("fetch",))
    assert datetime_.server == Reference(MCP_SERVER, "tools", "datetime")
    assert service.server.resource is SERVICE
    assert kindless.server.resource is MCP_SERVER
    assert helper.server == Reference(AGENT, "team", "helper")
    assert far.server == Reference(AGENT, "elsewhere", "far-helper")


def test_a_tool_of_a_kind_that_is_not_known_is_left_out() -> None:
    assert Workload(AGENT, placed(agent(tools=[{"type": "Future", "future": {"name": "x"}}]))).tools == ()


@pytest.mark.parametrize(
    ("spec", "path", "replicas", "expected"),
    [
        ({}, ("deployment",), 2, {"deployment": {"replicas": 2}}),
        ({}, ("byo", "deployment"), 0, {"byo": {"deployment": {"replicas": 0}}}),
        (
            {"deployment": {"image": "x", "replicas": 1}},
            ("deployment",),
            2,
            {"deployment": {"image": "x", "replicas": 2}},
        ),
        (
            {"deployment": {"image": "x", "replicas": 1}},
            ("deployment",),
            None,
            {"deployment": {"image": "x"}},
        ),
        ({"a": {"deployment": {"replicas": 1}}}, ("a", "deployment"), None, {"a": {}}),
        ({"a": {"deployment": {}}}, ("a", "deployment"), None, {"a": {}}),
        ({"a": {"b": 1}}, ("a", "deployment"), None, {"a": {"b": 1}}),
        ({}, ("a", "deployment"), None, {}),
    ],
)
def test_with_replicas(
    spec: dict[str, Any], path: tuple[str, ...], replicas: int | None, expected: dict[str, Any]
) -> None:
    assert with_replicas(spec, path, replicas) == expected


def test_with_replicas_leaves_what_it_was_given() -> None:
    spec = {"declarative": {"deployment": {"replicas": 1}}}
    with_replicas(spec, ("declarative", "deployment"), 5)
    with_replicas(spec, ("declarative", "deployment"), None)
    assert spec == {"declarative": {"deployment": {"replicas": 1}}}


def test_without_replicas_looks_where_the_specs_own_type_has_them() -> None:
    both = {"declarative": {"deployment": {"replicas": 1}}, "byo": {"deployment": {"replicas": 2}}}
    assert without_replicas(AGENT, {"type": "BYO", **both}) == {
        "type": "BYO",
        "declarative": {"deployment": {"replicas": 1}},
        "byo": {},
    }
    assert without_replicas(MCP_SERVER, {"deployment": {"replicas": 1}}) == {}


def test_dig_stops_at_what_is_no_map() -> None:
    assert dig({"a": {"b": 1}}, "a", "b") == 1
    assert dig({"a": [1]}, "a", "b") is None
    assert dig(None, "a") is None
    assert dig({"a": None}, "a", "b") is None


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "path"),
    [
        (AGENT, "team", "clock", "/apis/kagent.dev/v1alpha2/namespaces/team/agents/clock"),
        (AGENT, "team", None, "/apis/kagent.dev/v1alpha2/namespaces/team/agents"),
        (AGENT, None, None, "/apis/kagent.dev/v1alpha2/agents"),
        (POD, "team", "p", "/api/v1/namespaces/team/pods/p"),
        (DEPLOYMENT, None, None, "/apis/apps/v1/deployments"),
        (Resource("", "v1", "namespaces", "Namespace", namespaced=False), "x", "n", "/api/v1/namespaces/n"),
    ],
)
def test_paths(resource: Resource, namespace: str | None, name: str | None, path: str) -> None:
    assert resource.path(namespace, name) == path


@pytest.mark.parametrize(
    ("word", "resource"),
    [
        ("agent", AGENT),
        ("agents", AGENT),
        ("Agents", AGENT),
        ("agents.kagent.dev", AGENT),
        ("agent.kagent.dev", AGENT),
        ("mcps", MCP_SERVER),
        ("mcp", MCP_SERVER),
        ("mcpserver", MCP_SERVER),
        ("mc", MODEL_CONFIG),
        ("modelconfigs", MODEL_CONFIG),
        ("rmcps", REMOTE_MCP_SERVER),
        ("deployment", None),
        ("agents.example", None),
        ("", None),
    ],
)
def test_types_are_found_as_kubectl_spells_them(word: str, resource: Resource | None) -> None:
    assert find_type(word) is resource


def test_every_listable_type_is_found_by_each_of_its_names() -> None:
    for resource in LISTABLE:
        for name in (resource.plural, resource.singular, resource.full_name):
            assert find_type(name) is resource


def placed(obj: dict[str, Any]) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], "namespace": "team"}}
