"""Request paths are made of names here, and nowhere else, so that none leads where it should not.

Names, paths and ids come from specs, annotations and answers that tenants write. Quoting alone does not hold
them in place: HTTP libraries and servers resolve ``..``, and servers in Go decode ``%2F`` before they route.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from kubectl_kagent.errors import NotFound

# What k8s.io/apimachinery's IsValidPathSegmentName refuses, and the backslash, which some take for a slash.
_NOT_WHOLE = (".", "..")
_NOT_INSIDE = "/%\\"
_UNUSUAL = re.compile(r"%(?![0-9A-Fa-f]{2})|[\\#\x00-\x20\x7f]")
_CODED_TWICE = re.compile(r"[?#\\\x00-\x1f]|%[0-9A-Fa-f]{2}")
_KEPT = "/%?:@!$&'()*+,;=~"


class InvalidName(NotFound):
    """Nothing can have this name or id, so nothing was asked for."""

    @property
    def line(self) -> str:
        return f"error: {self.message}"


def segment(text: str, what: str = "resource name") -> str:
    """``text`` as one segment of a path. Raises InvalidName for what would not stay one."""
    why = _wrong(text)
    if why:
        raise InvalidName(f'invalid {what} "{text}": {why}')
    return quote(text, safe=":@")


def is_segment(text: str) -> bool:
    """Whether an object can have that name."""
    return not _wrong(text)


def _wrong(text: str) -> str:
    if not text or text in _NOT_WHOLE:
        return f"may not be '{text}'"
    found = [char for char in _NOT_INSIDE if char in text]
    if found:
        return f"may not contain '{found[0]}'"
    return "" if text.isprintable() else "may not contain characters that cannot be printed"


def stays(path: str) -> bool:
    """Whether a path (with its query) that somebody else wrote stays below what is put before it.

    Whoever decodes it, once or more often, finds no step up, and its query begins where it begins here.
    """
    steps = path.partition("?")[0]
    if not path.startswith("/") or _UNUSUAL.search(path):
        return False
    plain = unquote(steps)
    moved = plain.count("/") != steps.count("/") or _CODED_TWICE.search(plain)
    return not moved and not {*_NOT_WHOLE} & {*plain.split("/")}


def below(prefix: str, path: str) -> str:
    """``path`` after ``prefix``, quoted where it is not ASCII. Raises InvalidName unless it stays there."""
    if not stays(path):
        raise InvalidName(f'invalid path "{path}": it would lead out of {prefix}')
    return prefix + quote(path, safe=_KEPT)


def by_name(name: str) -> str:
    """The field selector of one object. Raises InvalidName."""
    segment(name)
    # the escapes of k8s.io/apimachinery's fields.EscapeValue
    escaped = re.sub(r"([\\,=])", r"\\\1", name)
    return f"metadata.name={escaped}"


def named(fields: str) -> str:
    """The name in a selector that ``by_name`` made."""
    return re.sub(r"\\(.)", r"\1", fields.removeprefix("metadata.name="))
