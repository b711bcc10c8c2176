"""What ``describe`` gathers about workloads. Each part that may not be read is named, not left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.lookup import Answers, look_up
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, KagentError, NotFound, ResourceMissing
from kubectl_kagent.lifecycle.history.revisions import read_revisions
from kubectl_kagent.lifecycle.workloads.overview import Overview, overviews_of
from kubectl_kagent.lifecycle.workloads.surroundings import surroundings, unless_forbidden
from kubectl_kagent.model.kubernetes_event import last_seen
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.resources import (
    CONTROLLER_REVISION,
    EVENT,
    MCP_SERVER,
    POD,
    REMOTE_MCP_SERVER,
    Resource,
)
from kubectl_kagent.model.revision import LABEL_KIND, LABEL_NAME, Revision, selector
from kubectl_kagent.model.tool_server import endpoint
from kubectl_kagent.model.tool_server import problem as problem_of
from kubectl_kagent.model.workload import ToolRef, Workload, dig, pod_selector

Manifest = Mapping[str, Any]

_NAMES = 100


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
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class _Past:
    """A workload's revisions, oldest first, and what is said of those that can't be read."""

    revisions: tuple[Revision, ...]
    unread: tuple[Note, ...]


def describe(cluster: Cluster, resource: Resource, workloads: Sequence[Workload]) -> list[Description]:
    """Each of these workloads of one namespace; one list of a kind answers for all of them.

    Raises Forbidden without their Deployments.
    """
    if not workloads:
        return []
    notes: list[Note] = []
    namespace = workloads[0].namespace
    around = surroundings(
        cluster, resource, namespace, lambda: _revisions(cluster, workloads), warn=notes.append
    )
    servers = look_up(cluster, {tool.server for each in workloads for tool in each.tools})
    reads: tuple[Callable[[], list[Manifest]], ...] = (
        lambda: _pods(cluster, resource, workloads),
        lambda: list(cluster.list_objects(EVENT, namespace)["items"]),
    )
    pods, events = side_by_side(unless_forbidden, reads)
    unknown: set[str] = {*around.unknown}
    for part, answer in (("pods", pods), ("events", events)):
        if isinstance(answer, Forbidden):
            notes.append(Note(f"{part} unknown", answer.explained))
            unknown.add(part)
    pasts = [_past(around.revisions, workload) for workload in workloads]
    newest = {past.revisions[-1].name for past in pasts if past.revisions}
    shown = tuple(item for item in around.revisions if item["metadata"]["name"] in newest)
    return [
        _description(
            overview,
            servers,
            past,
            () if isinstance(pods, Forbidden) else pods,
            () if isinstance(events, Forbidden) else events,
            frozenset(unknown),
            notes,
        )
        for overview, past in zip(
            overviews_of(workloads, replace(around, revisions=shown)), pasts, strict=True
        )
    ]


def _description(
    overview: Overview,
    servers: Answers,
    past: _Past,
    pods: Iterable[Manifest],
    events: Iterable[Manifest],
    unknown: frozenset[str],
    notes: Sequence[Note],
) -> Description:
    """What of all that was read concerns one workload. Pure."""
    workload = overview.workload
    own = [pod for pod in pods if workload.selects(pod)]
    about = {workload.name, *(str(pod["metadata"]["name"]) for pod in own)}
    return Description(
        overview,
        tuple(_resolve(tool, servers[tool.server]) for tool in workload.tools),
        tuple(sorted(own, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))),
        tuple(sorted((event for event in events if _concerns(event, about)), key=last_seen)),
        past.revisions,
        unknown,
        (*notes, *past.unread),
    )


def _past(revisions: Iterable[Manifest], workload: Workload) -> _Past:
    unread: list[Note] = []
    read = read_revisions(revisions, workload, warn=lambda line: unread.append(Note(line)))
    return _Past(tuple(read), tuple(unread))


def _revisions(cluster: Cluster, workloads: Sequence[Workload]) -> list[Manifest]:
    """Those of these workloads, and of namesakes of the same kind that are no more; a hundred a list."""
    wanted = [selector(workload) for workload in workloads]
    names = [labels[LABEL_NAME] for labels in wanted]
    selectors = [
        f"{LABEL_KIND}={wanted[0][LABEL_KIND]},{LABEL_NAME} in ({','.join(names[place : place + _NAMES])})"
        for place in range(0, len(names), _NAMES)
    ]
    namespace = workloads[0].namespace
    listings = side_by_side(
        lambda labels: cluster.list_objects(CONTROLLER_REVISION, namespace, labels=labels), selectors
    )
    return [revision for listing in listings for revision in listing["items"]]


def _pods(cluster: Cluster, resource: Resource, workloads: Sequence[Workload]) -> list[Manifest]:
    """The pods of all, a hundred workloads a list: their names stand in its URL."""
    names = [workload.name for workload in workloads]
    selectors = [
        pod_selector(resource, tuple(names[place : place + _NAMES])) for place in range(0, len(names), _NAMES)
    ]
    namespace = workloads[0].namespace
    listings = side_by_side(lambda labels: cluster.list_objects(POD, namespace, labels=labels), selectors)
    return [pod for listing in listings for pod in listing["items"]]


def _concerns(event: Mapping[str, Any], names: set[str]) -> bool:
    """Whether an event is about the workload, its Deployment, a ReplicaSet or a pod of it."""
    involved = event.get("involvedObject") or {}
    target = str(involved.get("name", ""))
    if involved.get("kind") == "ReplicaSet":
        target = target.rpartition("-")[0]  # its Deployment, which has the workload's name
    return target in names


def _resolve(tool: ToolRef, server: Manifest | KagentError) -> ResolvedTools:
    reference = tool.server
    if isinstance(server, (NotFound, ResourceMissing)):
        return ResolvedTools(tool, "", "does not exist", None)
    if isinstance(server, KagentError):
        return ResolvedTools(tool, "", server.message, None)
    problem = problem_of(reference.resource, server)
    if reference.resource is REMOTE_MCP_SERVER:
        found = dig(server, "status", "discoveredTools")
        offered = None if found is None else tuple(str(item["name"]) for item in found)
        return ResolvedTools(tool, str(dig(server, "spec", "url") or ""), problem, offered)
    found_at = endpoint(reference.resource, server) if reference.resource is MCP_SERVER else None
    return ResolvedTools(tool, found_at.url if found_at else "", problem, None)
