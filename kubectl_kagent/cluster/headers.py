"""HTTP headers, made fit to send. An error never shows a value: it may be a token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_kagent.errors import KagentError, Unauthorized

if TYPE_CHECKING:
    from urllib3 import HTTPHeaderDict

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # what Go's net/http refuses: all but the tab


def header_bytes(name: str, value: str) -> bytes:
    """A header's value as it goes out: in UTF-8, as Go sends it.

    Raises KagentError for a line end or another control character in it; Unauthorized if it logs us in.
    """
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
