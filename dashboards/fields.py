"""What fields look like, whatever the panel: colours, steps between them, words for values, overrides."""

from __future__ import annotations

from typing import Any

NOTHING = "-"  # in a cell without a value

Json = dict[str, Any]
Link = dict[str, Any]

RED, ORANGE, YELLOW, GREEN, BLUE, GREY = "red", "orange", "yellow", "green", "blue", "#808080"


def steps(*marks: tuple[float | None, str]) -> Json:
    """Colours from a value on; the first mark has no value and holds below the second."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in marks]}


def values(**named: tuple[str, str]) -> list[Json]:
    """Texts and colours in place of values: ``_0=("Scaled to 0", GREY)``."""
    options = {
        key.removeprefix("_"): {"text": text, "color": color, "index": index}
        for index, (key, (text, color)) in enumerate(named.items())
    }
    return [{"type": "value", "options": options}]


def override(field: str, **properties: Any) -> Json:
    """Properties of one field by its name; ``custom__width=80`` is ``custom.width``."""
    return {
        "matcher": {"id": "byName", "options": field},
        "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()],
    }


def by_pattern(pattern: str, **properties: Any) -> Json:
    """Properties of the fields whose name matches a regular expression."""
    return override(pattern, **properties) | {"matcher": {"id": "byRegexp", "options": pattern}}


def without_value(color: str) -> list[Json]:
    """Of a coloured column: where nothing is known there is a dash, in no colour that says good or bad."""
    dash = {"text": NOTHING, "color": color, "index": 0}
    return [{"type": "special", "options": {"match": "null+nan", "result": dash}}]
