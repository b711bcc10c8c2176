"""What a request without an answer means: the words, and the next step."""

from __future__ import annotations

import ssl

import pytest
import urllib3

from kubectl_kagent.cluster.refusals import unreachable


def untrusted(code: int, message: str) -> Exception:
    """As urllib3 and ssl tell it."""
    inner = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {message} (_ssl.c:1000)")
    inner.verify_code, inner.verify_message = code, message
    error = urllib3.exceptions.SSLError(inner)
    error.__cause__ = inner
    return error


@pytest.mark.parametrize(
    ("code", "message", "of_cluster", "hint"),
    [
        (
            10,
            "certificate has expired",
            True,
            "is the clock of this machine right? else the certificate must be renewed",
        ),
        (
            9,
            "certificate is not yet valid",
            False,
            "is the clock of this machine right? else the certificate must be renewed",
        ),
        (62, "Hostname mismatch", True, "--tls-server-name names the one to expect"),
        (64, "IP address mismatch", False, "is it the right address?"),
        (19, "self-signed certificate in chain", True, "check certificate-authority in the kubeconfig"),
        (20, "unable to get local issuer", False, "SSL_CERT_FILE=FILE names the authority to trust"),
    ],
)
def test_which_check_of_a_certificate_failed_is_said(
    code: int, message: str, *, of_cluster: bool, hint: str
) -> None:
    error = unreachable("h:6443", untrusted(code, message), of_cluster=of_cluster)
    by = " by this kubeconfig" if of_cluster else ""
    assert error.message == f"the certificate of h:6443 is not trusted{by}: {message}"
    assert error.hint == hint
