"""Turns from a file of OTLP JSON that somebody saved.

It holds one document, an array of them, or one a line as the collector's file exporter writes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from kubectl_kagent.decoding import from_json
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.trace import LLM, Record
from kubectl_kagent.telemetry.traces import otlp, plain, spans
from kubectl_kagent.telemetry.traces.query import Query, named
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.lenient import Gaps

_ADK = (semconv.TASK_STATE, semconv.TOOL_ARGUMENTS, semconv.TOOL_RESPONSE)


@dataclass(frozen=True, slots=True)
class FromFile:
    """What was read of a file."""

    name: str
    record: Record
    by_user: ClassVar[bool] = False

    def turns(self, query: Query) -> Record:
        return Record(query.newest(self.record.turns), self.record.gaps)

    def find(self, id_: str, now: float) -> Record:
        return Record(named(self.record.turns, id_), self.record.gaps)


def from_file(name: str, data: bytes) -> FromFile:
    """Read a file's content; lines that are no JSON are left out. Raises KagentError when nothing is OTLP."""
    gaps = Gaps()
    documents = list(otlp.readable(_documents(data, gaps), gaps))
    if not documents:
        raise KagentError(
            f"nothing in {name} could be read: {next(iter(gaps.lines), 'it is empty')}",
            hint="OTLP as JSON is expected: one document, an array of them, or one a line",
        )
    forest = otlp.read(documents, gaps)
    known = {span.trace for span in forest.spans.values() if _is_kagents(span)}
    forest.spans = {id_: span for id_, span in forest.spans.items() if span.trace in known}
    found = (*spans.turns_in(forest).turns, *plain.turns(documents, known, gaps))
    return FromFile(name, Record(found, gaps.lines))


def _is_kagents(span: otlp.Span) -> bool:
    """Whether kagent's runtimes make such a span: others know agents and tools, too."""
    return span.kind in (otlp.TURN, otlp.CALL_LLM, LLM) or any(map(span.text, _ADK))


def _documents(data: bytes, gaps: Gaps) -> Iterator[Any]:
    try:
        yield from_json(data)
    except ValueError:
        yield from _lines(data, gaps)


def _lines(data: bytes, gaps: Gaps) -> Iterator[Any]:
    bad = 0
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                yield from_json(line)
            except ValueError:
                bad += 1
                if bad == 1:
                    start = line[:60].decode(errors="replace")
                    gaps.add(f"line {number} is not JSON and was left out: {start!r}")
    if bad > 1:
        gaps.add(f"{bad - 1} other lines are not JSON and were left out")
