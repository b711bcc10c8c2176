"""The blocks of commands in the pages, and what a page says of how they end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.lab.layout import CHECKOUT

_FENCE = re.compile(r"^( *)```([^\s`]*)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r' title="(?:Not run in the lab: (?P<reason>.+)|Ends with exit code (?P<code>\d+))"')
_SHELLS = ("sh", "console")


@dataclass(frozen=True)
class Block:
    """``reason``: why it is not run; ``code``: its exit code; ``script``: the commands, without prompts.

    ``shown``: what the page shows after each command of a console block.
    """

    page: str
    line: int
    script: str
    reason: str = ""
    code: int = 0

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Those of a page that are to be typed. Raises AssertionError for a title that nobody understands."""
    text = page.read_text()
    found = []
    for fence in _FENCE.finditer(text):
        if fence[2] in _SHELLS:
            name = page.relative_to(CHECKOUT).as_posix()
            line = text.count("\n", 0, fence.start()) + 1
            title = _TITLE.fullmatch(fence[3]) if fence[3].strip() else None
            assert title or not fence[3].strip(), f"{name}:{line}: {fence[3]!r}"
            reason, code = (title["reason"] or "", int(title["code"] or 0)) if title else ("", 0)
            found.append(Block(name, line, typed(fence[2], fence[4]), reason, code))
    return found


def typed(language: str, text: str) -> str:
    """What is typed: of a console's block the lines with a prompt, if it has any."""
    if language == "console" and re.search(r"^ *\$ ", text, re.MULTILINE):
        return "".join(f"{line}\n" for line in re.findall(r"^ *\$ (.*)$", text, re.MULTILINE))
    return text
