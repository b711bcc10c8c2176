"""Values that are known not to be shown: masked wherever they stand, however they are spelled. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html import escape
from math import ceil
from urllib.parse import quote, quote_plus

from kubectl_kagent.masking.innocent import MASKED

_MOST_COMPARED = 20_000_000  # some ten seconds
SHORTEST = 4  # letters: what is shorter stands in any text
_LINE_BREAK = re.compile(r"\\?\r?\n[ \t]*")


class KnownValues:
    """Values, and unless they are not ``encoded`` the spellings that programs give them."""

    def __init__(self, values: Iterable[str], *, mask: str = MASKED, encoded: bool = True) -> None:
        spelled = _spellings if encoded else _as_text
        found = {spelling for value in values for spelling in spelled(value) if len(spelling) >= SHORTEST}
        self._mask = mask
        # By how they begin, and by their lengths, the longest first: a text is gone through once.
        self._begins = min(map(len, found), default=0)
        self._compared = 0
        self._spellings: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for spelling in sorted(found, key=len, reverse=True):
            self._spellings[spelling[: self._begins]][len(spelling)].add(spelling)

    def masked(self, text: str) -> str:
        """``text`` without them; one that goes on in the next line is masked in both lines."""
        if not self._spellings:
            return text
        joined, places = _joined(text)
        pieces, done = list[str](), 0
        for start, end in _merged(self._found(joined)):
            begin, after = places[start], places[end - 1] + 1
            pieces += (text[done:begin], _each_line(text[begin:after], self._mask))
            done = after
        return "".join((*pieces, text[done:]))

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """The longest at each place. Who makes up thousands that begin alike has all of the text masked."""
        spellings, begins = self._spellings.get, self._begins
        for start in range(len(text) - begins + 1):
            if lengths := spellings(text[start : start + begins]):
                self._compared += len(lengths)
                if self._compared > _MOST_COMPARED:
                    yield start, len(text)
                    return
                found = (n for n, among in lengths.items() if text[start : start + n] in among)
                if length := next(found, 0):
                    yield start, start + length


def _spellings(value: str) -> Iterator[str]:
    """As texts have it, in an address, in base64 whatever stands around it, and in hexadecimal digits."""
    raw = value.encode(errors="surrogatepass")
    yield from _as_text(value)
    yield from (quote(raw, safe=""), quote(raw), quote_plus(raw))
    if len(raw) < SHORTEST:
        return
    yield from (raw.hex(), raw.hex().upper())
    for before in range(3):
        # the letters that hold no bit of what stands before or after
        encoded = base64.b64encode(bytes(before) + raw).decode()
        inner = encoded[ceil(before * 8 / 6) : (before + len(raw)) * 8 // 6]
        yield from (inner, inner.translate(_URL_SAFE))


def _as_text(value: str) -> Iterator[str]:
    """As it is, and quoted in YAML, JSON and HTML."""
    # the text is looked at without its line breaks
    bare = _LINE_BREAK.sub("", value)
    yield from (bare, bare.replace("'", "''"), escape(bare), bare.translate(_HTML))
    for ascii_only in (True, False):
        spelled = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield from (spelled, spelled.translate(_GO))


# Go's encoding/json, unless SetEscapeHTML says otherwise, and its html/template
_GO = str.maketrans({"&": r"\u0026", "<": r"\u003c", ">": r"\u003e"})
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"})
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


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """``spans`` come in the order of their beginnings."""
    begin, end = -1, -1
    for start, stop in spans:
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
