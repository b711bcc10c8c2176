"""The labels that Prometheus asks for."""

from __future__ import annotations

from typing import Any

from kubectl_kagent.model.resources import PROMETHEUS
from kubectl_kagent.observe.selectors import selected_labels
from tests.fake.cluster import FakeCluster


def prometheus(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "monitoring"}
    return {"apiVersion": PROMETHEUS.api_version, "kind": PROMETHEUS.kind, "metadata": metadata, "spec": spec}


def test_of_all_selectors_together(cluster: FakeCluster) -> None:
    assert selected_labels(cluster) == {}
    release = {"matchLabels": {"release": "stack"}}
    one = prometheus("a", ruleSelector=release, podMonitorSelector={"matchLabels": {"team": "a"}})
    cluster.add(PROMETHEUS, one)
    cluster.add(
        PROMETHEUS, prometheus("b", serviceMonitorSelector={"matchLabels": {"release": "other", "x": "y"}})
    )
    cluster.add(
        PROMETHEUS, prometheus("c", ruleSelector={}, podMonitorSelector=None, serviceMonitorSelector=[1])
    )
    assert selected_labels(cluster) == {"release": "stack", "team": "a", "x": "y"}


def test_rules_without_prometheus(cluster: FakeCluster) -> None:
    cluster.missing(PROMETHEUS)
    assert selected_labels(cluster) == {}
