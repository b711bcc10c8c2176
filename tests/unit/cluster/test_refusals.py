"""What a request without an answer means: the words, and the next step."""

from __future__ import annotations

import ssl

import pytest
import urllib3

from kubectl_kagent.cluster.refusals import refusal
from kubectl_kagent.cluster.unreachable import unreachable
from kubectl_kagent.errors import Conflict, FieldConflict
from kubectl_kagent.model.resources import CONFIG_MAP


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
        (
            64,
            "IP address mismatch",
            False,
            "is it the right address? else tls-server-name in /no-config/kubectl-kagent/services.yaml names "
            "the one to expect",
        ),
        (19, "self-signed certificate in chain", True, "check certificate-authority in the kubeconfig"),
        (
            20,
            "unable to get local issuer",
            False,
            "name the authority to trust: certificate-authority in /no-config/kubectl-kagent/services.yaml, "
            "or SSL_CERT_FILE=FILE",
        ),
    ],
)
def test_which_check_of_a_certificate_failed_is_said(
    code: int, message: str, *, of_cluster: bool, hint: str
) -> None:
    error = unreachable("h:6443", untrusted(code, message), of_cluster=of_cluster)
    by = " by this kubeconfig" if of_cluster else ""
    assert error.message == f"the certificate of h:6443 is not trusted{by}: {message}"
    assert error.hint == hint


def cause(field: object, message: object) -> dict[str, object]:
    return {"reason": "FieldManagerConflict", "message": message, "field": field}


def test_the_fields_of_a_conflict_and_who_manages_them() -> None:
    causes = [
        cause(".data.a", 'conflict with "kubectl-edit" using v1 at 2026-11-28T08:00:00Z'),
        cause(".data.b", r'conflict with "a \"b\" using" with subresource "status" using v1'),
        cause(5, "something else"),
        "nothing",
    ]
    error = refusal({"reason": "Conflict", "message": "m", "details": {"causes": causes}}, 409, CONFIG_MAP)
    assert isinstance(error, FieldConflict)
    assert error.fields == (
        (".data.a", "kubectl-edit"),
        (".data.b", r"a \"b\" using"),
        ("", "another manager"),
    )


@pytest.mark.parametrize(
    "details", [{}, {"causes": None}, {"causes": [{"reason": "UnexpectedServerResponse"}]}]
)
def test_another_conflict_names_no_fields(details: dict[str, object]) -> None:
    error = refusal({"reason": "Conflict", "message": "m", "details": details}, 409, CONFIG_MAP)
    assert type(error) is Conflict
