"""A snapshot: what is in it, and what makes two the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kubectl_kagent.decoding import TooDeep
from kubectl_kagent.errors import Unreadable
from kubectl_kagent.model.resources import CONFIG_MAP, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER, SERVICE
from kubectl_kagent.model.snapshot import ConfigSource, Snapshot, canonical_json, digest
from kubectl_kagent.model.workload import Reference
from tests.objects import agent, byo, changed, mcp_server, model_config

MODEL = Reference(MODEL_CONFIG, "team", "gpt")


def snapshot(spec: dict[str, Any] | None = None, *sources: ConfigSource) -> Snapshot:
    moment = datetime(2026, 11, 23, 8, 0, 5, tzinfo=UTC)
    path = ("declarative", "deployment")
    return Snapshot(agent()["spec"] if spec is None else spec, sources, 120, 4, "kubectl-edit", moment, path)


def stored(obj: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], "uid": "uid-9", "generation": 3, **metadata}}


# The same or not


def test_canonical_json_has_one_spelling() -> None:
    assert canonical_json({"b": [1, {"d": None, "c": "ä"}], "a": True}) == (
        '{"a":true,"b":[1,{"c":"ä","d":null}]}'
    )
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})


def test_the_digest_is_short_and_stable() -> None:
    assert digest({"a": 1}) == "015abd7f5cc57a2d"
    assert digest({"a": 1}) != digest({"a": "1"})


def test_replicas_make_no_difference() -> None:
    one = snapshot(agent(deployment={"replicas": 1})["spec"])
    five = snapshot(agent(deployment={"replicas": 5})["spec"])
    none = snapshot(agent(deployment={})["spec"])
    absent = snapshot(agent()["spec"])
    assert one.hash == five.hash == none.hash == absent.hash


def test_other_deployment_settings_do() -> None:
    bare = snapshot(agent(deployment={"replicas": 1})["spec"])
    with_env = snapshot(agent(deployment={"replicas": 1, "env": []})["spec"])
    assert bare.hash != with_env.hash


def test_replicas_elsewhere_in_the_spec_do() -> None:
    """Only the path of the type is the replica count."""
    spec = byo(replicas=1)["spec"]
    as_declarative = snapshot(spec).hash
    assert as_declarative != snapshot(byo(replicas=2)["spec"]).hash


def test_the_order_of_lists_makes_a_difference_and_that_of_keys_none() -> None:
    spec = agent()["spec"]
    turned = dict(reversed(spec.items()))
    assert snapshot(spec).hash == snapshot(turned).hash
    tools = [{"type": "Agent", "agent": {"name": name}} for name in ("a", "b")]
    assert snapshot(agent(tools=tools)["spec"]).hash != snapshot(agent(tools=tools[::-1])["spec"]).hash


def test_a_source_counts_with_its_content_and_not_with_its_identity() -> None:
    plain = ConfigSource.of(MODEL, stored(model_config()))
    touched = ConfigSource.of(MODEL, stored(model_config(), uid="uid-10", generation=9, resourceVersion="99"))
    other = ConfigSource.of(MODEL, stored(model_config(model="large")))
    gone = ConfigSource.of(MODEL, None)
    assert snapshot(None, plain).hash == snapshot(None, touched).hash
    assert len({snapshot(None, source).hash for source in (plain, other, gone)}) == 3


def test_what_is_nested_too_deeply_has_no_digest() -> None:
    with pytest.raises(Unreadable):
        digest({"spec": [TooDeep("[[]]")]})


# What is taken from a source


def content(reference: Reference, obj: dict[str, Any]) -> dict[str, Any]:
    found = ConfigSource.of(reference, obj).content
    assert found is not None
    return dict(found)


def test_of_a_config_map_only_the_keys_in_use() -> None:
    obj = stored({"metadata": {"name": "prompts"}, "data": {"a": "1", "b": "2"}})
    assert content(Reference(CONFIG_MAP, "team", "prompts", ("a",)), obj) == {"data": {"a": "1"}}
    assert content(Reference(CONFIG_MAP, "team", "prompts"), obj) == {"data": {"a": "1", "b": "2"}}
    assert content(Reference(CONFIG_MAP, "team", "prompts", ("c",)), obj) == {"data": {"c": None}}
    assert content(Reference(CONFIG_MAP, "team", "prompts"), stored({"metadata": {}})) == {"data": {}}


def test_of_an_mcp_server_only_what_kagent_uses() -> None:
    reference = Reference(MCP_SERVER, "team", "datetime")
    found = content(reference, stored(mcp_server()))
    assert found == {"port": 3000, "timeout": "30s"}
    assert found == content(reference, stored(mcp_server(image="registry.example/datetime:2", replicas=7)))


def test_of_a_service_its_ports_and_its_mcp_annotations() -> None:
    obj = stored(
        {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "clusterIP": "10.0.0.1"}},
        annotations={"kagent.dev/mcp-service-path": "/mcp", "unrelated": "x"},
    )
    assert content(Reference(SERVICE, "team", "s"), obj) == {
        "ports": [{"port": 80}],
        "annotations": {"kagent.dev/mcp-service-path": "/mcp"},
    }


def test_of_a_model_config_the_spec_and_a_mark_of_the_secret() -> None:
    before = stored({**model_config(), "status": {"secretHash": "hash-of-the-key", "conditions": []}})
    found = content(MODEL, before)
    assert found["spec"] == model_config()["spec"]
    assert "hash-of-the-key" not in json.dumps(found)
    rotated = content(MODEL, changed(before, "status", "secretHash", to="hash-of-another"))
    assert found["secret"] != rotated["secret"]
    assert "secret" not in content(MODEL, stored(model_config()))


def test_every_kind_of_source_can_be_read_back() -> None:
    for resource in (MODEL_CONFIG, REMOTE_MCP_SERVER, MCP_SERVER, CONFIG_MAP, SERVICE):
        source = ConfigSource(Reference(resource, "team", "x"), "uid", 1, {"a": 1})
        assert ConfigSource.from_data(source.to_data()) == source
