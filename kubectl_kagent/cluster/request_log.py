"""Each request as kubectl logs it with -v=6: method, URL, status and time.

Headers and bodies are never logged, whatever the level: they carry credentials and conversations.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kubectl_kagent import clock

LOG = logging.getLogger(__name__)


@contextmanager
def logged(method: str, url: str) -> Iterator[Callable[[int], None]]:
    """Log the request that the block sends to ``url``, which holds no credentials.

    The block calls what it is given with the status of the answer; else none came.
    """
    status = ""

    def answered(code: int) -> None:
        from http.client import responses  # the help of a verb has no time for it

        nonlocal status
        status = f"{code} {responses.get(code, '')}".rstrip()

    began = clock.monotonic()
    try:
        yield answered
    finally:
        took = 1000 * (clock.monotonic() - began)
        LOG.info('"Response" verb="%s" url="%s" status="%s" milliseconds=%d', method, url, status, took)
