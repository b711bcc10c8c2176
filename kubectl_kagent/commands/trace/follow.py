"""trace -f."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kubectl_kagent import clock
from kubectl_kagent.cli import terminal
from kubectl_kagent.commands.trace.sources import SourceOptions
from kubectl_kagent.errors import Unreachable

if TYPE_CHECKING:
    from kubectl_kagent.model.trace import Record, Turn
    from kubectl_kagent.telemetry.traces.query import Query

_POLL_SECONDS = 2.0


def follow(where: SourceOptions, query: Query) -> None:
    """Print turns as they end, until it is stopped; stderr says what begins and what waits."""
    from kubectl_kagent.render import trace as screen
    from kubectl_kagent.telemetry.traces.live import Live
    from kubectl_kagent.telemetry.traces.secrets import without_secrets

    source = where.live()
    terminal.say(f"from {source.name}")
    columns = terminal.columns()
    live, said, headed = Live(query), set[str](), False
    while True:
        record = _answer(lambda: source.turns(live.next_query(clock.now().timestamp())), patient=live.begun)
        for gap in record.gaps:
            if gap not in said:
                said.add(gap)
                terminal.warn(gap)
        for told in live.hear(record):
            turn = without_secrets(told.turn) if terminal.masks() else told.turn
            if not told.over:
                terminal.say(_open(turn))
                continue
            text = screen.turn_table([turn], now=clock.now(), columns=columns, later=True)
            terminal.show(text.split("\n", 1)[1] if headed else text)
            headed = True
        clock.sleep(_POLL_SECONDS)


def _answer(ask: Callable[[], Record], *, patient: bool) -> Record:
    """The source's answer. One that has answered before is waited for when it goes away, and that is told."""
    away = False
    while True:
        try:
            return ask()
        except Unreachable as error:
            if not patient:
                raise
            if not away:
                terminal.warn(f"{error.message}; trying again")
            away = True
            clock.sleep(_POLL_SECONDS)


def _open(turn: Turn) -> str:
    from kubectl_kagent.render.table import clip
    from kubectl_kagent.telemetry.traces.live import waits

    what = "waits for a person" if waits(turn) else "runs"
    return f"{turn.task or turn.trace} {what}: {clip(turn.question, 60)}"
