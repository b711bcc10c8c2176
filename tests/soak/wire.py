"""HTTP without sockets: the program's own clients, from their connections up, talk to a function.

Requests and answers are bytes as on a connection, so all that reads them is the real thing. An answer that is
an exception is what the connection does instead of answering.
"""

from __future__ import annotations

import io
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import httpx2
import urllib3
import urllib3.connection

Parts = Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; ``target`` is the path with its query, ``host`` has the port."""

    method: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        found = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {key: values[0] for key, values in found.items()}

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """``body`` is the whole of it, or comes in parts; ``cut`` breaks the connection after as many bytes."""

    status: int
    body: bytes | Parts = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None

    def head(self) -> dict[str, str]:
        named = {"Content-Type": self.content_type, "Connection": "close", **self.headers}
        if isinstance(self.body, bytes):
            return {**named, "Content-Length": str(len(self.body))}
        return {**named, "Transfer-Encoding": "chunked"}

    def raw(self) -> Parts:
        """The bytes on the connection."""
        lines = [f"HTTP/1.1 {self.status} .", *(f"{key}: {value}" for key, value in self.head().items())]
        yield "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
        if isinstance(self.body, bytes):
            yield self.body if self.cut is None else self.body[: self.cut]
            return
        left = self.cut
        for part in self.body:
            if left is not None:
                if left < len(part):
                    yield b"%x\r\n%b" % (len(part), part[:left])
                    return
                left -= len(part)
            if part:
                yield b"%x\r\n%b\r\n" % (len(part), part)
        yield b"0\r\n\r\n"


Handler = Callable[[Asked], Answer | Exception]


def reset() -> Exception:
    return ConnectionResetError(104, "Connection reset by peer")


def silence() -> Exception:
    return TimeoutError("timed out")


def refused() -> Exception:
    return ConnectionRefusedError(111, "Connection refused")


@contextmanager
def answered_by(handler: Handler) -> Iterator[None]:
    """Let ``handler`` answer whatever urllib3 (requests too) and httpx2 send meanwhile."""

    class Plain(urllib3.connection.HTTPConnection):
        def connect(self) -> None:
            self.sock: Any = _Socket(handler, f"{self.host}:{self.port}")

        @property
        def is_connected(self) -> bool:
            return self.sock is not None

    class Secure(urllib3.connection.HTTPSConnection):
        def connect(self) -> None:
            raise urllib3.exceptions.NewConnectionError(
                self, f"Failed to establish a new connection: {refused()}"
            )

    async def send(_transport: Any, request: httpx2.Request) -> httpx2.Response:
        return await _for_httpx(handler, request)

    with (
        mock.patch.object(urllib3.HTTPConnectionPool, "ConnectionCls", Plain),
        mock.patch.object(urllib3.HTTPSConnectionPool, "ConnectionCls", Secure),
        # reading all certificates that the machine trusts would take longer than anything else
        mock.patch.object(ssl.SSLContext, "load_default_certs"),
        mock.patch.multiple(
            httpx2.AsyncHTTPTransport,
            __init__=lambda _, **__: None,
            __aenter__=_itself,
            __aexit__=_nothing,
            handle_async_request=send,
        ),
    ):
        yield


async def _itself(transport: Any) -> Any:
    return transport


async def _nothing(*_: Any) -> None:
    """There is nothing to close."""


class _Socket:
    """As much of a socket as http.client uses: what is sent is answered at the first read."""

    def __init__(self, handler: Handler, host: str) -> None:
        self._handler, self._host = handler, host
        self._sent = bytearray()

    def sendall(self, data: Any) -> None:
        self._sent += data

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._answer()))

    def settimeout(self, _seconds: float | None) -> None:
        pass

    def shutdown(self, _how: int) -> None:
        pass

    def close(self) -> None:
        pass

    def _answer(self) -> Parts:
        head, _, body = bytes(self._sent).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        answer = self._handler(Asked(method, self._host, target, headers, body))
        if isinstance(answer, Exception):
            raise answer
        yield from answer.raw()


class _Incoming(io.RawIOBase):
    def __init__(self, parts: Parts) -> None:
        self._parts, self._rest = parts, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = part
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


async def _for_httpx(handler: Handler, request: httpx2.Request) -> httpx2.Response:
    """The same for the client of MCP, whose answers are read as a whole."""
    headers = {key.lower(): value for key, value in request.headers.items()}
    target = request.url.raw_path.decode()
    host = f"{request.url.host}:{request.url.port or 80}"
    answer = handler(Asked(request.method, host, target, headers, await request.aread()))
    if isinstance(answer, TimeoutError):
        raise httpx2.ReadTimeout("timed out", request=request)
    if isinstance(answer, ConnectionRefusedError):
        raise httpx2.ConnectError(str(answer), request=request)
    if isinstance(answer, Exception):
        raise httpx2.ReadError(str(answer), request=request)
    body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
    named = {key: value for key, value in answer.head().items() if key != "Transfer-Encoding"}
    return httpx2.Response(answer.status, headers=named, stream=_Body(body, answer.cut), request=request)


class _Body(httpx2.AsyncByteStream):
    def __init__(self, body: bytes, cut: int | None) -> None:
        self._body, self._cut = body, cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body if self._cut is None else self._body[: self._cut]
        if self._cut is not None:
            raise httpx2.RemoteProtocolError("peer closed connection without sending complete message body")
