"""Values of HTTP headers, made fit to send. An error never shows the value: it may be a token."""

from __future__ import annotations

import re

from kubectl_kagent.errors import KagentError

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # what Go's net/http refuses: all but the tab


def header_value(name: str, value: str) -> str:
    """``value`` for the header ``name``, as ``http.client`` takes it: UTF-8's bytes, a character each.

    Raises KagentError for a line end or another control character in it.
    """
    if found := _CONTROL.search(value):
        what = "line end" if found[0] in "\r\n" else "control character"
        raise KagentError(f"{_called(name)} has a {what} in it", hint="nothing was sent")
    return value.encode("utf-8", "surrogateescape").decode("latin-1")


def _called(name: str) -> str:
    return "the token" if name == "Authorization" else f"the value of {name}"
