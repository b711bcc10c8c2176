"""Which tools agents have, from which servers, and whether those offer them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubectl_kagent.backends.controller import Controller
from kubectl_kagent.backends.mcp import McpServer
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.lookup import look_up
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, KagentError, NotFound, ResourceMissing
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, REMOTE_MCP_SERVER, SERVICE, Resource
from kubectl_kagent.model.tool_server import MCP_SERVICE, SERVERS, Tool, described, discovered, problem
from kubectl_kagent.model.workload import Reference, ToolRef, Workload
from kubectl_kagent.tools.server import open_server

_GROUP_KINDS = {MCP_SERVER: "MCPServer.kagent.dev", SERVICE: "Service"}


@dataclass(frozen=True, slots=True)
class Server:
    """A server (or an agent that others use as a tool), and what it offers.

    ``exists`` is None when it may not be read, ``offered`` when that is not known; ``unknown`` says why.
    """

    reference: Reference
    exists: bool | None
    problem: str = ""
    offered: tuple[Tool, ...] | None = None
    unknown: str = ""

    def tool(self, name: str) -> Tool | None:
        return next((tool for tool in self.offered or () if tool.name == name), None)


@dataclass(frozen=True, slots=True)
class Use:
    """One tool of one server, and the agent that has it, if any. ``tool`` is empty for a whole agent."""

    agent: Workload | None
    server: Server
    tool: str
    approval: bool = False

    @property
    def offered(self) -> bool | None:
        if self.server.reference.resource is AGENT or self.server.exists is False:
            return self.server.exists
        if self.server.offered is None:
            return None
        return self.server.tool(self.tool) is not None


@dataclass(slots=True)
class Servers:
    """Servers by reference, each looked at once.

    ``ask`` opens the servers themselves, to ask them. ``strict``: one that may not be read is an error.
    """

    cluster: Cluster
    controller: Callable[[], Controller]
    warn: Callable[[str], None]
    ask: Callable[[str, Resource, Mapping[str, Any]], McpServer] | None = None
    strict: bool = False
    _seen: dict[Reference, Server] = field(default_factory=dict)
    _records: Mapping[tuple[str, str], Any] | None = None

    def find(self, reference: Reference) -> Server:
        """What is known of a server. Raises what its request raises; Forbidden only when ``strict``."""
        self.look_up([reference])
        return self._seen[reference]

    def look_up(self, references: Iterable[Reference]) -> None:
        """Look at these together, as far as they were not looked at yet. Raises what ``find`` raises."""
        new = {reference for reference in references if reference not in self._seen}
        for reference, answer in look_up(self.cluster, new).items():
            if isinstance(answer, (NotFound, ResourceMissing)):
                self._seen[reference] = Server(reference, exists=False)
            elif isinstance(answer, Forbidden) and not self.strict:
                self._seen[reference] = Server(reference, None, unknown=answer.explained)
            elif isinstance(answer, KagentError):
                raise answer
            else:
                self._seen[reference] = self._look(reference, answer)

    def know(self, objects: Mapping[Reference, Mapping[str, Any]]) -> None:
        """Servers, or agents that others use as tools, that were just read."""
        self._seen |= {reference: self._look(reference, obj) for reference, obj in objects.items()}

    def all(self, namespace: str | None) -> list[Server]:
        """Every server of a namespace; kinds that are not installed have none."""
        found = []
        for resource, items in zip(
            SERVERS, side_by_side(lambda resource: self._items(resource, namespace), SERVERS), strict=True
        ):
            for item in items:
                metadata = item["metadata"]
                reference = Reference(resource, str(metadata["namespace"]), str(metadata["name"]))
                self._seen[reference] = self._look(reference, item)
                found.append(self._seen[reference])
        return found

    def _items(self, resource: Resource, namespace: str | None) -> list[dict[str, Any]]:
        labels = MCP_SERVICE if resource is SERVICE else None
        try:
            return list(self.cluster.list_objects(resource, namespace, labels=labels)["items"])
        except ResourceMissing:
            return []

    def _look(self, reference: Reference, obj: Mapping[str, Any]) -> Server:
        resource = reference.resource
        said = problem(resource, obj)
        if resource is AGENT:
            return Server(reference, exists=True, problem=said)
        offered, unknown = self._offered(reference, obj, said)
        return Server(reference, exists=True, problem=said, offered=offered, unknown=unknown)

    def _offered(
        self, reference: Reference, obj: Mapping[str, Any], said: str
    ) -> tuple[tuple[Tool, ...] | None, str]:
        """The tools, or None and why not; ``said`` is what kagent says is wrong with the server."""
        if self.ask:
            try:
                return self.ask(label(reference, reference.namespace), reference.resource, obj).tools(), ""
            except KagentError as error:
                return None, error.explained
        if reference.resource is REMOTE_MCP_SERVER:
            if (found := discovered(obj)) is not None:
                return found, ""
            return None, "kagent could not ask it" if said else "kagent has not asked it yet"
        kind = _GROUP_KINDS[reference.resource]
        found = described(self._recorded().get((kind, f"{reference.namespace}/{reference.name}")))
        # kagent keeps a server that it could not ask with an empty list
        return (found, "") if found else (None, "the kagent controller has found no tools at it")

    def _recorded(self) -> Mapping[tuple[str, str], Any]:
        """What the controller found, by kind and NAMESPACE/NAME; nothing when it can't be asked."""
        if self._records is None:
            try:
                answer = self.controller().tool_servers()
            except KagentError as error:
                self.warn(f"what MCP servers offer is not known: {error.explained}")
                answer = []
            items = answer if isinstance(answer, list) else []
            self._records = {
                (str(item.get("groupKind")), str(item.get("ref"))): item.get("discoveredTools")
                for item in items
                if isinstance(item, Mapping)
            }
        return self._records


def agents(cluster: Cluster, namespace: str | None, names: Iterable[str] = ()) -> list[Workload]:
    """The named agents, or all of a namespace."""
    if names:
        return [Workload(AGENT, cluster.get(AGENT, namespace, name)) for name in names]
    return [Workload(AGENT, item) for item in cluster.list_objects(AGENT, namespace)["items"]]


def uses(servers: Servers, found: Iterable[Workload]) -> list[Use]:
    """Every tool of every agent, in the order of their specs."""
    found = list(found)
    servers.know({Reference(AGENT, *agent.key): agent.obj for agent in found})
    servers.look_up(tool.server for agent in found for tool in agent.tools)
    return [
        use
        for agent in found
        for tool in agent.tools
        for use in _uses(agent, tool, servers.find(tool.server))
    ]


def _uses(agent: Workload, tool: ToolRef, server: Server) -> Iterator[Use]:
    """A reference without names means all that the server offers."""
    if tool.server.resource is AGENT:
        yield Use(agent, server, "")
        return
    names = tool.tools or tuple(item.name for item in server.offered or ()) or ("*",)
    for name in names:
        yield Use(agent, server, name, name in tool.approvals)


def unused(servers: Iterable[Server], found: Iterable[Use]) -> list[Use]:
    """Tools that servers offer and no agent has; ``*`` for what a server offers that is not known."""
    taken = {(use.server.reference, use.tool) for use in found}
    used = {use.server.reference for use in found}
    return [
        Use(None, server, name)
        for server in servers
        for name in ([tool.name for tool in server.offered] if server.offered is not None else ["*"])
        if (server.reference, name) not in taken and (name != "*" or server.reference not in used)
    ]


def label(reference: Reference, namespace: str) -> str:
    """``mcpserver/NAME``, as the command line takes it in ``namespace``; one of another with its own."""
    elsewhere = f" -n {reference.namespace}" if reference.namespace != namespace else ""
    return f"{reference.resource.singular}/{reference.name}{elsewhere}"


def asker(cluster: Cluster, timeout: float) -> Callable[[str, Resource, Mapping[str, Any]], McpServer]:
    """Opens servers for ``Servers.ask``."""
    return lambda name, resource, obj: open_server(cluster, name, resource, obj, timeout=timeout).server
