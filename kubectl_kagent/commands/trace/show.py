"""trace show."""

from __future__ import annotations

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import completion, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.ids import id_in
from kubectl_kagent.cli.output import formats
from kubectl_kagent.commands.trace.sources import SourceOptions, source
from kubectl_kagent.render.output import Output


@command(short_help="Show the steps of a turn, or of a session")
@click.argument("id_", metavar="ID", shell_complete=completion.session)
@click.option("--waterfall", is_flag=True, help="Show bars over time instead of arguments and results.")
@terminal.secrets
@formats("json", "yaml", "jsonpath")
@terminal.color
@source
def show(where: SourceOptions, id_: str, *, waterfall: bool, output: Output) -> None:
    """Show the steps of a turn as a tree. ID is that of a task, trace or session, or the beginning of it.

    Tempo and Jaeger are searched for one that began in the last 14 days; the whole id of a trace is found
    however old it is. What looks like a secret is masked.

    \b
    kubectl kagent trace show 01a205ee
    kubectl kagent trace show 01a205ee --waterfall
    kubectl kagent trace show b9a6b4f2f31d0806f5659aa993c4ec57 --input traces.json -o yaml
    """
    from kubectl_kagent.render import trace as screen
    from kubectl_kagent.render.trace_view import turns_view
    from kubectl_kagent.telemetry.traces.secrets import without_secrets

    id_ = id_in(id_, "turn", "kubectl kagent trace AGENT lists them")
    now = clock.now()
    record, asked = where.ask(lambda one: one.find(id_, now.timestamp()))
    turns = tuple(map(without_secrets, record.turns)) if terminal.masks() else record.turns
    if not output.is_text:
        terminal.write(output.view(turns_view(turns, asked.name, record.gaps), whole=True))
        return
    columns = terminal.columns()
    if waterfall:
        from kubectl_kagent.render.waterfall import waterfall as view
    else:
        view = screen.turn_tree
    terminal.show("\n".join(view(turn, now=now, columns=columns) for turn in turns))
