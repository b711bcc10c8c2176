"""Grafana Tempo's API: where it is in the cluster, TraceQL search, and traces by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from kubectl_kagent.backends.discovery import find_service
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import JsonService, address_of, has_api
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.model.paths import segment

LABELS = "app.kubernetes.io/name=tempo"  # of both charts, tempo and tempo-distributed
# who answers queries where Tempo is many services; the single one has no such label
_ASKED = ("query-frontend", "")
# port names of the charts, the newest first; older ones and plain manifests have only the number
_PORTS = ("http", "http-metrics", "tempo-prom-metrics", 3200, 3100)
# what Tempo would cut a search at anyway is a day; a trace may be large
_TIMEOUT = 60.0
# It refuses to search more seconds at once, as its defaults stand.
AT_ONCE = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Tempo:
    """One Tempo; ``name`` is where it is, for people."""

    http: JsonService
    name: str

    def search(self, query: str, *, start: float, end: float, limit: int) -> list[str]:
        """Ids of traces that match a TraceQL query. Times in seconds since the epoch, ``AT_ONCE`` at most.

        Raises KagentError for an answer that is no list of traces.
        """
        # without times Tempo looks only at the last minutes; whole seconds, and the end is not in it
        last = int(end) + 1
        asked = {"q": query, "start": max(int(start), last - AT_ONCE), "end": last, "limit": limit, "spss": 1}
        with has_api(f"Tempo ({self.name})", "/api/search", "--tempo=http://HOST:3200"):
            answer = self.http.call("GET", f"/api/search?{urlencode(asked)}", timeout=_TIMEOUT)
        found = answer.get("traces", [])
        if not isinstance(found, list):
            raise KagentError(f"Tempo ({self.name}) answered a search with no list of traces")
        return [_id(item, self.name) for item in found]

    def values(self, attribute: str, *, start: float, end: float) -> list[str]:
        """The texts that an attribute has in the spans of that time, as many as Tempo gives.

        Raises KagentError for an answer that is no list of values.
        """
        path = f"/api/v2/search/tag/{segment(attribute, 'attribute')}/values"
        times = urlencode({"start": int(start), "end": int(end) + 1})
        found = self.http.call("GET", f"{path}?{times}", timeout=_TIMEOUT).get("tagValues", [])
        if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
            raise KagentError(f"Tempo ({self.name}) answered with no list of an attribute's values")
        return [item["value"] for item in found if isinstance(item.get("value"), str) and item["value"]]

    def trace(self, id_: str) -> Mapping[str, Any]:
        """A trace as Tempo has it. Raises NotFound."""
        try:
            found = self.http.call("GET", f"/api/v2/traces/{segment(id_, 'trace')}", timeout=_TIMEOUT)
        except NotFound:  # nor does a Tempo before 2.7 know the path
            found = self._by_the_older_path(id_)
        if not found.get("trace", found):
            raise NotFound(f"Tempo ({self.name}) has no trace {id_}")
        return found

    def _by_the_older_path(self, id_: str) -> dict[str, Any]:
        try:
            return self.http.call("GET", f"/api/traces/{segment(id_, 'trace')}", timeout=_TIMEOUT)
        except NotFound as error:
            self.search("{}", start=1, end=2, limit=1)  # what is no Tempo at all says the same
            raise NotFound(f"Tempo ({self.name}) has no trace {id_}") from error


def _id(item: Any, name: str) -> str:
    id_ = item.get("traceID") if isinstance(item, Mapping) else None
    if not isinstance(id_, str) or not id_.isalnum():
        raise KagentError(f"Tempo ({name}) answered a search with a trace that has no id")
    return id_.zfill(32)  # it leaves leading zeros out


def at_address(url: str) -> Tempo:
    """Tempo at an address of its own. Raises UsageError for anything but a URL."""
    address = address_of(url, "Tempo", "http://HOST:3200, or none")
    return Tempo(address, address.name)


def find_tempo(cluster: Cluster) -> Tempo | None:
    """The Tempo in the cluster, through the API server's proxy. None where there is none to be seen."""
    found = find_service(cluster, (LABELS,), components=_ASKED, ports=_PORTS)
    return Tempo(found, f"{found.namespace}/{found.name}") if found else None
