"""What of a turn is shown, once each: streamed pieces, and not again the whole that repeats them. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from kubectl_kagent.masking import masked, masked_value
from kubectl_kagent.model.events import Answer, Event, Text, ToolCall, ToolResult, Unknown


@dataclass(frozen=True, slots=True)
class TextChunk:
    """Text to print as it is; ``new``: it begins another message."""

    text: str
    new: bool = False


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A tool call that begins."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A tool call that ended; ``seconds`` is None when its begin was not seen.

    ``rejected``: a person did not let it be.
    """

    result: ToolResult
    seconds: float | None
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Unrecognized:
    """Something that is not understood, as it came."""

    raw: Any


Shown = TextChunk | CallStarted | CallEnded | Unrecognized


def without_secrets(item: CallStarted | CallEnded | Unrecognized) -> CallStarted | CallEnded | Unrecognized:
    """The same, masked; words come in pieces and are masked as they go (see masking.Words)."""
    match item:
        case CallStarted(call):
            return CallStarted(replace(call, args=masked_value(call.args)))
        case CallEnded(result):
            return replace(item, result=replace(result, text=masked(result.text)))
        case Unrecognized(raw):
            return Unrecognized(masked_value(raw))


@dataclass(slots=True)
class Narration:
    """The memory of one turn: the words so far, and the calls that are open."""

    _pieces: str = ""
    _torn: bool = False
    _last: str = ""
    _ended: bool = False
    _said: list[str] = field(default_factory=list)
    _heard: set[tuple[str, str]] = field(default_factory=set)
    _open: dict[str, float] = field(default_factory=dict)
    _done: set[str] = field(default_factory=set)
    _odd: set[str] = field(default_factory=set)
    _rejected: set[str] = field(default_factory=set)

    def tear(self) -> None:
        """The stream broke: pieces may be missing, so the words are shown again when they come whole."""
        self._torn = True

    def resume(self, now: float, rejected: Collection[str] = ()) -> None:
        """The calls that waited for a person go on now: the wait is none of their time.

        Those with these ids only say that they were rejected.
        """
        self._rejected.update(rejected)
        self._open = dict.fromkeys(self._open, now)

    def hear(self, event: Event, now: float) -> Iterator[Shown]:
        """What to show for ``event``, which came at ``now`` (seconds of any clock)."""
        match event:
            case Text(text, True, False):
                yield from self._piece(text)
            case Text(text, False, False, message_id):
                if not message_id or (message_id, text) not in self._heard:
                    self._heard.add((message_id, text))
                    yield from self._whole(text, message_id)
            case Answer(text):
                # it repeats the last message, or all of them
                if text not in (*self._said, "".join(self._said)):
                    yield from self._whole(text, "the answer")
            case ToolCall(id_):
                yield from self._call(event, id_, now)
            case ToolResult(id_):
                if id_ not in self._done or not id_:
                    self._done.add(id_)
                    begun = self._open.pop(id_, None)
                    yield CallEnded(event, None if begun is None else now - begun, id_ in self._rejected)
            case Unknown(raw):
                key = json.dumps(raw, sort_keys=True)
                if key not in self._odd:
                    self._odd.add(key)
                    yield Unrecognized(raw)

    def _piece(self, text: str) -> Iterator[Shown]:
        if not self._torn:
            self._pieces += text
            yield TextChunk(text, self._ended)
            self._ended = False

    def _whole(self, text: str, message_id: str) -> Iterator[Shown]:
        """A text as a whole: only what of it was not streamed."""
        pieces, self._pieces, self._torn = self._pieces, "", False
        new = self._ended and message_id != self._last
        self._said.append(text)
        self._last, self._ended = message_id, True
        if text.startswith(pieces):
            if text != pieces:
                yield TextChunk(text[len(pieces) :], new)
        elif pieces.startswith(text):
            self._pieces, self._ended = pieces[len(text) :], False  # the rest comes as a text of its own
        else:
            yield TextChunk(text, new=True)  # it was not what the pieces said

    def _call(self, call: ToolCall, id_: str, now: float) -> Iterator[Shown]:
        if not id_ or (id_ not in self._open and id_ not in self._done):
            self._open[id_] = now
            yield CallStarted(call)
