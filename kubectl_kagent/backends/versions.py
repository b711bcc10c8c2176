"""Versions of everything that must fit together: us, Kubernetes, the CRDs, the kagent controller."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.backends.controller import Controller, find_controller
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.kinds import newer
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.resources import AGENT, CRD, MCP_SERVER, Resource
from kubectl_kagent.model.workload import dig

# The first release in which what is kept of a task or an event counts as a use of its session.
_USES_ARE_TIMED = (0, 9, 3)


@dataclass(frozen=True, slots=True)
class Versions:
    """What was found. ``controller`` is empty when it could not be asked; ``notes`` says why.

    The versions that a CRD is served in: none without the CRD, None when that may not be read.
    """

    kubernetes: str
    agent_crd: tuple[str, ...] | None
    mcp_server_crd: tuple[str, ...] | None
    controller: str
    notes: tuple[Note, ...]


def versions(cluster: Cluster) -> Versions:
    """Ask the cluster. Raises Unreachable when there is none."""
    notes: list[Note] = []
    kubernetes = str(cluster.server_version().get("gitVersion", ""))
    agents = _served(cluster, AGENT, "kagent", notes)
    servers = _served(cluster, MCP_SERVER, "kmcp", notes)
    if said := newer(cluster):
        notes.append(Note(said))
    controller = _controller(cluster, notes)
    return Versions(kubernetes, agents, servers, controller, tuple(dict.fromkeys(notes)))


def _served(cluster: Cluster, resource: Resource, product: str, notes: list[Note]) -> tuple[str, ...] | None:
    try:
        crd = cluster.get(CRD, None, resource.full_name)
    except NotFound:
        notes.append(Note(f"{product} is not installed", f"there is no CRD {resource.full_name}"))
        return ()
    except KagentError as error:
        notes.append(Note(error.explained))
        return None
    served = served_versions(crd)
    if resource.version not in served:
        notes.append(
            Note(
                f"{resource.full_name} is served as {', '.join(served)}, but this plugin speaks "
                f"{resource.version}",
                "kagent 0.9 and 0.10",
            )
        )
    return served


def served_versions(crd: Mapping[str, Any]) -> tuple[str, ...]:
    """The versions in which the objects of a CRD are served."""
    return tuple(str(item["name"]) for item in dig(crd, "spec", "versions") or () if item.get("served"))


def _controller(cluster: Cluster, notes: list[Note]) -> str:
    """kagent's version as its controller says."""
    try:
        controller = find_controller(cluster)
    except KagentError as error:
        notes.append(Note(error.message))
        return ""
    try:
        found = kagent_version(controller)
    except KagentError as error:
        notes.append(Note("the kagent controller could not be asked", error.explained))
        return ""
    if not found:
        notes.append(Note("the kagent controller does not say which version it is"))
    return found


def kagent_version(controller: Controller) -> str:
    """As the controller says; empty if it does not. Raises what asking it ends with."""
    found = controller.http.call("GET", "/version").get("kagent_version")
    return found if isinstance(found, str) else ""


def uses_are_timed(controller: Controller) -> bool:
    """Whether a session's time is that of its last use; where that is not known it is not to be trusted."""
    try:
        return older_than(kagent_version(controller), _USES_ARE_TIMED) is False
    except KagentError:
        return False


def older_than(version: str, release: tuple[int, int, int]) -> bool | None:
    """Whether a version of kagent is of a release before that one; None where it names no release."""
    found = re.match(r"v?([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?![0-9])", version)
    return tuple(map(int, found.groups())) < release if found else None
