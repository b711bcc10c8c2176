"""Secrets in a text of any kind: JSON, YAML, logs, command lines, prose, cut anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubectl_kagent.masking.innocent import MASKED
from kubectl_kagent.masking.names import HINTS, MARKS
from kubectl_kagent.masking.shapes import SHAPES, tokens

_HINTS = (*HINTS, *MARKS, *(begin.lower() for shape in SHAPES for begin in shape.begins))
_KEPT = 4  # letters of a token that say whose it is
# Letters that are not seen, and would part a name or a token (Unicode's Cf, as far as text has them)
UNSEEN = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")


def masked(text: str) -> str:
    """``text`` with what is a secret by its shape or its name masked: ``[masked]``, ``sk-p…[masked]``."""
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS) and not (not text.isascii() and UNSEEN.search(text)):
        return text
    if not text.isascii() and UNSEEN.search(text):
        seen = [place for place, char in enumerate(text) if not UNSEEN.match(char)]
        bare = "".join(text[place] for place in seen)
        found = [(seen[start], seen[end - 1] + 1, mask) for start, end, mask in _spans(bare)]
    else:
        found = list(_spans(text))
    if not found:
        return text
    pieces, done = list[str](), 0
    for start, end, mask in found:
        pieces += (text[done:start], mask)
        done = end
    return "".join((*pieces, text[done:]))


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """What to mask, in order and apart, and what to show instead."""
    from kubectl_kagent.masking.finders import FINDERS  # a command that has nothing to mask starts without

    found = [(start, -end, text[start : start + _KEPT] + "…" + MASKED) for start, end in tokens(text)]
    lower = text.lower()
    for hints, finder in FINDERS:
        if any(hint in lower for hint in hints):
            found += [(start, -end, MASKED) for start, end in finder(text) if start < end]
    last: tuple[int, int, str] | None = None
    for start, negative, mask in sorted(found):
        end = -negative
        if last and start < last[1]:
            # a token that is the whole of a value says more than the mask of the value
            last = (last[0], max(end, last[1]), mask if (start, end) == last[:2] and "…" in mask else last[2])
            continue
        if last:
            yield last
        last = (start, end, mask)
    if last:
        yield last
