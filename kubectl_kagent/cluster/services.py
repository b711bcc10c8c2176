"""Services at their own address: the way there, and what ``services.yaml`` says to trust, show and send.

The file has an entry for each address, with the fields that a kubeconfig has for the same things, beside
``headers`` and ``tenant``. It is on the user's machine: no object of a cluster can change what is sent where.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from urllib3.util import Url

from kubectl_kagent.cluster import tls
from kubectl_kagent.cluster.headers import check_header_name
from kubectl_kagent.cluster.http import Access, services_file, shown
from kubectl_kagent.cluster.kubeconfig import Entry, read
from kubectl_kagent.cluster.login import Fixed, Login, bearer, given, of_url, pair
from kubectl_kagent.cluster.pool import address, environment_proxy
from kubectl_kagent.cluster.tenant import TENANT
from kubectl_kagent.cluster.transport import RestConfig, Transport
from kubectl_kagent.errors import BadConfig, KagentError
from kubectl_kagent.masking.sent import remember
from kubectl_kagent.model.ports import USUAL_PORTS

_SECRET = ("token", "password", "headers", "client-key-data")
_FIELDS = (
    *("certificate-authority", "certificate-authority-data", "tls-server-name"),
    *("client-certificate", "client-certificate-data", "client-key", "client-key-data"),
    *("token", "tokenFile", "username", "password", "headers", "tenant"),
)
_PAIR = ("client-certificate", "client-key")


@dataclass(frozen=True, slots=True)
class Service:
    """How to reach the service at ``url``. ``authority`` is PEM; empty: the system's authorities."""

    url: Url = field(repr=False)
    authority: bytes = b""
    pair: tls.Pair | None = field(default=None, repr=False)
    server_name: str = ""
    login: Login = field(default_factory=Fixed, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def transport(self, *, timeout: float | None = None) -> Transport:
        """What sends requests below the address; ``headers`` are left to the caller.

        Raises KagentError for a certificate, a key or a proxy that can't be used.
        """
        url = self.url._replace(auth=None, path=(self.url.path or "").rstrip("/"), query=None, fragment=None)
        made = RestConfig(
            url,
            self.context(),
            self.server_name,
            environment_proxy(url),
            self.login,
            timeout=timeout,
            name=shown(str(self.url)),
        )
        return Transport(made)

    def context(self) -> ssl.SSLContext | None:
        """For https; raises KagentError as ``transport`` does."""
        if self.url.scheme != "https":
            return None
        made = tls.context(self.authority)
        if self.pair:
            tls.present(made, self.pair)
        return made


def service(url: str, token: str = "") -> Service:
    """What the file and the URL say of the service there; ``token`` is the bearer token of a flag.

    A user and password in the URL count more than a token, as with Go, and that more than the file. Raises
    KagentError for an entry that can't be used, and for a file with secrets that others may read.
    """
    parsed = address(url, "the address")
    found = _entry(parsed)
    with _named(found):
        login = given(found) or Fixed()
        _see_that_it_is_a_pair(found)
        authority = found.data("certificate-authority-data")
        if path := found.path("certificate-authority"):
            authority = authority or tls.read(path)
        made = Service(parsed, authority, pair(found), found.text("tls-server-name"), login, _headers(found))
        if found.fields:
            made.context()
    if parsed.auth or token:
        made = replace(made, login=Fixed(of_url(parsed.auth) if parsed.auth else bearer(token)))
    return made


def _see_that_it_is_a_pair(entry: Entry) -> None:
    has = {part: bool(entry.text(part) or entry.text(f"{part}-data")) for part in _PAIR}
    if len(set(has.values())) > 1:
        there, missing = sorted(_PAIR, key=has.__getitem__, reverse=True)
        raise entry.wrong(f"it has a {there} and no {missing}")


def anonymous(url: str) -> Access:
    """What a client of its own needs to send requests to a ``url`` that an object of the cluster names.

    Credentials of the file are not sent: who writes such an object could have them used.
    """
    parsed = address(url, "the address")
    known = Service(parsed)
    if parsed.scheme == "https":
        trusted = service(url)
        known = Service(parsed, trusted.authority, server_name=trusted.server_name)
    return Access(
        url, (), known.context(), known.server_name, str(environment_proxy(parsed) or ""), direct=True
    )


def _entry(url: Url) -> Entry:
    """The entry of the longest address that ``url`` begins with; empty where there is none."""
    file = services_file()
    config = read(Path(file), "a mapping of addresses")
    if config is None:
        if os.environ.get("KAGENT_SERVICES"):
            raise KagentError(f"there is no {file}", hint="KAGENT_SERVICES names it")
        return Entry()
    entries = {base: entry for name in config.fields for base, entry in (_named_entry(config, name),)}
    if any(entry.fields.get(key) for entry in entries.values() for key in _SECRET):
        _see_that_it_is_ours(file)
    fitting = [base for base in entries if _is_below(url, base)]
    return entries[max(fitting, key=lambda base: len(base.path or ""))] if fitting else Entry()


def _named_entry(config: Entry, name: Any) -> tuple[Url, Entry]:
    """An address, and what is said of it."""
    place = shown(str(name))
    try:
        base = address(str(name), "the address")
    except KagentError as error:
        raise config.wrong(error.message) from None
    if base.auth:
        raise config.wrong(f"{place}: give username and password below the address, not in it")
    found = config.entry(name)
    entry = Entry(found.fields if found else {}, config.file, place, place)
    if unknown := [str(key) for key in entry.fields if key not in _FIELDS]:
        raise entry.wrong(f"there is no field {unknown[0]}; there are {', '.join(_FIELDS)}")
    return base._replace(path=(base.path or "").rstrip("/"), query=None, fragment=None), entry


def _is_below(url: Url, base: Url) -> bool:
    return _origin(base) == _origin(url) and f"{url.path or ''}/".startswith(f"{base.path or ''}/")


@contextmanager
def _named(entry: Entry) -> Iterator[None]:
    """Errors of what is written in the entry name it."""
    try:
        yield
    except BadConfig:
        raise
    except KagentError as error:
        if not entry.fields:
            raise
        raise entry.wrong(error.message) from error


def _see_that_it_is_ours(file: str) -> None:
    """Raises KagentError for a file with secrets that others may read, as ssh does for keys."""
    mode = os.stat(file).st_mode
    if os.name == "posix" and mode & 0o077:
        raise KagentError(
            f"{file} has secrets in it, and others may read it (mode {mode & 0o777:04o})",
            hint=f"chmod 600 {file}, or name a tokenFile in it",
        )


def _origin(url: Url) -> tuple[str, str, int]:
    scheme = url.scheme or "https"
    return scheme, (url.host or "").lower(), url.port or USUAL_PORTS[scheme]


def _headers(entry: Entry) -> tuple[tuple[str, str], ...]:
    own: Mapping[Any, Any] = headers.fields if (headers := entry.entry("headers")) else {}
    if not all(isinstance(part, str) for item in own.items() for part in item):
        raise entry.wrong("headers is not a mapping of strings")
    for name in own:
        check_header_name(name)
    for name, value in own.items():
        remember(name, value)
    tenant = entry.text("tenant")
    return (*own.items(), *(((TENANT, tenant),) if tenant else ()))
