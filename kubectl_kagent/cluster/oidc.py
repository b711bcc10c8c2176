"""Logins by OpenID Connect: the ``oidc`` auth-provider of a kubeconfig's user, as client-go has it.

Many providers take a refresh token once. So it is spent only with the kubeconfig locked and open for writing,
and the new one is written back: who keeps it to himself locks everybody else out.
"""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import urllib3
from urllib3.util import make_headers

from kubectl_kagent import clock
from kubectl_kagent.cluster import kubeconfig, tls
from kubectl_kagent.cluster.http import shown
from kubectl_kagent.cluster.kubeconfig import Entry
from kubectl_kagent.cluster.kubeconfig_edit import opened, overwrite, with_values
from kubectl_kagent.cluster.login import Credential, bearer
from kubectl_kagent.cluster.pool import address, environment_proxy, pool
from kubectl_kagent.cluster.unreachable import unreachable
from kubectl_kagent.decoding import from_json, json_object
from kubectl_kagent.errors import KagentError, Unauthorized

_SKEW = 10.0  # seconds: client-go's
_LOG_IN = "log in again, as you do it for kubectl"
_AUTHORITY = "idp-certificate-authority of the auth-provider in the kubeconfig"
_KEPT = ("id-token", "refresh-token")
_TIMEOUT = urllib3.Timeout(connect=10, read=30)


class OidcLogin:
    """The id-token of ``user``, and a new one when it is over."""

    def __init__(self, user: Entry, config: Entry) -> None:
        for key in ("idp-issuer-url", "client-id"):
            if not config.text(key):
                raise KagentError(f"Must provide {key}", hint=f"in the auth-provider of {user.name}")
        self._user = user
        self._config = config
        self._token = config.text("id-token")
        self._lock = threading.Lock()

    def current(self) -> Credential:
        """Raises Unauthorized when the login is over and can't be renewed."""
        with self._lock:
            if not is_valid(self._token):
                if self._token and self._token.count(".") != 2:
                    raise Unauthorized("ID Token is not a valid JWT", hint=_LOG_IN)
                self._token = self._renewed()
            return bearer(self._token)

    def instead_of(self, refused: Credential) -> Credential:
        """What another program has put into the file. A token that holds yet is not renewed, as by kubectl:
        it is not its age for which it was refused.
        """
        with self._lock:
            if is_valid(token := self._again().text("id-token")):
                self._token = token
            return bearer(self._token)

    def _renewed(self) -> str:
        """A new id-token: from the file, where another program may have put one, or from the provider."""
        config = self._again()
        if not is_valid(config.text("id-token")):
            if not config.text("refresh-token"):
                raise self._over("has expired, and there is no refresh-token")
            return self._renew()
        return config.text("id-token")

    def _renew(self) -> str:
        path = self._user.file
        with ExitStack() as held:
            try:
                file = held.enter_context(opened(path))
                config = self._again()
                if is_valid(config.text("id-token")):
                    return config.text("id-token")
                text = file.read().decode()
                with_values(text, self._user.name, dict.fromkeys(_KEPT, "x"))  # can it be done?
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                raise self._over(f"has expired, and {path} can't keep a new one: {why}") from error
            new = self._exchange(config)
            try:
                overwrite(file, with_values(text, self._user.name, new))
            except OSError as error:
                raise self._over(f"was renewed, and {path} can't keep it: {error.strerror}") from error
        if "id-token" not in new:
            raise self._over("was renewed without an id_token: was the scope openid asked for?")
        return new["id-token"]

    def _again(self) -> Entry:
        """The auth-provider's config as the file has it now."""
        loaded = kubeconfig.load([Path(self._user.file)])
        user = loaded.users.get(self._user.name) if loaded else None
        provider = user.entry("auth-provider") if user else None
        return (provider.entry("config") if provider else None) or self._config

    def _exchange(self, config: Entry) -> dict[str, str]:
        """Spend the refresh token: what to write back."""
        authority = config.data("idp-certificate-authority-data")
        if not authority and (path := config.text("idp-certificate-authority")):
            authority = tls.read(path)
        provider = _Provider(tls.context(authority))
        issuer = config.text("idp-issuer-url").rstrip("/")
        status, found = provider.ask("GET", f"{issuer}/.well-known/openid-configuration")
        endpoint = found.get("token_endpoint")
        if status != 200 or not isinstance(endpoint, str):
            raise self._over(f"has expired, and {shown(issuer)} does not say where to renew it")
        answer = self._ask_for_tokens(provider, endpoint, config)
        kept = {key: answer.get(key.replace("-", "_")) for key in _KEPT}
        return {key: value for key, value in kept.items() if value and isinstance(value, str)}

    def _ask_for_tokens(self, provider: _Provider, endpoint: str, config: Entry) -> Mapping[str, Any]:
        """As Go's oauth2 does: the client names itself in a header, and if that is refused in the form."""
        client, secret = config.text("client-id"), config.text("client-secret")
        form = {"grant_type": "refresh_token", "refresh_token": config.text("refresh-token")}
        status, answer = provider.ask("POST", endpoint, form, f"{quote_plus(client)}:{quote_plus(secret)}")
        if not 200 <= status < 300:
            named = {"client_id": client} | ({"client_secret": secret} if secret else {})
            status, answer = provider.ask("POST", endpoint, form | named)
        if not 200 <= status < 300:
            said = (str(answer.get(key) or "") for key in ("error", "error_description"))
            why = " ".join(": ".join(part for part in said if part).split())[:200] or f"HTTP {status}"
            raise self._over(f"could not be renewed: {why}")
        return answer

    def _over(self, why: str, hint: str = _LOG_IN) -> Unauthorized:
        return Unauthorized(f'the login of user "{self._user.name}" {why}', hint)


class _Provider:
    """The server that renews logins."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def ask(
        self, method: str, text: str, form: Mapping[str, str] | None = None, client: str = ""
    ) -> tuple[int, Mapping[str, Any]]:
        """The status, and the JSON object that came with it (empty when it was none)."""
        url = address(text, "the address of the login")
        headers = {"Accept": "application/json", "User-Agent": "kubectl-kagent"}
        if client:
            headers |= make_headers(basic_auth=client)
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        proxy = environment_proxy(url)
        try:
            response = pool(url, self._context, proxy=proxy).request(
                method, str(url), headers=headers, body=body, timeout=_TIMEOUT, retries=False, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(
                url.netloc or text, error, of_cluster=False, authority=_AUTHORITY, proxy=str(proxy or "")
            ) from error
        return response.status, json_object(response.data)


def is_valid(token: str) -> bool:
    """Whether an id-token (a JWT) is valid for some seconds yet; anything else is not."""
    parts = token.split(".")
    try:
        claims = from_json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return len(parts) == 3 and clock.now().timestamp() + _SKEW < float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return False
