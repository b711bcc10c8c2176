"""What differs between two configs: prompt, tools, fields, sources, and the one line that sums it up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kubectl_kagent.lifecycle.history.diff import (
    Difference,
    FieldChange,
    ToolChange,
    difference,
    source_changes,
    summary,
)
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER
from kubectl_kagent.model.snapshot import ConfigSource, Snapshot
from kubectl_kagent.model.workload import Reference, Workload
from tests.objects import agent, byo, mcp_server

Object = dict[str, Any]
MODEL = Reference(MODEL_CONFIG, "default", "gpt")
SERVER = Reference(REMOTE_MCP_SERVER, "default", "time-tools")


def snapshot(spec: Object, *sources: ConfigSource) -> Snapshot:
    path = ("byo", "deployment") if spec.get("type") == "BYO" else ("declarative", "deployment")
    return Snapshot(spec, sources, 1, 1, "", datetime(2026, 11, 23, tzinfo=UTC), path)


def between(old: Object, new: Object) -> Difference:
    live = Workload(AGENT, {**agent(), "metadata": {"name": "clock", "namespace": "default"}, "spec": new})
    return difference(live, snapshot(old), snapshot(new))


def changed(old: Object | None = None, /, **new: Any) -> Difference:
    """From the small agent (with ``old``) to the same with ``new``."""
    return between(agent(**(old or {}))["spec"], agent(**new)["spec"])


def server(*tools: str, name: str = "time-tools", **more: Any) -> Object:
    target = {"kind": "RemoteMCPServer", "apiGroup": "kagent.dev", "name": name, **more}
    return {"type": "McpServer", "mcpServer": {**target, "toolNames": list(tools)}}


def helper(name: str, **more: Any) -> Object:
    return {"type": "Agent", "agent": {"name": name, **more}}


def source(content: Object | None, reference: Reference = MODEL) -> ConfigSource:
    return ConfigSource(reference, "uid", 1, content)


# The spec


def test_the_same_is_no_difference() -> None:
    found = changed()
    assert not found
    assert summary(found) == ""


def test_replicas_are_not_config() -> None:
    assert not changed({"deployment": {"replicas": 1}}, deployment={"replicas": 5})
    assert not changed({"deployment": {"replicas": 1}})
    assert not between(byo(replicas=1)["spec"], byo(replicas=2)["spec"])
    server = Workload(MCP_SERVER, {**mcp_server(), "metadata": {"name": "s", "namespace": "default"}})
    old, new = (snapshot(mcp_server(replicas=count)["spec"]) for count in (1, 2))
    assert not difference(server, old, new)


def test_the_prompt_is_told_apart_from_other_fields() -> None:
    found = changed({"systemMessage": "a"}, systemMessage="b", stream=True)
    assert found.prompt == ("a", "b")
    assert found.fields == (FieldChange("", "spec.declarative.stream", None, new=True),)


def test_a_prompt_that_moved_to_a_config_map() -> None:
    spec = agent(systemMessageFrom={"type": "ConfigMap", "name": "p", "key": "k"})["spec"]
    del spec["declarative"]["systemMessage"]
    found = between(agent()["spec"], spec)
    assert found.prompt == ("Tell the time.", "")
    assert [change.path for change in found.fields] == ["spec.declarative.systemMessageFrom"]


def test_an_empty_prompt_and_none_are_not_the_same() -> None:
    """They look alike, but they are two configs, and a diff of two configs says something."""
    without = agent()["spec"]
    del without["declarative"]["systemMessage"]
    found = between(agent(systemMessage="")["spec"], without)
    assert found.prompt is None
    assert found.fields == (FieldChange("", "spec.declarative.systemMessage", "", None),)


def test_fields_deep_down_in_the_order_of_their_paths() -> None:
    old = {"deployment": {"env": [{"name": "A", "value": "1"}], "labels": {"x": "1"}}}
    found = changed(old, deployment={"env": [], "labels": {"y": "1"}}, runtime="go")
    assert [(change.path, change.old, change.new) for change in found.fields] == [
        ("spec.declarative.deployment.env", [{"name": "A", "value": "1"}], []),
        ("spec.declarative.deployment.labels.x", "1", None),
        ("spec.declarative.deployment.labels.y", None, "1"),
        ("spec.declarative.runtime", None, "go"),
    ]


def test_another_type_is_the_type_and_both_halves() -> None:
    found = between(agent()["spec"], byo()["spec"])
    assert found.prompt == ("Tell the time.", "")
    assert [change.path for change in found.fields] == ["spec.byo", "spec.declarative", "spec.type"]


# Tools


def test_tools_come_and_go_by_name_and_server() -> None:
    old = {"tools": [server("a", "b"), server("x", name="other")]}
    found = changed(old, tools=[server("b", "c", "d"), server("x", name="other")])
    assert found.tools == (ToolChange("remotemcpserver/time-tools", ("c", "d"), ("a",), ""),)
    assert found.fields == ()


def test_tools_only_go() -> None:
    found = changed({"tools": [server("a", "b")]}, tools=[server("b")])
    assert found
    assert found.tools == (ToolChange("remotemcpserver/time-tools", (), ("a",), ""),)
    assert summary(found) == "tools -a"


def test_an_agent_as_a_tool_only_goes() -> None:
    found = changed({"tools": [helper("a")]}, tools=[])
    assert found.fields == ()
    assert found
    assert summary(found) == "tools -agent/a"


def test_a_server_comes_with_its_tools() -> None:
    found = changed(tools=[server("a")])
    assert found.tools == (ToolChange("remotemcpserver/time-tools", ("a",), (), "+"),)
    assert found.fields == ()
    assert changed({"tools": [server("a")]}).tools == (
        ToolChange("remotemcpserver/time-tools", (), ("a",), "-"),
    )


def test_a_server_in_another_namespace_is_another_one() -> None:
    found = changed({"tools": [server("a")]}, tools=[server("a", namespace="far")])
    assert found.tools == (
        ToolChange("remotemcpserver/time-tools", (), ("a",), "-"),
        ToolChange("remotemcpserver/time-tools in far", ("a",), (), "+"),
    )


def test_the_own_namespace_may_be_written_or_not() -> None:
    found = changed({"tools": [server("a")]}, tools=[server("a", namespace="default")])
    assert found.tools == ()
    path = "spec.declarative.tools[remotemcpserver/time-tools].mcpServer.namespace"
    assert found.fields == (FieldChange("", path, None, "default"),)


def test_an_agent_as_a_tool_has_no_names_and_still_a_direction() -> None:
    found = changed({"tools": [helper("old")]}, tools=[helper("new"), server("a")])
    assert found.tools == (
        ToolChange("agent/new", (), (), "+"),
        ToolChange("agent/old", (), (), "-"),
        ToolChange("remotemcpserver/time-tools", ("a",), (), "+"),
    )
    assert summary(found) == "tools +a +agent/new -agent/old"


def test_an_approval_that_went_is_told_beside_a_tool_that_came() -> None:
    """The one change that must not hide behind another."""
    found = changed({"tools": [server("a", requireApproval=["a"])]}, tools=[server("a", "b")])
    assert found.tools == (ToolChange("remotemcpserver/time-tools", ("b",), (), ""),)
    path = "spec.declarative.tools[remotemcpserver/time-tools].mcpServer.requireApproval"
    assert found.fields == (FieldChange("", path, ["a"], None),)
    assert summary(found) == ("tools +b, tools[remotemcpserver/time-tools].mcpServer.requireApproval")


def test_settings_of_a_tool_that_are_not_the_server_s() -> None:
    found = changed({"tools": [helper("h")]}, tools=[{**helper("h"), "isolateSessions": True}])
    assert found.tools == ()
    path = "spec.declarative.tools[agent/h].isolateSessions"
    assert found.fields == (FieldChange("", path, None, new=True),)


def test_a_server_named_twice() -> None:
    twice = [server("a"), server("b", requireApproval=["b"])]
    found = changed({"tools": [server("a")]}, tools=twice)
    assert found.tools == (ToolChange("remotemcpserver/time-tools", ("b",), (), ""),)
    (approval,) = found.fields
    assert approval.path == "spec.declarative.tools[remotemcpserver/time-tools]"
    assert approval.old is None


def test_another_order_of_tools_is_a_difference_too() -> None:
    old, new = [server("a", "b"), helper("h")], [helper("h"), server("a", "b")]
    found = changed({"tools": old}, tools=new)
    assert found.tools == ()
    assert found.fields == (FieldChange("", "spec.declarative.tools", old, new),)
    assert summary(changed({"tools": [server("a", "b")]}, tools=[server("b", "a")])) == "tools"


# Sources


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"spec": {"model": "a"}}, {"spec": {"model": "a"}}, []),
        (
            {"spec": {"model": "a", "x": 1}},
            {"spec": {"model": "b", "y": 2}},
            [("spec.model", "a", "b"), ("spec.x", 1, None), ("spec.y", None, 2)],
        ),
        (None, {"spec": {}}, [("", None, {"spec": {}})]),
        ({"spec": {}}, None, [("", {"spec": {}}, None)]),
        (None, None, []),
        (
            {"spec": {}, "secret": "1"},
            {"spec": {}, "secret": "2"},
            [("secret", "[masked] (before)", "[masked] (after)")],
        ),
        ({"data": {"p": "a"}}, {"data": {"p": None}}, [("data.p", "a", None)]),
    ],
)
def test_what_differs_in_a_source(
    old: Object | None, new: Object | None, expected: list[tuple[str, Any, Any]]
) -> None:
    found = source_changes([source(old)], [source(new)])
    assert found == [FieldChange("modelconfig/gpt", *change) for change in expected]


def test_sources_are_compared_with_themselves_and_in_order() -> None:
    old = [source({"spec": {"b": 1}}), source({"spec": {"url": "u"}}, SERVER)]
    new = [source({"spec": {"url": "v"}}, SERVER), source({"spec": {"b": 2}})]
    assert [change.where for change in source_changes(old, new)] == [
        "modelconfig/gpt",
        "remotemcpserver/time-tools",
    ]


def test_a_source_that_only_one_config_names_is_told_by_the_spec() -> None:
    other = Reference(MODEL_CONFIG, "default", "other")
    assert source_changes([source({"spec": {}})], [source({"spec": {}}, other)]) == []
    assert summary(changed(modelConfig="other")) == "modelConfig gpt → other"


def test_other_keys_of_one_config_map_are_another_source() -> None:
    one, two = (Reference(CONFIG_MAP, "default", "p", (key,)) for key in ("a", "b"))
    assert source_changes([source({"data": {"a": "1"}}, one)], [source({"data": {"b": "1"}}, two)]) == []


def test_a_difference_only_in_a_source_is_one() -> None:
    live = Workload(AGENT, {**agent(), "metadata": {"name": "clock", "namespace": "default"}})
    spec = agent()["spec"]
    old, new = (snapshot(spec, source({"spec": {"model": model}})) for model in "ab")
    found = difference(live, old, new)
    assert found
    assert summary(found) == "modelconfig/gpt model a → b"


# The one line


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (FieldChange("", "spec.declarative.stream", None, new=True), "stream none → true"),
        (FieldChange("", "spec.byo.deployment.image", "a:1", "a:2"), "deployment.image a:1 → a:2"),
        (FieldChange("", "spec.description", "x" * 24, "y" * 24), f"description {'x' * 24} → {'y' * 24}"),
        (FieldChange("", "spec.description", "x" * 25, "y"), "description"),
        (FieldChange("", "spec.description", "x", "y" * 25), "description"),
        (FieldChange("", "spec.description", "Old", "New"), "description Old → New"),
        (FieldChange("", "spec.declarative.deployment.env", [], [1]), "deployment.env"),
        (FieldChange("", "spec.x", 1.5, 2), "x 1.5 → 2"),
        (FieldChange("", "spec.deployment.port", 3000, None), "deployment.port 3000 → none"),
        (FieldChange("modelconfig/gpt", "spec.model", "a", "b"), "modelconfig/gpt model a → b"),
        (FieldChange("modelconfig/gpt", "secret", "1", "2"), "secret of modelconfig/gpt"),
        (FieldChange("modelconfig/gpt", "", {}, None), "modelconfig/gpt deleted"),
        (FieldChange("modelconfig/gpt", "", None, {}), "modelconfig/gpt created"),
        (FieldChange("configmap/p", "data.k", "long " * 9, "x"), "configmap/p data.k"),
        (FieldChange("mcpserver/m", "port", 1, 2), "mcpserver/m port 1 → 2"),
    ],
)
def test_a_field_in_a_few_words(change: FieldChange, expected: str) -> None:
    assert summary(Difference(None, (), (change,))) == expected


def test_all_of_it_in_one_line() -> None:
    found = Difference(
        ("a", "b"),
        (ToolChange("s", ("x",), ("y",), ""), ToolChange("agent/h", (), (), "-")),
        (FieldChange("", "spec.declarative.modelConfig", "gpt", "other"),),
    )
    assert summary(found) == "prompt, tools +x -y -agent/h, modelConfig gpt → other"
