"""tools: the group, and list."""

from __future__ import annotations

import click

from kubectl_kagent.cli import completion, options, terminal
from kubectl_kagent.cli.command import group
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.tools_target import tool_target
from kubectl_kagent.commands.tools.call import call
from kubectl_kagent.commands.tools.check import check
from kubectl_kagent.errors import UsageError
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.workload import Reference
from kubectl_kagent.render import tools as screen
from kubectl_kagent.render.output import TEXT, Output
from kubectl_kagent.tools.catalog import Servers, agents, asker, label, unused, uses

_TIMEOUT = 20.0


@group(short_help="List, call or check the tools of agents and MCP servers")
def tools() -> None:
    """List the tools of agents and MCP servers, call one, or check that they are there."""


@tools.command("list", short_help="List tools and the servers they come from")
@click.argument(
    "target",
    required=False,
    metavar="[AGENT | mcpserver/NAME | remotemcpserver/NAME | service/NAME]",
    shell_complete=completion.agent,
)
@options.all_namespaces
@formats("json", "yaml", "wide", "jsonpath")
@terminal.color
@with_controller
def list_(reach: ControllerAccess, target: str | None, *, all_namespaces: bool, output: Output) -> None:
    """List tools: which agent has them, which server they come from, and whether that server offers them.

    What a server offers is what kagent found there. With -o the servers themselves are asked, because only
    they know the arguments.

    \b
    kubectl kagent tools list
    kubectl kagent tools list datetime-agent
    kubectl kagent tools list mcpserver/datetime-mcp -o wide
    """
    if target and all_namespaces:
        raise UsageError("a resource cannot be retrieved by name across all namespaces")
    cluster = reach.connect()
    namespace = None if all_namespaces else cluster.namespace
    ask = None if output == TEXT else asker(cluster, _TIMEOUT)
    servers = Servers(cluster, reach.controller, terminal.warn, ask)
    resource, name = tool_target(target, AGENT) if target else (None, "")
    if resource is AGENT:
        found = uses(servers, agents(cluster, namespace, (name,)))
    elif resource:
        reference = Reference(resource, cluster.namespace, name)
        servers.know({reference: cluster.get(resource, cluster.namespace, name)})
        found = [
            use for use in uses(servers, agents(cluster, namespace)) if use.server.reference == reference
        ]
        found += unused([servers.find(reference)], found)
    else:
        everyone = servers.all(namespace)
        found = uses(servers, agents(cluster, namespace))
        found += unused(everyone, found)
    for server in {use.server.reference: use.server for use in found}.values():
        if server.unknown and (output != TEXT or server.exists is None):
            which = label(server.reference, namespace or "")
            terminal.warn(f"what {which} offers is not known: {server.unknown}")
    if not output.is_text:
        terminal.write(output.view(screen.tools_view(found)))
    elif found:
        terminal.show(screen.tools_table(found, wide=output.wide, namespaces=all_namespaces))
    else:
        terminal.say(f"No tools found in {namespace} namespace." if namespace else "No tools found")


tools.add_command(call)
tools.add_command(check)
