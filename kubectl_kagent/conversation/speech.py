"""What of a turn is shown, once each: streamed pieces, and not again the whole that repeats them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kubectl_kagent.model.turn import Answer, Event, Text, ToolCall, ToolResult


@dataclass(frozen=True, slots=True)
class Words:
    """Text to print as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call that begins."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class Returned:
    """A tool call that ended; ``seconds`` is None when its begin was not seen."""

    result: ToolResult
    seconds: float | None


Shown = Words | Called | Returned


@dataclass(slots=True)
class Speech:
    """The memory of one turn: the words so far, and the calls that are open."""

    _pieces: str = ""
    _said: str = ""
    _open: dict[str, float] = field(default_factory=dict)
    _done: set[str] = field(default_factory=set)

    def hear(self, event: Event, now: float) -> Iterator[Shown]:
        """What to show for ``event``, which came at ``now`` (seconds of any clock)."""
        match event:
            case Text(text, True, False):
                self._pieces += text
                yield Words(text)
            case Text(text, False, False):
                yield from self._whole(text)
            case Answer(text):
                yield from self._whole(text)
            case ToolCall(id_):
                yield from self._call(event, id_, now)
            case ToolResult(id_):
                if id_ not in self._done:
                    self._done.add(id_)
                    begun = self._open.pop(id_, None)
                    yield Returned(event, None if begun is None else now - begun)

    def _whole(self, text: str) -> Iterator[Shown]:
        """A text as a whole: only what of it was not streamed, and nothing that was said already."""
        pieces, self._pieces = self._pieces, ""
        if not pieces:
            if text and text != self._said:
                yield Words(text)
        elif text.startswith(pieces) and text != pieces:
            yield Words(text[len(pieces) :])
        self._said = text or self._said

    def _call(self, call: ToolCall, id_: str, now: float) -> Iterator[Shown]:
        if id_ not in self._open and id_ not in self._done:
            self._open[id_] = now
            yield Called(call)
