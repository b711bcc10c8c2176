"""Markdown as the generated pages have it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_FLAG = re.compile(
    r"(?<![\w`-])(?:-o (?:json|yaml|name|wide|md|junit|sarif)\b|--?[a-zA-Z][a-z-]*(?:=[\w.:/-]*\w)?)"
)
_SPECIAL = re.compile(r"[\\*<>\[\]]")


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table as Markdown has it."""
    rows = [header, ["---"] * len(header), *lines]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)


def prose(text: str) -> str:
    """The text of a help page: nothing in it is markup, and flags stand out as code."""
    escaped = _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
    return _FLAG.sub(lambda found: code(found[0]), escaped)


def code(text: str) -> str:
    """``text`` as it is typed."""
    return f"`{text}`"


def spelled(words: Sequence[str], last: str = "and") -> str:
    """``a, b and c``."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def anchor(heading: str) -> str:
    """Where GitHub puts a heading: in small letters, blanks as dashes, other signs left out."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
