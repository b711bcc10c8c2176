"""Which agents use an object, and what becomes of them when a tool server's pods are replaced."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, ResourceMissing
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, REMOTE_MCP_SERVER, Resource
from kubectl_kagent.model.workload import Reference, Workload

Users = tuple[tuple[str, ...], str]


def users(cluster: Cluster, workload: Workload, references: Collection[Reference]) -> dict[Reference, Users]:
    """The agents but ``workload`` that use each, and a note when those elsewhere may not be listed.

    Those of another namespace than the workload's have it before their name. Raises Forbidden.
    """
    # the others are of no use in another namespace: kagent refuses them there
    shared = {ref for ref in references if ref.resource is REMOTE_MCP_SERVER}
    agents, note = _agents(cluster, {ref.namespace for ref in references}, everywhere=bool(shared))
    used: dict[tuple[Resource, str, str], list[str]] = {}
    for agent in agents:
        own = agent.namespace == workload.namespace
        name = agent.name if own else f"{agent.namespace}/{agent.name}"
        for key in {_key(ref) for ref in agent.references()} if agent.uid != workload.uid else ():
            used.setdefault(key, []).append(name)
    return {
        ref: (tuple(sorted(used.get(_key(ref), ()))), note if ref in shared else "") for ref in references
    }


def sessions_that_end(cluster: Cluster, servers: Sequence[Workload]) -> Iterator[str]:
    """A line for each MCP server that agents use: its pods know no session of those before them."""
    if not servers:
        return
    references = {Reference(MCP_SERVER, *server.key): server for server in servers}
    try:
        found = users(cluster, servers[0], references)
    except ResourceMissing:
        return  # kmcp without kagent
    except Forbidden as error:
        yield f"which agents have sessions with it is not known: {error.explained}"
        return
    for reference, (names, _) in found.items():
        if names:
            yield (
                f"sessions with {references[reference].label} end; agents that use it: {', '.join(names)}. "
                'If one then answers "Session terminated": kubectl kagent rollout restart agent/NAME'
            )


def _key(reference: Reference) -> tuple[Resource, str, str]:
    return reference.resource, reference.namespace, reference.name


def _agents(cluster: Cluster, namespaces: set[str], *, everywhere: bool) -> tuple[list[Workload], str]:
    """The agents of the cluster, or of these namespaces; a note when it had to be these."""
    each: list[str | None] = [*sorted(namespaces)]
    note = ""
    try:
        listings = side_by_side(
            lambda namespace: cluster.list_objects(AGENT, namespace), [None] if everywhere else each
        )
    except Forbidden as error:
        if not everywhere:
            raise
        note = f"agents of other namespaces may use it too: {error.explained}"
        listings = side_by_side(lambda namespace: cluster.list_objects(AGENT, namespace), each)
    return [Workload(AGENT, item) for listing in listings for item in listing["items"]], note
