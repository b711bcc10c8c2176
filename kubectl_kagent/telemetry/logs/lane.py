"""The lines of one container on their way from its reader to the merge. A lane holds a bounded amount."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from operator import itemgetter

from kubectl_kagent import clock
from kubectl_kagent.telemetry.logs import stamps

DELAY = 0.5  # seconds that a lane may be quiet before the others go on
_BUSY = 2.0  # the same for one that has sent without a pause: it is only held up
LONGEST_DELAY = 5.0  # the same while it connects again; and the longest that a line waits at all
_OPENING = 2.0
_PAUSE = 0.2
_ROW = 50
_ROOM = 1 << 21  # bytes, until the merge says otherwise

_when = itemgetter(0)


class Lane:
    """The reader's thread puts and says how it stands (down to ``end``), the merge takes.

    A ``patient`` lane is waited for as long as it is open, another one as long as it catches up on the past.
    ``stray`` is told of lines without a stamp, which go no further.
    """

    def __init__(
        self, stirred: threading.Event, *, patient: bool, stray: Callable[[bytes], None] | None = None
    ) -> None:
        self._stirred = stirred
        self._stray = stray
        self._patient = patient
        self._ended = False
        self.catching_up = False
        self.room = _ROOM
        self._room = threading.Condition()
        self._blocks: list[bytes] = []
        self._size = 0
        self._lines: list[bytes] = []
        self._last = b""
        self._marks: deque[tuple[float, bytes]] = deque()
        self._in_a_row = 0
        self._put_at = clock.monotonic()
        self._quiet_at = self._put_at + _OPENING

    def put(self, block: bytes) -> None:
        """Add whole lines; waits while too many are there, which makes the server wait too."""
        with self._room:
            while self._size >= self.room:
                self._room.wait()
            self._blocks.append(block)
            self._size += len(block)
            now = clock.monotonic()
            self._in_a_row = self._in_a_row + 1 if now - self._put_at < _PAUSE else 0
            self._put_at = now
            self._quiet_at = now + (_BUSY if self._in_a_row > _ROW else DELAY)
        self._stirred.set()

    def reach(self, stamp: bytes) -> None:
        """No line before ``stamp`` will come."""
        self._last = max(self._last, stamp)
        self._stirred.set()

    def wait_for(self, seconds: float) -> None:
        """Let the others wait that long for this lane."""
        self._quiet_at = clock.monotonic() + seconds

    def catch_up(self, *, on: bool) -> None:
        """Let the others wait until the past is read; what comes after that is of now."""
        self.catching_up = on
        self._quiet_at = self._put_at = clock.monotonic()
        self._stirred.set()

    def end(self) -> None:
        self._ended = True
        self._stirred.set()

    @property
    def over(self) -> bool:
        return self._ended and not self._blocks and not self._lines

    def silent(self, since: float) -> bool:
        """Whether nothing has come since then, and nothing waits to go out."""
        with self._room:
            return not self._size and self._put_at <= since

    def collect(self, now: float) -> None:
        """Take up what came."""
        with self._room:
            blocks, self._blocks = self._blocks, []
        if not blocks:
            return
        block = b"".join(blocks)
        lines, strays = stamps.stamped(block)
        if strays and self._stray:
            self._stray(strays[0])
        if lines:
            early = stamps.stamp_of(lines[0]) < self._last
            self._lines += lines
            if early:
                self._lines.sort(key=stamps.stamp_of)
            self._last = max(self._last, stamps.stamp_of(lines[-1]))
        if not self._patient:
            self._marks.append((now, self._last))
        with self._room:
            self._size += _size(lines) - len(block)

    def bound(self, now: float, horizon: bytes) -> bytes | None:
        """The stamp before which no more lines will come; None when none will come at all.

        ``horizon``: a quiet lane sends nothing older.
        """
        if self._ended and not self._blocks:
            return None
        waited_for = self._patient or self.catching_up or now < self._quiet_at
        if waited_for or self._size >= self.room:
            return self._last
        return max(self._last, horizon)

    def had(self, then: float) -> bytes:
        """The newest stamp that had come by ``then``, at most LONGEST_DELAY seconds ago."""
        return self._marks[found - 1][1] if (found := bisect_right(self._marks, then, key=_when)) else b""

    def until(self, stamp: bytes, now: float, *, orderly: bool) -> list[bytes]:
        """Take out the lines up to ``stamp``; unless ``orderly`` those too that have waited too long."""
        if not self._patient:
            if not orderly:  # a clock may be late by an hour
                stamp = max(stamp, self.had(now - LONGEST_DELAY))
            while len(self._marks) > 1 and self._marks[1][0] <= now - LONGEST_DELAY:
                self._marks.popleft()
        count = bisect_right(self._lines, stamp, key=stamps.stamp_of)
        lines = self._lines[:count]
        if lines:
            del self._lines[:count]
            with self._room:
                self._size -= _size(lines)
                self._room.notify()
        return lines


def _size(lines: list[bytes]) -> int:
    return sum(map(len, lines)) + len(lines)
