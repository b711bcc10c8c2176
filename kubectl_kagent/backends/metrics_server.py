"""A server of our own metrics, and of whether we are alive and ready, for Prometheus and the kubelet."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kubectl_kagent.errors import KagentError, UsageError

if TYPE_CHECKING:
    from prometheus_client import MetricsHandler
    from prometheus_client.core import Metric

_PATIENCE_SECONDS = 5.0  # with a client that sends its request slowly, or does not read the answer


class MetricsServer(ThreadingHTTPServer):
    """Answers /metrics with ``families``, /healthz and /readyz with 200 or 503, from threads of its own."""

    daemon_threads = True

    def __init__(
        self,
        address: str,
        families: Callable[[], Iterable[Metric]],
        *,
        is_alive: Callable[[], bool],
        is_ready: Callable[[], bool],
    ) -> None:
        """Listen at HOST:PORT; without HOST at every address. Raises UsageError, KagentError if it can't."""
        host, port = _parsed(address)
        handler = _handler(families, {"/healthz": is_alive, "/readyz": is_ready})
        super().__init__((host, port), handler, bind_and_activate=False)
        self.socket.close()
        try:
            self.socket = _listening(host, port)
        except OSError as error:
            # a name that is not known has a number of another kind
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            raise KagentError(f"can't listen at {address}: {why}") from error
        self.server_address = self.socket.getsockname()
        threading.Thread(target=self.serve_forever, daemon=True, name="metrics").start()

    def close(self) -> None:
        """Answer no more."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that goes away is no trouble of ours, and must not fill the log."""


def _parsed(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal() and port.isascii() and int(port) < 1 << 16):
        raise UsageError(f'"{address}" is not HOST:PORT', hint="write :9464 to listen at every address")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _listening(host: str, port: int) -> socket.socket:
    if host:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    if socket.has_dualstack_ipv6():
        with suppress(OSError):  # a machine may have IPv6 switched off
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def _handler(
    families: Callable[[], Iterable[Metric]], states: dict[str, Callable[[], bool]]
) -> type[MetricsHandler]:
    from prometheus_client import CollectorRegistry, MetricsHandler
    from prometheus_client.registry import Collector

    class Families(Collector):
        def collect(self) -> Iterable[Metric]:
            return families()

    class Handler(MetricsHandler):
        timeout = _PATIENCE_SECONDS
        registry = CollectorRegistry(auto_describe=False)

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/metrics":
                super().do_GET()
            elif path in states:
                is_good = states[path]()
                self.send_response(200 if is_good else 503)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.end_headers()
                self.wfile.write(b"ok\n" if is_good else b"not now\n")
            else:
                self.send_error(404)

    Handler.registry.register(Families())
    return Handler
