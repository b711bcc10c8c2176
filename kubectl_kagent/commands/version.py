"""version."""

from __future__ import annotations

import click

from kubectl_kagent import __version__
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.output import formats
from kubectl_kagent.render import version as screen
from kubectl_kagent.render.output import Output


@command(short_help="Print the versions of the plugin, the cluster and kagent")
@click.option(
    "--client", "client_only", is_flag=True, help="Print only the plugin's own version; needs no cluster."
)
@formats("json", "yaml", "jsonpath")
@options.connection
def version(connect: options.Connect, *, client_only: bool, output: Output) -> None:
    """Print the versions of the plugin, Kubernetes, the CRDs and the kagent controller.

    \b
    kubectl kagent version
    kubectl kagent version --client
    """
    found = None
    if not client_only:
        from kubectl_kagent.backends.versions import versions  # --client needs nothing of a cluster

        found = versions(connect())
    if not output.is_text:
        terminal.write(output.view(screen.versions_view(__version__, found)))
    else:
        for line in screen.version_lines(__version__, found):
            terminal.write_line(line)
    Notes().tell(*(found.notes if found else ()))
