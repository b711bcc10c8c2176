"""Which lines belong to a task or a session: those that name it, and those of its time in its pod.

kagent's Go runtime writes the ids into its lines, the Python one only into the addresses that it calls. So
a turn's lines are those of the time that the controller knows for it, in a container that names it then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.backends.controller import Controller, rows
from kubectl_kagent.decoding import json_object
from kubectl_kagent.model.workload import dig
from kubectl_kagent.telemetry.logs.stamps import stamp_at, stamp_of, text_of

# Lines before the first record of a turn and after its last one, and clocks that differ a little.
_MARGIN = timedelta(seconds=1)
_FOR_EVER = b"\xff"
_HELD = 10_000
# In the Go runtime's fields, the Python runtime's words, and the addresses that it calls.
_SESSIONS = re.compile(rb'(?:"(?:context|session)ID": ?"|context_id: |/api/sessions/)([\w.-]+)')
_TASKS = re.compile(rb'(?:"taskID": ?"|task_id: |/api/tasks/)([\w.-]+)')

Span = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked for: an id, and the stamps from and to which its turns went.

    ``session`` is the task's session, whose id may stand for the task inside its spans.
    """

    id: str
    session: str = ""
    spans: tuple[Span, ...] = ()

    def span(self, stamp: bytes) -> Span | None:
        return next((span for span in self.spans if span[0] <= stamp <= span[1]), None)

    def is_of_another(self, text: bytes) -> bool:
        """Whether the line names another task or session than this."""
        wanted = {self.id.encode(), self.session.encode()}
        patterns = (_SESSIONS,) if self.session == self.id else (_SESSIONS, _TASKS)
        return any(found not in wanted for pattern in patterns for found in pattern.findall(text))


def of_session(controller: Controller, session: str, *, goes_on: bool) -> Subject:
    """All turns of a session; with ``goes_on`` the last one has no end yet."""
    return Subject(session, session, tuple(_spans(controller, session, goes_on=goes_on)))


def of_task(controller: Controller, task: str, *, goes_on: bool) -> Subject:
    """The turn in which the task was last heard of."""
    found = controller.task(task)
    session, at = str(dig(found, "contextId") or ""), _time(dig(found, "status", "timestamp"))
    spans = _spans(controller, session, goes_on=goes_on) if session else []
    if at is not None:
        begun = [span for span in spans if span[0] <= stamp_at(at)]
        spans = begun[-1:]
    return Subject(task, session, tuple(spans))


class RelatedLines:
    """Picks a container's lines about a subject, in turn."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._span: Span | None = None
        self._named = False
        self._held: list[bytes] = []

    def choose(self, lines: Sequence[bytes]) -> list[bytes]:
        """A turn's lines before the first that names it are held back until that one comes."""
        found: list[bytes] = []
        subject = self._subject
        own, session = subject.id.encode(), subject.session.encode()
        for line in lines:
            span, text = subject.span(stamp_of(line)), text_of(line)
            if span != self._span:
                self._span, self._named, self._held = span, False, []
            if own in text:
                names = True
            elif span is None or subject.is_of_another(text):
                continue
            else:
                names = bool(session) and session in text
            if names and span is not None:
                self._named = True
                found += self._held
                self._held = []
            if names or self._named:
                found.append(line)
            elif len(self._held) < _HELD:
                self._held.append(line)
        return found


def _spans(controller: Controller, session: str, *, goes_on: bool) -> list[Span]:
    """From each word of the user's to the record before the next one."""
    data = controller.session(session)
    times: list[tuple[datetime, datetime]] = []
    for event in rows(dig(data, "events"), f"events of session {session}"):
        at = _time(dig(event, "created_at"))
        if at is None:
            continue
        if not times or _is_the_users(event):
            times.append((at, at))
        times[-1] = (times[-1][0], at)
    spans = [(stamp_at(start - _MARGIN), stamp_at(end + _MARGIN)) for start, end in times]
    if goes_on and spans:
        spans[-1] = (spans[-1][0], _FOR_EVER)
    return spans


def _is_the_users(event: Mapping[str, Any]) -> bool:
    data = event.get("data")
    if isinstance(data, str):
        data = json_object(data)
    return "user" in (dig(data, "author"), dig(data, "Author"))


def _time(text: Any) -> datetime | None:
    """A time that can be one in any zone, with a margin around it."""
    found = clock.parse_or_none(text)
    return found if found and 1 < found.year < 9999 else None
