"""Values after the name of a secret, as JSON, YAML, headers, command lines, programs and prose write them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubectl_kagent.masking.innocent import Span, is_innocent, is_login
from kubectl_kagent.masking.names import is_secret_name
from kubectl_kagent.masking.shapes import random

# Of a run of backslashes a pattern takes the whole, or it would be looked at anew from each of them.
LINE_BREAK = re.compile(r"(\r?\n|(?<!\\)\\++n)")
# JSON (in a text of JSON too), YAML, Markdown, an environment variable, a query, a header, a Go map
_NAME = r"(?<![\w.-])(?P<name>[\w.-]++)"
_NAMED = re.compile(
    _NAME + r"""[\\"'`*\]]{0,12}[ \t]{0,8}(?::=|=>|={1,3}|:(?!:))\*{0,2}[ \t]{0,8}(?P<value>)"""
)
_FLAG = re.compile(
    r"""(?<![\w-])--?(?P<name>[A-Za-z][\w-]++)(?:[ \t]+|\\*["'],?\s{0,8}\\*["'])(?!-)(?P<value>)"""
)
_ENTRY = re.compile(
    r"""\b(?:name|key|header|variable)\\*+["']?\s{0,8}[:=]\s{0,8}\\*+["']?(?P<name>[\w.-]++)(?:\\*+["'])?,?(?:\\++n)?"""
    r"""\s{0,60}(?:\\*+["'])?value\\*+["']?[ \t]{0,8}[:=][ \t]{0,8}(?P<value>)""",
    re.IGNORECASE,
)
_ENTRY_REVERSED = re.compile(
    r"""\bvalue\\*["']\s{0,8}:\s{0,8}\\*"(?P<value>[^"\\]*+)\\*"\s{0,8},\s{0,60}\\*"(?:name|key)\\*"\s{0,8}:\s{0,8}"""
    r"""\\*"(?P<name>[\w.-]++)""",
    re.IGNORECASE,
)
_ELEMENT = re.compile(r"<(?:\w+:)?(?P<name>[\w.-]++)>(?P<value>)")
_SPOKEN = re.compile(r"(?:api|access|secret|private)[ -]\Z", re.IGNORECASE)
_WORD_BEFORE = re.compile(r"[A-Za-z,.] \Z")
_BARE = re.compile(
    r"""(?:(?:bearer|basic|token)[ \t]+)?"""
    r"""[^\s"'`<&,;}\])]++(?:[&,;}\])](?=[^\s"'`<&,;}\])\\])(?!\\*["']?[\w.-]++\\*["']?[:=])[^\s"'`<&,;}\])]++)*""",
    re.IGNORECASE,
)
_TO_THE_END = re.compile(r"""[^\r\n"'\\]*""")
_QUOTE = re.compile(r"""[bruf]{0,2}(?P<slashes>\\*)(?P<quote>["'`])""", re.IGNORECASE)
BLOCK = re.compile(r"[|>][+-]?\d?[+-]?[ \t]*(?:#(?:[^\r\n\\]++|\\++(?!n))*+)?(?=\r?\n|\\+n)")
_LINE = re.compile(r"(?P<break>\r?\n|\\+n)(?P<indent>[ \t]*)(?P<text>(?:[^\r\n\\]++|\\++(?!n))*+)")
_ITEM = re.compile(r"- +(?=[^\s:]+\s*\Z)")
_NEAR = 200  # letters before a name in which its line begins
_SHOWN = re.compile(r"(?:.{4}…)?\[masked\]")
_CLOSINGS = {mark: re.compile(rf"(?<!\\)(?P<slashes>\\*+){mark}") for mark in "\"'`"}
_STRUCTURE = re.compile(r"""(?<!\\)(?P<slashes>\\*+)(?P<quote>["'])|(?P<bracket>[\[\]{}])""")
_CLOSED = re.compile(r"""\\*["'](?P<colon>\s*:)?""")
_ENVIRONMENT = re.compile("[A-Z0-9_]+")


def named(text: str) -> Iterator[Span]:
    """Values that stand after the name of a secret, whatever parts them."""
    for place in (_NAMED, _FLAG, _ENTRY, _ELEMENT):
        position = covered = 0
        while match := place.search(text, position):
            position = match.end()
            name = _name_at(text, match)
            if is_secret_name(name) or _is_spoken(text, match, name):
                start = match.start("value")
                if start < covered and text[start : start + 1] in ("[", "{"):
                    continue  # its texts are those of the container around it, which were looked at
                found, end = _value(text, match, name)
                covered = max(covered, end)
                for start, end in found:
                    position = max(position, end)
                    yield start, end
            elif name == "auth":
                found, _ = _value(text, match, name)
                yield from (span for span in found if is_login(text[slice(*span)]))
    for match in _ENTRY_REVERSED.finditer(text):
        if is_secret_name(match["name"]) and not is_innocent(match["value"]):
            yield match.span("value")


def _name_at(text: str, match: re.Match[str]) -> str:
    """The name, without the letter of a line break that JSON writes as \\n."""
    start, name = match.start("name"), match["name"]
    return name[1:] if start and text[start - 1] == "\\" and name[0] in "nrt" else name


def _is_spoken(text: str, match: re.Match[str], name: str) -> bool:
    """``API key: abc1`` in prose; Kubernetes says "secret key: NAME" of what it does not find."""
    start = match.start("name")
    return (
        name.lower() in ("key", "keys")
        and _SPOKEN.search(text, max(0, start - 8), start) is not None
        and any(_is_no_word(text[slice(*span)]) for span in _value(text, match, name)[0])
    )


def _is_no_word(value: str) -> bool:
    return random(value) and not _ENVIRONMENT.fullmatch(value)


def _value(text: str, match: re.Match[str], name: str) -> tuple[list[Span], int]:
    """What of the value at the end of ``match`` is secret; and where it ends, if it is a container."""
    start = match.start("value")
    if _SHOWN.match(text, start):
        return [], 0
    if block := BLOCK.match(text, start):
        return list(indented(text, match.start("name"), block.end(), whole=True)), 0
    if start == len(text) or _LINE.match(text, start):
        return list(indented(text, match.start("name"), start, whole=False)), 0
    if quote := _QUOTE.match(text, start):
        return list(unless_innocent(text, quote.end(), _closing(text, quote))), 0
    if text[start] in "[{":
        return container(text, start)
    header = name.lower().endswith(("authorization", "cookie"))
    bare = (_TO_THE_END if header else _BARE).match(text, start)
    if bare and (header or not _is_prose(text, match) or random(bare[0])):
        return list(unless_innocent(text, start, bare.end())), 0
    return [], 0


def _is_prose(text: str, match: re.Match[str]) -> bool:
    """``getting credentials: exec failed``: a word before the name, and a colon with a blank after it."""
    name = match.start("name")
    word = _WORD_BEFORE.search(text, max(0, name - 2), name)
    return text[match.start("value") - 1] == " " and word is not None


def unless_innocent(text: str, start: int, end: int) -> Iterator[Span]:
    """The span, if it may be a secret."""
    if not is_innocent(text[start:end]):
        yield start, end


def _closing(text: str, quote: re.Match[str]) -> int:
    """Where the quoted value ends: at a quote with no more backslashes than the first has, or at the end."""
    slashes = len(quote["slashes"])
    for closing in _CLOSINGS[quote["quote"]].finditer(text, quote.end()):
        before = len(closing["slashes"])
        if before <= slashes or (not slashes and before % 2 == 0):
            return closing.end() - 1 - min(before, slashes)
    return len(text)


def container(text: str, start: int) -> tuple[list[Span], int]:
    """The texts in a list or an object, or all of it where nothing is quoted; and where it ends."""
    found: list[Span] = []
    depth, place, quoted = 0, start, False
    while match := _STRUCTURE.search(text, place):
        place = match.end()
        if match["quote"]:
            quoted, end = True, _closing(text, match)
            closed = _CLOSED.match(text, end)
            place = closed.end() if closed else len(text)
            if not (closed and closed["colon"]):
                found += unless_innocent(text, match.end(), end)
            continue
        depth += 1 if match["bracket"] in "[{" else -1
        if not depth:
            break
    end = match.start() if match else len(text)
    # Go's map[Authorization:[Bearer x]]; with a blank before it words in brackets are prose
    if not quoted and (
        text[start - 1] in ":=" or all(len(part.split()) < 2 for part in text[start + 1 : end].split(","))
    ):
        found += unless_innocent(text, start + 1, end)
    return found, end


def indented(text: str, name: int, start: int, *, whole: bool) -> Iterator[Span]:
    """The lines below a name that belong to it: of YAML's block scalars all, else the items of a list."""
    near = max(0, name - _NEAR)
    line = LINE_BREAK.split(text[near:name])[-1]
    margin = len(line) - len(line.lstrip(" \t-"))
    while match := _LINE.match(text, start):
        start = match.end()
        if not match["text"].strip():
            continue
        item = _ITEM.match(match["text"])
        if whole and len(match["indent"]) > margin:
            if not _SHOWN.match(match["text"]):
                yield match.span("text")
        elif item and not whole:
            yield from unless_innocent(text, match.start("text") + item.end(), match.end())
        else:
            return
