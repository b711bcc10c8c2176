"""observe status."""

from __future__ import annotations

import click

from kubectl_kagent import clock
from kubectl_kagent.backends.prometheus import at_address, find_prometheus
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.output import formats
from kubectl_kagent.commands.observe.bundle_flags import namespace
from kubectl_kagent.observe import files
from kubectl_kagent.observe.bundle import DEFAULT_NAMESPACE
from kubectl_kagent.observe.status.report import report
from kubectl_kagent.render import observe_status as screen
from kubectl_kagent.render.output import Output

_NOT_FINE = 1


@command(short_help="Show which signals arrive, since when, and what is missing")
@click.option(
    "--prometheus",
    "url",
    default="",
    metavar="URL",
    help="Ask this Prometheus; default: the one in the cluster.",
)
@formats("json", "yaml", "jsonpath")
@terminal.color
@options.connection_in(DEFAULT_NAMESPACE)
def status(connect: options.Connect, *, url: str, output: Output) -> None:
    """Show for each signal whether it arrives, since when, and what is missing to get it.

    Below the table is what to do: commands, and values of kagent's Helm chart, whose tracing is off by
    default. STATUS is arriving, quiet (nothing is broken, and no agent was asked lately) or unused (the
    cluster has nothing that would send it); or waiting (nothing has come yet), failing (some is lost),
    stopped (it came in the last day), missing, or unknown (it can't be looked at). SINCE looks back a day.

    Exit code 0: all signals are arriving, quiet or unused; 1: one is not.

    \b
    kubectl kagent observe status
    kubectl kagent observe status --prometheus=http://localhost:9090
    # what is not as it should be?
    kubectl kagent observe status -o jsonpath='{.items[?(@.fine==false)].signal}'
    """
    prometheus = at_address(url) if url else None
    cluster = connect()
    found = report(cluster, prometheus or find_prometheus(cluster), namespace(), files.root(), clock.now())
    Notes().tell(*found.notes)
    if output.is_text:
        terminal.show(screen.status_table(found))
    else:
        terminal.write(output.view(screen.status_view(found)))
    if not found.fine:
        click.get_current_context().exit(_NOT_FINE)
