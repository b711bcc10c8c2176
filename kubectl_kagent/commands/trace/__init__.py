"""trace: the group; a word that is not one of its verbs is an agent, whose turns are listed."""

from __future__ import annotations

import math
import sys

import click
from click.shell_completion import CompletionItem

from kubectl_kagent import clock
from kubectl_kagent.cli import completion, options, terminal
from kubectl_kagent.cli.command import KubectlGroup, group
from kubectl_kagent.cli.duration import Duration
from kubectl_kagent.cli.ids import id_in
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import parse_targets
from kubectl_kagent.commands.trace.export import export
from kubectl_kagent.commands.trace.follow import follow
from kubectl_kagent.commands.trace.show import show
from kubectl_kagent.commands.trace.sources import SourceOptions, TimeType, source
from kubectl_kagent.errors import Forbidden, NotFound, UsageError
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.render.output import TEXT, Output
from kubectl_kagent.wire.ids import sent

LIST = "list"
_WEEK = 7 * 24 * 3600.0
_NEWEST = 20


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
    short_help="Show what an agent did, step by step",
)
def trace() -> None:
    """Show what an agent did: every call of a model or tool, with its arguments, result, time and tokens.

    Traces come from Tempo or Jaeger if the cluster has one, else from the controller's own records, which
    need no tracing. Use agent/NAME for an agent that is named like a subcommand.

    \b
    kubectl kagent trace datetime-agent
    kubectl kagent trace -f datetime-agent
    kubectl kagent trace show 01a205ee
    """


@trace.command(LIST, short_help="List the turns of an agent; the word list may be left out")
@click.argument("agent", required=False, default="", shell_complete=completion.agent)
@click.option("-f", "--follow", "live", is_flag=True, help="After listing, print each new turn when it ends.")
@click.option(
    "--session",
    metavar="ID",
    shell_complete=completion.session,
    help="Only turns of this session.",
)
@click.option("--tool", default="", metavar="NAME", help="Only turns that called this tool.")
@click.option("--errors", is_flag=True, help="Only turns in which something failed.")
@click.option("--min-duration", type=Duration(), default=0.0, help="Only turns that took longer than this.")
@click.option(
    "--since",
    type=TimeType(),
    help="Only turns since this time, or since so long ago; default: 168h, or all of a file.",
)
@click.option(
    "--until",
    type=TimeType(),
    help="Only turns until this time, or until so long ago; default: now, or all of a file.",
)
@click.option(
    "--limit",
    type=options.Integer(min=1),
    metavar="N",
    help="Maximum number of turns; default: 20, or all of a file.",
)
@terminal.secrets
@formats("json", "yaml", "name", "wide", "jsonpath")
@terminal.color
@source
def list_turns(
    where: SourceOptions,
    agent: str,
    *,
    live: bool,
    session: str | None,
    tool: str,
    errors: bool,
    min_duration: float,
    since: float | None,
    until: float | None,
    limit: int | None,
    output: Output,
) -> None:
    """List the turns of an agent, the newest first.

    'kubectl kagent trace show TASK' shows the steps of a turn. With -f the controller is asked, unless
    --tempo or --jaeger is given: Tempo and Jaeger know a step only when it is over.

    \b
    kubectl kagent trace datetime-agent --errors --since=1h
    kubectl kagent trace datetime-agent --tool=get_time --min-duration=5s -o wide
    kubectl kagent trace --input traces.json
    """
    from kubectl_kagent.render import trace as screen
    from kubectl_kagent.render.trace_view import turns_view
    from kubectl_kagent.telemetry.traces.query import Query
    from kubectl_kagent.telemetry.traces.secrets import without_secrets

    if session is not None:
        session = id_in(session, "session", "kubectl kagent sessions list -A shows them")
    name = _agent(where, agent)
    window = _window(since, until, limit, whole=bool(where.file))
    query = Query(name, *window, session or "", sent(tool), errors, min_duration)
    if live and (output != TEXT or where.file):
        raise UsageError("-f prints a table of turns in the cluster: it takes neither -o nor --input")
    try:
        if live:
            follow(where, query)
            return
        record, asked = where.ask(lambda one: one.turns(query))
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
        terminal.write(output.view(turns_view(found, asked.name, record.gaps), whole=True))
    elif not found:
        _seen(where, name)
        whose = f" ({where.reach.whose})" if asked.by_user else ""
        given = {"--session": session, "--tool": tool, "--errors": errors, "--min-duration": min_duration}
        only = " and ".join(flag for flag, value in given.items() if value)
        which = f" that match {only}" if only else ""
        terminal.say(f"No turns found{f' of agent {name}' if name else ''}{which}{whose}")
    else:
        columns = terminal.columns()
        several = len({turn.agent for turn in found}) > 1
        text = screen.turn_table(
            found, now=clock.now(), columns=columns, wide=output.wide, agents=several or not name
        )
        terminal.show(text)


def _window(
    since: float | None, until: float | None, limit: int | None, *, whole: bool
) -> tuple[float, float, int]:
    """What was asked for; else the newest of a week, or ``whole`` a file, however old it is."""
    now = clock.now().timestamp()
    return (
        (0.0 if whole else now - _WEEK) if since is None else since,
        (math.inf if whole else now) if until is None else until,
        (sys.maxsize if whole else _NEWEST) if limit is None else limit,
    )


def _agent(where: SourceOptions, word: str) -> str:
    if not word:
        if where.file is None:
            raise UsageError("name an agent", hint="kubectl kagent trace AGENT, or --input FILE for a file")
        return ""
    targets = parse_targets((word,), (AGENT,))
    if not targets.names:
        raise UsageError(f'"{word}" is a type, not a name', hint=f"an agent of that name is agent/{word}")
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
