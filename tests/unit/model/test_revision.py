"""A revision: what is in it, what makes two the same, and its way into a ControllerRevision and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kubectl_kagent.decoding import TooDeep
from kubectl_kagent.errors import KagentError, Unreadable
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    SERVICE,
)
from kubectl_kagent.model.revision import (
    LABEL_HASH,
    LABEL_NAME,
    ConfigSource,
    MalformedRevision,
    Snapshot,
    canonical_json,
    digest,
    read_revision,
    revision_name,
    revision_object,
    selector,
)
from kubectl_kagent.model.workload import Reference, Workload
from tests.objects import agent, byo, changed, load, mcp_server, model_config

MOMENT = datetime(2026, 11, 23, 8, 0, 5, tzinfo=UTC)
MODEL = Reference(MODEL_CONFIG, "team", "gpt")


def workload(name: str = "clock") -> Workload:
    obj = agent(name)
    obj["metadata"] |= {"namespace": "team", "uid": "uid-1"}
    return Workload(AGENT, obj)


def snapshot(spec: dict[str, Any] | None = None, *sources: ConfigSource) -> Snapshot:
    return Snapshot(
        spec=agent()["spec"] if spec is None else spec,
        sources=sources,
        resource_version=120,
        generation=4,
        changed_by="kubectl-edit",
        changed_at=MOMENT,
        deployment_path=("declarative", "deployment"),
    )


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


# Into a ControllerRevision and back


def test_a_revision_comes_back_as_it_went() -> None:
    source = ConfigSource.of(MODEL, stored(model_config()))
    prompts = ConfigSource.of(Reference(CONFIG_MAP, "team", "p", ("a", "b")), None)
    snap = snapshot(agent(systemMessage="<b> & äöü 😀 \u2028")["spec"], source, prompts)
    annotations = {
        "kubernetes.io/change-cause": "why",
        "kubectl-kagent/recorded-by": "recorder",
        "kubectl-kagent/rollback-of": "3",
        "kubectl-kagent/config-hash": "123",
        "kubectl-kagent/template-hash": "t",
        "kubectl-kagent/image": "app:1",
        "kubectl-kagent/ready-at": "2026-11-23T08:00:09Z",
    }
    obj = revision_object(workload(), snap, 7, annotations=annotations, gap_before=True)
    back = read_revision(json.loads(json.dumps(obj)))
    assert (back.number, back.name, back.hash) == (7, "agent-clock-r7", snap.hash)
    assert (back.spec, back.sources) == (snap.spec, (source, prompts))
    assert (back.resource_version, back.generation) == (120, 4)
    assert (back.changed_by, back.changed_at, back.gap_before) == ("kubectl-edit", MOMENT, True)
    assert (back.change_cause, back.recorded_by, back.rollback_of) == ("why", "recorder", 3)
    assert (back.config_hash, back.template_hash, back.image) == ("123", "t", "app:1")
    assert back.ready_at == "2026-11-23T08:00:09Z"


def test_a_revision_without_annotations_says_nothing_it_does_not_know() -> None:
    obj = revision_object(workload(), snapshot(), 1, annotations={}, gap_before=False)
    back = read_revision(obj)
    assert (back.change_cause, back.recorded_by, back.rollback_of) == ("", "", None)
    assert (back.config_hash, back.image, back.ready_at, back.gap_before) == ("", "", "", False)
    del obj["metadata"]["annotations"]
    assert read_revision(obj).annotations == {}


def test_the_object_is_owned_labelled_and_numbered() -> None:
    obj = revision_object(workload(), snapshot(), 2, annotations={}, gap_before=False)
    assert obj["revision"] == 2
    assert obj["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "kagent.dev/v1alpha2",
            "kind": "Agent",
            "name": "clock",
            "uid": "uid-1",
            "controller": True,
            "blockOwnerDeletion": False,
        }
    ]
    assert obj["metadata"]["labels"] == {
        "kubectl-kagent/kind": "agent",
        "kubectl-kagent/name": "clock",
        "kubectl-kagent/hash": snapshot().hash,
    }
    assert obj["data"]["apiVersion"] == "kubectl-kagent/v1"


def test_no_secret_value_is_in_a_revision() -> None:
    """Secrets are named, never read; the marks of rotation do not tell what they hold."""
    model = stored({**model_config(), "status": {"secretHash": "5e884898da"}})
    obj = revision_object(
        Workload(AGENT, load("declarative")),
        snapshot(load("declarative")["spec"], ConfigSource.of(MODEL, model)),
        1,
        annotations={},
        gap_before=False,
    )
    text = json.dumps(obj)
    assert "5e884898da" not in text
    env = obj["data"]["spec"]["declarative"]["deployment"]["env"]
    assert {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}} in env


def test_every_kind_of_source_can_be_read_back() -> None:
    for resource in (MODEL_CONFIG, REMOTE_MCP_SERVER, MCP_SERVER, CONFIG_MAP, SERVICE):
        source = ConfigSource(Reference(resource, "team", "x"), "uid", 1, {"a": 1})
        assert ConfigSource.from_data(source.to_data()) == source


# Names


def test_names_within_the_limits_stay_as_they_are() -> None:
    assert revision_name(workload(), 12) == "agent-clock-r12"
    server = Workload(MCP_SERVER, mcp_server())
    assert revision_name(server, 1) == "mcpserver-datetime-r1"
    assert selector(server) == {"kubectl-kagent/kind": "mcpserver", "kubectl-kagent/name": "datetime"}


@pytest.mark.parametrize("length", [63, 64, 200, 244, 245, 253])
@pytest.mark.parametrize("number", [1, 10, 99999])
def test_long_names_fit_and_stay_apart(length: int, number: int) -> None:
    names = ["a" * length, "a" * (length - 1) + "b"]
    found = [revision_name(workload(name), number) for name in names]
    labels = [selector(workload(name))[LABEL_NAME] for name in names]
    assert all(len(name) <= 253 and name.endswith(f"-r{number}") for name in found)
    assert all(len(label) <= 63 for label in labels)
    assert len(set(found)) == len(set(labels)) == 2


def test_a_shortened_name_is_still_a_name() -> None:
    """No dot or dash stands before the hash, where DNS names allow none."""
    name = "x" * 53 + ".-.-" + "y" * 100
    label = selector(workload(name))[LABEL_NAME]
    assert label.startswith("x" * 53 + "-")
    assert "--" not in label
    assert ".-" not in label


def test_the_hash_label_is_a_label() -> None:
    obj = revision_object(workload(), snapshot(), 1, annotations={}, gap_before=False)
    assert len(obj["metadata"]["labels"][LABEL_HASH]) == 16


def test_what_holds_no_revision_is_an_error_that_is_explained() -> None:
    with pytest.raises(KagentError) as caught:
        read_revision({"metadata": {"name": "agent-clock-r1"}, "data": []})
    assert caught.value.line == "error: controllerrevision.apps/agent-clock-r1 holds no revision of ours"


def test_what_is_nested_too_deeply_holds_none() -> None:
    obj = revision_object(workload(), snapshot(), 1, annotations={}, gap_before=False)
    assert read_revision(obj).number == 1
    obj["data"]["spec"]["more"] = [TooDeep("[]")]
    with pytest.raises(MalformedRevision):
        read_revision(obj)


def test_what_is_nested_too_deeply_has_no_digest() -> None:
    with pytest.raises(Unreadable):
        digest({"spec": [TooDeep("[[]]")]})
