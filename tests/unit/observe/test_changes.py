"""What an install would change."""

from __future__ import annotations

from kubectl_kagent.model.resources import CONFIG_MAP
from kubectl_kagent.observe.changes import Change, changes
from tests.fake.cluster import FakeCluster

LABELS = {"app.kubernetes.io/part-of": "kagent-observability"}
BODY = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "x", "namespace": "n", "labels": LABELS},
    "data": {"a": "1"},
}


def verbs(cluster: FakeCluster, **data: str) -> list[tuple[str, tuple[str, ...]]]:
    found: list[Change] = changes(cluster, [{**BODY, "data": data}], manager="us")
    return [(change.verb, change.conflicts) for change in found]


def test_an_object_that_others_applied_with_the_bundles_label_becomes_ours_too(cluster: FakeCluster) -> None:
    """As after kubectl apply -k: nothing in it changes but who manages it, and that is a write."""
    cluster.apply(CONFIG_MAP, "n", BODY, manager="kubectl")
    assert verbs(cluster, a="1") == [("configured", ())]
    cluster.apply(CONFIG_MAP, "n", BODY, manager="us")
    assert verbs(cluster, a="1") == [("unchanged", ())]
    assert verbs(cluster, a="2") == [("configured", ("configmap/x .data.a is managed by kubectl",))]


def test_what_is_applied_no_longer_is_a_change(cluster: FakeCluster) -> None:
    cluster.apply(CONFIG_MAP, "n", {**BODY, "data": {"a": "1", "b": "1"}}, manager="us")
    assert verbs(cluster, a="1") == [("configured", ())]
