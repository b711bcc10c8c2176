"""An API server with TLS on loopback that knows who asks: a fake cluster's objects, watches and logs."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubectl_kagent.errors import Unreachable
from tests.certificates import authority
from tests.day.simulated_time import SimulatedTime, until
from tests.fake.cluster import FakeCluster
from tests.fake.kubelet import broken
from tests.loopback import client_name
from tests.soak import apiserver
from tests.soak.wire import Answer, Asked


@dataclass(frozen=True, slots=True)
class Seen:
    """A request: when it came, with which token or certificate, and whether that was good."""

    at: datetime
    credential: str
    good: bool
    asked: Asked


@dataclass
class Server:
    """Its connections stay open, as an API server's do. ``accepts`` tells good credentials.

    ``open`` counts the watches (by plural) and the logs (``log``, by pod) that are being sent now, ``most``
    how many there ever were at a time.
    """

    cluster: FakeCluster
    time: SimulatedTime
    accepts: Callable[[str], bool]
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    open: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _connections: set[Any] = field(default_factory=set)

    def end_streams(self) -> None:
        """End each watch and each log that is followed, as when its time is over."""
        self.cluster.end_watches()
        self.cluster.kubelet.drop()

    def crash(self) -> None:
        """Cut every connection, and come back when nothing is sent on any of them."""
        with self._lock:
            cut = set(self._connections)
        for connection in cut:
            with suppress(OSError):  # not the TLS connection's way: that one would go on without TLS
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

        def is_quiet() -> bool:
            # again and again: a stream that was just being opened hears of no end that came before it
            self.cluster.end_watches()
            self.cluster.kubelet.drop(broken())
            with self._lock:
                return not cut & self._connections

        until(is_quiet, lambda: f"still open: {self.open}")

    def answer(self, asked: Asked, credential: str) -> Answer:
        good = self.accepts(credential)
        with self._lock:
            self.seen.append(Seen(self.time.now(), credential, good, asked))
        if not good:
            return apiserver.status(401, "Unauthorized", "Unauthorized")
        return apiserver.answer(self.cluster, _no_service, asked)

    @contextmanager
    def sending(self, asked: Asked) -> Iterator[None]:
        """While a stream is open."""
        what = asked.path.rsplit("/", 2)[1:]
        name = "/".join(reversed(what)) if what[1] == "log" else what[1]
        with self._lock:
            self.open[name] += 1
            self.most[name] = max(self.most[name], self.open[name])
        try:
            yield
        finally:
            with self._lock:
                self.open[name] -= 1

    @contextmanager
    def connected(self, connection: Any) -> Iterator[None]:
        with self._lock:
            self._connections.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connections.discard(connection)


def _no_service(asked: Asked, _namespace: str) -> Answer:
    raise AssertionError(f"nobody asks a service: {asked}")


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    at: Server

    def handle(self) -> None:
        with self.at.connected(self.connection), suppress(OSError):
            super().handle()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, apiserver.HOST, self.path, headers, body)
        token = headers.get("authorization", "").removeprefix("Bearer ")
        answer = self.at.answer(asked, token or client_name(self.connection))
        answer = replace(answer, headers={"Connection": "keep-alive"})
        if isinstance(answer.body, bytes):
            self.wfile.write(b"".join(answer.raw()))
            return
        try:
            with self.at.sending(asked):
                self._stream(answer, hold=answer.content_type == "text/plain")
        except (Unreachable, OSError):
            self.close_connection = True

    def _stream(self, answer: Answer, *, hold: bool) -> None:
        """A log's response begins with its first line, a watch's at once."""
        held = b""
        for part in answer.raw():
            if hold:
                held, hold = part, False
                continue
            self.wfile.write(held + part)
            held = b""

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """At ``server.url``, until the block ends."""

    class Listener(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Who hangs up is part of the tests."""

    handler = type("Connection", (_Connection,), {"at": server})
    with Listener(("127.0.0.1", 0), handler) as listener:
        server.url = f"https://127.0.0.1:{listener.server_port}"
        tls = authority().server()
        # the handshake is part of the first read, which each connection's thread does
        listener.socket = tls.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.crash()
            listener.shutdown()
            thread.join()
