"""Settings of tracing as kagent's chart and people write them, and where they lead."""

from __future__ import annotations

import pytest

from kubectl_kagent.observe.status.senders import Tracing, environment, service_of, sources, tracing


def test_the_first_endpoint_that_is_set_counts() -> None:
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://all:4317",
        "OTEL_TRACING_EXPORTER_OTLP_ENDPOINT": "http://old:1",
    }
    assert tracing({**env, "OTEL_TRACING_ENABLED": "True"}) == Tracing(enabled=True, endpoint="http://old:1")
    more = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t:2",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
    assert tracing({**env, **more}) == Tracing(enabled=False, endpoint="http://t:2", protocol="http/protobuf")


def test_the_environment_of_a_pod() -> None:
    """What stands beside the ConfigMap counts more; what comes from elsewhere is not known."""
    key = {"configMapKeyRef": {"name": "more", "key": "k"}}
    env = [
        {"name": "A", "value": "own"},
        {"name": "B", "valueFrom": key},
        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ]
    spec = {"containers": [{"name": "x", "env": env, "envFrom": [{"configMapRef": {"name": "all"}}]}]}
    assert sources(spec) == {"all", "more"}
    config = {"all": {"data": {"A": "theirs", "D": "d"}}, "more": {"data": {"k": "b"}}}
    assert environment(spec, config) == {"A": "own", "B": "b", "D": "d"}


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("c", ("kagent", "c")),
        ("c.space", ("space", "c")),
        ("c.space.svc", ("space", "c")),
        ("c.space.svc.cluster.local", ("space", "c")),
        ("otel.example.com", None),
        ("10.1.2.3", None),
        ("", None),
        ("c.Bad_name", None),
        ("localhost", ("kagent", "localhost")),
    ],
)
def test_the_service_that_a_host_means(host: str, meant: tuple[str, str] | None) -> None:
    assert service_of(host, "kagent") == meant


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("http://c.x:4317", ("c.x", 4317)),
        ("c.x:4317", ("c.x", 4317)),
        ("https://c.x", ("c.x", 443)),
        ("c.x", ("c.x", None)),
        ("http://c.x:port", ("", None)),
        ("http://[", ("", None)),
    ],
)
def test_host_and_port(endpoint: str, address: tuple[str, int | None]) -> None:
    assert Tracing(enabled=True, endpoint=endpoint).address == address
