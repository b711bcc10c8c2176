"""The values of Kubernetes' Secrets, as JSON, YAML (in a text of JSON too) and Go write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from kubectl_kagent.masking.innocent import Span
from kubectl_kagent.masking.named import container, unless_innocent

_BEGIN = r"(?:(?<![\w.-])|(?<=\\n))"  # the letter of a line break that JSON writes as \n is no part of a name
_KIND = _BEGIN + r"""kind\\*["']?\s{0,4}:\s{0,4}\\*["']?"""
_HAS_KIND = re.compile(_KIND + r"\w")
_IS_SECRET = re.compile(_KIND + r"Secret(?:List)?\b")
_FLOW = re.compile(_BEGIN + r"""(?:data|stringData)\\*["']?\s{0,8}:\s{0,8}(?:map(?=\[)|(?=\{))""")
_DEEP = 99 * " "
_NO_VALUE = re.compile(
    r"""(?:(?:.{4}…)?\[masked\]|[\s,"'{}\[\]]|\\++[nrt]?|[\w.-]++\\*["']?\s*+:|null\b)*+"""
)
_BLOCK = re.compile(
    r"(?:^|(?<=\\n))(?P<margin>[ \t]*+(?:-[ \t]++)*+)"
    r"""\\*["']?(?:data|stringData)\\*["']?[ \t]*+:[ \t]*+(?:#[^\r\n\\]*+)?(?=(?P<break>\r?\n|\\++n))""",
    re.MULTILINE,
)
_KEY = re.compile(r"""\\*["']?[\w.-]++\\*["']?[ \t]*+:(?:[ \t]++|$)""")


def secret_data(text: str) -> Iterator[Span]:
    """All values of ``data`` and ``stringData`` in a text that has a Secret."""
    if not _IS_SECRET.search(text):
        return
    position = 0
    while match := _FLOW.search(text, position):
        start = match.end()
        found, position = container(text, start)
        yield from found if _is_all(text, start, found, position) else [(start + 1, position)]
    position = 0
    while match := _BLOCK.search(text, position):
        position = match.end()
        for span in _below(text, match):
            yield span
            position = span[1]


def undecided(text: str) -> int:
    """Where data begin of which it is not told yet whether they are a Secret's; -1: nowhere."""
    if _IS_SECRET.search(text):
        return -1
    *_, kind = (-1, *(match.end() for match in _HAS_KIND.finditer(text)))
    heads = (pattern.search(text, max(kind, 0)) for pattern in (_FLOW, _BLOCK))
    return min((head.start() for head in heads if head), default=-1)


def goes_on(text: str) -> bool:
    """Whether what comes after ``text`` may belong to a Secret's data in it."""
    return any(
        end > len(text)
        for line_break in ("\n", r"\n", r"\\n")
        for _, end in secret_data(text + line_break + _DEEP + "x")
    )


def _is_all(text: str, start: int, found: list[Span], end: int) -> bool:
    """Whether what was found in a container are all of its values."""
    begins, ends = (start, *(stop for _, stop in found)), (*(begin for begin, _ in found), end)
    return all(_NO_VALUE.fullmatch(text, *gap) for gap in zip(begins, ends, strict=True))


def _below(text: str, head: re.Match[str]) -> Iterator[Span]:
    """The values of the mapping below ``data:``, and all that goes on below one of its keys."""
    line, position, keys = _line(head["break"]), head.end(), 0
    while match := line.match(text, position):
        position = match.end()
        body, indent = match["text"], len(match["indent"])
        if not body or (body[0] == "#" and indent <= (keys or indent)):
            continue
        if indent <= len(head["margin"]) or indent < keys:
            return
        keys = keys or indent
        key = _KEY.match(body) if indent == keys else None
        yield from unless_innocent(text, match.start("text") + (key.end() if key else 0), position)


@cache
def _line(line_break: str) -> re.Pattern[str]:
    """A line after a break of that kind. One of a text of JSON goes no further than that text."""
    if slashes := line_break.count("\\"):
        begin, goes_on = (
            rf"\\{{{slashes}}}n",
            rf'[^\\"\r\n]|(?!\\{{{slashes}}}n)(?!\\{{0,{slashes - 1}}}")\\++"?',
        )
    else:
        begin, goes_on = r"\r?\n", r"[^\r\n]|\r(?!\n)"
    return re.compile(rf"{begin}(?P<indent>[ \t]*+)(?P<text>(?:{goes_on})*+)")
