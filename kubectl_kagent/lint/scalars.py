"""Plain YAML scalars as kubectl's reader (Go's yaml.v2) resolves them: neither YAML 1.1 nor 1.2."""

from __future__ import annotations

import re
from typing import Any

_BOOLEANS = dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"), True)
_BOOLEANS |= dict.fromkeys(
    ("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"), False
)
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
# Go's strconv.ParseInt with base 0, after underscores are taken out.
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|[1-9][0-9]*|0)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST = 40  # digits; what is longer is no number that a field has


def plain(text: str) -> Any:
    """The value of a scalar without quotes."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    digits = text.replace("_", "")
    if len(digits) <= _LONGEST and _INTEGER.fullmatch(digits):
        return _integer(digits)
    if len(text) <= _LONGEST and _FLOAT.fullmatch(text):
        return float(text)
    return text


def _integer(digits: str) -> int:
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-").lower()
    if digits.startswith("0") and digits != "0" and digits[1] in "01234567":
        return sign * int(digits, 8)
    return sign * int(digits, 0)
