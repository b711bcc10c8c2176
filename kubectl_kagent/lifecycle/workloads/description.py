"""What ``describe`` gathers about one workload. Each part that may not be read is named, not left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Forbidden, KagentError, NotFound, ResourceMissing
from kubectl_kagent.lifecycle.history.revisions import revisions_of
from kubectl_kagent.lifecycle.workloads.overview import Overview, overviews
from kubectl_kagent.model.resources import EVENT, MCP_SERVER, POD, REMOTE_MCP_SERVER, Resource
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.tool_server import endpoint
from kubectl_kagent.model.tool_server import problem as problem_of
from kubectl_kagent.model.workload import ToolRef, dig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ResolvedTools:
    """A tool reference and what its server says: ``offered`` is None when that is not known."""

    reference: ToolRef
    address: str
    problem: str
    offered: tuple[str, ...] | None

    @property
    def missing(self) -> tuple[str, ...]:
        """Tools the agent names and the server does not offer."""
        if self.offered is None:
            return ()
        return tuple(tool for tool in self.reference.tools if tool not in self.offered)


@dataclass(frozen=True, slots=True)
class Description:
    """Everything ``describe`` shows. ``unknown`` is what may not be read; ``notes`` says why."""

    overview: Overview
    tools: tuple[ResolvedTools, ...]
    pods: tuple[Mapping[str, Any], ...]
    events: tuple[Mapping[str, Any], ...]
    revisions: tuple[Revision, ...]
    unknown: frozenset[str]
    notes: tuple[str, ...]


def describe(cluster: Cluster, resource: Resource, namespace: str, name: str) -> Description:
    """Raises NotFound when the workload is not there."""
    notes: list[str] = []
    unknown: set[str] = set()
    overview = overviews(cluster, resource, namespace, names=(name,), warn=notes.append)[0]
    workload = overview.workload

    def allowed(part: str, read: Callable[[], Sequence[T]]) -> Sequence[T]:
        try:
            return read()
        except Forbidden as error:
            notes.append(f"{part} unknown: {error.explained}")
            unknown.add(part)
            return ()

    pods: Sequence[Mapping[str, Any]] = allowed(
        "pods", lambda: cluster.list_objects(POD, namespace, labels=workload.pod_selector)["items"]
    )
    events: Sequence[Mapping[str, Any]] = allowed(
        "events", lambda: cluster.list_objects(EVENT, namespace)["items"]
    )
    about = {name, *(str(pod["metadata"]["name"]) for pod in pods)}
    return Description(
        overview,
        tuple(_resolve(cluster, tool) for tool in workload.tools),
        tuple(sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))),
        tuple(sorted((e for e in events if _concerns(e, about)), key=event_time)),
        () if "revision" in overview.unknown else tuple(revisions_of(cluster, workload, warn=notes.append)),
        frozenset({*unknown, *overview.unknown}),
        tuple(notes),
    )


def _concerns(event: Mapping[str, Any], names: set[str]) -> bool:
    """Whether an event is about the workload, its Deployment, a ReplicaSet or a pod of it."""
    involved = event.get("involvedObject") or {}
    target = str(involved.get("name", ""))
    if involved.get("kind") == "ReplicaSet":
        target = target.rpartition("-")[0]  # its Deployment, which has the workload's name
    return target in names


def event_time(event: Mapping[str, Any]) -> str:
    """When an event last happened, RFC 3339."""
    latest = dig(event, "series", "lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(latest or event["metadata"]["creationTimestamp"])


def _resolve(cluster: Cluster, tool: ToolRef) -> ResolvedTools:
    reference = tool.server
    try:
        server = cluster.get(reference.resource, reference.namespace, reference.name)
    except (NotFound, ResourceMissing):
        return ResolvedTools(tool, "", "does not exist", None)
    except KagentError as error:
        return ResolvedTools(tool, "", error.message, None)
    problem = problem_of(reference.resource, server)
    if reference.resource is REMOTE_MCP_SERVER:
        found = dig(server, "status", "discoveredTools")
        offered = None if found is None else tuple(str(item["name"]) for item in found)
        return ResolvedTools(tool, str(dig(server, "spec", "url") or ""), problem, offered)
    found_at = endpoint(reference.resource, server) if reference.resource is MCP_SERVER else None
    return ResolvedTools(tool, found_at.url if found_at else "", problem, None)
