"""An HTTP service of JSON and event streams: behind the API server's proxy, or at its own address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from kubectl_kagent.cluster.answers import answer, events
from kubectl_kagent.cluster.headers import sendable
from kubectl_kagent.cluster.retry import answered
from kubectl_kagent.errors import UsageError

if TYPE_CHECKING:
    import ssl

    import urllib3

Object = dict[str, Any]

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0


def shown(url: str) -> str:
    """An address as it may be printed, in a line: without user, password, query and fragment."""
    bare = " ".join(url.split()).partition("#")[0].partition("?")[0]
    scheme, mark, rest = bare.rpartition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{mark}{authority.rpartition('@')[2]}{slash}{path}"


class JsonService(Protocol):
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


class HttpService(JsonService, Protocol):
    """One that answers with event streams, too."""

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


class ClusterService(HttpService, Protocol):
    """A Service in the cluster, by namespace and ``NAME:PORT``."""

    @property
    def namespace(self) -> str: ...

    @property
    def name(self) -> str: ...

    def listed(self, path: str, *, timeout: float | None = None) -> list[Any]:
        """The JSON list that it answers a GET with. Raises KagentError for anything else."""

    def access(self, path: str) -> Access:
        """What a client of its own needs to reach it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A service at ``url``, with a bearer ``token`` if it wants one, or the URL's own user and password."""

    url: str = field(repr=False)
    token: str = field(default="", repr=False)
    _pools: list[urllib3.PoolManager] = field(default_factory=list, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The address, for people."""
        return shown(self.url)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Object:
        response = self._send(method, path, body, headers, timeout or ANSWER_SECONDS)
        return answer(response, self.name, path)

    def stream(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float,
    ) -> Iterator[bytes]:
        response = self._send("POST", path, body, headers, timeout)
        yield from events(response, self.name, path)

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        timeout: float,
    ) -> urllib3.BaseHTTPResponse:
        from kubectl_kagent.cluster import lazy_imports as lean

        lean.load_urllib3()
        import urllib3

        sent = {"Accept": "application/json", "User-Agent": "kubectl-kagent", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token.strip()}"
        if login := urllib3.util.parse_url(self.url).auth:  # counts more, as with Go
            sent |= {"Authorization": urllib3.make_headers(basic_auth=unquote(login))["authorization"]}
        if not self._pools:
            self._pools.append(urllib3.PoolManager(retries=False))
        request = partial(
            self._pools[0].request,
            method,
            self.url.rstrip("/") + path,
            json=body,
            headers=sendable(urllib3.HTTPHeaderDict(sent)),
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout),
            redirect=False,
            preload_content=False,
        )
        try:
            return answered(request, breaks=False, timeout=timeout) if method == "GET" else request()
        except urllib3.exceptions.HTTPError as error:
            from kubectl_kagent.cluster.unreachable import unreachable

            raise unreachable(self.name, error, of_cluster=False) from error


def is_address(url: str) -> bool:
    """Whether something can be asked there."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of brackets, or of a port that is no number
        return False


def address_of(url: str, what: str, like: str) -> Address:
    """The service at ``url``.

    Raises UsageError for what is not a URL; ``what`` should be there, and ``like`` is how to write one.
    """
    if not is_address(url):
        raise UsageError(f'"{shown(url)}" is not a URL of {what}', hint=f"write {like}")
    return Address(url.rstrip("/"))
