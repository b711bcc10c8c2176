"""An Agent's tools as config.json names them: MCP servers by URL, other agents by A2A address."""

from dataclasses import dataclass, field
from typing import Any

from tests.lab.standin.gojson import seconds, without_none
from tests.lab.standin.kinds import Key, Object, key_of
from tests.lab.standin.references import find_agent, find_server, python_identifier, tools_of
from tests.lab.standin.sources import ReconcileError, Sources, hash_bytes, resolve_headers


@dataclass
class Tools:
    http: list[Object] = field(default_factory=list)
    sse: list[Object] = field(default_factory=list)
    agents: list[Object] = field(default_factory=list)
    secret_hash: bytes = b""

    @property
    def names(self) -> list[str]:
        return [name for server in self.http + self.sse for name in server.get("tools", [])]


def translate(agent: Object, sources: Sources) -> Tools:
    owner, tools = key_of(agent), Tools()
    for tool in tools_of(agent):
        headers = resolve_headers(tool.get("headersFrom", []), owner.namespace, sources)
        if "mcpServer" in tool:
            server = find_server(owner.namespace, tool["mcpServer"], sources)
            entries = tools.sse if server["spec"].get("protocol") == "SSE" else tools.http
            entries.append(_mcp_entry(server, tool["mcpServer"], headers, sources))
            tools.secret_hash += hash_bytes(server.get("status", {}).get("secretHash", ""))
        elif "agent" in tool:
            tools.agents.append(_agent_entry(owner, tool, headers, sources))
        else:
            raise ReconcileError("tool must have a provider or tool server")
    return tools


def _mcp_entry(server: Object, reference: Object, headers: dict[str, str], sources: Sources) -> Object:
    spec = server["spec"]
    if "tls" in spec:
        raise ReconcileError("the stand-in controller does not render spec.tls of a RemoteMCPServer")
    own = resolve_headers(spec.get("headersFrom", []), key_of(server).namespace, sources)
    params: dict[str, Any] = {"url": spec["url"], "headers": dict(sorted((own | headers).items()))}
    if "timeout" in spec:
        params["timeout"] = seconds(spec["timeout"])
    if "sseReadTimeout" in spec:
        params["sse_read_timeout"] = seconds(spec["sseReadTimeout"])
    if "terminateOnClose" in spec and spec.get("protocol") != "SSE":
        params["terminate_on_close"] = spec["terminateOnClose"]
    choice = {
        "tools": reference.get("toolNames"),
        "allowed_headers": reference.get("allowedHeaders"),
        "require_approval": reference.get("requireApproval"),
    }
    return {"params": params} | without_none(choice)


def _agent_entry(owner: Key, tool: Object, headers: dict[str, str], sources: Sources) -> Object:
    target = find_agent(owner, tool["agent"], sources)
    key = key_of(target)
    entry = {"name": python_identifier(key), "url": f"http://{key.name}.{key.namespace}:8080"}
    rest = {
        "headers": headers,
        "description": target["spec"].get("description"),
        "isolate_sessions": tool.get("isolateSessions") or None,
    }
    return entry | without_none(rest)
