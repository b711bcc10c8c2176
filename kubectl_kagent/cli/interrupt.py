"""Signals: that none is missed, and Ctrl-C while an agent works, which first asks for an end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# Seconds after a signal until a call that did not hear it is interrupted; the second, a call begun since.
_NUDGES = (0.05, 0.5)


def heed_signals() -> None:
    """Have a signal's handler run soon after the signal, whatever the main thread waits for.

    Python looks for signals between two instructions. One that comes between that look and the system call
    that follows would wait for the call's end: Ctrl-C at a stream that says nothing, for ever. What Python
    runs at once writes the signal's number to a pipe; a thread reads it and interrupts the call by another
    signal.
    """
    if sys.platform == "win32":  # neither signals to a thread nor pipes for them
        return
    heard, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.signal(signal.SIGURG, lambda _signal, _frame: None)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    waiting = threading.main_thread().ident
    assert waiting is not None  # it runs

    def nudge() -> None:
        while True:
            if os.read(heard, 1)[0] == signal.SIGURG:
                continue
            for pause in _NUDGES:
                time.sleep(pause)
                signal.pthread_kill(waiting, signal.SIGURG)

    threading.Thread(target=nudge, daemon=True).start()


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
