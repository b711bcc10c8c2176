"""trace export."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from kubectl_kagent import clock
from kubectl_kagent.backends.otlp_receiver import address
from kubectl_kagent.cli import terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cluster.http import shown
from kubectl_kagent.commands.trace.sources import TimeType
from kubectl_kagent.errors import Forbidden, UsageError

if TYPE_CHECKING:
    from kubectl_kagent.model.trace import Turn


@command(short_help="Send recorded sessions to an OTLP receiver as spans")
@click.argument("session", required=False, default="")
@click.option("--since", type=TimeType(), help="Send all turns since this time, or since so long ago.")
@click.option(
    "--otlp",
    "url",
    required=True,
    metavar="URL",
    callback=lambda _context, _parameter, value: address(value),
    help="The OTLP receiver; port 4317 is gRPC, any other HTTP.",
)
@terminal.secrets
@with_controller
def export(reach: ControllerAccess, session: str, since: float | None, url: str) -> None:
    """Send what the controller recorded of a session (or a task) to an OTLP receiver.

    The ids of traces and spans are derived from those of the session, task and call, so a second export
    adds nothing. Turns that are not over yet are left out. Where a record does not name the model, the span
    has the one that the agent has now.

    \b
    kubectl kagent trace export 01a205ee-5c2c-7c37-98b7-5021745c85a8 --otlp=http://localhost:4318
    kubectl kagent trace export --since=24h --otlp=http://localhost:4317
    """
    from kubectl_kagent.model.events import FINAL_STATES
    from kubectl_kagent.telemetry.traces.export import send
    from kubectl_kagent.telemetry.traces.query import Query
    from kubectl_kagent.telemetry.traces.secrets import without_secrets
    from kubectl_kagent.telemetry.traces.sources import records

    if bool(session) == (since is not None):
        raise UsageError("name a session, or say since when with --since")
    source, now = records(reach.controllers()), clock.now().timestamp()
    if session:
        record = source.find(session, now)
    else:
        record = source.turns(Query("", since or 0.0, now, limit=1_000_000))
    for gap in record.gaps:
        terminal.warn(gap)
    over = [turn for turn in record.turns if turn.state in FINAL_STATES]
    timed = [turn for turn in over if turn.root.start is not None]
    for turn in record.turns:
        if turn not in timed:
            why = "no times are recorded" if turn in over else f"it is {turn.state}"
            terminal.say(f"left out: task {turn.task or turn.session} ({why})")
    named = _named(timed, _models(reach, record.turns))
    spans = send([without_secrets(turn) for turn in named] if terminal.masks() else named, url)
    terminal.done(f"{len(timed)} turns exported to {shown(url)} ({spans} spans)")


def _models(reach: ControllerAccess, turns: Iterable[Turn]) -> dict[str, str]:
    """The model that each agent of the turns has now."""
    from kubectl_kagent.telemetry.usage.agents import models

    namespaces = {turn.agent.partition("/")[0] for turn in turns}
    if not namespaces or reach.url:
        return {}
    try:
        return models(reach.connect(), namespaces.pop() if len(namespaces) == 1 else None)
    except Forbidden as error:
        terminal.warn(f"the models that agents have now are not known: {error.explained}")
        return {}


def _named(turns: list[Turn], models: dict[str, str]) -> list[Turn]:
    """The turns with the models that records leave out, which is told."""
    from kubectl_kagent.telemetry.traces.models import nameless, with_models

    agents = nameless(turns)
    if without := sorted(agent for agent in agents if not models.get(agent)):
        terminal.warn(f"spans of {', '.join(without)} have no model: no record names it")
    if now := sorted(agents.difference(without)):
        terminal.say(f"no record names the models of {', '.join(now)}: spans have those of now")
    return [with_models(turn, models) for turn in turns]
