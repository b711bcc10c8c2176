"""What a refused or unanswered request means to a user: the kind of error, kubectl's words, the next step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import urllib3

from kubectl_kagent.decoding import from_json
from kubectl_kagent.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    Forbidden,
    KagentError,
    NotFound,
    OtherServerError,
    ResourceMissing,
    Unanswered,
    Unauthorized,
    Unreachable,
)
from kubectl_kagent.model.resources import KAGENT_GROUP, LISTABLE, Resource


def refusal(status: Mapping[str, Any], code: int, resource: Resource | None) -> KagentError:
    """The error for a Status object, or for a bare HTTP status."""
    code = int(status.get("code") or code)
    reason = str(status.get("reason") or "")
    message = str(status.get("message") or f"HTTP {code}")
    if code == 404 and resource is not None and not (status.get("details") or {}).get("name"):
        return _missing(resource)
    if code == 401:
        return Unauthorized(
            f"you must be logged in to the server ({message})",
            hint="the token or certificate is missing, wrong or expired: log in again",
        )
    if code == 403:
        return _forbidden(reason, message)
    if code == 404:
        return NotFound(message, _those_there_are(status, resource))
    if code == 409:
        return AlreadyExists(message) if reason == "AlreadyExists" else Conflict(message)
    if code == 410 or reason == "Expired":
        return Expired(message)
    if code in (502, 503, 504):
        kind = Unreachable if code == 503 else Unanswered  # the last is what the API server itself says then
        return kind(f"the server answered {code}: {message}")
    return OtherServerError(reason or str(code), message)


def status_in(data: bytes) -> dict[str, Any]:
    """The API server's Status object in ``data``, else nothing."""
    try:
        status = from_json(data)
    except ValueError:
        return {}
    return status if isinstance(status, dict) and status.get("kind") == "Status" else {}


def service_refusal(code: int, content_type: str, data: bytes, where: str) -> KagentError:
    """The error for what an HTTP service answered; ``where`` names it."""
    said = _said(content_type, data)
    if 300 <= code < 400:
        return Unauthorized(
            f"{where} redirects to another page: it wants a login",
            hint="give it a bearer token, or the address behind the login page",
        )
    if code in (401, 403):
        return Unauthorized(f"{where} refused with {code}: {said}")
    if code == 404:
        return NotFound(said)
    if code in (502, 503, 504):
        return Unreachable(f"{where} answered {code}: {said}")
    return KagentError(f"{where} answered {code}: {said}")


def _said(content_type: str, data: bytes) -> str:
    """The words of an error: of kagent's and other JSON, of a text, and none of a page."""
    text = data.decode(errors="replace")
    if "html" in content_type or text.lstrip()[:1] == "<":
        return "a web page, no answer of an API"
    try:
        body = from_json(text)
    except ValueError:
        body = None
    if isinstance(body, Mapping):
        text = next((str(body[key]) for key in ("error", "message") if isinstance(body.get(key), str)), text)
    return " ".join(text.split())[:300] or "nothing"


def _forbidden(reason: str, message: str) -> KagentError:
    """Forbidden when a role is missing. Quotas and admission rules say 403 too, and no role helps there."""
    if reason and 'forbidden: User "' not in message:
        return OtherServerError(reason, message)
    from kubectl_kagent.model import roles  # a table that takes a while to build

    return Forbidden(message, roles.hint(message))


def _those_there_are(status: Mapping[str, Any], resource: Resource | None) -> str | None:
    """Where to look for a name that is none: of the objects that ``get`` knows."""
    if resource not in LISTABLE or (status.get("details") or {}).get("kind") != resource.plural:
        return None
    return f"kubectl kagent get {resource.plural} -A shows those there are"


def _missing(resource: Resource) -> ResourceMissing:
    message = f'the server doesn\'t have a resource type "{resource.plural}" in {resource.api_version}'
    if resource.group != KAGENT_GROUP:
        return ResourceMissing(message)
    return ResourceMissing(
        message,
        hint=f"{'kmcp' if resource.plural == 'mcpservers' else 'kagent 0.9 or 0.10'} is not installed here, "
        "or only in a version whose API is another (v1alpha3 runs agents without Deployments)",
    )


def unreachable(host: str, error: Exception) -> Unreachable:
    """The error for a request that got no answer from ``host``."""
    text = str(error)
    if "refused" in text:
        return Unreachable(
            f"the connection to the server {host} was refused", hint="is the host and port right?"
        )
    if "CERTIFICATE_VERIFY_FAILED" in text:
        why = re.search(r"certificate verify failed: (.+?)(?: \(_ssl|$)", text)
        return Unreachable(
            f"the certificate of {host} is not trusted by this kubeconfig{f': {why[1]}' if why else ''}",
            hint="check certificate-authority in the kubeconfig",
        )
    # a name that does not resolve is a kind of timeout for urllib3
    if isinstance(error, urllib3.exceptions.TimeoutError) and not isinstance(
        error, urllib3.exceptions.NewConnectionError
    ):
        kind = Unanswered if isinstance(error, urllib3.exceptions.ReadTimeoutError) else Unreachable
        return kind(f"the server {host} did not answer in time")
    kind = Unanswered if isinstance(error, urllib3.exceptions.ProtocolError) else Unreachable
    return kind(f"unable to connect to the server {host}: {_innermost(error)}")


def _innermost(error: BaseException) -> str:
    while True:
        reason = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(reason, BaseException) or reason is error:
            return " ".join(str(error).split())
        error = reason
