"""A revision: its way into a ControllerRevision and back, and its names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kubectl_kagent.decoding import TooDeep
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, MCP_SERVER, MODEL_CONFIG
from kubectl_kagent.model.revision import (
    LABEL_HASH,
    LABEL_NAME,
    MalformedRevision,
    read_revision,
    revision_name,
    revision_object,
    selector,
)
from kubectl_kagent.model.snapshot import ConfigSource, Snapshot
from kubectl_kagent.model.workload import Reference, Workload
from tests.objects import agent, load, mcp_server, model_config

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


@pytest.mark.parametrize("settings", ["x", 1, True, [], None])
def test_a_spec_that_has_no_place_for_a_replica_count_holds_none(settings: object) -> None:
    """An undo keeps the live count: it would stumble there."""
    obj = revision_object(workload(), snapshot(), 1, annotations={}, gap_before=False)
    obj["data"]["spec"] = {"type": "Declarative", "declarative": {"deployment": settings}}
    with pytest.raises(MalformedRevision, match="agent-clock-r1 holds no revision of ours"):
        read_revision(obj)


def test_what_is_nested_too_deeply_holds_none() -> None:
    obj = revision_object(workload(), snapshot(), 1, annotations={}, gap_before=False)
    assert read_revision(obj).number == 1
    obj["data"]["spec"]["more"] = [TooDeep("[]")]
    with pytest.raises(MalformedRevision):
        read_revision(obj)
