"""Colours that programs give their words: sequences that a terminal takes for no letters (ECMA-48, SGR)."""

from __future__ import annotations

import re

_SGR = re.compile(r"\x1b\[[0-9;:]*m")
# The same where a text has it as JSON writes it, as kagent's runtimes do
WRITTEN = r"(?:\x1b|\\u001[bB])\[[0-9;:]*m"
# Whatever moves or paints (ECMA-48, CSI), as JSON, Python or C write it: none of it is seen between letters
UNSEEN = r"(?:\x1b|\\u001[bB]|\\x1[bB]|\\033)\[[0-?]*[ -/]*[@-~]"
# What hides nothing: bold, italic, underlined, a foreground, and none of them any more
PLAIN = re.compile(r"\x1b\[(?:(?:0?[0134]|2[2-4]|3[0-79]|9[0-7])(?:;|(?=m)))*m")


def without_colours(text: str) -> str:
    """``text`` as one reads it."""
    return _SGR.sub("", text) if "\x1b[" in text else text
