"""Prometheus: where it is in the cluster, and what it answers to a query."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard
from urllib.parse import urlencode

from kubectl_kagent.backends.discovery import find_service
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import JsonService, address_of, has_api, shown
from kubectl_kagent.errors import KagentError

LABELS = "app.kubernetes.io/name=prometheus"  # of the chart, kube-prometheus and most plain manifests
# The operator's own Service for each Prometheus: kube-prometheus-stack's other one has no label of its kind.
_OPERATED = "operated-prometheus=true"
# The same label is on sidecars and gateways: who answers queries is the component server (chart) or
# prometheus (operator), or there is just one.
_ASKED = ("server", "prometheus", "")
_LIKE = "--prometheus=http://HOST:9090"
_PORTS = ("web", "http-web", "http", 9090)
_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' value at one moment."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One Prometheus, or what speaks its language; ``name`` is where it is, for people."""

    http: JsonService
    name: str

    def query(self, promql: str, at: float) -> tuple[list[Sample], list[str]]:
        """The samples of an instant query, and its warnings. ``at`` is in seconds since the epoch.

        Raises KagentError for an answer that is no list of samples.
        """
        from prometheus_api_client import PrometheusConnect

        session = _Session(self.http, f"Prometheus ({self.name})")
        client = PrometheusConnect(url="", session=session, timeout=_TIMEOUT)
        try:
            found = client.custom_query(promql, params={"time": f"{at:.3f}"})
            return [_sample(item) for item in found], session.warnings
        except (KeyError, TypeError, ValueError, OverflowError, IndexError, AttributeError) as error:
            raise self._odd("a query", "list of samples") from error

    def now(self) -> float:
        """The time of its clock, in seconds since the epoch. Raises KagentError for what is no time."""
        with has_api(f"Prometheus ({self.name})", "/api/v1/query", _LIKE):
            found = _data(self.http.call("GET", "/api/v1/query?query=time()", timeout=_TIMEOUT))
        try:
            time = float(found["result"][0])
        except (KeyError, TypeError, ValueError, OverflowError, IndexError) as error:
            raise self._odd("a query", "time") from error
        if not math.isfinite(time):
            raise self._odd("a query", "time")
        return time

    def names(self, series: str, start: float, end: float) -> tuple[str, ...]:
        """The names of the series that a selector matches. Times in seconds since the epoch.

        Raises NotFound where there is no such API, KagentError for an answer that is no list of names.
        """
        asked = urlencode({"match[]": series, "start": f"{start:.3f}", "end": f"{end:.3f}"})
        found = self.http.call("GET", f"/api/v1/label/__name__/values?{asked}", timeout=_TIMEOUT).get("data")
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise self._odd("the question for names of series", "list of them")
        return tuple(found)

    def rules(self) -> tuple[Mapping[str, Any], ...]:
        """The groups of rules that it has, as its API gives them.

        Raises NotFound where there is no such API, KagentError for an answer that is no list of groups.
        """
        found = _data(self.http.call("GET", "/api/v1/rules", timeout=_TIMEOUT)).get("groups")
        groups = found if isinstance(found, list) else [None]
        if not all(isinstance(group, dict) and _are_objects(group.get("rules")) for group in groups):
            raise self._odd("the question for its rules", "list of groups")
        return tuple(groups)

    def alertmanagers(self) -> tuple[str, ...]:
        """The addresses that it sends alerts to. Raises as ``rules`` does."""
        found = _data(self.http.call("GET", "/api/v1/alertmanagers", timeout=_TIMEOUT))
        active = found.get("activeAlertmanagers")
        if not _are_objects(active):
            raise self._odd("the question for Alertmanagers", "list of them")
        return tuple(shown(str(item.get("url"))) for item in active)

    def _odd(self, asked: str, wanted: str) -> KagentError:
        return KagentError(
            f"Prometheus ({self.name}) answered {asked} with no {wanted}",
            hint="is it another server behind this address?",
        )


def _data(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    found = answer.get("data")
    return found if isinstance(found, dict) else {}


def _are_objects(found: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    return isinstance(found, list) and all(isinstance(item, dict) for item in found)


@dataclass(slots=True)
class _Session:
    """What PrometheusConnect wants of a session of requests, carried by an JsonService.

    requests can't do what kubectl's flags ask for: a header for each --as-group, --tls-server-name. And so
    a refusal is explained as everywhere.
    """

    http: JsonService
    name: str
    warnings: list[str] = field(default_factory=list)
    verify: None = None  # both are the service's own matter
    cert: None = None

    def mount(self, prefix: str, adapter: Any) -> None:
        """Its adapter would ask again and again."""

    def request(
        self, method: str, url: str, *, params: Mapping[str, str], timeout: float, **_: Any
    ) -> _Response:
        with has_api(self.name, "/api/v1/query", _LIKE):
            body = self.http.call(method, f"{url}?{urlencode(params)}", timeout=timeout)
        # Thanos and Mimir leave out what they can't reach, and say so only here
        self.warnings += map(str, body.get("warnings") or ())
        return _Response(body)


@dataclass(frozen=True, slots=True)
class _Response:
    """An answer that was already read: refusals never come so far."""

    body: Any
    status_code: int = 200

    def json(self) -> Any:
        return self.body


def _sample(item: Mapping[str, Any]) -> Sample:
    labels = {str(name): str(value) for name, value in item["metric"].items()}
    return Sample(labels, float(item["value"][1]))


def at_address(url: str, allowed: str = "http://HOST:9090") -> Prometheus:
    """Prometheus at an address of its own. Raises UsageError, with what is ``allowed``, for anything else."""
    address = address_of(url, "Prometheus", allowed)
    return Prometheus(address, address.name)


def find_prometheus(cluster: Cluster) -> Prometheus | None:
    """The one in the cluster, through the API server's proxy. None where there is none to be seen."""
    found = find_service(cluster, (LABELS, _OPERATED), components=_ASKED, ports=_PORTS)
    return Prometheus(found, f"{found.namespace}/{found.name}") if found else None
