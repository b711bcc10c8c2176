"""Turns of traced agents, from where their spans are kept: Tempo or Jaeger."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any, ClassVar

from kubectl_kagent.backends.jaeger import Jaeger
from kubectl_kagent.backends.tempo import AT_ONCE, Tempo
from kubectl_kagent.clock import timestamp
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import NotFound
from kubectl_kagent.model.events import INPUT_REQUIRED
from kubectl_kagent.model.trace import TOOL, Record, Turn
from kubectl_kagent.telemetry.traces import otlp
from kubectl_kagent.telemetry.traces import spans as trace_spans
from kubectl_kagent.telemetry.traces.query import (
    MOST,
    TURN_SPAN,
    NoSuchTurn,
    Query,
    beginning,
    named,
    only,
    quoted,
)
from kubectl_kagent.telemetry.traces.sources import plain
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.lenient import Gaps

# So many searches at most: who asks for more than a year asks in parts.
_SEARCHES = 52
# How far back an id is looked for: as long as Tempo keeps traces, as its defaults stand.
_DAYS = 14
_KEPT = _DAYS * 24 * 3600.0
# Jaeger gives traces whole, and knows no others by the beginning of an id than those that it gives.
_WHOLE = 100


@dataclass(frozen=True, slots=True)
class _Found:
    """Ids of traces; ``cut`` is how many were looked at, as in "in the newest 5", where there were more."""

    traces: Iterable[str]
    cut: str = ""


@dataclass(frozen=True, slots=True)
class FromTempo:
    """Spans in Tempo."""

    tempo: Tempo
    by_user: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"Tempo ({self.tempo.name})"

    def turns(self, query: Query) -> Record:
        limit = _limit(query)
        since = max(query.since, query.until - _SEARCHES * AT_ONCE)
        ids = self._search(query.traceql, since, query.until, limit)
        cut = ""
        if len(ids) == limit:
            cut = f"only the newest {limit} traces were looked at"
        elif since > query.since:
            moment = timestamp(datetime.fromtimestamp(since, UTC))
            cut = f"nothing before {moment} was looked at; --until={moment} looks there"
        return _newest(query, self._read(ids, listed=True), cut)

    def _search(self, query: str, since: float, until: float, limit: int) -> list[str]:
        """Ids of the newest traces of that time, which is searched in as many parts as it takes."""
        found: dict[str, None] = {}
        end = until
        while True:
            start = max(since, end - AT_ONCE)
            # in each part as many as in all: some are in two of them
            found |= dict.fromkeys(self.tempo.search(query, start=start, end=end, limit=limit))
            if start <= since or len(found) >= limit:
                return list(found)[:limit]
            end = start

    def find(self, id_: str, now: float) -> Record:
        return _find(id_, now, self._read, self._about)

    def _about(self, id_: str, until: float) -> _Found:
        """Traces of a task, a session, or of one whose id begins so; a trace's id can't be searched for."""
        begins = beginning(id_)
        query = f"{{ span.{semconv.TASK} =~ {begins} || span.{semconv.SESSION} =~ {begins} }}"
        found = self._search(query, until - _KEPT, until, MOST)
        if found or not re.fullmatch(r"[0-9a-f]+", id_):
            return _Found(found, _cut(found))
        every = self._search(f"{{ name = {quoted(TURN_SPAN)} }}", until - _KEPT, until, MOST)
        return _Found([trace for trace in every if trace.startswith(id_)], _cut(every))

    def _read(self, ids: Iterable[str], *, listed: bool = False) -> Record:
        return _read(self.tempo.trace, ids, listed=listed)


@dataclass(frozen=True, slots=True)
class FromJaeger:
    """Spans in Jaeger, which searches one service at a time, and for whole values only.

    It knows no namespaces and gives every trace whole: the rest is chosen from what it gave.
    """

    jaeger: Jaeger
    by_user: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"Jaeger ({self.jaeger.name})"

    def turns(self, query: Query) -> Record:
        if query.service not in self.jaeger.services():
            return Record(())
        limit = _limit(query)
        document = self.jaeger.search(
            query.service, TURN_SPAN, start=query.since, end=query.until, limit=limit
        )
        gaps = Gaps()
        forest = otlp.read([document] if document else [], gaps)
        full = len({span.trace for span in forest.spans.values()}) >= limit
        cut = f"only {limit} traces were looked at" if full else ""
        return _newest(query, trace_spans.turns_in(forest), cut)

    def find(self, id_: str, now: float) -> Record:
        return _find(id_, now, self._read, self._about)

    def _about(self, id_: str, until: float) -> _Found:
        """Traces of a task or a session; else those that begin so, or in which one of both begins so."""
        services = self.jaeger.services()

        def having(pair: tuple[str, str]) -> list[str]:
            service, key = pair
            return self.jaeger.having(service, key, id_, start=until - _KEPT, end=until, limit=MOST)

        found = side_by_side(having, product(services, (semconv.TASK, semconv.SESSION)))
        if any(found):
            cut = next(filter(None, map(_cut, found)), "")
            return _Found({trace for traces in found for trace in traces}, cut)
        looked = side_by_side(lambda service: self._beginning(service, id_, until), services)
        cut = f"in the {_WHOLE} traces of each service that were looked at"
        return _Found(
            {trace for some in looked for trace in some.traces}, cut if any(s.cut for s in looked) else ""
        )

    def _beginning(self, service: str, id_: str, until: float) -> _Found:
        document = self.jaeger.search(service, TURN_SPAN, start=until - _KEPT, end=until, limit=_WHOLE)
        spans = otlp.read([document] if document else [], Gaps()).spans.values()
        begins = {
            otlp.hex_id(span.trace)
            for span in spans
            if any(
                one.startswith(id_)
                for one in (span.text(semconv.TASK), span.text(semconv.SESSION), otlp.hex_id(span.trace))
            )
        }
        return _Found(begins, service if len({span.trace for span in spans}) >= _WHOLE else "")

    def _read(self, ids: Iterable[str]) -> Record:
        return _read(self.jaeger.trace, ids, listed=False)


def _limit(query: Query) -> int:
    """How many traces are asked for: some turns are two traces."""
    return MOST if query.picky else 2 * query.limit


def _cut(found: Collection[str]) -> str:
    """Where traces were looked for, if there may be more than were asked for."""
    return f"in the newest {MOST} traces" if len(found) >= MOST else ""


def _newest(query: Query, record: Record, cut: str) -> Record:
    """What the query wants of the turns; ``cut``: what was not looked at, if there may be more."""
    found = query.newest(record.turns)
    gaps = (cut,) if cut and len(found) < query.limit else ()
    return Record(found, record.gaps + gaps)


def _find(
    id_: str,
    now: float,
    read: Callable[[Iterable[str]], Record],
    about: Callable[[str, float], _Found],
) -> Record:
    """The turns that an id, or its beginning, means.

    ``about`` finds traces by it, of the time that they are kept, until a moment; ``read`` reads some.
    """
    if not re.fullmatch(r"[0-9a-f]{32}", id_):
        found = about(plain(id_), now)
        record = read(found.traces)
        turns = named(record.turns, id_, found.cut or f"in the last {_DAYS} days")
        return Record(turns, record.gaps + ((only(found.cut),) if found.cut else ()))
    record = read([id_])
    halves = {turn.task: turn.root.start or now for turn in record.turns if turn.task and _half(turn)}
    # before it or after: it is a question or the answer to one
    others = [about(task, min(now, start + _KEPT / 2)) for task, start in halves.items()]
    if others:
        record = read({id_, *(trace for found in others for trace in found.traces)})
    tasks = halves.keys()
    turns = tuple(turn for turn in record.turns if turn.task in tasks or turn.trace == id_)
    if not turns:
        raise NoSuchTurn(id_)
    return Record(turns, record.gaps)


def _read(trace: Callable[[str], Mapping[str, Any]], ids: Iterable[str], *, listed: bool) -> Record:
    """The turns in those traces. One that was ``listed`` a moment ago and is not there is told."""
    gone: list[str] = []

    def one(id_: str) -> Mapping[str, Any] | None:
        try:
            return trace(id_)
        except NotFound:
            if listed:
                gone.append(f"trace {id_} was listed, but is not there")
            return None

    record = trace_spans.turns(filter(None, side_by_side(one, ids)))
    return replace(record, gaps=(*record.gaps, *sorted(gone)))


def _half(turn: Turn) -> bool:
    """Whether a turn went on in another trace: a person's answer is a request of its own."""
    steps = turn.root.steps
    return turn.state == INPUT_REQUIRED or (bool(steps) and steps[0].kind == TOOL)
