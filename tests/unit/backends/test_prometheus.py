"""Where Prometheus is found, and what it may answer: an error that names it, never a traceback."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from kubectl_kagent.backends.prometheus import LABELS, Sample, at_address, find_prometheus
from kubectl_kagent.errors import KagentError, Unauthorized, Unreachable
from kubectl_kagent.model.resources import SERVICE
from tests.fake.cluster import FakeCluster, FakeService
from tests.loopback import Received, head, response, serve


def install(cluster: FakeCluster, name: str, component: str = "", *ports: Any) -> None:
    labels = dict([LABELS.split("=")]) | ({"app.kubernetes.io/component": component} if component else {})
    metadata = {"name": name, "namespace": "observe", "labels": labels}
    cluster.add(
        SERVICE, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": list(ports)}}
    )


def found(cluster: FakeCluster) -> str:
    prometheus = find_prometheus(cluster)
    if prometheus is None:
        return ""
    assert isinstance(prometheus.http, FakeService)
    assert prometheus.name == f"{prometheus.http.namespace}/{prometheus.http.name}"
    return prometheus.name


@pytest.mark.parametrize(
    ("component", "ports", "name"),
    [
        ("server", [{"name": "http", "port": 80}], "observe/it:80"),
        (
            "prometheus",
            [{"name": "reloader-web", "port": 8080}, {"name": "web", "port": 9090}],
            "observe/it:9090",
        ),
        ("", [{"name": "http-web", "port": 9091}, {"port": 9090}], "observe/it:9091"),
        ("", [{"port": 9090}], "observe/it:9090"),
        ("", [{"name": "grpc", "port": 10901}], ""),
        ("thanos-sidecar", [{"name": "http", "port": 10902}], ""),
    ],
)
def test_found(cluster: FakeCluster, component: str, ports: list[Any], name: str) -> None:
    install(cluster, "it", component, *ports)
    assert found(cluster) == name


def test_the_server_comes_before_what_else_has_its_label(cluster: FakeCluster) -> None:
    install(cluster, "a", "", {"port": 9090})
    install(cluster, "b", "server", {"name": "http", "port": 80})
    assert found(cluster) == "observe/b:80"


def test_that_of_the_operator(cluster: FakeCluster) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "prometheus-operated",
            "namespace": "monitoring",
            "labels": {"managed-by": "prometheus-operator", "operated-prometheus": "true"},
        },
        "spec": {"clusterIP": "None", "ports": [{"name": "web", "port": 9090}]},
    }
    cluster.add(SERVICE, service)
    assert found(cluster) == "monitoring/prometheus-operated:9090"
    install(cluster, "it", "", {"port": 9090})
    assert found(cluster) == "observe/it:9090"


def test_not_to_be_seen(cluster: FakeCluster) -> None:
    assert found(cluster) == ""
    install(cluster, "it", "", {"port": 9090})
    cluster.deny("list", SERVICE)
    assert found(cluster) == ""


def ask(data: bytes) -> tuple[list[Sample], list[str]]:
    with serve() as server:
        server.answer = lambda _: data
        return at_address(server.url).query("up", 1.5)


def test_samples() -> None:
    with serve() as server:
        item = {"metric": {"a": "b"}, "value": [1.5, "+Inf"]}
        server.answer = lambda _: response(200, {"data": {"result": [item]}, "warnings": ["w"]})
        assert at_address(f"{server.url}/prefix/").query("up", 1.5) == (
            [Sample({"a": "b"}, float("inf"))],
            ["w"],
        )
        (received,) = server.received
    assert (received.method, received.path) == ("GET", "/prefix/api/v1/query?query=up&time=1.500")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": None},
        {"data": []},
        {"data": {"result": None}},
        {"data": {"result": 5}},
        {"data": {"result": "x"}},
        {"data": {"result": [None]}},
        {"data": {"result": [{"metric": {}}]}},
        {"data": {"result": [{"metric": [], "value": [0, "1"]}]}},
        {"data": {"result": [{"metric": {}, "value": [0]}]}},
        {"data": {"result": [{"metric": {}, "value": [0, "x"]}]}},
        {"data": {"result": [{"metric": {}, "value": [0, None]}]}},
        {"data": {"result": [{"metric": {}, "value": [0, 10**400]}]}},
        {"data": {"result": [{"metric": {}, "values": [[0, "1"]]}]}},
        {"data": {"result": [0, "1"], "resultType": "scalar"}},
        {"data": {"result": []}, "warnings": 5},
    ],
)
def test_an_answer_of_another_shape(body: Any) -> None:
    with pytest.raises(KagentError, match="answered a query with no list of samples"):
        ask(response(200, body))


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (response(200, '{"data": {"res'), KagentError, "is not JSON"),
        (response(200, "[]"), KagentError, "answered with list, not an object"),
        (response(200, "<html>Sign in", "text/html"), KagentError, "is not JSON"),
        (response(302, ""), Unauthorized, "redirects to a login page"),
        (response(401, "no"), Unauthorized, "refused with 401: no"),
        (
            response(422, {"error": "query timed out in expression evaluation"}),
            KagentError,
            "422: query timed out",
        ),
        (response(503, "x", "text/plain"), Unreachable, "answered 503: x"),
        (head(200, "Content-Length: 100") + b"{", Unreachable, "broke off: the connection was closed"),
    ],
)
def test_an_answer_that_is_none(data: bytes, kind: type[KagentError], said: str) -> None:
    with pytest.raises(kind, match=said):
        ask(data)


def test_it_is_asked_once() -> None:
    """The library would try three times, a second and two apart."""
    asked: list[Received] = []
    with serve() as server:
        server.answer = lambda request: asked.append(request) or response(503, "x", "text/plain")
        with pytest.raises(Unreachable):
            at_address(server.url).query("up", 0)
    assert len(asked) == 1


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(Unreachable, match="refused"):
            at_address(url).query("up", 0)


# Its other pages


def test_its_clock_rules_and_alertmanagers() -> None:
    answers = {
        "/api/v1/query?query=time()": {"resultType": "scalar", "result": [12.5, "12.5"]},
        "/api/v1/rules": {"groups": [{"name": "a", "rules": [{"name": "b"}]}]},
        "/api/v1/alertmanagers": {
            "activeAlertmanagers": [{"url": "http://jane:secret@am:9093/api/v2/alerts"}]
        },
    }
    with serve() as server:
        server.answer = lambda request: response(200, {"status": "success", "data": answers[request.path]})
        prometheus = at_address(server.url)
        assert prometheus.now() == 12.5
        assert prometheus.rules() == ({"name": "a", "rules": [{"name": "b"}]},)
        assert prometheus.alertmanagers() == ("http://am:9093/api/v2/alerts",)


@pytest.mark.parametrize(
    "data",
    [
        *(None, [], {}),
        {"groups": {}, "result": {}, "activeAlertmanagers": 1},
        {"groups": [1], "result": ["x"]},
        {"groups": [{"name": "a"}], "result": [None], "activeAlertmanagers": ["x"]},
    ],
)
def test_pages_of_another_shape(data: Any) -> None:
    with serve() as server:
        server.answer = lambda _: response(200, {"data": data})
        prometheus = at_address(server.url)
        for look in (prometheus.now, prometheus.rules, prometheus.alertmanagers):
            with pytest.raises(KagentError, match=r"Prometheus \(http://127.0.0.1:\d+\) answered"):
                look()


@pytest.mark.parametrize("time", ["NaN", "+Inf", "-Inf"])
def test_a_clock_without_a_time(time: str) -> None:
    with serve() as server:
        server.answer = lambda _: response(200, {"data": {"result": [time, time]}})
        with pytest.raises(KagentError, match="answered a query with no time"):
            at_address(server.url).now()
