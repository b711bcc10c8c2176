"""Where the collectors send what they collect: addresses and tenant, merged over their own configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from kubectl_kagent.backends import jaeger, tempo
from kubectl_kagent.backends.discovery import find_service
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import ClusterService
from kubectl_kagent.telemetry.logs import loki

Object = dict[str, Any]

# what the files themselves have, where charts put Tempo and Loki of release and namespace names as usual
DEFAULT_TRACES = "tempo.monitoring:4317"
DEFAULT_LOKI = "http://loki.monitoring:3100"
_OTLP_GRPC = 4317
# who takes spans and lines, where these are many services; the single ones have no such label
_TAKE_SPANS = ("distributor", "collector", "all-in-one", "")
_TAKE_LINES = ("gateway", "write", "distributor", "")
_LOKI_PORTS = ("http-metrics", 3100, 80)

_FILE = "addresses.yaml"
_CONFIG = "--config=file:"


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where traces (HOST:PORT or URL, OTLP over gRPC) and logs (Loki's URL) go; empty: as in the files.

    ``tenant`` is the X-Scope-OrgID of both; empty: none.
    """

    traces: str = ""
    loki: str = ""
    tenant: str = ""


AS_IN_THE_FILES = Destinations()


def find_traces(cluster: Cluster) -> str:
    """The Tempo or else the Jaeger of the cluster, as HOST:PORT; empty where none is to be seen."""
    for labels in ((tempo.LABELS,), (jaeger.LABELS, jaeger.OTHERS)):
        if found := find_service(cluster, labels, components=_TAKE_SPANS, ports=(_OTLP_GRPC,)):
            return _host(found)
    return ""


def find_loki(cluster: Cluster) -> str:
    """The URL of the Loki of the cluster; empty where none is to be seen."""
    found = find_service(cluster, (loki.LABELS,), components=_TAKE_LINES, ports=_LOKI_PORTS)
    return f"http://{_host(found)}" if found else ""


def _host(service: ClusterService) -> str:
    name, _, port = service.name.rpartition(":")
    return f"{name}.{service.namespace}:{port}"


def sent_to(items: Sequence[Object], where: Destinations) -> list[Object]:
    """The objects with another file of configuration for those collectors that it tells something else.

    Raises ValueError when a collector is not among them: the bundle was built wrong.
    """
    result = list(items)
    exporters = (
        ("kagent-collector", "otlp_grpc/tempo", where.traces),
        ("kagent-logs", "otlp_http/loki", f"{where.loki}/otlp" if where.loki else ""),
    )
    for name, exporter, endpoint in exporters:
        settings: Object = {"endpoint": endpoint} if endpoint else {}
        if where.tenant:
            settings["headers"] = {"X-Scope-OrgID": where.tenant}
        if settings:
            result = _configured(result, name, {"exporters": {exporter: settings}})
    return result


def _configured(items: Sequence[Object], name: str, config: Object) -> list[Object]:
    import yaml  # most verbs do without

    text = yaml.safe_dump(config)
    changed = {
        item["kind"]: _with_file(item, text)
        for item in items
        if item["metadata"]["name"] == name and item["kind"] in ("ConfigMap", "Deployment", "DaemonSet")
    }
    if len(changed) != 2:
        raise ValueError(f"the bundle has no ConfigMap and workload {name}")
    return [changed.get(item["kind"], item) if item["metadata"]["name"] == name else item for item in items]


def _with_file(item: Object, text: str) -> Object:
    """A ConfigMap with the file, or the workload whose collector reads it after its own, which it merges."""
    if item["kind"] == "ConfigMap":
        return {**item, "data": {**item["data"], _FILE: text}}
    template = item["spec"]["template"]
    (container,) = template["spec"]["containers"]
    own = next(word for word in container["args"] if word.startswith(_CONFIG))
    more = f"{_CONFIG}{PurePosixPath(own.removeprefix(_CONFIG)).with_name(_FILE)}"
    pod = {**template["spec"], "containers": [{**container, "args": [*container["args"], more]}]}
    return {**item, "spec": {**item["spec"], "template": {**template, "spec": pod}}}
