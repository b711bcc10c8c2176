"""A verb as a process that is watched: what it says, and when."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import IO


class Running:
    """A verb as a process, with the moment of each line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.lines: dict[str, list[tuple[float, str]]] = {"out": [], "err": []}
        self._readers = [
            threading.Thread(target=self._read, args=(stream, name))
            for stream, name in ((process.stdout, "out"), (process.stderr, "err"))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], name: str) -> None:
        with stream:
            for line in stream:
                self.lines[name].append((time.monotonic(), line.rstrip("\n")))

    def end(self, timeout: float = 90) -> tuple[int, list[str], list[str]]:
        """Exit code, stdout and stderr."""
        try:
            code = self._process.wait(timeout)
        finally:
            self._process.kill()
        for reader in self._readers:
            reader.join()
        out, err = ([line for _, line in self.lines[name]] for name in ("out", "err"))
        return code, out, err

    def named(self, words: str) -> float:
        """When ``words`` first stood on stderr."""
        return next(moment for moment, line in self.lines["err"] if words in line)
