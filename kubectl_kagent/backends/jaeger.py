"""Jaeger's query API: where it is in the cluster, what it can search by, and traces by id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from kubectl_kagent.backends.discovery import find_service
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import JsonService, address_of, has_api
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.model.paths import segment

LABELS = "app.kubernetes.io/name=jaeger"  # of its chart
OTHERS = "app=jaeger"  # of its operator, of Istio's addon and of most plain manifests
# who answers queries: of the chart's all-in-one until its version 3, of its distributed one, of all since 4
_ASKED = ("service-query", "query", "all-in-one", "")
_PORTS = ("http-query", "query-http", "query", 16686)
_TIMEOUT = 60.0  # traces come whole, however large


@dataclass(frozen=True, slots=True)
class Jaeger:
    """One Jaeger; ``name`` is where it is, for people. Times are in seconds since the epoch."""

    http: JsonService
    name: str

    def services(self) -> list[str]:
        """Names of all services that it has spans of. Raises KagentError for what is not Jaeger."""
        with has_api(f"Jaeger ({self.name})", "/api/v3", "--jaeger=http://HOST:16686"):
            found = self.http.call("GET", "/api/v3/services", timeout=_TIMEOUT).get("services", [])
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise KagentError(f"Jaeger ({self.name}) answered with no list of services")
        return found

    def search(
        self, service: str, operation: str, *, start: float, end: float, limit: int
    ) -> Mapping[str, Any] | None:
        """The traces in which a service has a span of that name, whole, in one document; None without any.

        Which ones, where there are more than ``limit``, is not promised: its own stores give the newest.
        """
        query = {
            "query.service_name": service,
            "query.operation_name": operation,
            "query.start_time_min": _rfc3339(start),
            "query.start_time_max": _rfc3339(end),
            "query.num_traces": limit,
        }
        try:
            return self.http.call("GET", f"/api/v3/traces?{urlencode(query)}", timeout=_TIMEOUT)
        except NotFound:  # it says so where nothing is found
            return None

    def having(
        self, service: str, key: str, value: str, *, start: float, end: float, limit: int
    ) -> list[str]:
        """Ids of traces in which a span of a service has an attribute, of exactly that value.

        Only the older API that its own web pages use can search by attributes. Raises KagentError for an
        answer that is no list of traces.
        """
        query = {
            "service": service,
            "tags": json.dumps({key: value}),
            "start": int(start * 1e6),
            "end": int(end * 1e6) + 1,
            "limit": limit,
        }
        answer = self.http.call("GET", f"/api/traces?{urlencode(query)}", timeout=_TIMEOUT)
        found = answer.get("data") or []
        if not isinstance(found, list):
            raise KagentError(f"Jaeger ({self.name}) answered a search with no list of traces")
        return [_id(item, self.name) for item in found]

    def trace(self, id_: str) -> Mapping[str, Any]:
        """A trace as OTLP JSON. Raises NotFound."""
        try:
            return self.http.call("GET", f"/api/v3/traces/{segment(id_, 'trace')}", timeout=_TIMEOUT)
        except NotFound as error:
            self.services()  # what is no Jaeger at all says the same, and is found out so
            raise NotFound(f"Jaeger ({self.name}) has no trace {id_}") from error


def _id(item: Any, name: str) -> str:
    id_ = item.get("traceID") if isinstance(item, Mapping) else None
    if not isinstance(id_, str) or not (id_.isascii() and id_.isalnum()):
        raise KagentError(f"Jaeger ({name}) answered a search with a trace that has no id")
    return id_.zfill(32)  # an id of 64 bits is half as long


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(max(seconds, 0.0), UTC).isoformat()


def at_address(url: str) -> Jaeger:
    """Jaeger at an address of its own. Raises UsageError for anything but a URL."""
    address = address_of(url, "Jaeger", "http://HOST:16686, or none")
    return Jaeger(address, address.name)


def find_jaeger(cluster: Cluster) -> Jaeger | None:
    """The Jaeger in the cluster, through the API server's proxy. None where there is none to be seen."""
    found = find_service(cluster, (LABELS, OTHERS), components=_ASKED, ports=_PORTS)
    return Jaeger(found, f"{found.namespace}/{found.name}") if found else None
