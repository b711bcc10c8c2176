"""The requests of a verb on stderr, as kubectl prints them with -v=6."""

from __future__ import annotations

import logging

import click

from kubectl_kagent.cli import terminal
from kubectl_kagent.cluster.request_log import LOG

_AS_KLOG = "I%(asctime)s.%(msecs)03d %(process)7d %(filename)s:%(lineno)d] %(message)s"


class _OnStderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        terminal.say(self.format(record))


def print_requests(context: click.Context) -> None:
    """From now on, until the command of ``context`` ends."""
    handler = _OnStderr()
    handler.setFormatter(logging.Formatter(_AS_KLOG, "%m%d %H:%M:%S"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)

    def stop() -> None:
        LOG.removeHandler(handler)
        LOG.setLevel(logging.NOTSET)

    context.call_on_close(stop)
