"""What the mask is, and values that need none although their name is a secret's."""

from __future__ import annotations

import base64
import binascii
import re
from functools import cache

MASKED = "[masked]"

Span = tuple[int, int]


def is_innocent(value: str) -> bool:
    """Whether it is no secret whatever its name says: nothing, a word like ``none``, a reference, a mask."""
    bare = value.strip("\\\"'` \t\r\n")
    return _innocent().fullmatch(bare) is not None


def is_login(value: str) -> bool:
    """Whether ``value`` is base64 of USER:PASSWORD, as Docker and HTTP's Basic write it."""
    try:
        return b":" in base64.b64decode(value, validate=True) and len(value) >= 8
    except (binascii.Error, ValueError):
        return False


def password_in(credentials: str) -> str:
    """The password in those of HTTP's Basic, base64 of USER:PASSWORD; empty where there is none."""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


@cache
def _innocent() -> re.Pattern[str]:
    return re.compile(
        r"|null|nil|none|undefined|true|false|yes|no|on|off|n/?a|any|str|string|bytes|int|integer|bool|boolean"
        r"|optional|required|missing|enabled|disabled|invalid|expired|wrong|empty|unset|unknown|changed|secrets?|configmaps?"
        r"|not|is|was|are|and|or|with|goes|needs?|must|can|may|takes|of|for|in|to|has|means|does|from|as|at|by|the"
        r"|[-*.<>|=]+|x{3,}|<[\w \-]+>|\$\{\w+\}?|\$\(\w+\)?|\{\{.*\}\}|%\w"
        r"|(?:.{4}…)?\[masked\]?(?: \((?:before|after)\))?|\$(?-i:[A-Z_][A-Z0-9_]*)",
        re.IGNORECASE,
    )
