"""A program at a terminal of its own, as a person would have it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType

_ROWS, _COLUMNS = 50, 200
_CONTROL = re.compile(
    r"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()].|P[^\x1b]*\x1b\\|[=>78M])"
    r"|[\r\x0f\x07]"
)
# fish asks a terminal what it is, and waits for the answer.
_ANSWERS = {b"\x1b[0c": b"\x1b[?62c", b"\x1b[c": b"\x1b[?62c", b"\x1b[6n": b"\x1b[1;1R"}


class Terminal:
    """Types, and reads what is shown without the control sequences."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=dict(env),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # or fish does not start
        )
        os.close(theirs)
        self._read = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._ours)

    def type(self, text: str) -> None:
        self._read = b""
        os.write(self._ours, text.encode())

    def shows(self, words: str, seconds: float = 30) -> str:
        """What is shown since the last time something was typed, as soon as ``words`` are in it."""
        deadline = time.monotonic() + seconds
        while words not in (shown := _CONTROL.sub("", self._read.decode(errors="replace"))):
            left = deadline - time.monotonic()
            assert left > 0, f"{words!r} is not shown within {seconds:g}s: {shown!r}"
            if select.select([self._ours], [], [], left)[0]:
                self._read += os.read(self._ours, 65536)
                self._answer()
        return shown

    def _answer(self) -> None:
        for question, answer in _ANSWERS.items():
            if question in self._read:
                self._read = self._read.replace(question, b"")
                os.write(self._ours, answer)
