"""The one connection to the API server: every request to it is made and sent here."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.util import Url

from kubectl_kagent import clock
from kubectl_kagent.cluster import answers, tls
from kubectl_kagent.cluster.headers import sendable
from kubectl_kagent.cluster.http import ANSWER_SECONDS, Access
from kubectl_kagent.cluster.login import Credential, Fixed, Login
from kubectl_kagent.cluster.pool import pool
from kubectl_kagent.cluster.refusals import status_in
from kubectl_kagent.cluster.request_log import logged
from kubectl_kagent.cluster.retry import answered
from kubectl_kagent.cluster.unreachable import unreachable
from kubectl_kagent.errors import Unreadable

# A Date is of whole seconds, and was on its way.
_SAME_TIME = timedelta(seconds=2)
_LONGEST = 2_000_000.0  # seconds: poll(2) counts milliseconds in 31 bits, and Python cuts off the rest


@dataclass(frozen=True, slots=True)
class RestConfig:
    """An API server, or another that has a ``name`` of its own in errors; and who we are to it.

    ``tls`` is for https; ``server_name`` is the one to expect in its certificate, when it is not the URL's;
    ``impersonate`` are headers; ``timeout`` is the limit of each request in seconds.
    """

    url: Url
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    proxy: Url | None = None
    login: Login = field(default_factory=Fixed)
    impersonate: tuple[tuple[str, str], ...] = ()
    timeout: float | None = None
    name: str = ""


class Transport:
    """Sends requests, whose body is bytes or becomes JSON."""

    def __init__(self, endpoint: RestConfig) -> None:
        self._endpoint = endpoint
        self._pool = pool(endpoint.url, endpoint.tls, server_name=endpoint.server_name, proxy=endpoint.proxy)
        self._shown: tls.Pair | None = None
        self._dated = "", clock.now()  # the last answer's Date, and when it came
        self._lock = threading.Lock()
        if endpoint.tls and endpoint.tls.verify_mode == ssl.CERT_NONE:
            # the user asked for it: no warning at each request, as with kubectl
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    @property
    def host(self) -> str:
        return self._endpoint.name or self._endpoint.url.netloc or ""

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | None] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float | None = None,
        *,
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
        passed_on: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """The answer of any status, whose body is still to be read. ``stream``: it goes on for long.

        The request is sent again as client-go would, unless it may be sent only ``once``; and with other
        credentials, if there are any, when these are refused: that is before anything is done. ``passed_on``:
        it is for somebody behind the API server, whose own 401 is not about our credentials. ``timeout`` is
        in seconds. Raises Unreachable when no answer came.
        """
        url = f"{self._endpoint.url}{path}"
        given = {key: value for key, value in (query or {}).items() if value is not None}
        if given:
            url += ("&" if "?" in url else "?") + urlencode(given)
        limit = self._endpoint.timeout
        request = partial(
            self._pool.request,
            method,
            url,
            body=body if body is None or isinstance(body, bytes) else _encode(body),
            timeout=urllib3.Timeout(
                connect=min(limit or 10, _LONGEST), read=min(timeout or limit or ANSWER_SECONDS, _LONGEST)
            ),
            retries=False,
            preload_content=False,
        )
        reads = method == "GET" and not stream

        def sent(credential: Credential) -> urllib3.BaseHTTPResponse:
            self._show(credential)
            all_headers = self._headers(content_type if body is not None else None, headers, credential)

            def as_whom() -> urllib3.BaseHTTPResponse:
                with logged(method, url) as answer_is:
                    response: urllib3.BaseHTTPResponse = request(headers=sendable(all_headers))
                    answer_is(response.status)
                if not passed_on:
                    self._dated = response.headers.get("Date", ""), clock.now()
                return response

            try:
                return as_whom() if once else answered(as_whom, breaks=reads, timeout=limit or ANSWER_SECONDS)
            except urllib3.exceptions.HTTPError as error:
                proxy = str(self._endpoint.proxy or "")
                of_cluster = not self._endpoint.name
                raise unreachable(self.host, error, of_cluster=of_cluster, proxy=proxy) from error

        credential = self._endpoint.login.current()
        response = sent(credential)
        if response.status != 401:
            return response
        data = answers.whole(response, self.host)
        if not passed_on or status_in(data):
            other = self._endpoint.login.instead_of(credential)
            if other != credential:
                return sent(other)
        return _unread(response, data)

    def now(self) -> datetime:
        """The server's time, by the last answer; that of the clock here while none has told it."""
        date, came = self._dated
        now = clock.now()
        try:
            ahead = parsedate_to_datetime(date) - came
            return now if abs(ahead) <= _SAME_TIME else now + ahead
        except (TypeError, ValueError, OverflowError):
            return now

    def access(self, path: str) -> Access:
        """What another client needs to send requests to that path itself."""
        credential = self._endpoint.login.current()
        self._show(credential)
        headers = self._headers(None, None, credential)
        headers.discard("Accept")

        def renewed(refused: str) -> str | None:
            nonlocal credential
            if refused != credential.authorization:  # of before: there has been another one since
                return credential.authorization
            other = self._endpoint.login.instead_of(credential)
            if other == credential:
                return None
            credential = other
            self._show(other)
            return other.authorization

        return Access(
            f"{self._endpoint.url}{path}",
            tuple(headers.iteritems()),
            self._endpoint.tls,
            self._endpoint.server_name,
            str(self._endpoint.proxy or ""),
            renew=renewed,
        )

    def _headers(
        self, content_type: str | None, more: Mapping[str, str] | None, credential: Credential
    ) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict({"Accept": "application/json", "User-Agent": "kubectl-kagent"})
        headers.update(more or {})
        if content_type:
            headers["Content-Type"] = content_type
        if credential.authorization:
            headers["Authorization"] = credential.authorization
        for name, value in self._endpoint.impersonate:
            headers.add(name, value)  # a group is a header of its own each time
        return headers

    def _show(self, credential: Credential) -> None:
        """Its certificate from now on; connections that show another one are not used again."""
        if credential.pair and self._endpoint.tls:
            with self._lock:
                if credential.pair != self._shown:
                    tls.present(self._endpoint.tls, credential.pair)
                    self._pool.clear()
                    self._shown = credential.pair


def _unread(response: urllib3.BaseHTTPResponse, data: bytes) -> urllib3.HTTPResponse:
    """The same answer once more, whose body ``data`` was read."""
    kind = {"Content-Type": response.headers.get("Content-Type", "")}
    return urllib3.HTTPResponse(BytesIO(data), kind, response.status, preload_content=False)


_GO_LETTERS = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
_GO_LETTERS |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")  # halves of letters


def _encode(body: Any) -> bytes:
    """JSON in the API server's own spelling: compact, keys sorted, letters as they are but for some.

    It keeps the data of a ControllerRevision as the bytes that were sent, and compares them with its own
    spelling at the next patch: any other one makes even a new annotation a change of immutable data.
    """
    try:
        text = json.dumps(body, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    except TypeError:  # a TooDeep is in it
        raise Unreadable from None
    return text.translate(_GO_LETTERS).encode()
