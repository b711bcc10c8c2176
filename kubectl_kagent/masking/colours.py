"""Colours that programs give their words: sequences that a terminal takes for no letters (ECMA-48, SGR)."""

from __future__ import annotations

import re

SGR = re.compile(r"\x1b\[[0-9;:]*m")


def without_colours(text: str) -> str:
    """``text`` as one reads it."""
    return SGR.sub("", text) if "\x1b[" in text else text
