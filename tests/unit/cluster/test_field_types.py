"""Objects are held to their types where they come in: what a reader relies on is so, or it is an error."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.cluster.field_types import checked, checked_list
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import (
    AGENT,
    BUNDLED,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    CRD,
    DEPLOYMENT,
    EVENT,
    HPA,
    NAMESPACE,
    POD,
    SERVICE,
    Resource,
)
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.fake.furnished import VERBS, WRONG, answer_oddly, furnished, kinds, paths
from tests.loopback import KEPT

METADATA: dict[str, Any] = KEPT["metadata"]


def obj(**parts: Any) -> dict[str, Any]:
    return {"metadata": dict(METADATA), **copy.deepcopy(parts)}


def error_of(call: Callable[[], object]) -> KagentError:
    with pytest.raises(KagentError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("resource", "parts", "said"),
    [
        (DEPLOYMENT, {"status": {"replicas": []}}, "a list at status.replicas, where a number belongs"),
        (
            DEPLOYMENT,
            {"status": {"replicas": True}},
            "true or false at status.replicas, where a",
        ),
        (
            DEPLOYMENT,
            {"status": {"replicas": 1.5}},
            "a number with a fraction at status.replicas, where",
        ),
        (DEPLOYMENT, {"status": "ok"}, "a text at status, where an object belongs"),
        (
            DEPLOYMENT,
            {"spec": {"template": {"spec": {"containers": [{"name": "a"}, 5]}}}},
            "a number at spec.template.spec.containers[1], where an object belongs",
        ),
        (
            DEPLOYMENT,
            {"spec": {"template": {"spec": {"containers": [{"image": "a"}]}}}},
            "nothing at spec.template.spec.containers[0].name, where a text belongs",
        ),
        (
            POD,
            {"status": {"containerStatuses": [{"name": "a", "state": {"terminated": []}}]}},
            "a list at status.containerStatuses[0].state.terminated, where an object belongs",
        ),
        (
            AGENT,
            {"status": {"conditions": [{"type": "Ready", "lastTransitionTime": "yesterday"}]}},
            "a text at status.conditions[0].lastTransitionTime, where a time belongs",
        ),
        (
            AGENT,
            {"spec": {"declarative": {"tools": [{"mcpServer": {"toolNames": ["a", None]}}]}}},
            "nothing at spec.declarative.tools[0].mcpServer.toolNames[1], where a text belongs",
        ),
        (CONFIG_MAP, {"data": {"a": "x", "b": {}}}, "an object at data.b, where a text belongs"),
        (CONTROLLER_REVISION, {"revision": "1"}, "a text at revision, where a number belongs"),
        (
            HPA,
            {"spec": {"scaleTargetRef": {"name": "a"}}},
            "nothing at spec.maxReplicas, where a number",
        ),
        (
            EVENT,
            {"lastTimestamp": "0001-01-01T00:00:00+14:00"},
            "a text at lastTimestamp, where a time",
        ),
        (EVENT, {"lastTimestamp": "2026-11-23T08:00:00"}, "a text at lastTimestamp, where a time"),
        (
            SERVICE,
            {"spec": {"ports": [{"name": "http"}]}},
            "nothing at spec.ports[0].port, where a number",
        ),
        (NAMESPACE, {"kind": 5}, "a number at kind, where a text belongs"),
    ],
)
def test_a_field_of_another_type_is_named_with_its_object(
    resource: Resource, parts: dict[str, Any], said: str
) -> None:
    error = error_of(lambda: checked(resource, obj(**parts)))
    assert error.message.startswith(f"the API server's answer for {resource.label('clock')} has {said}")
    assert error.hint == f"kubectl get {resource.label('clock')} -n team -o yaml shows it"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": None}, "agents.kagent.dev has nothing at metadata.name, where a text"),
        ({"name": ""}, "agents.kagent.dev has nothing at metadata.name, where a text"),
        ({"name": ["x"]}, "agents.kagent.dev has a list at metadata.name, where a text"),
        ({"namespace": None}, "agent.kagent.dev/clock has nothing at metadata.namespace, where a text"),
        ({"uid": 5}, "agent.kagent.dev/clock has a number at metadata.uid, where a text"),
        (
            {"resourceVersion": "x"},
            "agent.kagent.dev/clock has a text at metadata.resourceVersion, where a",
        ),
        (
            {"resourceVersion": "9" * 5000},
            "agent.kagent.dev/clock has a text at metadata.resourceVersion, w",
        ),
        ({"creationTimestamp": None}, "agent.kagent.dev/clock has nothing at metadata.creationTimestamp, wh"),
        ({"labels": ["a"]}, "agent.kagent.dev/clock has a list at metadata.labels, where an object"),
        ({"annotations": {"a/b": 5}}, "agent.kagent.dev/clock has a number at metadata.annotations.a/b,"),
        (
            {"ownerReferences": {}},
            "agent.kagent.dev/clock has an object at metadata.ownerReferences, w",
        ),
        (
            {"managedFields": [{"time": 5}]},
            "agent.kagent.dev/clock has a number at metadata.managedFields[0",
        ),
    ],
)
def test_metadata_is_what_every_object_has(change: dict[str, Any], said: str) -> None:
    error = error_of(lambda: checked(AGENT, {"metadata": METADATA | change}))
    assert error.message.startswith(f"the API server's answer for {said}")


@pytest.mark.parametrize("body", [{}, {"metadata": None}, {"metadata": []}, {"kind": "Status"}])
def test_what_is_no_object_at_all(body: dict[str, Any]) -> None:
    error = error_of(lambda: checked(AGENT, body))
    assert "agents.kagent.dev has" in error.message
    assert error.hint == "is another server behind this address?"


@pytest.mark.parametrize("resource", BUNDLED, ids=lambda resource: resource.kind)
def test_every_kind_of_the_bundle_has_metadata(resource: Resource) -> None:
    said = (
        f"the API server's answer for {resource.full_name} has a number at metadata, where an object belongs"
    )
    assert error_of(lambda: checked(resource, {"metadata": 1})).message == said


def test_null_is_a_field_that_is_not_set() -> None:
    """As Kubernetes has it: so a default of a reader's means what it says."""
    pod = {"lastTimestamp": None, "message": None, "involvedObject": {"kind": "Pod", "uid": None}}
    assert checked(EVENT, obj(**pod)) == obj(involvedObject={"kind": "Pod"})


def test_what_nobody_reads_may_be_anything() -> None:
    odd = obj(spec={"tolerations": 5, "replicas": 1}, other=[None])
    assert checked(DEPLOYMENT, copy.deepcopy(odd)) == odd


def test_an_object_of_a_dry_run_is_not_in_the_store_yet() -> None:
    tried = {"metadata": {"name": "clock", "namespace": "team"}}
    assert checked(AGENT, tried, kept=False) == tried


def test_an_object_without_namespace_is_one_of_its_kind() -> None:
    metadata = {key: value for key, value in METADATA.items() if key != "namespace"}
    checked(CRD, {"metadata": metadata})


@pytest.mark.parametrize(
    ("listing", "said"),
    [
        ({"metadata": {"resourceVersion": "1"}}, "nothing at items, where a list belongs"),
        ({"metadata": {"resourceVersion": "1"}, "items": {}}, "an object at items, where a list belongs"),
        (
            {"metadata": {"resourceVersion": "1"}, "items": [5]},
            "a number at items[0], where an object bel",
        ),
        ({"metadata": {}, "items": []}, "nothing at metadata.resourceVersion, where a text belongs"),
        (
            {"metadata": {"resourceVersion": "0001-01-01T00:00:00Z"}, "items": []},
            "a text at metadata.resourceVersion, where a resource version belongs",
        ),
        ({"items": []}, "nothing at metadata, where an object belongs"),
        ({"error": "not found"}, "nothing at metadata, where an object belongs"),
    ],
)
def test_a_list_has_objects(listing: dict[str, Any], said: str) -> None:
    error = error_of(lambda: checked_list(AGENT, listing))
    assert error.message.startswith(f"the API server's list of agents.kagent.dev has {said}")
    assert error.hint == "is another server behind this address?"


def test_the_object_of_a_list_that_does_not_fit_is_named() -> None:
    items = [obj(), obj(status={"conditions": "none"})]
    error = error_of(lambda: checked_list(AGENT, {"metadata": {"resourceVersion": "1"}, "items": items}))
    assert error.message == (
        "the API server's answer for agent.kagent.dev/clock has a text at status.conditions, "
        "where a list belongs"
    )


def test_an_empty_list_as_go_writes_it() -> None:
    listing = {"metadata": {"resourceVersion": "1"}, "items": None}
    assert checked_list(AGENT, listing)["items"] == []


# Behind the guard no reader meets a wrong type

SAMPLES = 5


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_verb_survives_any_field_of_any_type(
    verb: tuple[str, ...], kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Always the same few of all places and values: what fails here is found again."""
    chance = random.Random(" ".join(verb))
    objects = kinds(furnished(FakeCluster()))
    del objects[CONTROLLER_REVISION]["data"]  # anybody's JSON, for the API server too
    for _ in range(SAMPLES):
        resource = chance.choice(list(objects))
        path, value = chance.choice(list(paths(objects[resource]))), chance.choice(WRONG)
        cluster = furnished(FakeCluster())
        monkeypatch.setattr(clock, "now", cluster.clock)
        monkeypatch.setattr(clock, "monotonic", cluster.clock.monotonic)
        monkeypatch.setattr(clock, "sleep", cluster.clock.sleep)
        answer_oddly(cluster, resource, path, value)
        try:
            _, _, err = kagent(*verb, cluster=cluster)
        except Exception as error:
            raise AssertionError((resource.plural, path, value)) from error
        assert "Exception in thread" not in err
