"""version."""

from __future__ import annotations

from typing import Any

import click

from kubectl_kagent import __version__
from kubectl_kagent.backends.versions import versions
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.render.output import Output


@command(short_help="Versions of the plugin, the cluster and kagent")
@click.option("--client", "client_only", is_flag=True, help="Only the plugin's own; needs no cluster.")
@formats("json", "yaml", "jsonpath")
@options.connection
def version(connect: options.Connect, client_only: bool, output: Output) -> None:
    """Print the versions of the plugin, Kubernetes, the CRDs and the kagent controller.

    \b
    kubectl kagent version
    kubectl kagent version --client
    """
    facts: dict[str, Any] = {"clientVersion": __version__}
    notes: tuple[str, ...] = ()
    if not client_only:
        cluster: Cluster = connect()
        found = versions(cluster)
        notes = found.notes
        facts |= {
            "serverVersion": found.kubernetes,
            "kagentVersion": found.controller or None,
            "agentVersions": _list(found.agent_crd),
            "mcpServerVersions": _list(found.mcp_server_crd),
        }
    if not output.is_text:
        terminal.write(output.data(facts))
    else:
        lines = [("Client Version", __version__)]
        if not client_only:
            lines += [
                ("Server Version", facts["serverVersion"]),
                ("kagent Version", facts["kagentVersion"] or "<unknown>"),
                ("Agent API", _listed(facts["agentVersions"])),
                ("MCPServer API", _listed(facts["mcpServerVersions"])),
            ]
        for name, value in lines:
            terminal.write_line(f"{name}: {value}")
    for note in notes:
        terminal.warn(note)


def _list(served: tuple[str, ...] | None) -> list[str] | None:
    return None if served is None else list(served)


def _listed(served: list[str] | None) -> str:
    return "<unknown>" if served is None else ", ".join(served) or "<none>"
