"""The requests of a verb on stderr, as kubectl prints them with -v=6."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from kubectl_kagent.cli import terminal
from kubectl_kagent.cluster.request_log import LOG

_AS_KLOG = "I%(asctime)s.%(msecs)03d %(process)7d %(filename)s:%(lineno)d] %(message)s"


class _OnStderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        terminal.say(self.format(record))


@contextmanager
def requests_printed() -> Iterator[None]:
    """Until the block ends."""
    handler = _OnStderr()
    handler.setFormatter(logging.Formatter(_AS_KLOG, "%m%d %H:%M:%S"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(logging.NOTSET)
