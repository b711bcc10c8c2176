"""An HTTP service of JSON and event streams: behind the API server's proxy, or at its own address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kubectl_kagent.cluster.headers import sendable
from kubectl_kagent.decoding import from_json
from kubectl_kagent.errors import KagentError, Unreachable

if TYPE_CHECKING:
    import ssl

    import urllib3

    from kubectl_kagent.cluster import Cluster

Object = dict[str, Any]

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
LINE_LIMIT = 32 * 1024 * 1024
# The API server's proxy breaks off one stream in a hundred in the middle where the connection is to be kept
# (seen on 1.35.4: 2 of 300 requests; 0 of 600 with this).
ONE_ANSWER = {"Connection": "close"}
_LOGIN_PAGE = "is a login page or another server behind this address?"


class HttpService(Protocol):
    """Where to send requests. A path starts with ``/`` and carries its query."""

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Object:
        """The JSON object that it answers with; empty for an answer without a body."""

    def stream(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float,
    ) -> Iterator[bytes]:
        """The lines of an event stream as they come; ``timeout`` is the longest silence in seconds."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a client of its own (of another protocol over HTTP) needs: the address, and what to bring.

    ``server_name`` is the one to expect in the certificate, when it is not the address's.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    proxy: str = ""


@dataclass(frozen=True, slots=True)
class Proxied:
    """A Service in the cluster, through the API server's proxy; ``service`` is ``NAME:PORT``."""

    cluster: Cluster
    namespace: str
    service: str

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Object:
        return self.cluster.service(
            method, self.namespace, self.service, path, body, headers=headers, timeout=timeout
        )

    def stream(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float,
    ) -> Iterator[bytes]:
        return self.cluster.service_stream(
            self.namespace, self.service, path, body, headers=headers, timeout=timeout
        )


@dataclass(frozen=True, slots=True)
class Address:
    """A service at ``url``, with a bearer ``token`` if it wants one."""

    url: str
    token: str = ""
    _pools: list[urllib3.PoolManager] = field(default_factory=list, repr=False, compare=False)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Object:
        response = self._send(method, path, body, headers, timeout or ANSWER_SECONDS, stream=False)
        return answer(response, self.url, path)

    def stream(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float,
    ) -> Iterator[bytes]:
        response = self._send("POST", path, body, headers, timeout, stream=True)
        yield from events(response, self.url, path)

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        timeout: float,
        *,
        stream: bool,
    ) -> urllib3.BaseHTTPResponse:
        from kubectl_kagent.cluster import lean

        lean.load_urllib3()
        import urllib3

        sent = {"Accept": "application/json", "User-Agent": "kubectl-kagent", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token.strip()}"
        if not self._pools:
            self._pools.append(urllib3.PoolManager(retries=False))
        try:
            return self._pools[0].request(
                method,
                self.url.rstrip("/") + path,
                json=body,
                headers=sendable(urllib3.HTTPHeaderDict(sent)),
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout),
                redirect=False,
                preload_content=not stream,
            )
        except urllib3.exceptions.HTTPError as error:
            from kubectl_kagent.cluster.refusals import unreachable

            raise unreachable(self.url, error) from error


def answer(response: urllib3.BaseHTTPResponse, where: str, path: str) -> Object:
    """The JSON object of an answer that came whole; empty when it has no content."""
    check(response, where)
    return {} if response.status == 204 else decode(response.data, path)


def check(response: urllib3.BaseHTTPResponse, where: str) -> None:
    """Raise what a refusal, or the redirection to a login page, means."""
    if response.status >= 300:
        from kubectl_kagent.cluster.refusals import service_refusal

        raise service_refusal(response.status, response.headers.get("Content-Type", ""), response.data, where)


def events(response: urllib3.BaseHTTPResponse, where: str, path: str) -> Iterator[bytes]:
    """The lines of an event stream as they come; closes the response.

    Raises Unreachable when it breaks, KagentError when the answer is no event stream.
    """
    import urllib3

    try:
        check(response, where)
        kind = response.headers.get("Content-Type", "")
        if not kind.startswith("text/event-stream"):
            start = response.read(200, decode_content=True)
            raise KagentError(
                f"{path} answered with {kind or 'no content type'}, not an event stream: {start!r}",
                hint=_LOGIN_PAGE,
            )
        yield from lines(response, unfinished=True)
    except urllib3.exceptions.HTTPError as error:
        raise Unreachable(f"the stream from {path} broke: {error}") from error
    finally:
        response.close()


def decode(data: bytes, path: str) -> Object:
    """The JSON object in an answer's body. Raises KagentError for anything else."""
    try:
        value = from_json(data)
    except ValueError as error:
        text = data[:80].decode(errors="replace").strip()
        raise KagentError(
            f"{path} answered with something that is not JSON: {text!r}", hint=_LOGIN_PAGE
        ) from error
    if not isinstance(value, dict):
        raise KagentError(f"{path} answered with {type(value).__name__}, not an object")
    return value


def lines(response: urllib3.BaseHTTPResponse, *, unfinished: bool = False) -> Iterator[bytes]:
    """Lines as they come (``stream`` would wait for a full buffer); ``unfinished``: the last without end too.

    Raises KagentError for a line that is too long to be an answer.
    """
    pending: list[bytes] = []
    size = 0
    while chunk := response.read1():
        *complete, rest = chunk.split(b"\n")
        if complete:
            first = b"".join([*pending, complete[0]])
            yield from (line for line in [first, *complete[1:]] if line.strip())
            pending, size = [], 0
        pending.append(rest)
        size += len(rest)
        if size > LINE_LIMIT:
            raise KagentError(f"a line of more than {LINE_LIMIT} bytes came: that is no answer")
    last = b"".join(pending)
    if unfinished and last.strip():
        yield last
