"""Versions of everything that must fit together: us, Kubernetes, the CRDs, the kagent controller."""

from __future__ import annotations

from dataclasses import dataclass

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.model.controllers import KAGENT
from kubectl_kagent.model.resources import AGENT, CRD, MCP_SERVER, SERVICE, Resource
from kubectl_kagent.model.workload import dig

_PORT = "controller"


@dataclass(frozen=True, slots=True)
class Versions:
    """What was found. ``controller`` is empty when it could not be asked; ``notes`` says why."""

    kubernetes: str
    agent_crd: tuple[str, ...]
    mcp_server_crd: tuple[str, ...]
    controller: str
    notes: tuple[str, ...]


def versions(cluster: Cluster) -> Versions:
    """Ask the cluster. Raises Unreachable when there is none."""
    notes: list[str] = []
    kubernetes = str(cluster.server_version().get("gitVersion", ""))
    agents = _served(cluster, AGENT, "kagent", notes)
    servers = _served(cluster, MCP_SERVER, "kmcp", notes)
    return Versions(kubernetes, agents, servers, _controller(cluster, notes), tuple(notes))


def _served(cluster: Cluster, resource: Resource, product: str, notes: list[str]) -> tuple[str, ...]:
    try:
        crd = cluster.get(CRD, None, resource.full_name)
    except NotFound:
        notes.append(f"{product} is not installed: there is no CRD {resource.full_name}")
        return ()
    except KagentError as error:
        notes.append(error.message)
        return ()
    served = tuple(str(v["name"]) for v in dig(crd, "spec", "versions") or () if v.get("served"))
    if resource.version not in served:
        notes.append(
            f"{resource.full_name} is served as {', '.join(served)}, but this plugin speaks "
            f"{resource.version}: kagent 0.9 and 0.10"
        )
    return served


def _controller(cluster: Cluster, notes: list[str]) -> str:
    """kagent's version as its controller says, through the service that its labels find."""
    try:
        found = cluster.list_objects(SERVICE, labels=KAGENT.labels)["items"]
        service = next((item for item in found if _port(item)), None)
        if service is None:
            notes.append("no kagent controller service was found in any namespace")
            return ""
        metadata = service["metadata"]
        name = f"{metadata['name']}:{_port(service)}"
        return str(cluster.service("GET", metadata["namespace"], name, "/version").get("kagent_version", ""))
    except KagentError as error:
        notes.append(f"the kagent controller could not be asked: {error.message}")
        return ""


def _port(service: dict[str, object]) -> str:
    for port in dig(service, "spec", "ports") or ():
        if port.get("name") == _PORT:
            return str(port["port"])
    return ""
