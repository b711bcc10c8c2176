"""Secrets in a text of any kind: JSON, YAML, logs, command lines, prose, cut anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubectl_kagent.masking import colours
from kubectl_kagent.masking.innocent import MASKED
from kubectl_kagent.masking.names import HINTS, MARKS
from kubectl_kagent.masking.shapes import SHAPES, tokens

_HINTS = (*HINTS, *MARKS, *(begin.lower() for shape in SHAPES for begin in shape.begins))
_KEPT = 4  # letters of a token that say whose it is
# What is not seen, and would part a name or a token: Unicode's Cf, as far as text has them, and a terminal's
UNSEEN = re.compile(
    "[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
    rf"|{colours.UNSEEN}"
)
_STRING = re.compile(colours.STRING)


def masked(text: str) -> str:
    """``text`` with what is a secret by its shape or its name masked: ``[masked]``, ``sk-p…[masked]``."""
    pieces, done = list[str](), 0
    for start, end, mask in masks(text):
        pieces += (text[done:start], mask)
        done = end
    return "".join((*pieces, text[done:]))


def masks(text: str) -> list[tuple[int, int, str]]:
    """What to mask, in order and apart: where it begins and ends in ``text``, and what is shown instead."""
    bare = as_seen(text)
    lower = bare.lower()
    found = list(_spans(bare)) if any(hint in lower for hint in _HINTS) else []
    if bare is text:
        return found
    seen = _seen(text)
    found = [(seen[start], seen[end - 1] + 1, mask) for start, end, mask in found]
    for string in _STRING.finditer(text):  # where it is shown as codes, so is what a string in it says
        begin = string.start("said")
        if not any(start < begin < end for start, end, _ in found):
            found += [(begin + start, begin + end, mask) for start, end, mask in masks(string["said"])]
    return sorted(found)


def secrets_in(text: str) -> Iterator[str]:
    """What ``masked`` leaves out."""
    bare = as_seen(text)
    yield from (bare[start:end] for start, end, _ in _spans(bare))


def as_seen(text: str) -> str:
    """``text`` without what is not seen in it; itself when there is nothing of that kind."""
    if text.isascii() and not any(sign in text for sign in colours.SIGNS):
        return text
    bare = UNSEEN.sub("", text)
    return text if len(bare) == len(text) else bare


def _seen(text: str) -> list[int]:
    """Where each letter of ``as_seen(text)`` stands in ``text``."""
    places, done = list[int](), 0
    for match in UNSEEN.finditer(text):
        places += range(done, match.start())
        done = match.end()
    return [*places, *range(done, len(text))]


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
