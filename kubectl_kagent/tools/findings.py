"""What is wrong with the tools of agents, as far as it is known. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.workload import ToolRef, Workload
from kubectl_kagent.tools.catalog import Server, Use, label


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an agent asks for and can't have."""

    agent: Workload
    server: Server
    text: str


def findings(agents: Iterable[Workload], uses: Sequence[Use]) -> list[Finding]:
    """One for each server that is missing or refused, each tool not offered, each approval of no tool."""
    servers = {use.server.reference: use.server for use in uses}
    return [
        Finding(agent, servers[tool.server], text)
        for agent in agents
        for tool in agent.tools
        for text in _wrong(tool, servers[tool.server], label(tool.server, agent.namespace))
    ]


def _wrong(tool: ToolRef, server: Server, name: str) -> Iterator[str]:
    if server.exists is False:
        what = "" if tool.server.resource is AGENT else f" ({', '.join(tool.tools) or 'all its tools'})"
        yield f"{name} does not exist{what}"
        return
    if server.problem and tool.server.resource is not AGENT:
        yield f"{name}: {server.problem}"
    if server.offered is not None:
        offered = ", ".join(item.name for item in server.offered) or "nothing"
        for item in tool.tools:
            if server.tool(item) is None:
                yield f'tool "{item}" is not offered by {name} (it offers: {offered})'
    for item in tool.approvals:
        if tool.tools and item not in tool.tools:
            yield f'requireApproval names "{item}", which is not among the tools taken from {name}'
        elif not tool.tools and server.offered is not None and server.tool(item) is None:
            yield f'requireApproval names "{item}", which {name} does not offer'


def unknown(uses: Iterable[Use]) -> list[Server]:
    """Servers of which it is not known what they offer, each once."""
    found = {use.server.reference: use.server for use in uses if use.offered is None}
    return list(found.values())
