"""TLS with the API server: which certificates are good, and which one we show. As Go does it."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kubectl_kagent.errors import KagentError, Unauthorized


@dataclass(frozen=True, slots=True)
class Pair:
    """A client certificate and its key: each PEM data, or the path of a file."""

    certificate: bytes | str
    key: bytes | str

    def pem(self) -> tuple[bytes, bytes]:
        """Both as data. Raises KagentError for a file that can't be read."""
        certificate, key = (
            read(given) if isinstance(given, str) else given for given in (self.certificate, self.key)
        )
        return certificate, key


def context(authority: bytes, *, insecure: bool = False) -> ssl.SSLContext:
    """What checks the server's certificate against ``authority`` (PEM; empty: the system's), or not at all.

    Go takes any certificate that it is given as an authority for one, and does not ask of it what RFC 5280
    asks of authorities: those that clusters make for themselves often have no key identifiers. Python asks
    since 3.13. Raises KagentError for what is no certificate.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.hostname_checks_common_name = False
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif authority:
        try:
            made.load_verify_locations(cadata=authority.decode("ascii", "ignore"))
        except (ssl.SSLError, ValueError) as error:
            raise KagentError("certificate-authority has no certificate in it") from error
    else:
        made.load_default_certs()
    return made


def present(made: ssl.SSLContext, pair: Pair) -> None:
    """Show ``pair`` to servers that ask. Raises Unauthorized when they are not a certificate and its key.

    OpenSSL reads only from files. Data is in files for no longer than that takes, where nobody else may look.
    """
    with tempfile.TemporaryDirectory(prefix="kubectl-kagent-") as folder:
        certificate = _file(pair.certificate, Path(folder, "certificate"))
        key = _file(pair.key, Path(folder, "key"))
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


def _file(given: bytes | str, path: Path) -> str:
    if isinstance(given, str):
        return given
    path.write_bytes(given)
    return str(path)


def _no_password() -> str:
    """OpenSSL would ask at the terminal; kubectl knows no key with a password either."""
    return ""
