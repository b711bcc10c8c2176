"""What a connection that fails means to a user: nobody was there, or an answer was lost on its way."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator

import urllib3

from kubectl_kagent.cluster.http import services_file, shown
from kubectl_kagent.errors import Unanswered, Unreachable, Untrusted

# X509_V_ERR_ of OpenSSL: not yet valid and expired; the name or address is another
_OUT_OF_DATE = (9, 10)
_ANOTHER_NAME = (62, 64)
_BY_KUBECONFIG = "proxy-url of the cluster in the kubeconfig names the proxy, else HTTPS_PROXY or HTTP_PROXY"
_BY_ENVIRONMENT = "HTTPS_PROXY or HTTP_PROXY names the proxy, NO_PROXY what is reached without it"


def unreachable(
    host: str, error: Exception, *, of_cluster: bool = True, authority: str = "", proxy: str = ""
) -> Unreachable:
    """The error for a request without an answer from ``host``, to which ``proxy`` was the way (a URL).

    ``of_cluster``: it is the server of a cluster in the kubeconfig. Of any other ``authority`` is where the
    one to trust is named, if that is not the file of services.
    """
    innermost = _innermost(error)
    named_by = _BY_KUBECONFIG if of_cluster else _BY_ENVIRONMENT
    if proxy and isinstance(
        innermost, ConnectionRefusedError
    ):  # what the server refuses, a proxy says itself
        return Unreachable(f"the connection to the proxy {shown(proxy)} was refused", named_by)
    if "refused" in str(error) and not proxy:
        return Unreachable(
            f"the connection to the server {host} was refused", hint="is the host and port right?"
        )
    if isinstance(innermost, ssl.SSLCertVerificationError):
        if any(isinstance(link, urllib3.exceptions.ProxyError) for link in _chain(error)):
            why = _verified(innermost)
            return Unreachable(f"the certificate of the proxy {shown(proxy)} is not trusted: {why}", named_by)
        return _untrusted(host, innermost, of_cluster=of_cluster, authority=authority)
    way, hint = (f" through the proxy {shown(proxy)}", named_by) if proxy else ("", None)
    # a name that does not resolve is a kind of timeout for urllib3
    if isinstance(error, urllib3.exceptions.TimeoutError) and not isinstance(
        error, urllib3.exceptions.NewConnectionError
    ):
        kind = Unanswered if isinstance(error, urllib3.exceptions.ReadTimeoutError) else Unreachable
        return kind(f"the server {host} did not answer in time{way}")
    kind = Unanswered if isinstance(error, urllib3.exceptions.ProtocolError) else Unreachable
    return kind(f"unable to connect to the server {host}{way}: {_words(innermost)}", hint)


def broken_off(where: str, error: Exception) -> Unanswered:
    """The error for an answer that did not come to its end."""
    return Unanswered(f"the answer of {where} broke off: {why_it_broke(error)}")


def why_it_broke(error: Exception) -> str:
    """What ended an answer or stream before its end, without Python's names for it."""
    *_, innermost = chain = list(_chain(error))
    if any(isinstance(link, urllib3.exceptions.InvalidChunkLength) for link in chain):
        return "the answer is not HTTP"
    if any(isinstance(link, http.client.IncompleteRead) for link in chain):
        return "the connection was closed"
    return _words(innermost)


def _untrusted(
    host: str, error: ssl.SSLCertVerificationError, *, of_cluster: bool, authority: str
) -> Untrusted:
    """Which check of the certificate failed, in OpenSSL's words, and what would make it succeed."""
    reason = _verified(error)
    if error.verify_code in _OUT_OF_DATE:
        hint = "is the clock of this machine right? else the certificate must be renewed"
    elif error.verify_code in _ANOTHER_NAME:
        hint = (
            "--tls-server-name names the one to expect"
            if of_cluster
            else "is it the right address?"
            if authority
            else f"is it the right address? else tls-server-name in {services_file()} names the one to expect"
        )
    elif of_cluster:
        hint = "check certificate-authority in the kubeconfig"
    elif authority:
        hint = f"check {authority}"
    else:
        hint = (
            f"name the authority to trust: certificate-authority in {services_file()}, or SSL_CERT_FILE=FILE"
        )
    by = " by this kubeconfig" if of_cluster else ""
    return Untrusted(f"the certificate of {host} is not trusted{by}: {reason}", hint)


def _verified(error: ssl.SSLCertVerificationError) -> str:
    return str(getattr(error, "verify_message", "") or error)


def _words(error: BaseException) -> str:
    told = isinstance(error, OSError) and error.strerror  # without Python's [Errno -2]
    return " ".join(str(told or error).split())


def _innermost(error: BaseException) -> BaseException:
    *_, innermost = _chain(error)
    return innermost


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, down to the first cause."""
    yield error
    told = next((part for part in error.args if isinstance(part, BaseException)), None)  # urllib3's SSLError
    reason = getattr(error, "reason", None) or error.__cause__ or error.__context__ or told
    if isinstance(reason, BaseException) and reason is not error:
        yield from _chain(reason)
