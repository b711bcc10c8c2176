"""Screens of ``version``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NotRequired, TypedDict

if TYPE_CHECKING:
    from kubectl_kagent.backends.versions import Versions


def version_lines(client: str, found: Versions | None) -> list[str]:
    """A line for each version; only the plugin's own when the cluster was not asked."""
    lines = [f"Client Version: {client}"]
    if found:
        lines += [
            f"Server Version: {found.kubernetes}",
            f"kagent Version: {found.controller or '<unknown>'}",
            f"Agent API: {_listed(found.agent_crd)}",
            f"MCPServer API: {_listed(found.mcp_server_crd)}",
        ]
    return lines


def _listed(served: tuple[str, ...] | None) -> str:
    return "<unknown>" if served is None else ", ".join(served) or "<none>"


class VersionView(TypedDict):
    """Versions; `--client` prints only the first."""

    clientVersion: Annotated[str, "version of the plugin"]
    serverVersion: Annotated[NotRequired[str], "version of Kubernetes, as its API server says"]
    kagentVersion: Annotated[
        NotRequired[str | None], "version of kagent, as its controller says; null: not known"
    ]
    agentVersions: Annotated[
        NotRequired[list[str] | None], "API versions of Agents that are served; null: not known"
    ]
    mcpServerVersions: Annotated[
        NotRequired[list[str] | None], "API versions of MCPServers that are served; null: not known"
    ]


def versions_view(client: str, found: Versions | None) -> VersionView:
    """The same as data."""
    if found is None:
        return {"clientVersion": client}
    return {
        "clientVersion": client,
        "serverVersion": found.kubernetes,
        "kagentVersion": found.controller or None,
        "agentVersions": _list(found.agent_crd),
        "mcpServerVersions": _list(found.mcp_server_crd),
    }


def _list(served: tuple[str, ...] | None) -> list[str] | None:
    return None if served is None else list(served)
