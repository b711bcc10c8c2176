"""TLS with the API server: which certificates are good, and which one we show. As Go does it."""

from __future__ import annotations

import os
import re
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubectl_kagent.errors import KagentError, Unauthorized

_CERTIFICATE = re.compile(
    r"^-----BEGIN CERTIFICATE-----[ \t]*\r?\n[^-]*^-----END CERTIFICATE-----[ \t]*\r?$", re.MULTILINE
)
# How OpenSSL finds a certificate in a folder.
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")


@dataclass(frozen=True, slots=True)
class Pair:
    """A client certificate and its key, PEM."""

    certificate: bytes
    key: bytes


class _Shared(ssl.SSLContext):
    """One for several threads, whose connections urllib3 makes: it sets the protocols anew for each.

    CPython lets go of its lock while OpenSSL makes a connection of the context, and OpenSSL has none there:
    what another thread changes meanwhile is freed as it is read, and the server is sent what was in memory.
    """

    def __new__(cls, protocol: int) -> _Shared:
        made = super().__new__(cls, protocol)
        made._lock = threading.Lock()
        return made

    _lock: threading.Lock

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        with self._lock:
            super().set_alpn_protocols(alpn_protocols)

    def load_cert_chain(self, *files: Any, **how: Any) -> None:
        with self._lock:
            super().load_cert_chain(*files, **how)

    def wrap_bio(self, *ends: Any, **how: Any) -> ssl.SSLObject:
        with self._lock:
            return super().wrap_bio(*ends, **how)

    def wrap_socket(  # type: ignore[override]  # nobody gives the rest by position
        self, sock: socket.socket, *, do_handshake_on_connect: bool = True, **how: Any
    ) -> ssl.SSLSocket:
        with self._lock:
            made = super().wrap_socket(sock, do_handshake_on_connect=False, **how)
        if do_handshake_on_connect:
            try:
                made.do_handshake()
            except BaseException:
                made.close()
                raise
        return made


def context(authority: bytes, *, insecure: bool = False) -> ssl.SSLContext:
    """What checks the server's certificate against ``authority`` (PEM; empty: the system's), or not at all.

    Go takes any certificate that it is given as an authority for one, and does not ask of it what RFC 5280
    asks of authorities: those that clusters make for themselves often have no key identifiers. Python asks
    since 3.13. Raises KagentError for what is no certificate.
    """
    made = _Shared(ssl.PROTOCOL_TLS_CLIENT)
    made.hostname_checks_common_name = False
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif authority:
        try:
            _trust(made, authority.decode("ascii", "ignore"))
        except (ssl.SSLError, ValueError) as error:
            is_pem = b"-----BEGIN" in authority
            why = (
                "no valid certificate authority data seen" if is_pem else "unable to parse bytes as PEM block"
            )
            raise KagentError(
                f"unable to load root certificates: {why}", hint="check the certificate-authority"
            ) from error
    else:
        made.load_default_certs()
    return made


def _trust(made: ssl.SSLContext, authorities: str) -> None:
    """As Go, which passes over those of a bundle that are none. Raises ssl.SSLError where all are."""
    try:
        made.load_verify_locations(cadata=authorities)
    except ssl.SSLError:
        for certificate in _CERTIFICATE.findall(authorities):
            with suppress(ssl.SSLError):
                made.load_verify_locations(cadata=certificate)
        if not made.cert_store_stats()["x509"]:
            raise


def default_authorities() -> bytes:
    """What ``context`` trusts by default, PEM, for what makes TLS of its own.

    That is OpenSSL's file and folders, which SSL_CERT_FILE and SSL_CERT_DIR name, or the system's store.
    """
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    # capath is None for several folders
    folders = os.environ.get(paths.openssl_capath_env, paths.openssl_capath)
    found = []
    for folder in filter(None, folders.split(os.pathsep)):
        with suppress(OSError):  # as OpenSSL, which passes over what it can't read
            files += [path for path in Path(folder).iterdir() if _HASHED.fullmatch(path.name)]
    for path in files:
        with suppress(OSError):
            found.append(path.read_bytes())
    if not found:
        stored = context(b"").get_ca_certs(binary_form=True)
        found = [ssl.DER_cert_to_PEM_cert(one).encode() for one in stored]
    return b"\n".join(found)


def present(made: ssl.SSLContext, pair: Pair) -> None:
    """Show ``pair`` to servers that ask. Raises Unauthorized when they are not a certificate and its key.

    OpenSSL reads only from files. These are there for no longer than that takes.
    """
    with _file(pair.certificate) as certificate, _file(pair.key) as key:
        try:
            made.load_cert_chain(certificate, key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            why = str(getattr(error, "reason", None) or "it is not PEM").lower().replace("_", " ")
            raise Unauthorized(
                f"the client certificate and its key can't be used: {why}",
                hint="check client-certificate and client-key of the user",
            ) from error


def read(path: str) -> bytes:
    """What a file of certificates holds. Raises KagentError when it can't be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise KagentError(f"unable to read {path}: {str(error.strerror).lower()}") from error


@contextmanager
def _file(data: bytes) -> Iterator[str]:
    """The path of a file that has ``data``: in memory where there are such, for keys stay off the disk, and
    a pod may have none to write on; else where nobody else may look. Raises KagentError if there is neither.
    """
    with ExitStack() as stack:
        try:
            path = _path_in_memory(stack) or _path_of_our_own(stack)
            path.write_bytes(data)
        except OSError as error:
            raise KagentError(
                f"a client certificate needs a file for a moment, and there is no place: {error.strerror}",
                hint="TMPDIR names a folder to write in",
            ) from error
        yield str(path)


def _path_in_memory(stack: ExitStack) -> Path | None:
    """Only Linux has such files; a sandbox may refuse the call, or have no /proc."""
    try:
        file = os.memfd_create("kubectl-kagent")
    except (AttributeError, OSError):
        return None
    stack.callback(os.close, file)
    path = Path(f"/proc/self/fd/{file}")
    return path if path.exists() else None


def _path_of_our_own(stack: ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kubectl-kagent-")), "pem")


def _no_password() -> str:
    """OpenSSL would ask at the terminal; kubectl knows no key with a password either."""
    return ""
