"""An HTTP server on loopback that answers as a test tells it, to the byte."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request as it came in; ``headers`` keeps repeated ones apart.

    ``client`` is the name in the certificate that the client showed, ``server_name`` the one that it asked
    for (SNI).
    """

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    client: str = ""
    server_name: str = ""

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


# The least that an API server answers, as an object, as a list and as its version.
KEPT: dict[str, Any] = {
    "metadata": {
        "name": "clock",
        "namespace": "team",
        "uid": "1",
        "resourceVersion": "7",
        "creationTimestamp": "2026-11-23T08:00:00Z",
    },
    "items": [],
    "gitVersion": "v1.35.4",
}


@dataclass
class Loopback:
    """``answer`` gives the whole response as bytes, or in parts; then the connection is closed."""

    address: str = ""
    scheme: str = "http"
    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received], bytes | Iterator[bytes]] = field(default=lambda _: response(200, KEPT))

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}"


def response(status: int, body: Any, content_type: str = "application/json") -> bytes:
    """A complete HTTP response; ``body`` is JSON unless it is text."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return head(status, f"Content-Type: {content_type}", f"Content-Length: {len(data)}") + data


def head(status: int, *headers: str) -> bytes:
    return "".join(
        f"{line}\r\n" for line in (f"HTTP/1.1 {status} .", "Connection: close", *headers, "")
    ).encode()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def refused(code: int, reason: str, message: str, **details: str) -> bytes:
    """The API server's Status for a refusal."""
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "metadata": {}}
    return response(code, {**status, "code": code, "reason": reason, "message": message, "details": details})


def client_name(connection: object) -> str:
    """The name in the certificate that the client of a TLS connection has shown, if any."""
    certificate: Any = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    parts = dict(part for name in (certificate or {}).get("subject", ()) for part in name)
    return str(parts.get("commonName", ""))


def _keep_server_name(connection: Any, name: str | None, _: ssl.SSLContext) -> None:
    connection.asked_for = name or ""


@contextmanager
def serve(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Loopback]:
    loopback = Loopback(scheme="https" if tls else "http")

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            self.close_connection = True
            if not self.raw_requestline or not self.parse_request():
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers, client = list(self.headers.items()), client_name(self.connection)
            name = getattr(self.connection, "asked_for", "")
            request = Received(self.command, self.path, headers, body, client, name)
            loopback.received.append(request)
            answer = loopback.answer(request)
            for part in [answer] if isinstance(answer, bytes) else answer:
                self.wfile.write(part)
                self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up early is part of some tests."""

    with Server((host, 0), Handler) as server:
        loopback.address = f"{f'[{host}]' if ':' in host else host}:{server.server_port}"
        if tls:
            tls.sni_callback = _keep_server_name
            # the handshake is part of the first read, which each connection's thread does
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield loopback
        finally:
            server.shutdown()
            thread.join()
