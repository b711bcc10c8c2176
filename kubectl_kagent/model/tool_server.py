"""A server of tools as kagent 0.10 sees it: where it listens, what it says of itself, what it offers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kubectl_kagent.model.conditions import conditions
from kubectl_kagent.model.paths import stays
from kubectl_kagent.model.ports import USUAL_PORTS
from kubectl_kagent.model.resources import MCP_SERVER, REMOTE_MCP_SERVER, SERVICE, Resource
from kubectl_kagent.model.stage import REFUSALS
from kubectl_kagent.model.workload import dig

MCP_SERVICE = "kagent.dev/mcp-service=true"  # Services with this label are servers of tools too
SERVERS = (MCP_SERVER, REMOTE_MCP_SERVER, SERVICE)
_DEFAULT_PATH = "/mcp"
_IN_CLUSTER = re.compile(
    r"(?P<name>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)(?P<svc>\.svc(\.cluster\.local\.?)?)?"
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as its server describes it; ``schema`` is None when only its name was to be had."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens: behind the Service ``NAME:PORT``, or (``service`` empty) at ``url``.

    ``headers`` are those whose values stand in the spec, ``secret_headers`` the names of the others.
    """

    url: str
    namespace: str = ""
    service: str = ""
    path: str = ""
    protocol: str = "STREAMABLE_HTTP"
    headers: tuple[tuple[str, str], ...] = ()
    secret_headers: tuple[str, ...] = ()


def endpoint(resource: Resource, obj: Mapping[str, Any]) -> Endpoint | None:
    """Where kagent connects to (it ignores an MCPServer's own path); None when the object does not say."""
    name, namespace = str(obj["metadata"]["name"]), str(obj["metadata"]["namespace"])
    if resource is MCP_SERVER:
        port = dig(obj, "spec", "deployment", "port")
        return _inside(name, namespace, str(port or ""), _DEFAULT_PATH)
    if resource is REMOTE_MCP_SERVER:
        return _remote(obj)
    notes = obj["metadata"].get("annotations") or {}
    port = notes.get("kagent.dev/mcp-service-port") or _mcp_port(obj)
    path = str(notes.get("kagent.dev/mcp-service-path") or _DEFAULT_PATH)
    protocol = "SSE" if notes.get("kagent.dev/mcp-service-protocol") == "SSE" else "STREAMABLE_HTTP"
    return _inside(name, namespace, str(port or ""), path, protocol=protocol)


def _mcp_port(service: Mapping[str, Any]) -> Any:
    ports = dig(service, "spec", "ports") or ()
    usable = ports if len(ports) == 1 else [p for p in ports if str(p.get("appProtocol")).lower() == "mcp"]
    return usable[0].get("port") if usable else None


def _inside(
    name: str, namespace: str, port: str, path: str, scheme: str = "http", **more: Any
) -> Endpoint | None:
    """None for a path that would lead out of the Service's: it becomes a part of the API server's."""
    if not re.fullmatch(r"[0-9]+", port, re.ASCII) or not stays(path):
        return None
    service = f"{name}:{port}" if scheme == "http" else f"{scheme}:{name}:{port}"
    return Endpoint(f"{scheme}://{name}.{namespace}:{port}{path}", namespace, service, path, **more)


def _remote(obj: Mapping[str, Any]) -> Endpoint | None:
    """A URL that names a Service: ``NAME.NAMESPACE.svc`` says so, ``https://NAME.DOMAIN`` is one outside."""
    url = str(dig(obj, "spec", "url") or "")
    try:
        parts = urlsplit(url)
        port = parts.port or USUAL_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if port is None or not parts.hostname:
        return None
    given = dig(obj, "spec", "headersFrom") or ()
    about: dict[str, Any] = {
        "protocol": str(dig(obj, "spec", "protocol") or "STREAMABLE_HTTP"),
        "headers": tuple((str(item["name"]), str(item["value"])) for item in given if item.get("value")),
        "secret_headers": tuple(str(item["name"]) for item in given if not item.get("value")),
    }
    found = _IN_CLUSTER.fullmatch(parts.hostname)
    if found is None or (parts.scheme == "https" and not found["svc"]):
        return Endpoint(url, **about)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _inside(found["name"], found["namespace"], str(port), path, parts.scheme, **about)


def discovered(obj: Mapping[str, Any]) -> tuple[Tool, ...] | None:
    """What kagent found at a RemoteMCPServer; None before it has looked."""
    return described(dig(obj, "status", "discoveredTools"))


def described(items: Any) -> tuple[Tool, ...] | None:
    """The tools in a list of names and descriptions; None for anything else."""
    if not isinstance(items, list) or not all(isinstance(item, Mapping) and "name" in item for item in items):
        return None
    return tuple(Tool(str(item["name"]), str(item.get("description") or "")) for item in items)


def problem(resource: Resource, obj: Mapping[str, Any]) -> str:
    """What the server's own controller says; kmcp leaves Ready as it was when the pods come later."""
    telling = REFUSALS if resource is MCP_SERVER else ("Accepted", "Ready")
    for item in conditions(obj):
        if item.type in telling and item.status == "False":
            return f"{item.type} is False: {item.message}"
    return ""
