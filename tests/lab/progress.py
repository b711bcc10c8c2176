"""Progress on stderr: what is being done, and how long it has taken so far."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

STILL_AT_IT_SECONDS = 20


@dataclass
class Progress:
    """A clock that starts when the command starts, and lines stamped with it."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    started: float = field(default_factory=time.monotonic)

    def __call__(self, text: str) -> None:
        self.stream.write(f"[{time.monotonic() - self.started:6.1f}s] {text}\n")
        self.stream.flush()

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Say what begins, that it is still going on every now and then, and how long it took."""
        begun = time.monotonic()
        over = threading.Event()

        def reassure() -> None:
            while not over.wait(STILL_AT_IT_SECONDS):
                self(f"  still at it after {time.monotonic() - begun:.0f} s: {text}")

        self(text)
        watcher = threading.Thread(target=reassure, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
        self(f"  done in {time.monotonic() - begun:.1f} s")
