"""Screens of tools list, call and check."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypedDict

from kubectl_kagent.model.tool_server import Tool
from kubectl_kagent.model.workload import Reference
from kubectl_kagent.render.table import plain, table
from kubectl_kagent.tools.catalog import Use, label
from kubectl_kagent.tools.findings import Finding

_OFFERED = {True: "yes", False: "no", None: "unknown"}
_WIDEST = 70


def tools_table(uses: Sequence[Use], *, wide: bool, namespaces: bool) -> str:
    """One line a tool of an agent; tools that nobody has stand last, without an agent."""
    header = ["AGENT", "TOOL", "SERVER", "APPROVAL", "OFFERED", "DESCRIPTION"]
    rows = [_row(use, wide=wide) for use in uses]
    if wide:
        header.append("ARGUMENTS")
    if namespaces:
        header.insert(0, "NAMESPACE")
        rows = [[_namespace(use), *row] for use, row in zip(uses, rows, strict=True)]
    return table(header, rows)


def _row(use: Use, *, wide: bool) -> list[str]:
    found = use.server.tool(use.tool)
    text = " ".join(found.description.split()) if found else use.server.problem
    cells = [
        use.agent.name if use.agent else "",
        use.tool or "(the agent)",
        server_label(use),
        "yes" if use.approval else "no",
        _OFFERED[use.offered],
        text if wide or len(text) <= _WIDEST else text[: _WIDEST - 1] + "…",
    ]
    return [*cells, signature(found) if found else ""] if wide else cells


def _namespace(use: Use) -> str:
    return use.agent.namespace if use.agent else use.server.reference.namespace


def server_label(use: Use) -> str:
    """``mcpserver/NAME``, with its namespace when that is another than the agent's."""
    return label(use.server.reference, _namespace(use))


def signature(tool: Tool) -> str:
    """``timezone?: string, count: integer``: optional ones with a question mark."""
    properties = (tool.schema or {}).get("properties")
    required = (tool.schema or {}).get("required")
    if not isinstance(properties, Mapping):
        return ""
    needed = required if isinstance(required, list) else []
    return ", ".join(
        f"{name}{'' if name in needed else '?'}: {_type(about)}" for name, about in properties.items()
    )


def _type(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return "any"
    if isinstance(schema.get("enum"), list):
        return "|".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if isinstance(schema.get("anyOf"), list):
        return "|".join(_type(item) for item in schema["anyOf"])
    found = schema.get("type")
    return "|".join(map(str, found)) if isinstance(found, list) else str(found or "any")


class ServerView(TypedDict):
    """A server of tools, or an agent that is used as a tool."""

    kind: Annotated[str, "`MCPServer`, `RemoteMCPServer`, `Service` or `Agent`"]
    namespace: Annotated[str, "its namespace"]
    name: Annotated[str, "its name"]


class AskedServerView(ServerView):
    """The same with what is wrong with it."""

    problem: Annotated[str | None, "what is wrong with it, or why its tools are not known; null: nothing"]


class ToolView(TypedDict):
    """A tool of a server, and the agent that has it."""

    namespace: Annotated[str | None, "namespace of the agent; null: no agent has the tool"]
    agent: Annotated[str | None, "name of the agent; null: no agent has the tool"]
    tool: Annotated[
        str | None, "name of the tool; `*`: all, and they are not known; null: the server is an agent"
    ]
    server: Annotated[AskedServerView, "where it comes from"]
    requireApproval: Annotated[bool, "whether a person has to approve each call"]
    offered: Annotated[bool | None, "whether the server has it; null: not known"]
    description: Annotated[str | None, "the server's words about it; null: not known"]
    inputSchema: Annotated[dict[str, Any] | None, "JSON Schema of its arguments; null: not known"]


class ToolsView(TypedDict):
    """Tools and who has them."""

    tools: Annotated[list[ToolView], "those of agents, then those that no agent has"]


def tools_view(uses: Iterable[Use]) -> ToolsView:
    """The same for ``-o json|yaml``, with the schemas."""
    return {"tools": [_tool_view(use) for use in uses]}


def _server_view(reference: Reference) -> ServerView:
    return {"kind": reference.resource.kind, "namespace": reference.namespace, "name": reference.name}


def _tool_view(use: Use) -> ToolView:
    found = use.server.tool(use.tool)
    return {
        "namespace": use.agent.namespace if use.agent else None,
        "agent": use.agent.name if use.agent else None,
        "tool": use.tool or None,
        "server": {
            **_server_view(use.server.reference),
            "problem": use.server.problem or use.server.unknown or None,
        },
        "requireApproval": use.approval,
        "offered": use.offered,
        "description": found.description if found else None,
        "inputSchema": dict(found.schema) if found and found.schema is not None else None,
    }


def finding_line(finding: Finding) -> str:
    """``NAMESPACE/NAME: tool "x" is not offered by mcpserver/y (it offers: z)``."""
    agent = finding.agent
    return plain(f"{agent.namespace}/{agent.name}: {' '.join(finding.text.split())}") + "\n"


class FindingView(TypedDict):
    """Something that an agent asks for and can't have."""

    namespace: Annotated[str, "namespace of the agent"]
    agent: Annotated[str, "name of the agent"]
    server: Annotated[ServerView, "what the agent names"]
    message: Annotated[str, "what is wrong, in words"]


class FindingsView(TypedDict):
    """What a check found."""

    findings: Annotated[list[FindingView], "empty: nothing is wrong, as far as it is known"]


def findings_view(found: Iterable[Finding]) -> FindingsView:
    """Findings for ``-o json|yaml``."""
    return {
        "findings": [
            {
                "namespace": item.agent.namespace,
                "agent": item.agent.name,
                "server": _server_view(item.server.reference),
                "message": item.text,
            }
            for item in found
        ]
    }


def summary(agents: int, uses: Sequence[Use]) -> str:
    """What a check without findings looked at, and what it could not see."""
    lost = sum(use.offered is None for use in uses)
    text = f"{_count(len(uses), 'tool')} of {_count(agents, 'agent')}: "
    return (
        text + ("no findings" if not lost else f"no findings, but {lost} of them could not be checked") + "\n"
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
