"""When things were said and done: a session's events tell it, which tasks do not. Pure.

The Python runtime writes the events' fields in snake case, the Go runtime as Go structs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.conversation.sessions import Json
from kubectl_kagent.decoding import from_json
from kubectl_kagent.wire.parts import mapping


@dataclass(slots=True)
class EventTimes:
    """Times by what they are of, each given once. ``unread`` counts the events that can't be read."""

    unread: int = 0
    _times: dict[tuple[str, str], list[datetime]] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Sequence[Json]) -> EventTimes:
        """Of events in the order in which they came; their time is when the controller got them."""
        times = cls()
        for event in events:
            at, parts = clock.parse_or_none(event.get("created_at")), _parts(event.get("data"))
            if at is None or parts is None:
                times.unread += 1
                continue
            for key in parts:
                times._times.setdefault(key, []).append(at)
        return times

    def text(self, text: str) -> datetime | None:
        return self._take("text", text)

    def call(self, id_: str) -> datetime | None:
        return self._take("call", id_)

    def response(self, id_: str) -> datetime | None:
        """The last one: an earlier answer to the call may be that it waits."""
        times = self._times.get(("response", id_))
        return times[-1] if id_ and times else None

    def _take(self, kind: str, name: str) -> datetime | None:
        times = self._times.get((kind, name))
        return times.pop(0) if name and times else None


def _parts(data: Any) -> list[tuple[str, str]] | None:
    """What an event tells, as kind and name; None when it is not an event."""
    try:
        event = from_json(data) if isinstance(data, str) else data
    except ValueError:
        return None
    if not isinstance(event, dict):
        return None
    content = mapping(event.get("content", event.get("Content")))
    parts = content.get("parts")
    return [key for part in parts for key in _keys(mapping(part))] if isinstance(parts, list) else []


def _keys(part: Json) -> Iterator[tuple[str, str]]:
    for kind, names in _KINDS.items():
        value = next((part[name] for name in names if part.get(name) is not None), None)
        name = mapping(value).get("id") if kind != "text" else value
        if isinstance(name, str):
            yield kind, name


_KINDS = {
    "text": ("text",),
    "call": ("function_call", "functionCall"),
    "response": ("function_response", "functionResponse"),
}
