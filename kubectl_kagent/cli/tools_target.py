"""How the command line names servers of tools."""

from __future__ import annotations

from kubectl_kagent.cli.targets import parse_targets
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, REMOTE_MCP_SERVER, SERVICE, Resource

_SERVICES = ("service", "services", "svc")


def tool_target(word: str, bare: Resource) -> tuple[Resource, str]:
    """``TYPE/NAME``; a bare name is of type ``bare``. Raises UsageError for anything else."""
    kind, slash, name = word.partition("/")
    if slash and kind.lower() in _SERVICES:
        parse_targets((f"{AGENT.singular}/{name}",))  # a name like any other
        return SERVICE, name
    if not slash:
        return bare, parse_targets((f"{AGENT.singular}/{word}",)).names[0]
    targets = parse_targets((word,), (AGENT, MCP_SERVER, REMOTE_MCP_SERVER))
    return targets.resource, targets.names[0]
