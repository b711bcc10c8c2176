"""Prometheus: where it is in the cluster, and what it answers to a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from kubectl_kagent.backends.discovery import find_service
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import HttpService, address_of
from kubectl_kagent.errors import KagentError

LABELS = "app.kubernetes.io/name=prometheus"  # of the chart, kube-prometheus and most plain manifests
# The operator's own Service for each Prometheus: kube-prometheus-stack's other one has no label of its kind.
_OPERATED = "operated-prometheus=true"
# The same label is on sidecars and gateways: who answers queries is the component server (chart) or
# prometheus (operator), or there is just one.
_ASKED = ("server", "prometheus", "")
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

    http: HttpService
    name: str

    def query(self, promql: str, at: float) -> tuple[list[Sample], list[str]]:
        """The samples of an instant query, and its warnings. ``at`` is in seconds since the epoch.

        Raises KagentError for an answer that is no list of samples.
        """
        from prometheus_api_client import PrometheusConnect

        session = _Session(self.http)
        client = PrometheusConnect(url="", session=session, timeout=_TIMEOUT)
        try:
            found = client.custom_query(promql, params={"time": f"{at:.3f}"})
            return [_sample(item) for item in found], session.warnings
        except (KeyError, TypeError, ValueError, OverflowError, IndexError, AttributeError) as error:
            raise KagentError(
                f"Prometheus ({self.name}) answered a query with no list of samples",
                hint="is it another server behind this address?",
            ) from error


@dataclass(slots=True)
class _Session:
    """What PrometheusConnect wants of a session of requests, carried by an HttpService.

    requests can't do what kubectl's flags ask for: a header for each --as-group, --tls-server-name. And so
    a refusal is explained as everywhere.
    """

    http: HttpService
    warnings: list[str] = field(default_factory=list)
    verify: None = None  # both are the service's own matter
    cert: None = None

    def mount(self, prefix: str, adapter: Any) -> None:
        """Its adapter would ask again and again."""

    def request(
        self, method: str, url: str, *, params: Mapping[str, str], timeout: float, **_: Any
    ) -> _Response:
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


def at_address(url: str) -> Prometheus:
    """Prometheus at an address of its own. Raises UsageError for anything but a URL."""
    address = address_of(url, "Prometheus", "http://HOST:9090, or none")
    return Prometheus(address, address.name)


def find_prometheus(cluster: Cluster) -> Prometheus | None:
    """The one in the cluster, through the API server's proxy. None where there is none to be seen."""
    found = find_service(cluster, (LABELS, _OPERATED), components=_ASKED, ports=_PORTS)
    return Prometheus(found, f"{found.namespace}/{found.name}") if found else None
