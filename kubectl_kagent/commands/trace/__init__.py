"""trace: the group; a word that is none of its verbs is an agent, whose turns are listed."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from kubectl_kagent import clock
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import KubectlGroup, group
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import parse_targets
from kubectl_kagent.commands.trace.export import export
from kubectl_kagent.commands.trace.follow import follow
from kubectl_kagent.commands.trace.show import show
from kubectl_kagent.commands.trace.sources import SourceOptions, TimeType, source
from kubectl_kagent.errors import Forbidden, NotFound, UsageError
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.render.output import TEXT, Output

LIST = "list"


class Traces(KubectlGroup):
    """``trace AGENT`` and ``trace -f AGENT`` are ``trace list AGENT``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = [LIST, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs, and what ``trace list`` takes."""
        parameter = self.commands[LIST].params[0]
        return [*super().shell_complete(ctx, incomplete), *parameter.shell_complete(ctx, incomplete)]


@group(
    cls=Traces,
    subcommand_metavar="AGENT | COMMAND [ARGS]...",
    short_help="What an agent did: its turns, step by step",
)
def trace() -> None:
    """What an agent did: every call of the model and of a tool, with arguments, result, time and tokens.

    Read from Tempo or Jaeger where they run, else from the controller's own records: those need no tracing.
    Use agent/NAME for an agent named like a subcommand.

    \b
    kubectl kagent trace datetime-agent
    kubectl kagent trace -f datetime-agent
    kubectl kagent trace show 01a205ee
    """


@trace.command(LIST, short_help="The turns of an agent; the word may be left out")
@click.argument("agent", required=False, default="", shell_complete=options.complete_agent)
@click.option("-f", "--follow", "live", is_flag=True, help="Go on and print each turn when it ends.")
@click.option("--session", default="", metavar="ID", help="Only of this session.")
@click.option("--tool", default="", metavar="NAME", help="Only turns that called this tool.")
@click.option("--errors", is_flag=True, help="Only turns in which something failed.")
@click.option("--min-duration", type=options.Duration(), default=0.0, help="Only turns that took longer.")
@click.option("--since", type=TimeType(), default="168h", show_default=True, help="Duration, or a time.")
@click.option("--until", type=TimeType(), default="0", help="Duration, or a time; default: now.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="At most so many."
)
@terminal.secrets
@formats("json", "yaml", "name", "wide", "jsonpath")
@terminal.color
@source
def turns(
    where: SourceOptions,
    agent: str,
    *,
    live: bool,
    session: str,
    tool: str,
    errors: bool,
    min_duration: float,
    since: float,
    until: float,
    limit: int,
    output: Output,
) -> None:
    """List the turns of an agent, the newest first.

    Steps of a turn: kubectl kagent trace show TASK. Turns are live from the controller: Tempo and Jaeger
    know a step when it is over.

    \b
    kubectl kagent trace datetime-agent --errors --since=1h
    kubectl kagent trace datetime-agent --tool=get_time --min-duration=5s -o wide
    kubectl kagent trace --input traces.json
    """
    from kubectl_kagent.render import trace as screen
    from kubectl_kagent.render.trace_view import turns_view
    from kubectl_kagent.telemetry.traces.query import Query
    from kubectl_kagent.telemetry.traces.secrets import without_secrets

    name = _agent(where, agent)
    query = Query(name, since, until, limit, session, tool, errors, min_duration)
    if live:
        if output != TEXT or where.file:
            raise UsageError("-f prints a table of what the cluster tells")
        follow(where, query)
        return
    try:
        record, told = where.ask(lambda one: one.turns(query))
    except NotFound as error:
        _seen(where, name)
        namespace, _, agent = name.rpartition("/")
        error.hint = (
            f"kagent has not taken it up: kubectl kagent describe agent/{agent} -n {namespace} says why"
        )
        raise
    found = tuple(map(without_secrets, record.turns)) if terminal.masks() else record.turns
    if output.name == "name":
        terminal.write_ids("", [turn.task or turn.trace for turn in found])
    elif not output.is_text:
        terminal.write(output.view(turns_view(found, told, record.gaps), whole=True))
    elif not found:
        _seen(where, name)
        terminal.say(f"No turns found{f' of agent {name}' if name else ''}")
    else:
        columns = terminal.columns()
        several = len({turn.agent for turn in found}) > 1
        text = screen.turn_table(
            found, now=clock.now(), columns=columns, wide=output.wide, agents=several or not name
        )
        terminal.show(text)


def _agent(where: SourceOptions, word: str) -> str:
    if not word:
        if where.file is None:
            raise UsageError("name an agent", hint="kubectl kagent trace AGENT, or --input FILE for a file")
        return ""
    targets = parse_targets((word,), (AGENT,))
    if not targets.names:
        raise UsageError(f'"{word}" is a type, no name', hint=f"an agent of that name is agent/{word}")
    (name,) = targets.names
    return name if where.file is not None else f"{where.reach.namespace()}/{name}"


def _seen(where: SourceOptions, name: str) -> None:
    """An agent that is not there is another matter than one that did nothing: raises NotFound."""
    if name and where.file is None:
        try:
            where.reach.agent(name.rpartition("/")[2])
        except Forbidden as error:
            terminal.warn(f"whether there is such an agent is not known: {error.explained}")


trace.add_command(show)
trace.add_command(export)
