"""Proxies on loopback, for CONNECT and for SOCKS 5. Each knows one server, by any name."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Relay:
    """``asked`` is what each client wanted: a request's head, or a host and port."""

    address: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def http_proxy(server: str, *, wants: str = "") -> Iterator[Relay]:
    """Relays CONNECT to ``server``; ``wants`` is the Proxy-Authorization without which it refuses."""

    def greet(client: socket.socket, relay: Relay) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        relay.asked.append(head.decode())
        names = [line.partition(": ") for line in head.decode().splitlines()]
        given = [value for name, _, value in names if name.lower() == "proxy-authorization"]
        known = not wants or given == [wants]
        client.sendall(f"HTTP/1.1 {200 if known else 407} .\r\n\r\n".encode())
        return known

    with _relaying(server, greet) as relay:
        yield relay


@contextmanager
def socks_proxy(server: str) -> Iterator[Relay]:
    """Relays what SOCKS 5 clients send to ``server``."""

    def greet(client: socket.socket, relay: Relay) -> bool:
        _, methods = _read(client, 2)
        _read(client, methods)
        client.sendall(b"\x05\x00")
        is_name = _read(client, 4)[3] == 3
        host = _read(client, _read(client, 1)[0] if is_name else 4)
        shown = host.decode() if is_name else socket.inet_ntoa(host)
        relay.asked.append(f"{shown}:{int.from_bytes(_read(client, 2))}")
        client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        return True

    with _relaying(server, greet) as relay:
        yield relay


def _read(client: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        found += client.recv(count - len(found))
    return found


@contextmanager
def _relaying(server: str, greet: Callable[[socket.socket, Relay], bool]) -> Iterator[Relay]:
    relay = Relay()
    host, port = server.split(":")

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if greet(self.request, relay):
                with socket.create_connection((host, int(port))) as there:
                    back = threading.Thread(target=_copy, args=(there, self.request), daemon=True)
                    back.start()
                    _copy(self.request, there)
                    back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as proxy:
        relay.address = f"127.0.0.1:{proxy.server_address[1]}"
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield relay
        finally:
            proxy.shutdown()
            thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of the two has hung up
