"""describe."""

from __future__ import annotations

from kubectl_kagent import clock
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.targets import parse_targets
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.lifecycle.workloads import description
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render import describe as screen


@command(short_help="Show the details of agents and MCP servers")
@options.targets
@options.selector
@options.everything
@terminal.color
@options.connected
def describe(cluster: Cluster, target: tuple[str, ...], selector: str | None, *, all_: bool) -> None:
    """Show the config, tools and their servers, pods, events, autoscaler, last revisions and last failures.

    \b
    kubectl kagent describe agent datetime-agent
    kubectl kagent describe mcpserver/datetime-mcp
    """
    targets = parse_targets(target)
    items = targets.list(cluster, cluster.namespace, selector=selector, all_=all_)
    if not items:
        terminal.say(f"No resources found in {cluster.namespace} namespace.")
    notes = Notes()
    workloads = [Workload(targets.resource, item) for item in items]
    for number, found in enumerate(description.describe(cluster, targets.resource, workloads)):
        if number:
            terminal.write("\n\n")
        terminal.show(screen.description(found, now=clock.now()))
        notes.tell(*found.notes)
