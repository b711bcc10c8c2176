"""check."""

from __future__ import annotations

import click

from kubectl_kagent.check.report import report
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.output import formats
from kubectl_kagent.render import check as screen
from kubectl_kagent.render.output import Output

_FAILED = 1


@command(short_help="Find what is wrong with kagent, agents and their servers, and why")
@options.all_namespaces
@formats("json", "yaml", "jsonpath", "junit")
@terminal.color
@with_controller
def check(reach: ControllerAccess, *, all_namespaces: bool, output: Output) -> None:
    """Check the cluster, kagent and kmcp, your rights, and the agents, servers, models and tools in it.

    Below the table is what is wrong, why as far as that is known, and what would mend it: commands, and
    values of kagent's Helm chart. What may not be looked at or does not answer is not checked, and never
    taken for right. Missing rights are warnings, with the verbs that need them.

    Exit code 0: there is no failure, though there may be warnings, or something was not checked; 1: there is.

    \b
    kubectl kagent check
    kubectl kagent check -A
    kubectl kagent check -A -o junit > check.xml
    # is there anything that was not checked?
    kubectl kagent check -o jsonpath='{.notChecked}'
    """
    found = report(reach.connect, reach.controller, everywhere=all_namespaces)
    if output.is_text:
        terminal.show(screen.check_screen(found))
    elif output.name == "junit":
        terminal.write(screen.check_junit(found))
    else:
        terminal.write(output.view(screen.check_view(found)))
    if found.failed:
        click.get_current_context().exit(_FAILED)
