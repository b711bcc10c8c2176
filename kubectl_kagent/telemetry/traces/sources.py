"""Where turns are read from: what a source is, and the kagent controller's records."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Protocol

from kubectl_kagent.backends.controller import Controller
from kubectl_kagent.backends.versions import uses_are_timed
from kubectl_kagent.cluster.side_by_side import AT_ONCE, side_by_side
from kubectl_kagent.errors import NotFound
from kubectl_kagent.model.controllers import of_users
from kubectl_kagent.model.trace import Record, Turn
from kubectl_kagent.telemetry.traces import records as trace_records
from kubectl_kagent.telemetry.traces.query import MOST, NoSuchTurn, Query, named, only
from kubectl_kagent.wire.ids import agent_of
from kubectl_kagent.wire.lenient import Gaps

_SUBAGENTS = 5
_RECORDS = "the kagent controller's records"


class TraceSource(Protocol):
    """Somebody who knows what agents did."""

    @property
    def name(self) -> str:
        """What to call it, as in "from NAME"."""

    @property
    def by_user(self) -> bool:
        """Whether it knows no more than what the users did as whom it is asked."""

    def turns(self, query: Query) -> Record:
        """The newest turns that the query admits, the newest first."""

    def find(self, id_: str, now: float) -> Record:
        """One turn by its task or trace, or all of a session; the beginning of an id will do.

        Raises NoSuchTurn, or UsageError when it is the beginning of several.
        """


@dataclass(frozen=True, slots=True)
class FromController:
    """Sessions and tasks that the controller keeps, of one user.

    ``uses_are_timed`` tells whether a session that was not used since then needs no look.
    """

    controller: Controller
    uses_are_timed: Callable[[], bool]
    by_user: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return f"{_RECORDS} of {of_users((self.controller.user,))}"

    def turns(self, query: Query) -> Record:
        namespace, _, name = query.agent.rpartition("/")
        gaps = Gaps()
        listed = self.controller.sessions(namespace, name)
        sessions = _sessions(listed, gaps)
        recent = [item for item in sessions if item.updated >= query.since]
        if len(recent) < len(sessions) and self.uses_are_timed():
            sessions = recent
        found: list[Turn] = []
        looked = iter(sorted(sessions, key=lambda item: item.updated, reverse=True))
        while some := list(islice(looked, AT_ONCE)):
            # all that is still to come ended before the newest of these
            later = sum((turn.root.start or 0.0) > some[0].updated for turn in found)
            if later >= query.limit and self.uses_are_timed():
                break
            for record in side_by_side(lambda item: self._there(item.id, gaps), some):
                found += [turn for turn in record.turns if query.admits(turn)]
        return Record(query.newest(found), gaps.lines)

    def find(self, id_: str, now: float) -> Record:
        gaps = Gaps()
        session = self._session_of(plain(id_), gaps)
        if session:
            try:
                record = self._session(session, gaps)
            except NotFound as error:  # kagent 0.9 shows a task to everybody, its session to its user alone
                why = f"it is of session {session}, which user {self.controller.user} does not have"
                raise NoSuchTurn(id_, why=why) from error
            return Record(named(record.turns, id_), gaps.lines)
        listed = _sessions(self.controller.sessions(), gaps)
        sessions = sorted(listed, key=lambda item: item.updated, reverse=True)
        begins = [item for item in sessions if item.id.startswith(id_)]
        found = side_by_side(lambda item: self._there(item.id, gaps), begins or sessions[:MOST])
        cut = "" if begins or len(sessions) <= MOST else f"in the newest {MOST} sessions"
        if cut:
            gaps.add(only(cut))
        return Record(named((turn for record in found for turn in record.turns), id_, cut), gaps.lines)

    def _session_of(self, id_: str, gaps: Gaps) -> str:
        """The session that a whole id is of, or whose task it is; empty when it is neither."""
        if self.controller.has_session(id_):
            return id_
        try:
            task = self.controller.task(id_)
        except NotFound:
            return ""
        return gaps.text(gaps.mapping(task, "the task").get("contextId"), "the session of a task")

    def _there(self, id_: str, gaps: Gaps) -> Record:
        """A session that was listed a moment ago."""
        try:
            return self._session(id_, gaps)
        except NotFound:
            gaps.add(f"the session {id_} was deleted meanwhile")
            return Record(())

    def _session(self, id_: str, gaps: Gaps, depth: int = 0) -> Record:
        def subagent(inner: str) -> Record:
            if depth == _SUBAGENTS:
                gaps.add(f"sub-agents more than {_SUBAGENTS} deep were left out")
                return Record(())
            try:
                return self._session(inner, gaps, depth + 1)
            except NotFound:
                gaps.add(f"the session {inner} of a sub-agent is not there (of another user?)")
                return Record(())

        session, tasks = self.controller.session(id_), self.controller.tasks(id_)
        whole = gaps.mapping(session, "the session")
        agent = gaps.text(gaps.mapping(whole.get("session"), "the session").get("agent_id"), "agent_id")
        record = trace_records.turns(session, tasks, "/".join(filter(None, agent_of(agent))), subagent)
        for gap in record.gaps:
            gaps.add(gap)
        return record


@dataclass(frozen=True, slots=True)
class OfUsers:
    """The same of several users."""

    sources: tuple[FromController, ...]
    by_user: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return f"{_RECORDS} of {of_users([one.controller.user for one in self.sources])}"

    def turns(self, query: Query) -> Record:
        asked = [one.turns(query) for one in self.sources]
        gaps = dict.fromkeys(gap for record in asked for gap in record.gaps)
        return Record(query.newest(turn for record in asked for turn in record.turns), tuple(gaps))

    def find(self, id_: str, now: float) -> Record:
        """An id is looked for with one user after the other."""
        for one in self.sources[:-1]:
            with suppress(NoSuchTurn):
                return one.find(id_, now)
        return self.sources[-1].find(id_, now)


def records(controllers: Sequence[Controller]) -> TraceSource:
    """What the controller keeps, of all the users as whom it is asked."""
    timed = _once(lambda: uses_are_timed(controllers[0]))
    sources = tuple(FromController(one, timed) for one in controllers)
    return sources[0] if len(sources) == 1 else OfUsers(sources)


def _once(ask: Callable[[], bool]) -> Callable[[], bool]:
    """What the first call is answered with, for all that come, from several threads too."""
    lock, answer = threading.Lock(), list[bool]()

    def first() -> bool:
        with lock:
            if not answer:
                answer.append(ask())
            return answer[0]

    return first


@dataclass(frozen=True, slots=True)
class _Session:
    id: str
    updated: float


def _sessions(listed: Any, gaps: Gaps) -> list[_Session]:
    found = []
    for raw in gaps.items(listed, "the sessions"):
        item = gaps.mapping(raw, "a session")
        id_ = gaps.text(item.get("id"), "the id of a session")
        updated = gaps.time(item.get("updated_at"), "the time of a session")
        if id_:
            # one without time is looked at, first of all
            found.append(_Session(id_, float("inf") if updated is None else updated))
    return found


def plain(id_: str) -> str:
    """An id that may stand in a path and in a query. Raises NoSuchTurn for anything else."""
    if not re.fullmatch(r"[\w.:-]+", id_, re.ASCII) or id_ in (".", ".."):
        raise NoSuchTurn(id_)
    return id_
