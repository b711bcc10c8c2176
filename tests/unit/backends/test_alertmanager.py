"""Where Alertmanager is found, and what it says of an alert."""

from __future__ import annotations

import pytest

from kubectl_kagent.backends.alertmanager import find_alertmanager
from kubectl_kagent.model.resources import SERVICE
from tests.fake.cluster import FakeCluster


@pytest.mark.parametrize(
    ("labels", "port"),
    [
        ({"app.kubernetes.io/name": "alertmanager"}, {"name": "http", "port": 9093}),
        (
            {"app.kubernetes.io/name": "alertmanager", "app.kubernetes.io/component": "alert-router"},
            {"port": 9093},
        ),
        ({"operated-alertmanager": "true"}, {"name": "http-web", "port": 9093}),
    ],
)
def test_found_and_asked(cluster: FakeCluster, labels: dict[str, str], port: dict[str, object]) -> None:
    assert find_alertmanager(cluster) is None
    metadata = {"name": "am", "namespace": "monitoring", "labels": labels}
    cluster.add(
        SERVICE, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [port]}}
    )
    found = find_alertmanager(cluster)
    assert found is not None
    assert found.name == "monitoring/am:9093"
    path = "monitoring/am:9093/api/v2/alerts?filter=alertname%3D%22KagentWatchdog%22"
    for alerts in ([], [{"labels": {}}]):
        cluster.lists[path] = alerts
        assert found.has_alert("KagentWatchdog") is bool(alerts)
