"""Secrets that are told by what stands around them: logins, addresses, commands, private keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from kubectl_kagent.masking.innocent import Span, is_innocent
from kubectl_kagent.masking.named import LINE_BREAK
from kubectl_kagent.masking.shapes import random

Finder = Callable[[str], Iterator[Span]]

LOGIN = re.compile(r"\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9._~+/=-]{12,}+)", re.IGNORECASE)
USERINFO = re.compile(r"""://[^\s/?#@"'<>\\:]*+:(?P<secret>[^\s/?#"'<>\\]+)@""")
USER = re.compile(r"""https?://(?P<secret>[^\s/?#@"'<>\\:]{16,}+)@""")
QUERY = re.compile(
    r"""[?&;](?:sig|key|code|pwd|signature|x-amz-(?:signature|credential))=(?P<secret>[^\s"'<>&#;\\]+)""",
    re.I,
)
COMMAND = re.compile(
    r"""\b(?:curl\b[^\n]{0,300}?\s(?:-u|-[fgikLNqRsSv]{1,8}u(?=[ "'])|--user|-U|--proxy-user)[ =]?"""
    r"""["']?(?=[^\s"':]*:)"""
    r"""|sshpass\b[^\n]{0,300}?\s-p ?|mysql\w*\b[^\n]{0,300}?\s-p|redis-cli\b[^\n]{0,300}?\s-a """
    r"""|docker login\b[^\n]{0,300}?\s-p )["']?(?P<secret>[^\s"']+)"""
)
_CREATES = re.compile(r"\bcreate secret\b[^\r\n;&|]*")
_GIVEN = re.compile(r"""--from-literal[= ]["']?[\w.-]{1,253}=(?P<secret>[^\s"'\\]+)""")
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


def created(text: str) -> Iterator[Span]:
    """What ``kubectl create secret`` is given."""
    for line in _CREATES.finditer(text):
        yield from (match.span("secret") for match in _GIVEN.finditer(text, *line.span()))


# PEM (RFC 7468), cut at either end

_MARK = re.compile(
    r"(?:-----(?P<kind>BEGIN|END) |\b(?:BEGIN|END )?)(?:[A-Z]{1,9} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
)
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_PEM_WIDTH, _PEM_RUN = 64, 24
_RUN = re.compile(r"[A-Za-z0-9+/=_-]{20,}+")
_WORD = re.compile(r"\W*[A-Za-z0-9+/=]+\W*")
_FIELD = re.compile(
    r"\b(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|MessageID): "
)  # RFC 1421, RFC 4880
LOOK = 3  # lines after a BEGIN, in which its key has to begin; others may write between


def private_keys(text: str) -> Iterator[Span]:
    """From mark to mark, or from a BEGIN to the end; before an END without a BEGIN, what looks like a key.

    Of a BEGIN that no key follows only the mark: somebody tells of it.
    """
    done = 0
    for begun, match in _between_marks(text):
        if match is None:
            for mark, end in begun:
                if is_key(text, mark.end(), end):
                    yield mark.start(), len(text)
                    return
                yield mark.span()
            return
        yield (begun[0][0].start() if begun else _cut(text, done, match.start())), match.end()
        done = match.end()


_Mark = re.Match[str]


def _between_marks(text: str) -> Iterator[tuple[list[tuple[_Mark, int]], _Mark | None]]:
    """The BEGINs before each END (at last None), each with where what may belong to it ends."""
    begun: list[_Mark] = []
    for match in (*_MARK.finditer(text), None):
        if match is not None and match["kind"] != "END":
            begun.append(match)
            continue
        ends = (*(mark.start() for mark in begun[1:]), match.start() if match else len(text))
        yield list(zip(begun, ends, strict=False)), match
        begun = []


def unended(text: str) -> tuple[int, bool]:
    """Where a key begins, or may, whose END has not come (-1: nowhere); and whether a mark is of none."""
    *_, (begun, _) = _between_marks(text)
    begins, told = -1, False
    for mark, end in begun:
        found = is_key(text, mark.end(), end)
        if found is not False and begins < 0:
            begins = mark.start()
        told = told or found is False
    return begins, told


def is_key(text: str, start: int, end: int) -> bool | None:
    """Whether a key begins in the ``LOOK`` lines after a BEGIN; None where there are not as many yet."""
    place, others = start, 0
    while others < LOOK:
        match = LINE_BREAK.search(text, place, end)
        line = text[place : match.start() if match else end]
        if is_body(line):
            return True
        if match is None:
            return None
        others += not is_empty(line)
        place = match.end()
    return False


def is_body(line: str) -> bool:
    """Whether a line may be one of a key, whatever a log put before it.

    A path is none: it has more slashes than base64, and no plus.
    """
    if _WORD.fullmatch(line):
        return True
    runs = filter(random, _RUN.findall(line))
    return any("+" in run or run.count("/") <= 1 + len(run) // 16 for run in runs)


def is_empty(line: str) -> bool:
    """Whether it tells nothing of what a BEGIN is: a field of a key's head, a quote, or nothing."""
    return _FIELD.search(line) is not None or not any(map(str.isalnum, line))


def mark_in(line: str) -> _Mark | None:
    """The last mark in a line."""
    return next(iter([*_MARK.finditer(line)][::-1]), None)


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
