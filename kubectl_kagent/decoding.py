"""JSON of other programs, with nothing in it that could not be printed or sent on."""

from __future__ import annotations

import gc
import json
import math
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

# Escapes from left to right, so that a backslash of its own does not begin the next one: pairs of surrogates,
# halves, all others.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F]..)|.)", re.DOTALL
)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_LARGE = 1 << 20


# What the scanner can't read is read without its depths. A text, or where a value begins or ends. A text
# without end is one, too: else it would be read to the end from each escaped quote in it.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_DEEPEST = 200
# What counts for that: brackets, of one kind for both, and what begins and ends a text.
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b'[]{}"'))
_TEXTS = re.compile(rb'"[^"]*"')
_STEP = (ord("\\")).__sub__  # between the two: one deeper for [, one less deep for ]
_MARK = "nested too deeply"


@dataclass(frozen=True, slots=True)
class TooDeep:
    """A value that is nested deeper than anybody reads; ``text`` is its JSON. None of JSON's own types."""

    text: str

    def __str__(self) -> str:
        return f"({_MARK} to be read)"


def from_json(data: str | bytes, *, cut: bool = False) -> Any:
    """The value of a JSON text.

    Halves of surrogate pairs and bytes that are no text become U+FFFD, as Go reads them. Numbers that JSON
    does not have (``NaN``, ``1e999``) stay texts. Raises ValueError for what is no JSON or is nested
    too deeply; with ``cut`` such depths are each a TooDeep instead, so that one object of a list does not
    hide all others.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "replace")
    if _HALF.search(text):
        text = _ESCAPE.sub(lambda found: "\\ufffd" if found[1] else found[0], text)
    # Of a list of 5,000 objects the collector would look through all there are again and again, in vain:
    # with that it takes three times as long.
    pause = len(text) > _LARGE and gc.isenabled()
    try:
        if pause:
            gc.disable()
        found = json.loads(text, parse_constant=str, parse_float=_number)
        is_deep = _is_deep(text)
    except RecursionError:
        is_deep = True
    finally:
        if pause:
            gc.enable()
    if not is_deep:
        return found
    if not cut:
        raise ValueError("it is nested too deeply")
    return _without_depths(text)


def _is_deep(text: str) -> bool:
    """Whether JSON is nested deeper than can be shown: since 3.12 Python's scanner reads depths of 10,000.

    Takes a fraction of the time that reading took: nothing of it is a loop of Python's own.
    """
    if text.count("[") + text.count("{") < _DEEPEST:
        return False
    kept = text.encode(errors="replace").replace(rb"\\", b"").replace(rb"\"", b"")
    kept = _TEXTS.sub(b"", kept.translate(_ONE_KIND, _NO_BRACKETS).replace(b'""', b""))
    return max(accumulate(map(_STEP, kept)), default=0) >= _DEEPEST


def json_object(data: str | bytes) -> dict[str, Any]:
    """The same for who only wants to know whether it is an object: empty for anything else."""
    try:
        found = from_json(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _without_depths(text: str) -> Any:
    """The value, with a TooDeep for each that lies below so many others."""
    kept: list[str] = []
    cuts: list[TooDeep] = []
    depth = begin = end = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == _DEEPEST:
                begin = token.start()
                kept.append(text[end:begin])
        elif token[0] in "]}":
            if depth == _DEEPEST:
                end = token.end()
                kept.append(f'{{"{_MARK}":{len(cuts)}}}')
                cuts.append(TooDeep(text[begin:end]))
            depth -= 1

    if depth:
        raise ValueError("it does not end")

    def filled(value: dict[str, Any]) -> Any:
        number = value.get(_MARK) if len(value) == 1 else None
        return cuts[number] if isinstance(number, int) and 0 <= number < len(cuts) else value

    kept.append(text[end:])
    return json.loads("".join(kept), parse_constant=str, parse_float=_number, object_hook=filled)


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text
