"""The one connection to the API server: credentials and TLS as the kubeconfig has them."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from kubernetes.client.configuration import Configuration
from kubernetes.client.rest import RESTClientObject

from kubectl_kagent.cluster.http import Access
from kubectl_kagent.cluster.refusals import unreachable


class Wire:
    """Sends requests. ``timeout`` is the limit of each in seconds; ``impersonate`` are headers."""

    def __init__(
        self, configuration: Configuration, impersonate: tuple[tuple[str, str], ...], timeout: float | None
    ) -> None:
        self._configuration = configuration
        self._url = configuration.host  # reading the credentials resets the configuration to the kubeconfig's
        self._impersonate = impersonate
        self._timeout = timeout
        self._pool = RESTClientObject(configuration).pool_manager
        if not configuration.verify_ssl:  # the user asked for it: no warning at each request, as with kubectl
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    @property
    def host(self) -> str:
        return urlsplit(self._url).netloc or self._url

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | None] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float | None = None,
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, with its whole body unless ``stream``: a break while it is read is explained too."""
        url = self._url + path
        given = {key: value for key, value in (query or {}).items() if value is not None}
        if given:
            url += ("&" if "?" in url else "?") + urlencode(given)
        try:
            return self._pool.request(
                method,
                url,
                headers=self._headers(content_type if body is not None else None, headers),
                body=None if body is None else _encode(body),
                timeout=urllib3.Timeout(connect=self._timeout or 10, read=timeout or self._timeout or 60),
                retries=False,
                preload_content=not stream,
            )
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self.host, error) from error

    def access(self, path: str) -> Access:
        """What another client needs to send requests to that path itself."""
        proxy = getattr(self._pool, "proxy", None)
        headers = self._headers(None, None)
        headers.discard("Accept")
        return Access(
            self._url + path,
            tuple(headers.iteritems()),
            self._tls(),
            str(getattr(self._configuration, "tls_server_name", None) or ""),
            proxy.url if proxy else "",
        )

    def _headers(self, content_type: str | None, more: Mapping[str, str] | None) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict({"Accept": "application/json", "User-Agent": "kubectl-kagent"})
        headers.update(more or {})
        if content_type:
            headers["Content-Type"] = content_type
        auth = self._configuration.auth_settings().get("BearerToken")
        if auth and auth["value"]:
            headers["Authorization"] = str(auth["value"])
        elif self._configuration.username:
            headers["Authorization"] = str(self._configuration.get_basic_auth_token())
        for name, value in self._impersonate:
            headers.add(name, value)  # a group is a header of its own each time
        return headers

    def _tls(self) -> ssl.SSLContext:
        given = self._configuration
        context = ssl.create_default_context(cafile=given.ssl_ca_cert)
        if not given.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if given.cert_file:
            context.load_cert_chain(given.cert_file, given.key_file)
        return context


def _encode(body: Any) -> bytes:
    """JSON in the API server's own spelling: compact, and with ``<``, ``>`` and ``&`` escaped.

    It keeps the data of a ControllerRevision as the bytes that were sent, and compares them with its own
    spelling at the next patch: any other one makes even a new annotation a change of immutable data.
    """
    text = json.dumps(body, separators=(",", ":"))
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode()
