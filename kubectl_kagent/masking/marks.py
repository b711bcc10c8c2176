"""Secrets that are told by what stands around them: logins, addresses, commands, private keys, Secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import zip_longest

from kubectl_kagent.masking.innocent import Span, is_innocent
from kubectl_kagent.masking.named import BLOCK, LINE_BREAK, container, indented, unless_innocent

Finder = Callable[[str], Iterator[Span]]

LOGIN = re.compile(r"\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9._~+/=-]{12,}+)", re.IGNORECASE)
USERINFO = re.compile(r"""://[^\s/?#@"'<>\\:]*+:(?P<secret>[^\s/?#"'<>\\]+)@""")
USER = re.compile(r"""https?://(?P<secret>[^\s/?#@"'<>\\:]{16,}+)@""")
QUERY = re.compile(
    r"""[?&;](?:sig|key|code|signature|x-amz-(?:signature|credential))=(?P<secret>[^\s"'<>&#;\\]+)""", re.I
)
COMMAND = re.compile(
    r"""\b(?:curl\b[^\n]{0,300}?\s(?:-u|--user|-U|--proxy-user)[ =]?["']?(?=[^\s"':]*:)"""
    r"""|sshpass\b[^\n]{0,300}?\s-p ?|mysql\w*\b[^\n]{0,300}?\s-p|redis-cli\b[^\n]{0,300}?\s-a """
    r"""|docker login\b[^\n]{0,300}?\s-p )["']?(?P<secret>[^\s"']+)"""
)
IN_PROSE = re.compile(
    r"""\b(?:password|passphrase|passwd|api key|token|secret)\s(?:is|was|to|provided:)\s"""
    r"""["'`]?(?P<secret>[^\s"'`,;]*[^\s"'`,;.:)])""",
    re.IGNORECASE,
)


def is_value(text: str) -> bool:
    """Whether it may be a secret; 1000:1000 is a user and a group."""
    return not is_innocent(text) and not text.replace(":", "").isdigit()


def matches(pattern: re.Pattern[str], is_one: Callable[[str], bool]) -> Finder:
    """Finds the group ``secret`` of ``pattern`` where ``is_one`` says so."""

    def finder(text: str) -> Iterator[Span]:
        yield from (match.span("secret") for match in pattern.finditer(text) if is_one(match["secret"]))

    return finder


# PEM (RFC 7468), cut at either end

_MARK = re.compile(
    r"(?:-----(?P<kind>BEGIN|END) |\b(?:BEGIN|END )?)(?:[A-Z]{1,9} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
)
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_PEM_WIDTH, _PEM_RUN = 64, 24
# Of a key without an END: lines of base64, and RFC 1421's fields.
_RUN = re.compile(rf"[A-Za-z0-9+/=]{{{_PEM_RUN},}}+")
_FIELD = re.compile(r"\b(?:Proc-Type|DEK-Info): ")


def private_keys(text: str) -> Iterator[Span]:
    """From mark to mark; without an END, and before one without a BEGIN, what looks like one."""
    begun, done = list[re.Match[str]](), 0
    for match in _MARK.finditer(text):
        if match["kind"] != "END":
            begun.append(match)
            continue
        yield (begun[0].start() if begun else _cut(text, done, match.start())), match.end()
        begun, done = [], match.end()
    for match, following in zip_longest(begun, begun[1:]):
        yield match.start(), _unended(text, match.end(), following.start() if following else len(text))


def _unended(text: str, start: int, end: int) -> int:
    """Where the lines end that go on with a key: a text may name the mark and then say something else."""
    last = place = start
    while place < end:
        match = LINE_BREAK.search(text, place, end)
        if not goes_on(text[place : match.start() if match else end]):
            return last
        last, place = match.span() if match else (end, end)
    return end


def goes_on(line: str) -> bool:
    """Whether a line may be one of a private key whose END has not come, whatever a log put before it."""
    return (
        len(line.split()) < 2
        or "-----" in line  # the other mark, as far as it has come
        or line.rstrip().endswith("=")  # the last line of a key, which is shorter
        or _FIELD.search(line) is not None
        or _RUN.search(line) is not None
    )


def _cut(text: str, done: int, end: int) -> int:
    """Where the lines of base64 before ``end`` begin; only the first and the last of them are short."""
    place = begin = end
    for number, line in enumerate(reversed(LINE_BREAK.split(text[done:end]))):
        place -= len(line)
        if number % 2:
            continue  # what parts two lines
        body = line.rstrip()
        run = len(body) - len(body.rstrip(_BASE64))
        if run < len(body.lstrip()):  # the words of a log, and then the first line
            return place + len(body) - run if run >= _PEM_RUN else begin
        if 0 < run < _PEM_WIDTH and begin < end and place > done:
            return begin
        begin = place + len(body) - run if run else begin
    return begin


# A Secret as kubectl prints it

_IS_SECRET = re.compile(r"""\bkind\\*["']?:\s{0,4}\\*["']?Secret(?:List)?\b""")
_DATA = re.compile(r"""\b(?:data|stringData)\\*+["']?\s{0,8}:\s{0,8}\{""")
_QUOTED = re.compile(r"""["']""")
_DATA_BLOCK = re.compile(r"^(?P<margin>[ \t]*)(?:data|stringData):[ \t]*(?=\r?\n)", re.MULTILINE)
_DATA_LINE = re.compile(r"""\r?\n(?P<indent>[ \t]+)["']?[\w.-]++["']?:[ \t]*(?P<value>[^\r\n]*)""")


def secret_data(text: str) -> Iterator[Span]:
    """All values of ``data`` and ``stringData`` in a text that has a Secret."""
    if not _IS_SECRET.search(text):
        return
    position = 0
    while match := _DATA.search(text, position):
        found, position = container(text, match.end() - 1)
        if not found and not _QUOTED.search(text, match.end(), position):
            found = list(unless_innocent(text, match.end(), position))
        yield from found
    for match in _DATA_BLOCK.finditer(text):
        position = match.end()
        while (line := _DATA_LINE.match(text, position)) and len(line["indent"]) > len(match["margin"]):
            if BLOCK.match(text, line.start("value")):
                yield from indented(text, line.end("indent"), line.end(), whole=True)
            yield from unless_innocent(text, *line.span("value"))
            position = line.end()
