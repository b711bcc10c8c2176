"""Read records that may hold anything: a field of the wrong type is a gap that is told, never a crash."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kubectl_kagent.decoding import from_json
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.events import Event, ToolResult
from kubectl_kagent.wire import a2a

Json = Mapping[str, Any]


class Gaps:
    """What could not be read, each thing once, with how often it was so."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def add(self, what: str) -> None:
        self._seen[what] = self._seen.get(what, 0) + 1

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(f"{what} ({count} times)" if count > 1 else what for what, count in self._seen.items())

    def mapping(self, value: Any, what: str) -> Json:
        """The object; empty for anything else, which is noted as a gap unless it is null."""
        if isinstance(value, Mapping):
            return value
        self._other(value, what)
        return {}

    def items(self, value: Any, what: str) -> list[Any]:
        """The list; empty for anything else, which is noted as a gap unless it is null."""
        if isinstance(value, list):
            return value
        self._other(value, what)
        return []

    def text(self, value: Any, what: str) -> str:
        """The text; empty for anything else, which is noted as a gap unless it is null."""
        if isinstance(value, str):
            return value
        self._other(value, what)
        return ""

    def count(self, value: Any, what: str) -> int | None:
        """The whole number, which OTLP writes as text too, and some programs as a float."""
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            return int(value)
        if isinstance(value, float) and value.is_integer() and 0 <= value < 1e20:
            return int(value)
        self._other(value, what)
        return None

    def time(self, value: Any, what: str) -> float | None:
        """Seconds since the epoch of an RFC 3339 time."""
        if isinstance(value, str):
            try:
                time = datetime.fromisoformat(value)
                return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
            except (ValueError, OverflowError):
                self.add(f'{what} is "{value[:40]}"')
                return None
        self._other(value, what)
        return None

    def parsed(self, text: str, what: str) -> Any:
        """The JSON in a text; None when it does not parse, as in an attribute that was cut off."""
        try:
            return from_json(text)
        except ValueError:
            self.add(f"{what} is not JSON: cut off?")
            return None

    def _other(self, value: Any, what: str) -> None:
        if value is not None:
            self.add(f"{what} is {_type(value)}")


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    names = {int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def events(parts: list[Any], metadata: Json, gaps: Gaps) -> tuple[Event, ...]:
    """What a message of an agent tells, as the chat reads it."""
    sound = [part for part in parts if _is_part(part, gaps)]
    message = {"kind": "message", "role": "agent", "parts": sound, "metadata": metadata}
    try:
        return a2a.read(message).events
    except (KagentError, TypeError, ValueError, AttributeError, KeyError):
        gaps.add("a message is not as agents send them")
        return ()


def _is_part(part: Any, gaps: Gaps) -> bool:
    """Whether a part of a message is one: what it is, and that, of the right types."""
    if not isinstance(part, Mapping):
        gaps.add(f"a part of a message is {_type(part)}")
        return False
    kind = gaps.text(part.get("kind"), "the kind of a part")
    about = gaps.mapping(part.get("metadata"), "the metadata of a part")
    for key in ("adk_type", "kagent_type"):
        gaps.text(about.get(key), "the type of a part")
    if kind == "text":
        gaps.text(part.get("text"), "a text")
    elif kind == "data":
        data = gaps.mapping(part.get("data"), "the data of a part")
        for key in ("id", "name"):
            gaps.text(data.get(key), f"the {key} of a call")
        gaps.mapping(data.get("args"), "the arguments of a call")
    return bool(kind)


def result_part(id_: str, name: str, response: Any) -> Json:
    """A tool's answer as a data part of an A2A message, as kagent's Python runtime writes it."""
    data = {"id": id_, "name": name, "response": response}
    return {"kind": "data", "data": data, "metadata": {"adk_type": "function_response"}}


def tool_result(id_: str, name: str, response: Any, gaps: Gaps) -> ToolResult | None:
    """A tool's answer; None for the placeholder that a call leaves while it waits for a person."""
    found = events([result_part(id_, name, response)], {}, gaps)
    return next((event for event in found if isinstance(event, ToolResult)), None)
