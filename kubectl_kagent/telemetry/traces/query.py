"""Which turns are asked for. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from kubectl_kagent.errors import KagentError, UsageError
from kubectl_kagent.model.trace import Turn
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.ids import underscored

# A source is not asked for more than this when filters throw most of it away.
MOST = 200
# The span of a turn, in both runtimes.
TURN_SPAN = "invocation"


class NoSuchTurn(KagentError):
    """A source knows nothing under that id; ``where``: in what of it that was looked for, if not in all.

    ``why`` is what is known instead of that no id begins so.
    """

    def __init__(self, id_: str, where: str = "", why: str = "") -> None:
        self.where = where and f" {where}"
        why = why or "no task, session or trace has an id that begins so"
        super().__init__(
            f'no turn "{id_}" was found{self.where}: {why}',
            hint="kubectl kagent trace AGENT lists them; another user's are found with --user-id",
        )


@dataclass(frozen=True, slots=True)
class Query:
    """Turns of one agent (``NAMESPACE/NAME``) that began between two moments, in seconds since the epoch.

    An agent without namespace is that of any; no agent is all of them.
    """

    agent: str
    since: float
    until: float
    limit: int
    session: str = ""
    tool: str = ""
    errors: bool = False
    min_seconds: float = 0.0

    def admits(self, turn: Turn) -> bool:
        start, seconds = turn.root.start, turn.root.seconds
        return (
            self._of_agent(turn)
            and (start is None or self.since <= start <= self.until)
            and turn.session.startswith(self.session)
            and (not self.tool or any(step.name == self.tool for step in turn.tools))
            and (not self.errors or turn.state == "failed" or bool(turn.failures))
            and (not self.min_seconds or (seconds or 0.0) >= self.min_seconds)
        )

    def _of_agent(self, turn: Turn) -> bool:
        return turn.agent == self.agent or turn.agent.rpartition("/")[2] == self.agent or not self.agent

    @property
    def picky(self) -> bool:
        """Whether turns are left out for what happened in them."""
        return bool(self.session or self.tool or self.errors or self.min_seconds)

    def newest(self, turns: Iterable[Turn]) -> tuple[Turn, ...]:
        """Those that it admits, the newest first."""
        admitted = [turn for turn in turns if self.admits(turn)]
        return tuple(sorted(admitted, key=lambda turn: turn.root.start or 0.0, reverse=True))[: self.limit]

    @property
    def service(self) -> str:
        """The agent's name as its spans have it: service.name."""
        return underscored(self.agent.rpartition("/")[2])

    @property
    def traceql(self) -> str:
        """The same for Tempo, as far as it can know."""
        namespace = underscored(self.agent.rpartition("/")[0])
        clauses = [
            f"name = {quoted(TURN_SPAN)}",
            f"resource.service.name = {quoted(self.service)}",
            f"resource.service.namespace = {quoted(namespace)}",
        ]
        if self.session:
            clauses.append(f"span.{semconv.SESSION} =~ {beginning(self.session)}")
        found = "{ " + " && ".join(clauses) + " }"
        tool = f" && {{ span.{semconv.TOOL_NAME} = {quoted(self.tool)} }}" if self.tool else ""
        return found + tool


def only(where: str) -> str:
    """What is not known of an id that was looked for in a part of a source."""
    return f"searched only {where}: there may be more"


def quoted(text: str) -> str:
    """A string of TraceQL, whose escapes are Go's: JSON's, but for what is not in the basic plane."""
    return json.dumps(text, ensure_ascii=False)


def beginning(text: str) -> str:
    """A regular expression, as a string of TraceQL, for what begins so."""
    return quoted(re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", text) + ".*")


def named(turns: Iterable[Turn], id_: str, where: str = "") -> tuple[Turn, ...]:
    """The turns that an id, or the beginning of one, means: all of a session, or one.

    Raises NoSuchTurn, ``where`` being what of its source they are from, or UsageError when it is the
    beginning of several ids.
    """
    turns = tuple(turns)
    kinds = {
        kind: {getattr(turn, kind) for turn in turns if getattr(turn, kind).startswith(id_)}
        for kind in ("task", "trace", "session")
    }
    exact = [kind for kind, ids in kinds.items() if id_ in ids]
    found = {kind: {id_} for kind in exact} or {kind: ids for kind, ids in kinds.items() if ids}
    every = sorted({one for ids in found.values() for one in ids})
    if not every:
        raise NoSuchTurn(id_, where)
    meant = tuple(turn for turn in turns if any(getattr(turn, kind) in ids for kind, ids in found.items()))
    # Go's session and task of one message begin alike: that is no doubt
    if len(every) > 1 and len(meant) > 1 and len({turn.session for turn in meant}) > 1:
        raise UsageError(f'"{id_}" is the beginning of several ids: {", ".join(every[:5])}')
    return meant
