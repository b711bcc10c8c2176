"""Turns as they happen: each is told when it begins, when it waits for a person, and once when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from kubectl_kagent.model.events import FINAL_STATES, PAUSED_STATES
from kubectl_kagent.model.trace import UNKNOWN, Record, Turn
from kubectl_kagent.telemetry.traces.query import Query

# A session may be stored a moment after what it tells.
_LATE = 60.0
# of a minute: ``--limit`` is how many older ones are shown first
_ALL = 10_000


@dataclass(frozen=True, slots=True)
class TurnUpdate:
    """A turn to tell of, and whether it is over."""

    turn: Turn
    over: bool


@dataclass(slots=True)
class Live:
    """What has been told so far."""

    query: Query
    begun: bool = False
    _told: dict[str, str] = field(default_factory=dict)  # the state that was told last, by task
    _before: dict[str, Turn] = field(default_factory=dict)

    def next_query(self, now: float) -> Query:
        """What to ask for now: all that is not over, and what may have begun since."""
        open_ = [
            turn.root.start
            for turn in self._before.values()
            if turn.root.start is not None and self._told.get(turn.task or turn.trace) not in FINAL_STATES
        ]
        if not self.begun:
            return replace(self.query, until=now + _LATE)
        since = max(min([now - _LATE, *open_]), self.query.since)
        return replace(self.query, since=since, until=now + _LATE, limit=_ALL)

    def hear(self, record: Record) -> Iterator[TurnUpdate]:
        """What is new in an answer, the oldest first.

        A turn is over when it stays as it is for two answers: spans come late.
        """
        before, self._before = self._before, {}
        first, self.begun = not self.begun, True
        for turn in reversed(record.turns):
            id_ = turn.task or turn.trace
            self._before[id_] = turn
            state = "working" if turn.state in (UNKNOWN, "submitted") else turn.state
            if self._told.get(id_) == state or self._told.get(id_) in FINAL_STATES:
                continue
            if state not in FINAL_STATES:
                self._told[id_] = state
                yield TurnUpdate(turn, over=False)
            elif first or before.get(id_) == turn:
                self._told[id_] = state
                yield TurnUpdate(turn, over=True)


def waits(turn: Turn) -> bool:
    """Whether a turn can't go on without a person."""
    return turn.state in PAUSED_STATES
