"""A container's log over the wire: what is asked, and how a stream can end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kubectl_kagent.cluster import pod_logs as module
from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.cluster.transport import Transport
from kubectl_kagent.errors import KagentError, OtherServerError, TimedOut, Unreachable
from tests.loopback import Loopback, chunk, head, refused, serve

LINE = b"2026-11-23T08:00:00.000000000Z one\n"
CHUNKED = head(200, "Content-Type: text/plain", "Transfer-Encoding: chunked")


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serve() as loopback:
        yield loopback


@pytest.fixture
def api(server: Loopback) -> ApiServer:
    return connect(Connection(server=server.url, namespace="team"))


def end_of(stream: Iterator[bytes]) -> tuple[list[bytes], KagentError]:
    got: list[bytes] = []
    with pytest.raises(KagentError) as caught:
        got.extend(stream)  # what came before the error stays
    return got, caught.value


def test_what_is_asked_and_the_pieces_as_they_come(api: ApiServer, server: Loopback) -> None:
    server.answer = lambda _: iter([CHUNKED, chunk(LINE + LINE[:9]), chunk(LINE[9:]), chunk(b"")])
    stream = api.pod_log_stream(
        "team", "p", "kagent", follow=True, previous=True, since_time="2026-11-23T08:00:00Z", tail=3
    )
    assert list(stream) == [b"", LINE + LINE[:9], LINE[9:]]
    parts = urlsplit(server.received[0].path)
    assert parts.path == "/api/v1/namespaces/team/pods/p/log"
    assert parse_qs(parts.query) == {
        "container": ["kagent"],
        "timestamps": ["true"],
        "follow": ["true"],
        "previous": ["true"],
        "sinceTime": ["2026-11-23T08:00:00Z"],
        "tailLines": ["3"],
    }


def test_a_stream_that_breaks_is_no_end(api: ApiServer, server: Loopback) -> None:
    server.answer = lambda _: iter([CHUNKED, chunk(LINE)])
    got, error = end_of(api.pod_log_stream("team", "p", "kagent", follow=True))
    assert b"".join(got) in (b"", LINE)
    assert isinstance(error, Unreachable)
    assert error.message == f"the connection to the server {server.address} broke"


@pytest.mark.parametrize("parts", [[], [CHUNKED, chunk(LINE)]])
def test_a_silent_stream_is_told_apart(
    parts: list[bytes], api: ApiServer, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who follows waits for a line for as long as it takes: tests/day/test_silence.py."""
    monkeypatch.setattr(module, "_LOG_SILENCE", 0.2)
    over = threading.Event()

    def silent() -> Iterator[bytes]:
        yield from parts
        over.wait(10)

    server.answer = lambda _: silent()
    _, error = end_of(api.pod_log_stream("team", "p", "kagent"))
    over.set()
    assert isinstance(error, TimedOut)


def test_who_reads_on_no_more_hangs_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the kubelet goes on watching the file: whoever still has the response, such as a traceback."""
    kept: list[object] = []
    send = Transport.send

    def sending(*args: Any, **how: Any) -> Any:
        kept.append(send(*args, **how))
        return kept[-1]

    monkeypatch.setattr(Transport, "send", sending)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        api = connect(Connection(server=f"http://127.0.0.1:{listener.getsockname()[1]}", namespace="team"))
        stream = api.pod_log_stream("team", "p", "kagent", follow=True)
        first = threading.Thread(target=next, args=(stream,))
        first.start()
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            connection.recv(1 << 16)
            connection.sendall(CHUNKED + chunk(LINE))
            first.join()
            assert next(stream) == LINE
            stream.close()
            assert connection.recv(1) == b""


def test_a_container_that_has_not_started(api: ApiServer, server: Loopback) -> None:
    server.answer = lambda _: refused(400, "BadRequest", 'container "kagent" in pod "p" is waiting to start')
    _, error = end_of(api.pod_log_stream("team", "p", "kagent"))
    assert isinstance(error, OtherServerError)
    assert error.line == 'Error from server (BadRequest): container "kagent" in pod "p" is waiting to start'
