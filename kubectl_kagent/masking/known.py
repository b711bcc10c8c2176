"""Values that are known not to be shown: masked wherever they stand, however they are spelled. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from math import ceil
from urllib.parse import quote, quote_plus

from kubectl_kagent.masking.innocent import MASKED

SHORTEST = 4  # letters: what is shorter stands in any text
_LINE_BREAK = re.compile(r"\\?\r?\n[ \t]*")


class KnownValues:
    """Values, and unless they are not ``encoded`` the spellings that programs give them."""

    def __init__(self, values: Iterable[str], *, mask: str = MASKED, encoded: bool = True) -> None:
        spelled = _spellings if encoded else _as_json
        found = {spelling for value in values for spelling in spelled(value) if len(spelling) >= SHORTEST}
        self._mask = mask
        self._spellings = sorted(found, key=lambda spelling: (-len(spelling), spelling))

    def masked(self, text: str) -> str:
        """``text`` without them; one that goes on in the next line is masked in both lines."""
        if not self._spellings:
            return text
        joined, places = _joined(text)
        spans = [
            (places[start], places[start + len(spelling) - 1] + 1)
            for spelling in self._spellings
            for start in _found(joined, spelling)
        ]
        if not spans:
            return text
        pieces, done = list[str](), 0
        for start, end in _merged(spans):
            pieces += (text[done:start], _each_line(text[start:end], self._mask))
            done = end
        return "".join((*pieces, text[done:]))


def _spellings(value: str) -> Iterator[str]:
    """As it is, in JSON, in an address, in base64 whatever stands around it, and in hexadecimal digits."""
    raw = value.encode(errors="surrogatepass")
    yield from _as_json(value)
    yield from (quote(raw, safe=""), quote(raw), quote_plus(raw))
    if len(raw) < SHORTEST:
        return
    yield from (raw.hex(), raw.hex().upper())
    for before in range(3):
        # the letters that hold no bit of what stands before or after
        encoded = base64.b64encode(bytes(before) + raw).decode()
        inner = encoded[ceil(before * 8 / 6) : (before + len(raw)) * 8 // 6]
        yield from (inner, inner.translate(_URL_SAFE))


def _as_json(value: str) -> Iterator[str]:
    # the text is looked at without its line breaks
    yield from (
        _LINE_BREAK.sub("", value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
    )


_URL_SAFE = str.maketrans("+/", "-_")


def _joined(text: str) -> tuple[str, range | list[int]]:
    """The text in one line, and where each of its letters stands."""
    breaks = list(_LINE_BREAK.finditer(text))
    if not breaks:
        return text, range(len(text))
    places, done = list[int](), 0
    for match in breaks:
        places += range(done, match.start())
        done = match.end()
    places += range(done, len(text))
    return _LINE_BREAK.sub("", text), places


def _found(text: str, spelling: str) -> Iterator[int]:
    start = text.find(spelling)
    while start >= 0:
        yield start
        start = text.find(spelling, start + 1)


def _merged(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    begin, end = -1, -1
    for start, stop in sorted(spans):
        if start > end:
            if end >= 0:
                yield begin, end
            begin, end = start, stop
        end = max(end, stop)
    if end >= 0:
        yield begin, end


def _each_line(text: str, mask: str) -> str:
    """A mask for each line that has some of it."""
    breaks = [match[0] for match in _LINE_BREAK.finditer(text)]
    return "".join(mask + end for end in [*breaks, ""])
