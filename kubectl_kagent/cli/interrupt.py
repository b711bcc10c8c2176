"""Ctrl-C while an agent works: the first asks for an end and goes on listening, the second leaves."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def first_interrupt(ready: Callable[[], bool], act: Callable[[], None]) -> Iterator[None]:
    """Run ``act`` at the first Ctrl-C, in a thread of its own: what is being read is not disturbed.

    While it is not ``ready`` there is nothing to end, and the first Ctrl-C leaves already.
    """
    worker = threading.Thread(target=act, daemon=True)

    def handle(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if not ready():
            raise KeyboardInterrupt
        worker.start()

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
        if worker.ident is not None:
            worker.join()  # it says what came of it
    finally:
        signal.signal(signal.SIGINT, previous)
