"""Log lines on their way to stdout, as bytes in blocks: nothing in them that a terminal obeys. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, NotRequired, TypedDict
from zlib import crc32

from kubectl_kagent.decoding import json_object
from kubectl_kagent.masking import masked, masked_value
from kubectl_kagent.masking.colours import PLAIN, without_colours
from kubectl_kagent.masking.stream import Lines
from kubectl_kagent.render.escapes import harmless, is_harmless
from kubectl_kagent.telemetry.logs.lines import Level, Levels, without_returns
from kubectl_kagent.telemetry.logs.notices import ContainerRef
from kubectl_kagent.telemetry.logs.stamps import stamp_of, text_of

_OBEYED = bytes({*range(32), 127} - {9, 10})
_COLOURS = (b"36", b"32", b"35", b"34", b"33", b"96", b"92", b"95", b"94")
_RESET = b"\x1b[0m"
_HIGHLIGHT, _PLAIN = "\x1b[1;7m", "\x1b[0m"
_LEVEL_COLOURS = {Level.WARN: b"\x1b[33m", Level.ERROR: b"\x1b[31m", Level.FATAL: b"\x1b[31m"}


class LogLineView(TypedDict):
    """A line of a log."""

    time: Annotated[str, "when it was written, to the nanosecond"]
    namespace: Annotated[str, "namespace of the pod"]
    pod: Annotated[str, "name of the pod"]
    container: Annotated[str, "name of the container"]
    level: Annotated[
        str,
        "`trace`, `debug`, `info`, `warn`, `error` or `fatal`; if a line has none, that of the line before",
    ]
    message: Annotated[str, "the line, or what a line of JSON has as `msg` or `message`"]
    fields: Annotated[
        NotRequired[dict[str, object]],
        "what else a line of JSON has, except `level`, `ts`, `timestamp` and `time`; absent if nothing",
    ]


@dataclass
class Screen:
    """How lines are shown. ``prefix`` None: only once there is more than one container.

    ``raw`` gives what the container wrote, byte for byte, unless a terminal would show it. ``masks``: without
    secrets, raw lines too. The program's own colours are shown with ``colour`` only.
    """

    output: str = "default"
    timestamps: bool = False
    prefix: bool | None = None
    colour: bool = False
    highlight: tuple[re.Pattern[str], ...] = ()
    shown: bool = False
    masks: bool = False
    containers: int = 0

    def texts(self, source: ContainerRef) -> Callable[[list[bytes]], bytes]:
        """What shows the stamped lines of ``source``: as many lines, joined by newlines."""
        self.containers += 1
        levels, secrets = Levels(), Lines()
        if self.output == "json":
            return lambda lines: b"\n".join(self._json(source, levels, secrets, line) for line in lines)
        return lambda lines: self._shown(source, levels, secrets, lines)

    def lines(self, lines: list[bytes]) -> list[bytes]:
        """A container's stamped lines as they are to be shown, one below the other."""
        return lines if self.output == "json" or self._verbatim else without_returns(lines)

    @property
    def _verbatim(self) -> bool:
        return self.output == "raw" and not self.shown

    def _shown(self, source: ContainerRef, levels: Levels, secrets: Lines, lines: list[bytes]) -> bytes:
        block = b"\n".join(lines if self.timestamps else map(text_of, lines))
        if self.masks:
            block = _masked(block, secrets)
        if not self._verbatim and not _is_safe(block, shown=self.shown):
            block = self._safe(block)
        if self.colour:
            colours = [_LEVEL_COLOURS.get(levels.of(text_of(line)), b"") for line in lines]
            block = b"\n".join(map(self._coloured, block.split(b"\n"), colours))
        prefix = self._prefix(source)
        return prefix + block.replace(b"\n", b"\n" + prefix) if prefix else block

    def _json(self, source: ContainerRef, levels: Levels, secrets: Lines, stamped: bytes) -> bytes:
        """A line as an object; a structured one with its own message, and what else it has in ``fields``."""
        text = text_of(stamped)
        fields = _fields(text)
        message = next((str(fields.pop(key)) for key in ("msg", "message") if key in fields), None)
        if message is None:
            message = text.decode(errors="backslashreplace").removesuffix("\r")
        line: LogLineView = {
            "time": stamp_of(stamped).decode(),
            "namespace": source.namespace,
            "pod": source.pod,
            "container": source.container,
            "level": levels.of(text).name.lower(),
            "message": without_colours(message),
        }
        if fields:
            line["fields"] = fields
        shown = masked_value(line) | {"message": secrets.masked(line["message"])} if self.masks else line
        return harmless(json.dumps(shown, ensure_ascii=False), shown=self.shown).encode()

    def _prefix(self, source: ContainerRef) -> bytes:
        wanted = self.containers > 1 if self.prefix is None else self.prefix
        if not wanted or self.output == "raw":
            return b""
        name = f"[pod/{source.pod}/{source.container}]".encode()
        if self.colour:
            name = b"\x1b[%bm%b%b" % (_COLOURS[crc32(source.pod.encode()) % len(_COLOURS)], name, _RESET)
        return name + b" "

    def _safe(self, block: bytes) -> bytes:
        """``block`` with codes for what is not harmless; bytes that are no UTF-8 as Python writes them.

        Of its own colours those that hide no word stay, where colours are shown.
        """
        text, done, pieces = block.decode(errors="backslashreplace"), 0, list[str]()
        for own in PLAIN.finditer(text) if self.colour else ():
            pieces += (self._words(text[done : own.start()]), own[0])
            done = own.end()
        return "".join((*pieces, self._words(text[done:]))).encode()

    def _words(self, text: str) -> str:
        return harmless(without_colours(text), shown=self.shown)

    def _coloured(self, line: bytes, colour: bytes) -> bytes:
        """In its own colours if it has some, and nothing is highlighted in it; they end with the line."""
        text = line.decode(errors="replace")
        bare = without_colours(text)
        if bare != text and not any(pattern.search(bare) for pattern in self.highlight):
            return line + _RESET
        text = bare
        for pattern in self.highlight:
            text = pattern.sub(lambda match: f"{_HIGHLIGHT}{match[0]}{_PLAIN}{colour.decode()}", text)
        return colour + text.encode() + _RESET if colour else text.encode()


def _masked(block: bytes, secrets: Lines) -> bytes:
    """``block`` without secrets, line by line. One look for all its lines, since nearly all have none."""
    text = block.decode(errors="surrogateescape")
    if not secrets.open and masked(text) == text:
        return block
    return "\n".join(map(secrets.masked, text.split("\n"))).encode(errors="surrogateescape")


def _is_safe(block: bytes, *, shown: bool) -> bool:
    """Whether a terminal would only print it. One look for all its lines, since nearly all are."""
    if len(block.translate(None, _OBEYED)) < len(block):
        return False
    if block.isascii():
        return True
    try:
        return is_harmless(block.decode(), shown=shown)
    except UnicodeDecodeError:
        return False


def _fields(text: bytes) -> dict[str, object]:
    if not text.startswith(b"{"):
        return {}
    found = json_object(text)
    return {key: value for key, value in found.items() if key not in ("level", "ts", "timestamp", "time")}
