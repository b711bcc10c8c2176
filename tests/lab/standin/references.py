"""What an Agent's tools refer to, and whether they may: loops, other namespaces, kinds of tool servers."""

from tests.lab.standin.kinds import (
    AGENT,
    MCP_SERVER,
    NAMESPACE,
    REMOTE_MCP_SERVER,
    SERVICE,
    Key,
    Kind,
    Object,
    key_of,
)
from tests.lab.standin.sources import NotFound, ReconcileError, Sources

# kmcp's default, for MCPServers stored before the field existed.
_MCP_SERVER_TIMEOUT = "30s"
_MAX_DEPTH = 10


def tools_of(agent: Object) -> list[Object]:
    return agent["spec"].get("declarative", {}).get("tools") or []


def target_key(namespace: str, reference: Object) -> Key:
    return Key(reference.get("namespace") or namespace, reference["name"])


def python_identifier(key: Key) -> str:
    """How kagent names an agent where only letters, digits and underscores may stand."""
    return f"{key.namespace}__NS__{key.name}".replace("-", "_")


def server_kind(reference: Object) -> Kind:
    match (reference.get("apiGroup", ""), reference.get("kind", "")):
        case ("", "") | ("" | "kagent.dev", "MCPServer"):
            return MCP_SERVER
        case ("" | "kagent.dev", "RemoteMCPServer"):
            return REMOTE_MCP_SERVER
        case ("" | "core", "Service"):
            return SERVICE
        case (group, kind):
            raise ReconcileError(f"unknown tool server type: {kind}.{group}")


def find_server(namespace: str, reference: Object, sources: Sources) -> Object:
    """The server behind a tool reference, in the shape of a RemoteMCPServer."""
    kind = server_kind(reference)
    return as_remote_server(kind, sources.get(kind, target_key(namespace, reference)))


def as_remote_server(kind: Kind, server: Object) -> Object:
    if kind is MCP_SERVER:
        return _from_mcp_server(server)
    return _from_service(server) if kind is SERVICE else server


def _from_mcp_server(server: Object) -> Object:
    key, spec = key_of(server), server["spec"]
    port = spec.get("deployment", {}).get("port")
    if not port:
        raise ReconcileError(f"cannot determine port for MCP server {key.name}")
    url = f"http://{key.name}.{key.namespace}:{port}/mcp"
    timeout = spec.get("timeout", _MCP_SERVER_TIMEOUT)
    return {"metadata": server["metadata"], "spec": {"url": url, "timeout": timeout}}


def _from_service(service: Object) -> Object:
    key, ports = key_of(service), service["spec"].get("ports", [])
    notes = service["metadata"].get("annotations") or {}
    protocol = "SSE" if notes.get("kagent.dev/mcp-service-protocol") == "SSE" else "STREAMABLE_HTTP"
    port = notes.get("kagent.dev/mcp-service-port")
    if not port:
        usable = ports if len(ports) == 1 else [p for p in ports if p.get("appProtocol", "").lower() == "mcp"]
        port = usable[0]["port"] if usable else None
    if not port:
        raise ReconcileError(f"no port found for service {key.name} with protocol {protocol}")
    path = notes.get("kagent.dev/mcp-service-path", "/mcp")
    url = f"http://{key.name}.{key.namespace}:{port}{path}"
    return {"metadata": service["metadata"], "spec": {"url": url, "protocol": protocol}}


def check_loops(agent: Object, sources: Sources, visited: tuple[Key, ...] = ()) -> None:
    """Refuses agents that reach themselves through their tools."""
    key = key_of(agent)
    if key in visited:
        raise ReconcileError(f"cycle detected in agent tool chain: {key} -> {key}")
    if len(visited) > _MAX_DEPTH:
        raise ReconcileError(f"recursion limit reached in agent tool chain: {key} -> {key}")
    for tool in tools_of(agent):
        if "agent" in tool:
            target = find_agent(key, tool["agent"], sources)
            check_loops(target, sources, (*visited, key))


def find_agent(owner: Key, reference: Object, sources: Sources) -> Object:
    target = target_key(owner.namespace, reference)
    if reference.get("kind") not in (None, "", "Agent"):
        raise ReconcileError(f'unsupported agent tool kind "{reference["kind"]}" for agent {target}')
    found = sources.get(AGENT, target)
    if target == owner:
        raise ReconcileError(f"agent tool cannot be used to reference itself, {target}")
    return found


def check_namespaces(agent: Object, sources: Sources) -> None:
    """Refuses tools in other namespaces that do not allow this one."""
    namespace = key_of(agent).namespace
    for tool in tools_of(agent):
        if "mcpServer" in tool and target_key(namespace, tool["mcpServer"]).namespace != namespace:
            kind = server_kind(tool["mcpServer"])
            _check_allowed(namespace, kind, kind.name, target_key(namespace, tool["mcpServer"]), sources)
        if "agent" in tool and target_key(namespace, tool["agent"]).namespace != namespace:
            _check_allowed(namespace, AGENT, "agent", target_key(namespace, tool["agent"]), sources)


def _check_allowed(namespace: str, kind: Kind, word: str, target: Key, sources: Sources) -> None:
    refusal = f"cross-namespace reference to {word} {target} is not allowed from namespace {namespace}"
    if kind in (MCP_SERVER, SERVICE):
        raise ReconcileError(f"{refusal}: {word} does not support cross-namespace references")
    try:
        allowed = sources.get(kind, target)["spec"].get("allowedNamespaces", {})
    except NotFound as error:
        raise ReconcileError(f"failed to get {word} {target}: {error}") from None
    origin = allowed.get("from", "Same")
    if origin == "Selector":
        labels = sources.get(NAMESPACE, Key("", namespace))["metadata"].get("labels") or {}
        if _selects(allowed.get("selector", {}), labels):
            return
    elif origin == "All":
        return
    raise ReconcileError(refusal)


def _selects(selector: Object, labels: dict[str, str]) -> bool:
    matches = all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
    return matches and all(_holds(rule, labels) for rule in selector.get("matchExpressions", []))


def _holds(rule: Object, labels: dict[str, str]) -> bool:
    value, values = labels.get(rule["key"]), rule.get("values", [])
    match rule["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
