"""A line of a log as its program meant it: the level, in every format that kagent's parts write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum

from kubectl_kagent.masking.colours import WRITTEN
from kubectl_kagent.telemetry.logs.stamps import WIDTH, text_of


class Level(IntEnum):
    """How bad; panics and CRITICAL are fatal."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4
    FATAL = 5


_WORDS = {
    **{level.name.lower(): level for level in Level},
    **{"warning": Level.WARN, "critical": Level.FATAL, "dpanic": Level.FATAL, "panic": Level.FATAL},
    **{"i": Level.INFO, "w": Level.WARN, "e": Level.ERROR, "f": Level.FATAL},
}
_NAME = rb"(trace|debug|info|warn(?:ing)?|error|fatal|critical|d?panic)"
_LEVEL = re.compile(
    rb"\{.*?\"level\":\s*\"" + _NAME + rb"\""  # zap, slog as JSON
    rb"|\d{4}-\d\d-\d\d[ T]\S+ - \S+ - " + _NAME + rb" - "  # python's logging as kagent sets it up
    rb"|" + _NAME + rb": "  # uvicorn
    rb"|.*?\blevel=" + _NAME + rb"\b"  # slog as text, logfmt
    rb"|(?:\d{4}[-/]\d\d[-/]\d\d[ T]\S+\s+)?" + _NAME + rb"\s"  # agentgateway, slog's default
    rb"|([IWEF])\d{4} \d\d:\d\d:\d\d"  # klog
    rb"|\S+:\d+: \w*(Warning): ",  # python's warnings
    re.IGNORECASE,
)
_COLOUR = re.compile(WRITTEN.encode())
_TRACEBACK = b"Traceback (most recent call last):"


def without_colours(text: bytes) -> bytes:
    """A line as one reads it; kagent's runtimes write the sequences as JSON does, too."""
    return _COLOUR.sub(b"", text) if b"[" in text else text


def without_returns(lines: list[bytes]) -> list[bytes]:
    """Stamped lines, with one of its own for what a program has written over the same line of a terminal."""
    if b"\r" not in b"".join(lines):
        return lines
    return [
        line[: WIDTH + 1] + text
        for line in lines
        for text in list(filter(None, text_of(line).split(b"\r"))) or [b""]
    ]


def level_of(text: bytes) -> Level | None:
    """The level that a line names; None for one that goes on with the line before it."""
    text = without_colours(text)
    found = _LEVEL.match(text)
    if found:
        return _WORDS[found[found.lastindex or 0].decode().lower()]
    return Level.ERROR if text.startswith(_TRACEBACK) else None


class Levels:
    """The level of each line of one container in turn: what names none belongs to the line before."""

    def __init__(self) -> None:
        self._last = Level.INFO

    def of(self, text: bytes) -> Level:
        level = level_of(text)
        if level is not None:
            self._last = level
        return self._last


Choice = Callable[[Sequence[bytes]], list[bytes]]


def chooser(
    level: Level | None,
    include: Iterable[re.Pattern[str]],
    exclude: Iterable[re.Pattern[str]],
) -> Choice | None:
    """What picks a container's stamped lines; None when all are wanted.

    A line is wanted when it is of ``level`` or worse, and one of ``include`` (if there are any) and none of
    ``exclude`` is found in it.
    """
    wanted, unwanted = tuple(include), tuple(exclude)
    if level is None and not wanted and not unwanted:
        return None
    levels = Levels()

    def choose(lines: Sequence[bytes]) -> list[bytes]:
        found = []
        for line in lines:
            text = text_of(line)
            if level is not None and levels.of(text) < level:
                continue
            if wanted or unwanted:
                words = without_colours(text).decode(errors="replace")
                if wanted and not any(pattern.search(words) for pattern in wanted):
                    continue
                if any(pattern.search(words) for pattern in unwanted):
                    continue
            found.append(line)
        return found

    return choose
