"""JSON of other programs, with nothing in it that could not be printed or sent on."""

from __future__ import annotations

import gc
import json
import math
import re
from typing import Any

# Escapes from left to right, so that a backslash of its own does not begin the next one: pairs of surrogates,
# halves, all others.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F]..)|.)", re.DOTALL
)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_LARGE = 1 << 20


def from_json(data: str | bytes) -> Any:
    """The value of a JSON text.

    Halves of surrogate pairs and bytes that are no text become U+FFFD, as Go reads them. Numbers that JSON
    does not have (``NaN``, ``1e999``) stay texts. Raises ValueError for what is no JSON or is nested
    too deeply.
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
        return json.loads(text, parse_constant=str, parse_float=_number)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    finally:
        if pause:
            gc.enable()


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text
