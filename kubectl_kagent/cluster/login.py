"""Who we are to the API server: what the user of a kubeconfig gives, with client-go's rules."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import quote, unquote

from kubectl_kagent import clock
from kubectl_kagent.cluster.kubeconfig import Entry
from kubectl_kagent.cluster.tls import Pair, present, read
from kubectl_kagent.errors import KagentError, Unauthorized
from kubectl_kagent.masking.sent import remember

_PERIOD = 50.0  # client-go: a minute less ten seconds
_CERTIFICATE_PERIOD = 1.0  # client-go's
_HEADER_LETTERS = "!#$&'*+^`|"  # of a header's name, beside those that are quoted nowhere


@dataclass(frozen=True, slots=True)
class Credential:
    """What to show: the Authorization header, a client certificate, or nothing."""

    authorization: str = ""
    pair: Pair | None = None

    def __post_init__(self) -> None:
        remember("authorization", self.authorization)


class Login(Protocol):
    """Where credentials come from."""

    def current(self) -> Credential:
        """Those to use now; asked before each request. Raises KagentError when there are none to be had."""

    def instead_of(self, refused: Credential) -> Credential:
        """Those to use now that the server has ``refused`` these; equal ones when there are no others.

        Raises KagentError as ``current``.
        """


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same all the time."""

    credential: Credential = Credential()

    def current(self) -> Credential:
        return self.credential

    def instead_of(self, refused: Credential) -> Credential:
        return self.credential


class TokenFile:
    """A token that somebody else keeps fresh in a file. ``instead`` is used as long as none can be read."""

    def __init__(self, path: str, instead: str = "") -> None:
        self._path = path
        self._token = instead.strip()
        self._until = 0.0
        self._lock = threading.Lock()

    def current(self) -> Credential:
        with self._lock:
            if clock.monotonic() >= self._until:
                self._read()
            return bearer(self._token)

    def instead_of(self, refused: Credential) -> Credential:
        with self._lock:
            self._read()
            return bearer(self._token)

    def _read(self) -> None:
        try:
            with open(self._path, encoding="utf-8", errors="surrogateescape") as file:
                token = file.read().strip()
        except OSError as error:
            if not self._token:
                raise Unauthorized(f"unable to read the token file {self._path}: {error.strerror}") from error
            return
        if not (token or self._token):
            raise Unauthorized(f"the token file {self._path} is empty")
        self._token = token or self._token
        self._until = clock.monotonic() + _PERIOD


class CertificateFiles:
    """What ``login`` has, and the client certificate of two files, which somebody may replace at any time."""

    def __init__(self, login: Login, certificate: str, key: str) -> None:
        self._login = login
        self._certificate = certificate
        self._key = key
        self._pair: Pair | None = None
        self._until = 0.0
        self._lock = threading.Lock()

    def current(self) -> Credential:
        credential = self._login.current()
        with self._lock:
            if clock.monotonic() >= self._until:
                self._read()
            return replace(credential, pair=self._pair)

    def instead_of(self, refused: Credential) -> Credential:
        credential = self._login.instead_of(refused)
        with self._lock:
            self._read()
            return replace(credential, pair=self._pair)

    def _read(self) -> None:
        """Until both files have been replaced, and fit each other, the pair of before stays."""
        try:
            found = Pair(read(self._certificate), read(self._key))
            if found != self._pair:
                present(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), found)
        except KagentError:
            if self._pair is None:
                raise
            return
        self._pair = found
        self._until = clock.monotonic() + _CERTIFICATE_PERIOD


def bearer(token: str) -> Credential:
    """A bearer token, without the line end that a file or a program left at it."""
    token = token.strip()
    return Credential(f"Bearer {token}" if token else "")


def basic(username: str, password: str) -> Credential:
    """A name and a password."""
    from urllib3.util import make_headers

    pair = f"{username}:{password}".encode(errors="surrogateescape")  # UTF-8 on the wire, as Go sends it
    return Credential(make_headers(basic_auth=pair.decode("latin-1"))["authorization"])


def of_url(userinfo: str) -> Credential:
    """What a URL has before an ``@``. Of a server it counts more than all else, as with Go's client."""
    username, _, password = userinfo.partition(":")
    username, password = (unquote(part, errors="surrogateescape") for part in (username, password))
    return basic(username, password) if userinfo else Credential()


def given(entry: Entry) -> Login | None:
    """The token, the token file, or the name and password that an entry has.

    Raises KagentError for both kinds at once, and for a password that is nobody's.
    """
    token, file = entry.text("token"), entry.path("tokenFile")
    username, password = entry.text("username"), entry.text("password")
    if (token or file) and (username or password):
        raise KagentError("username/password or bearer token may be set, but not both")
    if password and not username:
        raise entry.wrong("it has a password and no username")
    if file:
        return TokenFile(file, token)
    if token:
        return Fixed(bearer(token))
    return Fixed(basic(username, password)) if username else None


def pair(user: Entry) -> Pair | None:
    """The client certificate of a valid user; data counts more than a file."""
    certificate, key = user.path("client-certificate"), user.path("client-key")
    certificate_data, key_data = user.data("client-certificate-data"), user.data("client-key-data")
    if not (certificate_data or certificate):
        return None
    return Pair(certificate_data or read(certificate), key_data or read(key))


def impersonation(user: Entry) -> tuple[tuple[str, str], ...]:
    """The headers for acting as somebody else: a group is one of its own each time."""
    name, uid, groups = user.text("as"), user.text("as-uid"), user.texts("as-groups")
    extra = user.text_lists("as-user-extra")
    if not name:
        return ()
    headers = [("Impersonate-User", name)]
    headers += [("Impersonate-Uid", uid)] if uid else []
    headers += [("Impersonate-Group", group) for group in groups]
    headers += [
        (f"Impersonate-Extra-{quote(key, safe=_HEADER_LETTERS)}", value)
        for key, values in extra.items()
        for value in values
    ]
    return tuple(headers)
