"""Where collectors send to."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kubectl_kagent.model.resources import SERVICE
from kubectl_kagent.observe.addresses import (
    Destinations,
    find_loki,
    find_traces,
    sent_to,
)
from tests.fake.cluster import FakeCluster

Object = dict[str, Any]


def add(cluster: FakeCluster, name: str, app: str, *ports: tuple[str, int], component: str = "") -> None:
    labels = {"app.kubernetes.io/name": app}
    if component:
        labels["app.kubernetes.io/component"] = component
    metadata = {"name": name, "namespace": "monitoring", "labels": labels}
    spec = {"ports": [{"name": name, "port": port} for name, port in ports]}
    cluster.add(SERVICE, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})


def test_nothing_is_there(cluster: FakeCluster) -> None:
    assert (find_traces(cluster), find_loki(cluster)) == ("", "")
    cluster.deny("list", SERVICE)
    assert (find_traces(cluster), find_loki(cluster)) == ("", "")


def test_tempo_comes_before_jaeger(cluster: FakeCluster) -> None:
    add(cluster, "jaeger", "jaeger", ("http-query", 16686), ("otlp-grpc", 4317))
    assert find_traces(cluster) == "jaeger.monitoring:4317"
    add(cluster, "tempo", "tempo", ("http", 3200))
    assert find_traces(cluster) == "jaeger.monitoring:4317"
    add(cluster, "a-tempo", "tempo", ("http", 3200), ("otlp", 4317))
    assert find_traces(cluster) == "a-tempo.monitoring:4317"
    add(cluster, "tempo-distributor", "tempo", ("grpc-otlp", 4317), component="distributor")
    assert find_traces(cluster) == "tempo-distributor.monitoring:4317"


def test_loki_of_one_and_of_many_services(cluster: FakeCluster) -> None:
    add(cluster, "loki", "loki", ("http-metrics", 3100))
    add(cluster, "loki-canary", "loki", ("http-metrics", 3500), component="canary")
    assert find_loki(cluster) == "http://loki.monitoring:3100"
    add(cluster, "loki-gateway", "loki", ("http-metrics", 80), component="gateway")
    assert find_loki(cluster) == "http://loki-gateway.monitoring:80"


def collector(kind: str, name: str) -> list[Object]:
    args = [f"--config=file:/etc/{name}/own.yaml"]
    template = {"spec": {"containers": [{"name": "collector", "args": args}]}}
    return [
        {"kind": "ConfigMap", "metadata": {"name": name}, "data": {"own.yaml": "a: 1\n"}},
        {"kind": kind, "metadata": {"name": name}, "spec": {"template": template}},
        {"kind": "ServiceAccount", "metadata": {"name": name}},
    ]


BOTH = [*collector("Deployment", "kagent-collector"), *collector("DaemonSet", "kagent-logs")]


def read(items: list[Object], name: str) -> tuple[Object, list[str]]:
    """The exporters in the second file, and the arguments."""
    config, workload = (
        item for item in items if item["metadata"]["name"] == name and "Account" not in item["kind"]
    )
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    return yaml.safe_load(config["data"].get("addresses.yaml", "{}")), container["args"]


def test_both_are_told(cluster: FakeCluster) -> None:
    found = sent_to(BOTH, Destinations("tempo.x:4317", "http://loki.x:3100", "team-a"))
    tenant = {"headers": {"X-Scope-OrgID": "team-a"}}
    assert read(found, "kagent-collector") == (
        {"exporters": {"otlp_grpc/tempo": {"endpoint": "tempo.x:4317", **tenant}}},
        [
            "--config=file:/etc/kagent-collector/own.yaml",
            "--config=file:/etc/kagent-collector/addresses.yaml",
        ],
    )
    assert read(found, "kagent-logs")[0] == {
        "exporters": {"otlp_http/loki": {"endpoint": "http://loki.x:3100/otlp", **tenant}}
    }
    assert [item["kind"] for item in found] == [item["kind"] for item in BOTH]


def test_what_is_not_given_stays(cluster: FakeCluster) -> None:
    assert sent_to(BOTH, Destinations()) == BOTH
    found = sent_to(BOTH, Destinations(traces="tempo.x:4317"))
    assert found[3:] == BOTH[3:]
    headers = {"exporters": {"otlp_grpc/tempo": {"headers": {"X-Scope-OrgID": "a"}}}}
    assert read(sent_to(BOTH, Destinations(tenant="a")), "kagent-collector")[0] == headers


def test_a_bundle_without_its_collector_is_built_wrong() -> None:
    with pytest.raises(ValueError, match="the bundle has no ConfigMap and workload kagent-logs"):
        sent_to(BOTH[:3], Destinations(loki="http://loki.x:3100"))
