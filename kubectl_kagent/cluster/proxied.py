"""A Service in the cluster, reached through the API server's service proxy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3

from kubectl_kagent.cluster import answers
from kubectl_kagent.cluster.http import Access
from kubectl_kagent.cluster.refusals import refusal, service_refusal, status_in
from kubectl_kagent.cluster.transport import Transport
from kubectl_kagent.model import paths
from kubectl_kagent.model.resources import SERVICE

# Where the connection is to be kept, the API server's proxy breaks off some answers to a POST in the middle
# (seen on 1.35.4: 2 of 300 streams, 0 of 600 with this; and a short answer). No POST is sent again for it.
ONE_ANSWER = {"Connection": "close"}


@dataclass(frozen=True, slots=True)
class Proxied:
    """Implements ``kubectl_kagent.cluster.http.ClusterService``."""

    namespace: str
    name: str
    transport: Transport = field(repr=False)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        once = method != "GET"  # it was perhaps the service that answered, in the middle of its work
        response = self._send(method, path, body, headers, timeout, once=once)
        return answers.answer(response, self.name, path)

    def stream(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float,
    ) -> Iterator[bytes]:
        response = self._send("POST", path, body, headers, timeout, once=True)
        yield from answers.events(response, self.name, path)

    def listed(self, path: str, *, timeout: float | None = None) -> list[Any]:
        response = self._send("GET", path, None, None, timeout, once=False)
        return answers.answer_list(response, self.name, path)

    def access(self, path: str) -> Access:
        return self.transport.access(self._below(path))

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        timeout: float | None,
        *,
        once: bool,
    ) -> urllib3.BaseHTTPResponse:
        url = self._below(path)
        given = headers if method == "GET" else {**(headers or {}), **ONE_ANSWER}
        response = self.transport.send(
            method, url, None, body, timeout=timeout, headers=given, once=once, passed_on=True
        )
        if response.status >= 300:
            self._refused(response)
        return response

    def _refused(self, response: urllib3.BaseHTTPResponse) -> None:
        """What the API server itself refuses, it says with a Status; the rest is the service's own."""
        data = answers.whole(response, self.name)
        if response.status >= 400 and (status := status_in(data)):
            raise refusal(status, response.status, None)
        raise service_refusal(response.status, response.headers.get("Content-Type", ""), data, self.name)

    def _below(self, path: str) -> str:
        return paths.below(f"{SERVICE.path(self.namespace, self.name)}/proxy", path)
