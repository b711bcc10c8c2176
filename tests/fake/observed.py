"""A cluster with the whole bundle in it, where all signals arrive; tests take something away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from kubectl_kagent.backends import alertmanager, prometheus, tempo
from kubectl_kagent.model.resources import (
    CONFIG_MAP,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    LEASE,
    POD,
    SERVICE,
    Resource,
)
from kubectl_kagent.observe import kustomization
from kubectl_kagent.observe.bundle import BUNDLE, PART_OF
from kubectl_kagent.observe.for_prometheus import rule_texts
from kubectl_kagent.observe.status import evidence
from kubectl_kagent.telemetry.logs import loki
from tests.fake.cluster import Clock, FakeCluster
from tests.fake.store import Store
from tests.lab.layout import CHECKOUT

Object = dict[str, Any]
SPACE = "kagent-observability"
ENDPOINT = f"http://kagent-collector.{SPACE}:4317"
NAME = "app.kubernetes.io/name"
CONTROLLER = {NAME: "kagent", "app.kubernetes.io/component": "controller"}
TRACING = {"OTEL_TRACING_ENABLED": "true", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": ENDPOINT}
AGENTS = ("clock", "poet")
DASHBOARDS = tuple(kustomization.objects(CHECKOUT / "manifests" / "generated" / "dashboards"))
_HOUR = 3600.0


@dataclass
class Numbers:
    """What its Prometheus says. Times are seconds ago; ``lost`` has numbers, each with its exporter."""

    there: set[str] = field(default_factory=lambda: {*evidence.PRESENT} - {"span-metrics-otherwise"})
    last: dict[str, float] = field(default_factory=dict)
    gap: dict[str, float] = field(default_factory=lambda: {"traces": 90.0, "stored-logs": 5 * _HOUR})
    lost: dict[str, tuple[str, float]] = field(
        default_factory=lambda: {"recorder-lag": ("", 3), "recorder-lag-limit": ("", 120)}
    )
    ahead: float = 0.0
    groups: list[Object] = field(default_factory=list)
    alertmanagers: list[str] = field(default_factory=lambda: ["http://10.244.0.9:9093/api/v2/alerts"])

    def take(self, *signals: str, ago: float | None = None) -> None:
        """They arrive no more, since so long ago, or never did."""
        self.there -= set(signals)
        for signal in signals:
            self.gap[signal] = 0.0
            if ago is not None:
                self.last[signal] = ago

    def answer(self, path: str, now: float) -> Object:
        if path == "/api/v1/rules":
            return {"data": {"groups": self.groups}}
        if path == "/api/v1/alertmanagers":
            return {"data": {"activeAlertmanagers": [{"url": url} for url in self.alertmanagers]}}
        (query,) = parse_qs(urlsplit(path).query)["query"]
        at = now + self.ahead
        if query == "time()":
            return {"data": {"resultType": "scalar", "result": [at, str(at)]}}
        return {"data": {"resultType": "vector", "result": self._samples(query, at)}}

    def _samples(self, query: str, at: float) -> list[Object]:
        if "unless on ()" in query:
            return [_sample(at - ago, signal=name) for name, ago in self.gap.items()]
        if "and on ()" in query:
            return [_sample(at - ago, signal=name) for name, ago in self.last.items()]
        if '"refused"' in query:
            return [
                _sample(value, signal=name, **({"exporter": exporter} if exporter else {}))
                for name, (exporter, value) in self.lost.items()
            ]
        return [_sample(1, signal=name) for name in sorted(self.there)]


def _sample(value: float, **labels: str) -> Object:
    return {"metric": labels, "value": [0, str(value)]}


@cache
def _bundled() -> tuple[Object, ...]:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    texts = rule_texts(CHECKOUT).values()
    return tuple(group for text in texts for group in yaml.load(text, loader)["groups"])


def groups(at: str) -> list[Object]:
    """The bundle's rules as a Prometheus says that it has them, all evaluated at that moment."""
    return [
        {
            "name": group["name"],
            "interval": 30,
            "lastEvaluation": at,
            "rules": [
                {"name": rule.get("alert") or rule["record"], "query": rule["expr"], "health": "ok"}
                for rule in group["rules"]
            ],
        }
        for group in _bundled()
    ]


class Observed(FakeCluster):
    """``broken`` has what a Service raises instead of an answer, by its name."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self._store = Store(clock)
        self.numbers = Numbers(groups=groups("2026-11-23T08:00:00Z"))
        self.broken: dict[str, Exception] = {}
        self.tenants: list[str] = []
        self.traces = [{"traceID": "ab"}]
        self.lines: list[Object] = [{"stream": {}, "values": [["1", "hello"]]}]
        self._install()

    def called(self, method: str, namespace: str, service: str, path: str, body: Any = None) -> Object:
        name = service.partition(":")[0]
        if name in self.broken:
            raise self.broken[name]
        if name == "prometheus":
            return self.numbers.answer(path, self.clock().timestamp())
        if name == "tempo":
            return {"traces": self.traces}
        if name == "loki":
            return {"data": {"resultType": "streams", "result": self.lines}}
        return super().called(method, namespace, service, path, body)

    def put(self, resource: Resource, name: str, namespace: str, *, labels: Any = None, **rest: Any) -> None:
        """Add an object."""
        metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
        self.add(
            resource,
            {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **rest},
        )

    def pod(
        self,
        name: str,
        namespace: str,
        labels: Mapping[str, str],
        env: Mapping[str, str] | None = None,
        before: str = "",
    ) -> None:
        """Add one that is ready, with an init container ``before`` its own."""
        variables = [{"name": key, "value": value} for key, value in (env or {}).items()]
        spec: Object = {"containers": [{"name": "main", "env": variables}]}
        if before:
            spec["initContainers"] = [{"name": before}]
        status = {"phase": "Running", "containerStatuses": [{"name": "main", "ready": True}]}
        self.put(POD, name, namespace, labels=labels, spec=spec, status=status)

    def service_of(self, name: str, label: str, port: int) -> None:
        key, _, value = label.partition("=")
        spec = {"ports": [{"name": "http", "port": port}]}
        self.put(SERVICE, name, "monitoring", labels={key: value}, spec=spec)

    def _install(self) -> None:
        self.service_of("prometheus", prometheus.LABELS, 9090)
        self.service_of("tempo", tempo.LABELS, 3200)
        self.service_of("loki", loki.LABELS, 3100)
        self.service_of("alertmanager", alertmanager.LABELS, 9093)
        query = "/api/v2/alerts?filter=alertname%3D%22KagentWatchdog%22"
        self.lists[f"monitoring/alertmanager:9093{query}"] = [{"labels": {"alertname": "KagentWatchdog"}}]
        ports = {"otlp-grpc": 4317, "otlp-http": 4318, "span-metrics": 8889, "own-metrics": 8888}
        self._points("kagent-collector", "10.244.0.5", ports)
        self._points("kagent-state-metrics", "10.244.0.6", {"http-metrics": 8080})
        for item in DASHBOARDS:
            self.put(CONFIG_MAP, item["metadata"]["name"], SPACE, data=item["data"])
        self.put(CONFIG_MAP, "kagent-collector", SPACE, data={"collector.yaml": "exporters: {}\n"})
        self._controller()
        for name in AGENTS:
            self._agent(name)
        for name in ("kagent-logs", "kagent-recorder", "kmcp", "kagent-tools"):
            self.put_pod_of(name)
        self.pod("server", "default", {"app.kubernetes.io/managed-by": "kmcp"}, before="copy-binary")
        self.put(LEASE, "node-1", "kube-node-lease", spec={"renewTime": "2026-11-23T08:00:00.500000Z"})

    def put_pod_of(self, name: str) -> None:
        self.pod(f"{name}-x", SPACE if name == "kagent-logs" else "kagent", {NAME: name})

    def _points(self, name: str, address: str, ports: Mapping[str, int]) -> None:
        listed = [{"name": port, "port": number} for port, number in ports.items()]
        labels = {PART_OF: BUNDLE, NAME: name}
        self.put(SERVICE, name, SPACE, labels=labels, spec={"clusterIP": "10.96.0.9", "ports": listed})
        endpoints = [{"addresses": [address], "conditions": {"ready": True}}]
        mine = {"kubernetes.io/service-name": name}
        self.put(ENDPOINT_SLICE, f"{name}-1", SPACE, labels=mine, endpoints=endpoints)

    def _controller(self) -> None:
        container = {
            "name": "controller",
            "envFrom": [{"configMapRef": {"name": "kagent-controller"}}],
            "ports": [{"name": "metrics", "containerPort": 8443}],
        }
        spec = {"template": {"spec": {"containers": [container]}}}
        self.put(DEPLOYMENT, "kagent-controller", "kagent", labels=CONTROLLER, spec=spec)
        self.put(CONFIG_MAP, "kagent-controller", "kagent", data=TRACING)

    def _agent(self, name: str) -> None:
        labels = {"app": "kagent", "kagent": name}
        env = [{"name": key, "value": value} for key, value in TRACING.items()]
        spec = {"template": {"spec": {"containers": [{"name": "kagent", "env": env}]}}}
        self.put(DEPLOYMENT, name, "default", labels=labels, spec=spec)
        self.pod(f"{name}-x", "default", labels, TRACING)
