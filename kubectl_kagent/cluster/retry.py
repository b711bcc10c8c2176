"""When a request is sent again: as client-go does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kubectl_kagent import clock

if TYPE_CHECKING:
    import urllib3

_TRIES = 11
_AFTER_A_BREAK = 1.0


def answered(
    send: Callable[[], urllib3.BaseHTTPResponse], *, breaks: bool, timeout: float
) -> urllib3.BaseHTTPResponse:
    """What ``send`` brings in the end.

    A 429 or a 5xx is waited out when the server says how long (Retry-After): it has not done what was asked.
    With ``breaks`` a connection that is cut before the answer is too, which only a reading may want. All that
    takes ``timeout`` seconds at most: when the next try would be later, this one's end is the end.
    """
    import urllib3

    deadline = clock.monotonic() + timeout
    for tried in range(1, _TRIES + 1):
        try:
            response = send()
        except urllib3.exceptions.ProtocolError as error:
            wait = _AFTER_A_BREAK
            if not (breaks and _is_cut(error)) or _late(tried, wait, deadline):
                raise
        else:
            asked = _asked_to_wait(response)
            if asked is None or _late(tried, asked, deadline):
                return response
            response.close()
            wait = asked
        clock.sleep(wait)
    raise AssertionError("the last try ends it")


def _late(tried: int, wait: float, deadline: float) -> bool:
    return tried == _TRIES or clock.monotonic() + wait > deadline


def _is_cut(error: urllib3.exceptions.ProtocolError) -> bool:
    """Whether the other side closed or reset the connection; a garbled answer is none of these."""
    return any(isinstance(cause, ConnectionError) for cause in error.args)


def _asked_to_wait(response: urllib3.BaseHTTPResponse) -> float | None:
    """Seconds in Retry-After, where an answer may be retried at all; client-go reads no dates there."""
    if response.status != 429 and response.status < 500:
        return None
    text = response.headers.get("Retry-After", "").strip()
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
