"""What a Deployment proves about the config it was rendered from, and what it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubectl_kagent.lifecycle.history.rendered import rendered, template_hash
from kubectl_kagent.lifecycle.history.snapshots import Observation, Then
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, Resource
from kubectl_kagent.model.snapshot import Snapshot
from kubectl_kagent.model.workload import Workload
from tests.objects import agent, changed, mcp_server

Object = dict[str, Any]
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)


def deployment(config_hash: str = "11", *, wanted: int = 1, **status: int) -> Object:
    counts = {"replicas": wanted, "updatedReplicas": wanted, "availableReplicas": wanted}
    return {
        "metadata": {"generation": 3},
        "spec": {
            "replicas": wanted,
            "template": {
                "metadata": {"annotations": {"kagent.dev/config-hash": config_hash, "team": "x"}},
                "spec": {"containers": [{"name": "kagent", "image": "app:1"}, {"image": "sidecar:1"}]},
            },
        },
        "status": {"observedGeneration": 3, **counts, **status},
    }


def moment(
    rendered_as: Object | None = None,
    *,
    generation: int = 2,
    seen: int = 2,
    accepted: str | None = "True",
    obj: Object | None = None,
    resource: Resource = AGENT,
    sources: tuple[Object | None, ...] = (),
) -> Observation:
    status: Object = {"observedGeneration": seen}
    if accepted is not None:
        status["conditions"] = [{"type": "Accepted", "status": accepted, "reason": "", "message": ""}]
    live = obj or agent()
    metadata = {**live["metadata"], "namespace": "default", "generation": generation}
    whole = {**live, "metadata": metadata, "status": status}
    workload = Workload(resource, whole)
    snapshot = Snapshot(live["spec"], (), 9, generation, "", LONG_AGO, workload.deployment_path)
    return Observation(workload, snapshot, rendered_as, sources, whole)


def proven(look: Observation, then: Then | None = None) -> Object:
    return dict(rendered(look, lambda: then, until=NOW))


# Proven


def test_everything_that_shows_only_once_it_runs() -> None:
    assert proven(moment(deployment())) == {
        "kubectl-kagent/config-hash": "11",
        "kubectl-kagent/template-hash": template_hash(deployment()),
        "kubectl-kagent/image": "app:1",
        "kubectl-kagent/ready-at": "2026-11-23T08:00:00Z",
    }


def test_an_mcp_server_has_its_hash_in_an_annotation_of_its_own() -> None:
    found = deployment()
    found["spec"]["template"]["metadata"]["annotations"] = {
        "kmcp.kagent.dev/mcpserver-config-hash": "6122c090",
        "kagent.dev/config-hash": "another's",
    }
    look = moment(found, obj=mcp_server(), resource=MCP_SERVER)
    assert proven(look)["kubectl-kagent/config-hash"] == "6122c090"


def test_what_is_not_ready_yet_has_no_time() -> None:
    found = proven(moment(deployment(availableReplicas=0)))
    assert found["kubectl-kagent/config-hash"] == "11"
    assert "kubectl-kagent/ready-at" not in found


def test_a_template_without_containers_has_no_image() -> None:
    found = changed(deployment(), "spec", "template", "spec", to={"containers": []})
    assert proven(moment(found))["kubectl-kagent/image"] == ""


# Not proven


@pytest.mark.parametrize(
    "look",
    [
        moment(None),
        moment(deployment(), generation=3, seen=2),
        moment(deployment(), accepted="False"),
        moment(deployment(), accepted="Unknown"),
        moment(deployment(), accepted=None),
    ],
    ids=["no Deployment", "spec not seen yet", "refused", "undecided", "no condition"],
)
def test_nothing_is_proven_by(look: Observation) -> None:
    assert proven(look) == {}


# A change in a source: nothing in the workload tells that it was seen


def source(
    *,
    ago: float,
    noted: float | None = None,
    version: int = 7,
    kind: str = "ModelConfig",
    generation: int = 2,
) -> Object:
    """Written so many seconds before now, and noted by kagent so many seconds before now."""
    entry: Object = {"time": stamp(ago), "manager": "kubectl-edit", "fieldsV1": {"f:spec": {}}}
    found: Object = {
        "kind": kind,
        "metadata": {"resourceVersion": str(version), "generation": 2, "managedFields": [entry]},
    }
    if noted is not None:
        fields = {"f:status": {"f:observedGeneration": {}}}
        seen = {"time": stamp(noted), "subresource": "status", "fieldsV1": fields}
        found["metadata"]["managedFields"].append(seen)
        found["status"] = {"observedGeneration": 2}
    return found


def stamp(ago: float) -> str:
    return (NOW - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def written(found: Object, *, ago: float) -> Object:
    """The controller wrote that Deployment so many seconds before now."""
    path = ("f:spec", "f:template", "f:metadata", "f:annotations", "f:kagent.dev/config-hash")
    fields: Object = {}
    for step in reversed(path):
        fields = {step: fields}
    entry = {"time": stamp(ago), "manager": "controller", "fieldsV1": fields}
    metadata = {**found["metadata"], "resourceVersion": "9", "managedFields": [entry]}
    return {**found, "metadata": metadata}


def hash_of(look: Observation, then: Then | None = None) -> str:
    return str(proven(look, then).get("kubectl-kagent/config-hash", ""))


def test_the_deployment_moved_since_the_source_was_written() -> None:
    look = moment(deployment("12"), sources=(source(ago=0),))
    assert hash_of(look, Then(look.workload, deployment("11"))) == "12"
    assert hash_of(look, Then(look.workload, None)) == "12"
    assert hash_of(look, Then(None, None)) == "12"
    assert hash_of(look, Then(look.workload, deployment("12"))) == ""


def test_or_the_status_of_the_workload_did() -> None:
    look = moment(deployment("11"), sources=(source(ago=0),))
    before = moment(deployment("11"), accepted="False")
    assert hash_of(look, Then(before.workload, deployment("11"))) == "11"


def test_what_the_controller_makes_of_a_spec_that_it_had_not_seen_says_nothing_of_the_source() -> None:
    """The source was written while it worked: it may have read what that said before."""
    look = moment(written(deployment("12"), ago=0), sources=(source(ago=0),))
    before = moment(deployment("11"), seen=1)
    assert hash_of(look, Then(before.workload, deployment("11"))) == ""
    later = moment(written(deployment("12"), ago=10), sources=(source(ago=11, noted=10),))
    assert hash_of(later, Then(before.workload, deployment("11"))) == "12"


def test_nor_what_it_makes_of_a_source_that_was_written_just_before() -> None:
    first, second = source(ago=5, version=6, kind="ConfigMap"), source(ago=1, version=7)
    look = moment(written(deployment("12"), ago=0), sources=(first, second))
    then = Then(look.workload, written(deployment("11"), ago=60))
    assert hash_of(look, then) == ""
    assert hash_of(look, Then(look.workload, written(deployment("11"), ago=4))) == "12"


def test_other_writes_to_the_deployment_are_no_sign() -> None:
    look = moment(deployment("11", wanted=5), sources=(source(ago=3600),))
    restarted = changed(deployment("11"), "metadata", "generation", to=2)
    assert hash_of(look, Then(look.workload, restarted)) == ""


@pytest.mark.parametrize(("ago", "believed"), [(60, True), (120, True), (121, False), (3600, False)])
def test_what_was_then_is_forgotten_so_the_times_tell(ago: float, *, believed: bool) -> None:
    look = moment(written(deployment("11"), ago=ago), sources=(source(ago=120, noted=5),))
    assert hash_of(look) == ("11" if believed else "")


@pytest.mark.parametrize(
    ("noted", "believed"), [(None, False), (0, False), (9, False), (10, True), (3600, True)]
)
def test_a_hash_that_does_not_move_is_believed_some_time_after_kagent_noted_the_source(
    noted: float | None, *, believed: bool
) -> None:
    """A change may also leave the hash as it is, like one of a field that kagent does not read."""
    look = moment(written(deployment("11"), ago=7200), sources=(source(ago=3600, noted=noted),))
    assert hash_of(look, Then(look.workload, deployment("11"))) == ("11" if believed else "")


def test_what_kagent_noted_of_a_generation_before_is_no_sign() -> None:
    old = {**source(ago=3600, noted=1800), "status": {"observedGeneration": 1}}
    look = moment(written(deployment("11"), ago=7200), sources=(old,))
    assert hash_of(look, Then(look.workload, deployment("11"))) == ""


def test_nor_what_another_controller_noted() -> None:
    look = moment(
        written(deployment("11"), ago=7200), sources=(source(ago=3600, noted=1800, kind="MCPServer"),)
    )
    assert hash_of(look, Then(look.workload, deployment("11"))) == ""


def test_of_several_sources_each_must_be_taken_up() -> None:
    old, new = source(ago=9000, version=3, kind="ConfigMap"), source(ago=3600, noted=1800)
    look = moment(written(deployment("11"), ago=7200), sources=(old, new))
    then = Then(look.workload, deployment("11"))
    assert hash_of(look, then) == "11"
    unseen = source(ago=3600, version=3, kind="ConfigMap")
    assert hash_of(moment(written(deployment("11"), ago=7200), sources=(unseen, new)), then) == ""


def test_nothing_is_rendered_from_a_source_that_is_not_there() -> None:
    look = moment(deployment("12"), sources=(None,))
    assert hash_of(look, Then(None, None)) == ""


# The template


def test_a_restart_is_no_other_template_and_another_image_is() -> None:
    path = ("spec", "template", "metadata", "annotations")
    first = deployment()
    restarted = changed(
        first,
        *path,
        to={
            **first["spec"]["template"]["metadata"]["annotations"],
            "kubectl.kubernetes.io/restartedAt": "now",
        },
    )
    labelled = changed(first, *path, to={"kagent.dev/config-hash": "11"})
    updated = changed(first, "spec", "template", "spec", to={"containers": [{"image": "app:2"}]})
    scaled = changed(first, "spec", "replicas", to=7)
    assert template_hash(first) == template_hash(restarted) == template_hash(scaled)
    assert len({template_hash(found) for found in (first, labelled, updated)}) == 3


def test_a_template_without_annotations_has_a_hash_too() -> None:
    assert template_hash({"spec": {"template": {}}}) == template_hash({"spec": {}})
