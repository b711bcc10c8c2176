"""What a Deployment proves about the config it was rendered from, and what it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubectl_kagent.lifecycle.observe import Moment
from kubectl_kagent.lifecycle.rendering import is_ready, rendered, template_hash
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, Resource
from kubectl_kagent.model.revision import Revision, Snapshot
from kubectl_kagent.model.workload import Workload
from tests.objects import agent, changed, mcp_server

Object = dict[str, Any]
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
LATER = NOW + timedelta(minutes=5)


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
) -> Moment:
    status: Object = {"observedGeneration": seen}
    if accepted is not None:
        status["conditions"] = [{"type": "Accepted", "status": accepted, "reason": "", "message": ""}]
    live = obj or agent()
    metadata = {**live["metadata"], "namespace": "default", "generation": generation}
    whole = {**live, "metadata": metadata, "status": status}
    workload = Workload(resource, whole)
    snapshot = Snapshot(live["spec"], (), 9, generation, "", LONG_AGO, workload.deployment_path)
    return Moment(workload, snapshot, rendered_as, (whole,), whole)


def revision(generation: int, config_hash: str) -> Revision:
    marks = {"kubectl-kagent/config-hash": config_hash}
    return Revision(1, "r", "h", {}, (), 1, generation, "", LONG_AGO, False, marks)


def proven(look: Moment, before: Revision | None = None, changed_at: datetime = LONG_AGO) -> Object:
    return dict(rendered(look, 2, changed_at, before, until=NOW))


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
def test_nothing_is_proven_by(look: Moment) -> None:
    assert proven(look) == {}


# A change in a source: nothing in the status tells that it was seen


def test_a_moved_hash_proves_a_source_only_change() -> None:
    found = proven(moment(deployment("12")), before=revision(2, "11"), changed_at=NOW)
    assert found["kubectl-kagent/config-hash"] == "12"


@pytest.mark.parametrize(("seconds", "believed"), [(0, False), (9, False), (10, True), (3600, True)])
def test_an_unmoved_hash_is_believed_only_after_a_while(seconds: int, believed: bool) -> None:
    """A change may also leave the hash as it is, like one of a field that kagent does not read."""
    changed_at = NOW - timedelta(seconds=seconds)
    assert bool(proven(moment(deployment("11")), revision(2, "11"), changed_at)) == believed


def test_an_unmoved_hash_is_no_doubt_when_the_spec_itself_changed() -> None:
    found = proven(moment(deployment("11")), before=revision(1, "11"), changed_at=NOW)
    assert found["kubectl-kagent/config-hash"] == "11"


# Ready


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (deployment(), True),
        (deployment(wanted=3), True),
        (deployment(wanted=0), False),
        (deployment(availableReplicas=0), False),
        (deployment(wanted=3, availableReplicas=2), False),
        (deployment(wanted=3, updatedReplicas=2), False),
        (deployment(replicas=2), False),
        (deployment(observedGeneration=2), False),
        (deployment(observedGeneration=4), True),
        ({**deployment(), "status": {}}, False),
        ({**deployment(), "status": None}, False),
    ],
)
def test_ready_is_all_wanted_pods_of_the_newest_template_and_no_others(found: Object, expected: bool) -> None:
    assert is_ready(found) == expected


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
