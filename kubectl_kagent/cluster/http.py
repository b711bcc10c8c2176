"""An HTTP service of JSON and event streams: behind the API server's proxy, or at its own address."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from kubectl_kagent.cluster.answers import answer, events
from kubectl_kagent.errors import KagentError, NotFound, Unauthorized, UsageError

if TYPE_CHECKING:
    import ssl

    import urllib3

    from kubectl_kagent.cluster.transport import Transport

Object = dict[str, Any]

_SCHEME = re.compile(r"(?:[A-Za-z][\w+.-]*:)?[/\\]+")  # http:/h is a slip, with the same password in it
_AT = re.compile("%(?:25)*40|\uff20|\ufe6b", re.IGNORECASE)  # as an @ may be written
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]*\]|[\w.-]*)(:[0-9]{1,5})?")

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0


def shown(url: str) -> str:
    """An address as it may be printed, in a line: without user, password, query and fragment.

    People forget a colon, or paste a scheme twice, and a password may have a ``/``, ``?`` or ``#``: where an
    ``@`` stands elsewhere than in a URL, what is before it is masked, and what is no host after it.
    """
    line = " ".join(url.split())
    begin = _SCHEME.match(line)
    scheme = begin[0] if begin else ""
    rest = _AT.sub("@", line[len(scheme) :])
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    beyond = rest[len(authority) :]
    path = re.split("[?#]", beyond, maxsplit=1)[0]
    _, user, host = authority.rpartition("@")
    if "@" not in beyond or (not user and _HOST.fullmatch(host)):
        return f"{scheme}{host}{'/[masked]' if '@' in path else path}"
    after = re.split("[/?#]", rest.rpartition("@")[2], maxsplit=1)[0]
    return f"{scheme}[masked]@{after if _HOST.fullmatch(after) else ''}"


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

    ``server_name`` is the one to expect in the certificate, when it is not the address's; ``direct``: the way
    there is not through the API server. ``renew`` gives the Authorization to send when that server has
    refused this one (empty: a certificate has come), None when there is no other; it raises as a login does.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    proxy: str = ""
    direct: bool = False
    renew: Callable[[str], str | None] = field(default=lambda _: None, repr=False, compare=False)


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
    """A service at ``url``, with a bearer ``token`` if it wants one, or the URL's own user and password.

    What ``services.yaml`` has for the URL goes with it. ``login`` is the next step when it refuses us.
    """

    url: str = field(repr=False)
    token: str = field(default="", repr=False)
    login: str = ""
    _reached: list[tuple[Transport, Mapping[str, str]]] = field(
        default_factory=list, repr=False, compare=False
    )

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
        with self._next_step():
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
        with self._next_step():
            yield from events(response, self.name, path)

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        timeout: float,
    ) -> urllib3.BaseHTTPResponse:
        transport, given = self._way()
        sent = {**given, **(headers or {})}
        return transport.send(method, path, None, body, timeout=timeout, headers=sent, once=method != "GET")

    def check(self) -> None:
        """Raises KagentError for what the file of services has for it and can't be used; nothing is asked."""
        self._way()

    def _way(self) -> tuple[Transport, Mapping[str, str]]:
        if not self._reached:
            from kubectl_kagent.cluster import lazy_imports as lean

            lean.load()
            from kubectl_kagent.cluster.services import service

            found = service(self.url, self.token)
            self._reached.append((found.transport(), dict(found.headers)))
        return self._reached[0]

    @contextmanager
    def _next_step(self) -> Iterator[None]:
        """A refusal says how to log in, where it does not say that yet."""
        try:
            yield
        except Unauthorized as error:
            login = self.login or f"user:password@ in the URL logs in, or what {services_file()} has for it"
            raise Unauthorized(error.message, error.hint or login) from error


@contextmanager
def has_api(name: str, path: str, like: str) -> Iterator[None]:
    """Raises KagentError for a 404 of what every ``name`` has; ``like`` is how its address is given."""
    try:
        yield
    except NotFound as error:
        hint = f"does it listen below a path? give all of its address: {like}/PATH"
        raise KagentError(f"{name} has no {path}", hint) from error


def services_file() -> str:
    """Where the user says how to reach services at their own address: ``docs/services.md``."""
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.environ.get("KAGENT_SERVICES") or os.path.join(folder, "kubectl-kagent", "services.yaml")


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
