"""Plain aligned columns, as kubectl prints them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from unicodedata import category

_LINE_ENDS = "\u2028\u2029"  # as some take them
_GAP = 3
_NARROWEST = 6


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns three blanks apart, as kubectl at least six wide; a blank cell is ``<none>``.

    Every cell is one line without control characters, whatever it came with.
    """
    columns = [_column(name, column) for name, *column in zip(header, *rows, strict=True)]
    return "".join([f"{''.join(line).rstrip()}\n" for line in zip(*columns, strict=True)])


def _column(name: str, cells: Sequence[str]) -> list[str]:
    """A column's cells, all of one width."""
    whole = "".join(cells)
    if whole.isascii() and whole.isprintable():  # looked at one by one, a thousand rows would take long
        lines = [name, *[cell.strip() or "<none>" for cell in cells]]
        size = max(_NARROWEST, max(map(len, lines)) + _GAP)
        return [line.ljust(size) for line in lines]
    lines = [name, *[plain(cell) or "<none>" for cell in cells]]
    size = max(_NARROWEST, max(map(width, lines)) + _GAP)
    return [line + " " * (size - width(line)) for line in lines]


def plain(text: str) -> str:
    """``text`` with control characters and line breaks made harmless, for one cell."""
    if text.isprintable():
        return text.strip()
    return "".join(" " if category(char)[0] == "C" or char in _LINE_ENDS else char for char in text).strip()


def clip(text: str, columns: int) -> str:
    """``text`` as one line that takes at most so many columns; an ellipsis says that there is more."""
    if columns < 1:
        return ""
    if len(text) <= columns and text.isascii() and text.isprintable():
        return " ".join(text.split())
    text = plain(" ".join(text[: 4 * columns + 80].split())) + ("…" if len(text) > 4 * columns + 80 else "")
    if width(text) <= columns:
        return text
    taken = 0
    for place, char in enumerate(text):
        taken += width(char)
        if taken > columns - 1:
            return text[:place] + "…"
    return text


def age(moment: datetime, now: datetime) -> str:
    """Time since ``moment`` as kubectl shortens it: 90s, 5m, 3h, 2d."""
    total = max(0, int((now - moment).total_seconds()))
    if total < 120:
        return f"{total}s"
    minutes = total // 60
    if minutes < 10:
        return f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 365 * 2:
        return f"{days}d"
    years, rest = divmod(days, 365)
    return f"{years}y{rest}d" if rest and years < 8 else f"{years}y"


def width(text: str) -> int:
    """Columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # its tables take a while to load

    return cell_len(text)
