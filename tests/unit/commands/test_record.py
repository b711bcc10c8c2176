"""record --metrics-address: served while it records, from the first moment to the last."""

from __future__ import annotations

import socket
from http.client import HTTPConnection

import pytest

from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.objects import agent


@pytest.fixture
def port() -> int:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def get(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_it_serves_as_long_as_it_records(cluster: FakeCluster, kagent: Kagent, port: int) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    answers = {}

    def ask() -> None:
        answers.update({path: get(port, path) for path in ("/healthz", "/readyz", "/metrics")})
        cluster.deny("create", CONTROLLER_REVISION)  # which ends it

    cluster.before("create", CONTROLLER_REVISION, ask)
    code, _, err = kagent("record", f"--metrics-address=127.0.0.1:{port}")
    cluster.end_watches()
    assert (code, err.splitlines()[0]) == (6, "recording namespace default")
    assert answers["/healthz"] == (200, "ok\n")
    assert answers["/readyz"] in ((200, "ok\n"), (503, "not now\n"))  # its other watches may come later
    assert "kagent_recorder_workloads 1.0\n" in answers["/metrics"][1]
    with pytest.raises(ConnectionRefusedError):
        get(port, "/healthz")


def test_without_an_address_it_listens_nowhere(
    cluster: FakeCluster, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    cluster.deny("create", CONTROLLER_REVISION)
    opened: list[object] = []
    monkeypatch.setattr(socket, "create_server", lambda *where, **_: opened.append(where))
    assert kagent("record")[0] == 6
    cluster.end_watches()
    assert opened == []


def test_what_is_no_address_is_said(cluster: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("record", "--metrics-address=9464")
    cluster.end_watches()
    assert (code, out) == (2, "")
    assert '"9464" is not HOST:PORT' in err
