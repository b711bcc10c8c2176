"""What a refused or unanswered request means to a user: the kind of error, kubectl's words, the next step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kubectl_kagent.decoding import json_object
from kubectl_kagent.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    FieldConflict,
    Forbidden,
    KagentError,
    NotFound,
    OtherServerError,
    ResourceMissing,
    Unanswered,
    Unauthorized,
    Unreachable,
)
from kubectl_kagent.masking.sent import without_sent
from kubectl_kagent.model.resources import KAGENT_GROUP, LISTABLE, Resource

# failures that come before anything is written: etcd's limit, an admission webhook that could not be asked
_UNWRITTEN = ("etcdserver: request is too large", "failed calling webhook")

# A 503 of the API server's proxy and of Envoy, who say so too when what is behind them got the request and
# then broke off. It did not get it when there was no connection.
_BROKE_OFF = ("error trying to reach service: ", "disconnect/reset before headers")
_NOT_REACHED = ("dial", "connection failure")
_NOBODY_READY = "no endpoints available for service"  # of the API server's proxy


def refusal(status: Mapping[str, Any], code: int, resource: Resource | None) -> KagentError:
    """The error for a Status object, or for a bare HTTP status. Nothing in ``status`` is taken on trust."""
    given = status.get("code")
    code = given if type(given) is int and 400 <= given < 600 else code
    reason, message = _word(status, "reason"), without_sent(_word(status, "message"))
    message = message or (f"HTTP {code}" if code else reason or "no reason was given")
    if code == 404 and resource is not None and not _details(status).get("name"):
        return _missing(resource)
    if code == 401:
        return Unauthorized(
            f"you must be logged in to the server ({message})",
            hint="the token or certificate is missing, wrong or expired: log in again",
        )
    if code == 403:
        return _forbidden(reason, message)
    if code == 404:
        return NotFound(message, _shown_by_get(status, resource))
    if code == 409:
        return AlreadyExists(message) if reason == "AlreadyExists" else _conflict(status, message)
    if code == 410 or reason == "Expired":
        return Expired(message)
    if code in (502, 503, 504):
        nobody = message.startswith(_NOBODY_READY)
        hint = "no pod behind it is ready: kubectl kagent check, or kubectl get pods -A" if nobody else None
        return _gateway(code, message)(f"the server answered {code}: {message}", hint)
    found = OtherServerError(reason or str(code or "Unknown"), message)
    # what etcd did not confirm in time is such a failure too
    found.open = code >= 500 and not any(words in message for words in _UNWRITTEN)
    return found


def not_found(resource: Resource, name: str) -> KagentError:
    """The API server's error for a name that does not exist, for a list that does not have it."""
    message = f'{resource.full_name} "{name}" not found'
    details = {"name": name, "kind": resource.plural}
    return refusal({"reason": "NotFound", "message": message, "details": details}, 404, resource)


def _gateway(code: int, message: str) -> type[Unreachable]:
    """Whether the request was perhaps passed on: a 502 and a 504 are of what stands before the server."""
    broke_off = any(words in message for words in _BROKE_OFF)
    sent = code != 503 or (broke_off and not any(words in message for words in _NOT_REACHED))
    return Unanswered if sent else Unreachable


def _conflict(status: Mapping[str, Any], message: str) -> Conflict:
    """Of fields that somebody else manages, as a server-side apply is told, or of a resource version."""
    causes = _details(status).get("causes")
    fields = [
        (_word(cause, "field"), _manager(_word(cause, "message")))
        for cause in (causes if isinstance(causes, list) else ())
        if isinstance(cause, Mapping) and cause.get("reason") == "FieldManagerConflict"
    ]
    return FieldConflict(message, fields) if fields else Conflict(message)


def _manager(message: str) -> str:
    """The manager in ``conflict with "NAME" using v1``, whose name Go has quoted."""
    found = re.match(r'conflict with "((?:[^"\\]|\\.)*)"', message)
    return found[1] if found else "another manager"


def _word(status: Mapping[str, Any], key: str) -> str:
    found = status.get(key)
    return found if isinstance(found, str) else ""


def _details(status: Mapping[str, Any]) -> Mapping[str, Any]:
    found = status.get("details")
    return found if isinstance(found, Mapping) else {}


def status_in(data: bytes) -> dict[str, Any]:
    """The API server's Status object in ``data``, else nothing."""
    status = json_object(data)
    return status if status.get("kind") == "Status" else {}


def service_refusal(code: int, content_type: str, data: bytes, where: str) -> KagentError:
    """The error for what an HTTP service answered; ``where`` names it."""
    words = without_sent(error_text(content_type, data))
    if 300 <= code < 400:
        return Unauthorized(
            f"{where} redirects to a login page",
            hint="give it a bearer token, or the address behind the login page",
        )
    if code in (401, 403):
        return Unauthorized(f"{where} refused with {code}: {words}")
    if code == 404:
        return NotFound(words)
    if code in (502, 503, 504):
        return _gateway(code, words)(f"{where} answered {code}: {words}")
    found = KagentError(f"{where} answered {code}: {words}")
    found.open = code >= 500
    return found


def error_text(content_type: str, data: bytes) -> str:
    """The words of an error: of kagent's and other JSON, of a text, and none of a page."""
    text = data.decode(errors="replace")
    if "html" in content_type or text.lstrip()[:1] == "<":
        return "a web page, not the answer of an API"
    body = json_object(text)
    text = next((str(body[key]) for key in ("error", "message") if isinstance(body.get(key), str)), text)
    return " ".join(text.split())[:300] or "nothing"


def _forbidden(reason: str, message: str) -> KagentError:
    """Forbidden when a role is missing. Quotas and admission rules say 403 too, and no role helps there."""
    if reason and 'forbidden: User "' not in message:
        return OtherServerError(reason, message)
    from kubectl_kagent.rbac import roles  # a table that takes a while to build

    return Forbidden(message, roles.hint(message))


def _shown_by_get(status: Mapping[str, Any], resource: Resource | None) -> str | None:
    """How to see the names that exist, of a kind that ``get`` lists."""
    if resource not in LISTABLE or _details(status).get("kind") != resource.plural:
        return None
    return f"kubectl kagent get {resource.plural} -A lists all {resource.plural}"


def _missing(resource: Resource) -> ResourceMissing:
    message = f'the server doesn\'t have a resource type "{resource.plural}" in {resource.api_version}'
    if resource.group != KAGENT_GROUP:
        return ResourceMissing(message)
    return ResourceMissing(
        message,
        hint=f"{'kmcp' if resource.plural == 'mcpservers' else 'kagent 0.9 or 0.10'} is not installed here, "
        "or only in a version whose API is another",
    )
