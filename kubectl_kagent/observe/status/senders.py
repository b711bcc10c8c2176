"""What kagent's controller and its agents are told of tracing, and whether it leads to the collector."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kubectl_kagent.cluster.http import shown
from kubectl_kagent.model.ports import USUAL_PORTS
from kubectl_kagent.model.workload import dig

Object = Mapping[str, Any]

ENABLED = "OTEL_TRACING_ENABLED"
# The first of them that is set counts, in the runtimes of kagent 0.10 and in what its chart writes.
_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_TRACING_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
)
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
GRPC = "grpc"
_PORT_NAMES = {GRPC: "otlp-grpc", "http/protobuf": "otlp-http"}  # of the Service of the collector


@dataclass(frozen=True, slots=True)
class Tracing:
    """The settings of one sender. ``endpoint`` is as it was written, empty where there is none."""

    enabled: bool
    endpoint: str = ""
    protocol: str = GRPC

    @property
    def address(self) -> tuple[str, int | None]:
        """Host and port of the endpoint; empty and None where they can't be read."""
        try:
            parts = urlsplit(self._url)
            return parts.hostname or "", parts.port or USUAL_PORTS.get(parts.scheme)
        except ValueError:  # of brackets, or of a port that is no number
            return "", None

    @property
    def shown(self) -> str:
        """The endpoint as it may be printed."""
        return shown(self.endpoint)

    @property
    def has_path(self) -> bool:
        try:
            return urlsplit(self._url).path not in ("", "/")
        except ValueError:
            return False

    @property
    def _url(self) -> str:
        return self.endpoint if "//" in self.endpoint else f"//{self.endpoint}"


def helm_values(namespace: str) -> dict[str, str]:
    """The values of kagent's chart with which its controller and its agents trace; they are off in it."""
    return {
        "otel.tracing.enabled": "true",
        "otel.tracing.exporter.otlp.endpoint": f"http://kagent-collector.{namespace}:4317",
    }


def tracing(env: Mapping[str, str]) -> Tracing:
    """What these variables tell a sender."""

    def first(names: Sequence[str]) -> str:
        return next((env[name] for name in names if env.get(name)), "")

    return Tracing(env.get(ENABLED, "").lower() == "true", first(_ENDPOINTS), first(_PROTOCOLS) or GRPC)


def environment(pod_spec: Object, config_maps: Mapping[str, Object]) -> dict[str, str]:
    """The variables of a pod's containers, as far as they are written there or in one of ``config_maps``."""
    found: dict[str, str] = {}
    for container in pod_spec.get("containers") or ():
        for source in container.get("envFrom") or ():
            found |= _data(config_maps.get(str(dig(source, "configMapRef", "name") or "")))
        for entry in container.get("env") or ():
            reference = dig(entry, "valueFrom", "configMapKeyRef") or {}
            value = _data(config_maps.get(str(reference.get("name") or ""))).get(str(reference.get("key")))
            if (given := entry.get("value", value)) is not None:
                found[str(entry["name"])] = str(given)
    return found


def _data(config_map: Object | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in ((config_map or {}).get("data") or {}).items()}


def sources(pod_spec: Object) -> set[str]:
    """The names of the ConfigMaps that ``environment`` reads."""
    return {name for name in _named(pod_spec) if name}


def _named(pod_spec: Object) -> Iterator[str]:
    for container in pod_spec.get("containers") or ():
        for source in container.get("envFrom") or ():
            yield str(dig(source, "configMapRef", "name") or "")
        for entry in container.get("env") or ():
            yield str(dig(entry, "valueFrom", "configMapKeyRef", "name") or "")


@dataclass(frozen=True, slots=True)
class Points:
    """A Service: its namespace, whether it is there, its addresses and ports by name.

    ``ready`` are those of addresses behind which a pod is ready.
    """

    namespace: str
    exists: bool
    addresses: frozenset[str]
    ready: frozenset[str]
    ports: Mapping[str, int]


NAME = "kagent-collector"


def points(name: str, namespace: str, services: Sequence[Object], slices: Sequence[Object]) -> Points:
    """What the Services and EndpointSlices of a namespace say of one of that name."""
    own = next((item for item in services if item["metadata"]["name"] == name), None)
    behind = [
        endpoint
        for item in slices
        if (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name
        for endpoint in item.get("endpoints") or ()
    ]
    addresses = {str(address) for endpoint in behind for address in endpoint.get("addresses") or ()}
    # without the condition it is to be taken for ready, as the API has it
    ready = {
        str(address)
        for endpoint in behind
        if dig(endpoint, "conditions", "ready") is not False
        for address in endpoint.get("addresses") or ()
    }
    ports = {
        str(port.get("name")): int(port["port"]) for port in (dig(own, "spec", "ports") or () if own else ())
    }
    cluster_ip = str(dig(own, "spec", "clusterIP") or "") if own else ""
    return Points(
        namespace, own is not None, frozenset({*addresses, cluster_ip} - {""}), frozenset(ready), ports
    )


def service_of(host: str, namespace: str) -> tuple[str, str] | None:
    """Namespace and name of the Service that ``host`` means to a pod of ``namespace``, if it means one."""
    name, *rest = host.split(".")
    if rest[1:2] not in ([], ["svc"]) or not all(_LABEL.fullmatch(word) for word in (name, *rest[:1])):
        return None
    return (rest[0] if rest else namespace), name


# a name of a Service, and of a namespace; an IPv4 address is four numbers
_LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Detour:
    """Another endpoint than the collector: what it is; ``nowhere``: nothing leads on from there."""

    text: str
    nowhere: bool = False


def detour(
    settings: Tracing, namespace: str, there: Points, is_service: Mapping[tuple[str, str], bool]
) -> Detour | None:
    """What the endpoint of a sender in ``namespace`` is, where it is not the collector.

    ``is_service`` says of other Services than the collector's whether they are there.
    """
    host, _ = settings.address
    found = service_of(host, namespace)
    if not settings.endpoint or found == (there.namespace, NAME) or host in there.addresses:
        return None
    if found is None:
        return Detour(f"{settings.shown} is not the collector")
    if is_service.get(found) is False:
        return Detour(f"{settings.shown}: there is no service {'/'.join(found)}", nowhere=True)
    return Detour(f"{settings.shown} is service {'/'.join(found)}, not the collector")


def wrong(settings: Tracing, there: Points) -> str:
    """Why a sender whose endpoint is the collector does not reach it; empty where nothing says so."""
    if not settings.endpoint:
        return "no endpoint is set, so spans go to localhost:4317 of each pod"
    _, port = settings.address
    wanted = _PORT_NAMES.get(settings.protocol)
    if wanted is None:
        return f"protocol {settings.protocol} is none of {', '.join(_PORT_NAMES)}"
    numbers = {number: name for name, number in there.ports.items()}
    if port is None or port not in numbers:
        return f"{settings.shown} has no port of service {there.namespace}/{NAME}" if there.ports else ""
    if numbers[port] != wanted:
        return f"{settings.shown} is port {numbers[port]}, and the protocol is {settings.protocol}"
    if wanted == "otlp-http" and not settings.has_path:
        return f"{settings.shown} has no path, so the Python runtime sends to / instead of /v1/traces"
    return ""
