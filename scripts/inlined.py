"""Texts of Alertmanager's templates with the definitions that they need in front of them.

Such a text needs no file beside it: each is parsed on its own, with what is defined in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_COMMENT = re.compile(r"\{\{/\*.*?\*/\}\}", re.DOTALL)
_DEFINITION = re.compile(r'\{\{ define "([^"]+)"')
_USE = re.compile(r'\btemplate "([^"]+)"')


def definitions(files: Iterable[str]) -> dict[str, str]:
    """Each ``define`` with its end, by its name. Between two of them there are only blanks and comments."""
    found = {}
    for text in files:
        bare = _COMMENT.sub("", text)
        starts = [*_DEFINITION.finditer(bare)]
        ends = [match.start() for match in starts[1:]] + [len(bare)]
        for match, end in zip(starts, ends, strict=True):
            found[match[1]] = bare[match.start() : end].rstrip()
    return found


def inlined(text: str, defined: Mapping[str, str]) -> str:
    """``text`` after the definitions of what it uses. Raises KeyError for what is not defined."""
    needed: set[str] = set()
    waiting = _USE.findall(text)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += _USE.findall(defined[name])
    return "".join(body for name, body in defined.items() if name in needed) + text
