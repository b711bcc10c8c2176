"""Stores that keep tenants apart: Loki, Tempo and Mimir, by one header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.cluster.http import JsonService
from kubectl_kagent.errors import Unauthorized

TENANT = "X-Scope-OrgID"
_NO_TENANT = "no org id"  # the words of all three
_TENANT_HINT = "--tenant=ID (or KAGENT_TENANT) says as which tenant to ask"
_LOGIN_HINT = (
    "the API server passes no login on to a service: give the URL of this one, and a login with it "
    "(docs/services.md)"
)


@dataclass(frozen=True, slots=True)
class AsTenant:
    """A store that is asked as ``tenant``; empty: as that of its address in ``services.yaml``, if any."""

    http: JsonService
    tenant: str

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """What it answers. Raises Unauthorized, which says how to name a tenant, or how to log in."""
        own = {TENANT: self.tenant} if self.tenant else {}
        try:
            return self.http.call(method, path, body, headers={**(headers or {}), **own}, timeout=timeout)
        except Unauthorized as error:
            hint = error.hint or _LOGIN_HINT
            if _NO_TENANT in error.message and not own:
                hint = _TENANT_HINT
            raise Unauthorized(error.message, hint) from error
