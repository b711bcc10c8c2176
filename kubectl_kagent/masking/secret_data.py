"""The values of Kubernetes' Secrets, as JSON, YAML (in a text of JSON too), Python and Go write them."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator
from functools import cache

from kubectl_kagent.masking.innocent import Span
from kubectl_kagent.masking.named import container, unless_innocent

_BEGIN = r"(?:(?<!\w)|(?<=\\n))"  # the letter of a line break that JSON writes as \n is no part of a name
_KIND = _BEGIN + r"""[kK]ind\\*["']?\s{0,40}:\s{0,40}(?:!!?\w*\s)?\\*["']?"""
_HAS_KIND = re.compile(_KIND + r"\w")
_IS_SECRET = re.compile(_KIND + r"Secret(?:List)?\b|\bSecret\{")
_NAME = r"(?:data|stringData|string_data)"
_GO_NAME = r"(?:data|stringData|string_data|Data|StringData)"
_GO_MAP = r"map\[\w+\][\w.\[\] ]{0,20}(?:\{\})?(?=\{)|map(?=\[)"
_FLOW = re.compile(_BEGIN + _GO_NAME + rf"""\\*["']?\s{{0,8}}:\s{{0,8}}(?:{_GO_MAP}|(?=\{{))""")
_NO_VALUE = re.compile(
    r"""(?:(?:.{4}…)?\[masked\]|[\s,"'{}\[\]]|\\++[nrt]?|[\w.-]++\\*["']?\s*+:|null\b)*+"""
)
_NUMBER = r"[ \t]*+\d{1,6}[:|→\t-]"  # as grep -n and cat -n number lines
_SIGN = r"(?:[-+>](?!-))?"  # of a line in a diff, or in a citation
_BREAK = r"\r?\n|(?:\\++r)?\\++n"
_BLOCK = re.compile(
    rf"""(?:^|(?<=\\n)|(?<=["'`]))(?P<number>{_NUMBER})?(?P<margin>{_SIGN}[ \t]*+(?:-[ \t]++)*+)"""
    rf"""\\*["']?{_NAME}\\*["']?[ \t]*+:[ \t]*+"""
    rf"""(?:[&!][^\s\\]*+[ \t]*+)*+(?:#[^\r\n\\]*+)?(?=(?P<break>{_BREAK}))""",
    re.MULTILINE,
)
_KEY = re.compile(r"""\\*["']?[\w.-]++\\*["']?[ \t]*+:(?:[ \t]++|$)""")
_QUOTES = re.compile(r"""(?P<slashes>(?<!\\)\\*+)(?P<quote>["'])""")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=))?+")
PARAGRAPH = re.compile(r"\n[ \t]*\n")
_NEAR = 2000  # letters before a block in which the text of JSON that it is in begins


def secret_data(text: str) -> Iterator[Span]:
    """All values of ``data`` and ``stringData`` in a text that has a Secret."""
    if is_of_secret(text):
        for spans, _, _ in _mappings(text):
            yield from spans


def mappings(text: str) -> list[Span]:
    """Where a Secret's data begin and end in it."""
    return [(start, end) for _, start, end in _mappings(text)] if is_of_secret(text) else []


def is_of_secret(text: str) -> bool:
    """Whether there is a Secret in it."""
    return _IS_SECRET.search(text) is not None


def undecided(text: str) -> int:
    """Where data begin of which it is not told yet whether they are a Secret's; -1: nowhere.

    Their kind comes in the same paragraph.
    """
    if "data" not in text.lower() or is_of_secret(text):
        return -1
    kinds = [match.end() for match in _HAS_KIND.finditer(text)]
    paragraphs = [match.end() for match in PARAGRAPH.finditer(text)]
    heads = (*_FLOW.finditer(text), *_BLOCK.finditer(text))
    done = 0
    for head in sorted(heads, key=re.Match.start):
        if head.start() < done:
            continue
        _, end = _flow(text, head) if head.re is _FLOW else _block(text, head)
        # blank lines after a block were read with it
        over = _next(paragraphs, end - 1) if end < len(text) else None
        kind = _next(kinds, end)
        if kind is None and over is None:
            return head.start()
        done = min(place for place in (kind, over) if place is not None)
    return -1


def _next(places: list[int], after: int) -> int | None:
    index = bisect(places, after)
    return places[index] if index < len(places) else None


def is_stored(text: str) -> bool:
    """Whether data that begin there are all base64, as a Secret's are when an API server tells of it."""
    for pattern, read in ((_FLOW, _flow), (_BLOCK, _block)):
        if head := pattern.match(text):
            spans, end = read(text, head)
            values = [text[slice(*span)].strip("\"'") for span in spans]
            if spans and spans[-1][1] == end:  # it may go on
                values[-1] = values[-1][: len(values[-1]) // 4 * 4]
            return bool(spans) and all(map(_BASE64.fullmatch, values))
    return False


def _mappings(text: str) -> Iterator[tuple[list[Span], int, int]]:
    """The values in each mapping of that name, and where it begins and ends."""
    for pattern, read in ((_FLOW, _flow), (_BLOCK, _block)):
        position = 0
        while head := pattern.search(text, position):
            spans, position = read(text, head)
            yield spans, head.start(), position


def _flow(text: str, head: re.Match[str]) -> tuple[list[Span], int]:
    """All of it where a value is not quoted."""
    start = head.end()
    found, end = container(text, start)
    begins, ends = (start, *(stop for _, stop in found)), (*(begin for begin, _ in found), end)
    if all(_NO_VALUE.fullmatch(text, *gap) for gap in zip(begins, ends, strict=True)):
        return found, end
    return [(start + 1, end)], end


def _block(text: str, head: re.Match[str]) -> tuple[list[Span], int]:
    """The values of the mapping below ``data:``, and all that goes on below one of its keys."""
    before_n = head["break"][:-1]
    slashes = len(before_n) - len(before_n.rstrip("\\"))
    quote = _around(text, head.start(), slashes) if slashes else ""
    line = _line(slashes, quote, signed=bool(head["margin"]), numbered=bool(head["number"]))
    found, position, keys = list[Span](), head.end(), 0
    while match := line.match(text, position):
        body, indent = match["text"], len(match["indent"])
        if not body or (body[0] == "#" and indent <= (keys or indent)):
            position = match.end()
            continue
        if indent <= len(head["margin"]) or indent < keys:
            break
        if not keys and body.startswith("- "):
            break  # a list
        position = match.end()
        keys = keys or indent
        key = _KEY.match(body) if indent == keys else None
        found += unless_innocent(text, match.start("text") + (key.end() if key else 0), position)
    return found, len(text) if text[position:] == "\r" else position


def _around(text: str, place: int, slashes: int) -> str:
    """The quote of the text of JSON or Python that it is in; line breaks in it have so many backslashes."""
    begin = text.rfind("\n", max(0, place - _NEAR), place) + 1 or max(0, place - _NEAR)
    quotes = _QUOTES.finditer(text, begin, place)
    seen = [match["quote"] for match in quotes if len(match["slashes"]) < slashes]
    return "'" if seen.count("'") % 2 and not seen.count('"') % 2 else '"'


@cache
def _line(slashes: int, quote: str, *, signed: bool, numbered: bool) -> re.Pattern[str]:
    """A line after its break. One of a text of JSON goes no further than that text."""
    line_break, goes_on = r"\r?\n", r"[^\r\n]|\r(?!\n|\Z)"
    if slashes:
        line_break = rf"(?:\\{{{slashes}}}r)?\\{{{slashes}}}n"
        plain, stop = rf"[^\\{quote}\r\n]", rf"(?!{line_break})"
        if slashes == 1:
            goes_on = rf"{plain}|{stop}(?:\\\\)*+{stop}\\.|{stop}(?:\\\\)++(?!\\)"
        else:
            goes_on = rf"{plain}|{stop}(?!\\{{0,{slashes - 1}}}{quote})\\++{quote}?"
    number, sign = rf"(?:{_NUMBER})?+" if numbered else "", _SIGN if signed else ""
    return re.compile(rf"{line_break}{number}(?P<indent>{sign}[ \t]*+)(?P<text>(?:{goes_on})*+)")
