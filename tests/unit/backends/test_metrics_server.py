"""The server of metrics: three paths, from one address, and nothing that a client does is its end."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection

import pytest
from prometheus_client.core import GaugeMetricFamily

from kubectl_kagent.backends.metrics_server import MetricsServer
from kubectl_kagent.errors import KagentError, UsageError

Answer = tuple[int, str, str]


class State:
    """What the server is to say."""

    alive = True
    ready = False
    failing = False

    def families(self) -> Iterator[GaugeMetricFamily]:
        if self.failing:
            raise RuntimeError("secret")
        yield GaugeMetricFamily("kagent_recorder_workloads", "Workloads.", 2)


@pytest.fixture
def state() -> State:
    return State()


Serve = Callable[[str], MetricsServer]


@pytest.fixture
def serve(state: State) -> Iterator[Serve]:
    servers: list[MetricsServer] = []

    def start(address: str) -> MetricsServer:
        servers.append(
            MetricsServer(address, state.families, is_alive=lambda: state.alive, is_ready=lambda: state.ready)
        )
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def get(server: MetricsServer, path: str, host: str = "127.0.0.1", **headers: str) -> Answer:
    connection = HTTPConnection(host, server.server_address[1], timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers.get_content_type(), response.read().decode()
    finally:
        connection.close()


TEXT = """\
# HELP kagent_recorder_workloads Workloads.
# TYPE kagent_recorder_workloads gauge
kagent_recorder_workloads 2.0
"""


def test_metrics_in_the_format_that_is_asked_for(serve: Serve) -> None:
    server = serve("127.0.0.1:0")
    assert get(server, "/metrics") == (200, "text/plain", TEXT)
    assert get(server, "/metrics?x=1") == (200, "text/plain", TEXT)
    open_metrics = get(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert open_metrics == (200, "application/openmetrics-text", f"{TEXT}# EOF\n")


def test_alive_and_ready_are_asked_each_time(serve: Serve, state: State) -> None:
    server = serve("127.0.0.1:0")
    assert get(server, "/healthz") == (200, "text/plain", "ok\n")
    assert get(server, "/readyz") == (503, "text/plain", "not now\n")
    state.alive, state.ready = False, True
    assert get(server, "/healthz") == (503, "text/plain", "not now\n")
    assert get(server, "/readyz") == (200, "text/plain", "ok\n")


def test_there_is_nothing_else(serve: Serve) -> None:
    assert get(serve("127.0.0.1:0"), "/")[0] == 404


def test_every_address_without_a_host(serve: Serve) -> None:
    assert get(serve(":0"), "/healthz")[0] == 200


def test_an_ipv6_address(serve: Serve) -> None:
    assert get(serve("[::1]:0"), "/healthz", host="::1")[0] == 200


def test_a_failure_is_its_own_and_silent(
    serve: Serve, state: State, capfd: pytest.CaptureFixture[str]
) -> None:
    server = serve("127.0.0.1:0")
    state.failing = True
    with pytest.raises(ConnectionError):
        get(server, "/metrics")
    state.failing = False
    with socket.create_connection(server.server_address[:2]) as rude:
        rude.sendall(b"\x00\xff\r\n\r\n")
    assert get(server, "/metrics") == (200, "text/plain", TEXT)
    assert capfd.readouterr() == ("", "")


def test_who_says_nothing_holds_up_nobody(serve: Serve) -> None:
    server = serve("127.0.0.1:0")
    with socket.create_connection(server.server_address[:2]):
        assert get(server, "/healthz")[0] == 200


def test_a_port_that_is_taken(serve: Serve) -> None:
    taken = serve("127.0.0.1:0").server_address[1]
    with pytest.raises(KagentError) as caught:
        serve(f"127.0.0.1:{taken}")
    assert caught.value.message == f"can't listen at 127.0.0.1:{taken}: Address already in use"


def test_a_host_that_is_not_known(serve: Serve) -> None:
    with pytest.raises(KagentError, match=r"^can't listen at nowhere.invalid:0: "):
        serve("nowhere.invalid:0")


@pytest.mark.parametrize("address", ["", "9464", "127.0.0.1", ":", "host:http", ":70000", ":-1", ":²"])
def test_what_is_no_address(serve: Serve, address: str) -> None:
    with pytest.raises(UsageError) as caught:
        serve(address)
    assert caught.value.message == f'"{address}" is not HOST:PORT'
