"""Colour for people at a terminal: laid over finished text, so alignment and pipes never see it."""

from __future__ import annotations

import os
import re
from typing import TextIO

_STYLES = (
    (re.compile(r"\b(Ready|Running|True)\b"), "green"),
    (
        re.compile(r"\b(Progressing|Paused|Terminating|Pending\b[^\n]*|ScaledToZero|hibernated|and spec!)"),
        "yellow",
    ),
    (
        re.compile(r"\b(NotReady|NoDeployment|CrashLoopBackOff|ImagePullBackOff|Err\w+|False|Warning)\b"),
        "red",
    ),
    (re.compile(r"\b(NotAccepted|Stuck): [^\n]*"), "red"),
    (re.compile(r"^ +\+(?!\+\+)[^\n]*", re.MULTILINE), "green"),
    (re.compile(r"^ +-(?!--)[^\n]*", re.MULTILINE), "red"),
    (re.compile(r"^ +@@[^\n]*", re.MULTILINE), "cyan"),
    (re.compile(r"^[A-Z][\w /-]*:(?= |\n)", re.MULTILINE), "bold"),
    (re.compile(r"^ *(?:[A-Z][A-Z-]+ {2,})+[A-Z-]+$", re.MULTILINE), "bold"),
    (re.compile(r"^\d+\*", re.MULTILINE), "bold"),
    (re.compile(r"\bCompleted\b|(?<=─ )✓"), "green"),
    (re.compile(r"\bFailed\b|✗[^\n]*"), "red"),
    (re.compile(r"\bWaiting\b|… waits[^\n]*|^[ │]*! [^\n]*", re.MULTILINE), "yellow"),
)


def wanted(stream: TextIO, choice: str) -> bool:
    """Whether to colour what goes to ``stream``: ``choice`` is auto, always or never."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text: str) -> str:
    """``text`` with terminal colours; the characters stay as they are."""
    from rich.console import Console
    from rich.text import Text

    styled = Text(text)
    for pattern, style in _STYLES:
        for match in pattern.finditer(text):
            styled.stylize(style, match.start(), match.end())
    console = Console(
        color_system="standard",
        force_terminal=True,
        no_color=False,
        width=max(map(len, text.split("\n"))) + 1,
    )
    with console.capture() as capture:
        console.print(styled, end="", soft_wrap=True)
    return capture.get()
