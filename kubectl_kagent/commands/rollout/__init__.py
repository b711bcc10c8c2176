"""rollout: the group, and history."""

from __future__ import annotations

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import group
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import one_target
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.commands.rollout.diff import diff
from kubectl_kagent.commands.rollout.restart import restart
from kubectl_kagent.commands.rollout.status import status
from kubectl_kagent.commands.rollout.undo import undo
from kubectl_kagent.lifecycle.history import revisions as past
from kubectl_kagent.lifecycle.history.rows import rows
from kubectl_kagent.model.resources import REPLICA_SET
from kubectl_kagent.model.workload import named
from kubectl_kagent.render import history as screen
from kubectl_kagent.render.output import Output


@group(short_help="Manage rollouts: history, diff, undo, status, restart")
def rollout() -> None:
    """Manage the rollout of an agent or MCP server."""


@rollout.command(short_help="List the revisions of the effective config")
@options.targets
@click.option(
    "--revision", type=int, default=0, help="Show this revision in full; a negative number counts back."
)
@click.option("--no-record", is_flag=True, help="Do not record anything.")
@formats("json", "yaml", "wide", "jsonpath")
@terminal.color
@options.connected
def history(
    cluster: Cluster, target: tuple[str, ...], revision: int, *, no_record: bool, output: Output
) -> None:
    """Show every recorded change of the effective config: the spec, ModelConfig, prompts and tool servers.

    This also records what is not recorded yet, as far back as the API server remembers. What looks like a
    secret is masked, except in --revision=N with -o json, yaml or jsonpath, which print it as recorded.

    \b
    kubectl kagent rollout history agent/datetime-agent
    # the spec and sources of revision 3, or of the one before the live one
    kubectl kagent rollout history agent/datetime-agent --revision=3
    kubectl kagent rollout history agent/datetime-agent --revision=-1
    """
    resource, name = one_target(target)
    workload = named(resource, cluster.namespace, name)
    # first what may be refused: then nothing is recorded either
    replica_sets = cluster.list_objects(REPLICA_SET, workload.namespace, labels=workload.pod_selector)
    found = past.update(cluster, workload, manager=options.MANAGER, record=not no_record)
    Notes().tell(*found.notes)
    if revision:
        one = found.find(revision)
        if not output.is_text:
            terminal.write(output.view(screen.revision_view(workload.label, one), whole=True))
        else:
            terminal.show(screen.revision_detail(workload.label, one))
        return
    lines = rows(found, replica_sets["items"])
    if not output.is_text:
        terminal.write(output.view(screen.history_view(workload.label, lines)))
        return
    text = screen.history_table(workload.label, lines, now=clock.now(), wide=output.wide)
    terminal.show(text)


rollout.add_command(diff)
rollout.add_command(undo)
rollout.add_command(status)
rollout.add_command(restart)
