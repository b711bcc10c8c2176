"""The kubelet's stamps: 30 characters and a blank before each line; in UTC they compare as bytes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from operator import itemgetter

WIDTH = 30
stamp_of = itemgetter(slice(0, WIDTH))
text_of = itemgetter(slice(WIDTH + 1, None))
_mark = itemgetter(slice(WIDTH - 1, WIDTH + 1))

_ZONED = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{9})([+-]\d\d:\d\d) ")
_UTC = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


def stamped(block: bytes) -> tuple[list[bytes], list[bytes]]:
    """The lines of ``block`` (which ends with a newline) in the order of their stamps, and those without one.

    containerd stamps stdout and stderr apart, so neighbours may be written the wrong way round. What has no
    stamp is not the container's: the kubelet tells there that it can't read the log, or a proxy shows a page.
    """
    lines = block.split(b"\n")
    lines.pop()
    strays: list[bytes] = []
    if set(map(_mark, lines)) != {b"Z "}:
        found = [(line if _mark(line) == b"Z " else _in_utc(line), line) for line in lines]
        lines = [line for line, _ in found if line is not None]
        strays = [line for mended, line in found if mended is None and line.strip()]
    lines.sort(key=stamp_of)
    return lines, strays


def begins_with_one(block: bytes) -> bool:
    """Whether the first line of ``block`` is stamped, in any zone."""
    return _UTC.match(block) is not None or _ZONED.match(block) is not None


def since(stamp: bytes) -> str:
    """The whole second of ``stamp``, as ``sinceTime`` of a request wants it."""
    return (stamp[:19] + stamp[WIDTH - 1 :]).decode()


def is_stamp(text: bytes) -> bool:
    """Whether it is one, in UTC."""
    return _UTC.fullmatch(text) is not None


def time_of(stamp: bytes) -> datetime:
    """``stamp`` as a time, to the microsecond."""
    return datetime.fromisoformat(stamp[:26].decode()).replace(tzinfo=UTC)


def stamp_at(time: datetime) -> bytes:
    """The stamp of a moment."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()


def _in_utc(line: bytes) -> bytes | None:
    """``line`` of a node in another time zone with its stamp in UTC."""
    zoned = _ZONED.match(line)
    if zoned is None:
        return None
    second, fraction, zone = zoned.groups()
    time = datetime.fromisoformat((second + zone).decode()).astimezone(UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%S").encode() + fraction + b"Z " + line[zoned.end() :]
