"""tools check: what agents ask for and can't have."""

from __future__ import annotations

import click

from kubectl_kagent.cli import completion, options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.tools_target import tool_target
from kubectl_kagent.errors import UsageError
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.render import tools as screen
from kubectl_kagent.render.output import Output
from kubectl_kagent.tools.catalog import Servers, agents, asker, label, uses
from kubectl_kagent.tools.findings import findings, unknown

_FOUND = 1
_TIMEOUT = 20.0


@command(short_help="Find tools that no server offers")
@click.argument("agent", required=False, shell_complete=completion.agent)
@options.everything
@options.all_namespaces
@click.option(
    "--live", is_flag=True, help="Ask the servers themselves instead of using what kagent found there."
)
@formats("json", "yaml", "jsonpath")
@with_controller
@click.pass_context
def check(
    context: click.Context,
    reach: ControllerAccess,
    agent: str | None,
    *,
    all_: bool,
    all_namespaces: bool,
    live: bool,
    output: Output,
) -> None:
    """Find what agents name but can't have: servers, tools, sub-agents, and approvals of tools they lack.

    Prints one line for each finding and exits with 1; if there is none, prints what was checked and exits
    with 0. With --live it exits with 1, too, if a server could not be asked.

    \b
    kubectl kagent tools check datetime-agent
    kubectl kagent tools check --all --live
    kubectl kagent tools check -A
    """
    if bool(agent) + all_ + all_namespaces != 1:
        raise UsageError("name an agent, or check them all with --all or -A")
    cluster = reach.connect()
    names = _named(agent) if agent else ()
    found = agents(cluster, None if all_namespaces else cluster.namespace, names)
    ask = asker(cluster, _TIMEOUT) if live else None
    taken = uses(Servers(cluster, reach.controller, terminal.warn, ask, strict=True), found)
    wrong = findings(found, taken)
    unasked = unknown(taken)
    for server in unasked:
        name = label(server.reference, "" if all_namespaces else cluster.namespace)
        terminal.warn(f"what {name} offers is not known: {server.unknown}")
    if not output.is_text:
        terminal.write(output.view(screen.findings_view(wrong)))
    elif wrong:
        terminal.show("".join(map(screen.finding_line, wrong)))
    else:
        terminal.write(screen.summary(len(found), taken))
    if wrong or (live and unasked):
        context.exit(_FOUND)


def _named(word: str) -> tuple[str]:
    resource, name = tool_target(word, AGENT)
    if resource is not AGENT:
        raise UsageError(f"{word} is not an agent", hint="tools check looks at the tools that agents name")
    return (name,)
