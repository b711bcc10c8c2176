"""HTTP headers, made fit to send. An error never shows a value: it may be a token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_kagent.errors import KagentError, Unauthorized

if TYPE_CHECKING:
    from urllib3 import HTTPHeaderDict

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*")  # a token of RFC 9110; HTTP's own (:path) is none
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # what Go's net/http refuses: all but the tab


def is_header_name(name: str) -> bool:
    """Whether HTTP allows it."""
    return bool(name and _NAME.fullmatch(name))


def check_header_name(name: str) -> None:
    """Raises KagentError for what no server would take for a header's name.

    It shows what is before the fault only: after a colon may be a value.
    """
    if is_header_name(name):
        return
    begin = _NAME.match(name)
    good = begin[0] if begin else ""
    where = f'after "{good}"' if good else "at its beginning"
    why = f"has {name[len(good)]!r} in it, {where}" if name else "is empty"
    raise KagentError(f"the name of a header {why}", hint="nothing was sent")


def header_bytes(name: str, value: str) -> bytes:
    """A header's value as it goes out: in UTF-8, as Go sends it.

    Raises KagentError for a name that is none, and for a line end or another control character in the value;
    Unauthorized if it logs us in.
    """
    check_header_name(name)
    if found := _CONTROL.search(value):
        what = "line end" if found[0] in "\r\n" else "control character"
        if name == "Authorization":
            raise Unauthorized(f"the token has a {what} in it", hint="nothing was sent")
        raise KagentError(f"the value of {name} has a {what} in it", hint="nothing was sent")
    return value.encode("utf-8", "surrogateescape")


def sendable(headers: HTTPHeaderDict) -> HTTPHeaderDict:
    """The same for ``http.client``, which knows only Latin-1: a letter for each byte. Raises as above."""
    from urllib3 import HTTPHeaderDict

    return HTTPHeaderDict(
        [(name, header_bytes(name, value).decode("latin-1")) for name, value in headers.iteritems()]
    )
