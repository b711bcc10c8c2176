"""What of a container's log has come already, so that a second reading gives only the rest."""

from __future__ import annotations

import re
from collections import Counter, deque

from kubectl_kagent.telemetry.logs import stamps

_REMEMBERED = 1 << 16  # bytes
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d)(?= )")


class Seen:
    """The last lines of a log, by their stamps, and how often each stamp came.

    A request can ask for lines since a whole second only, so the answer repeats some. Old lines come
    before new ones in it; where the file was rotated meanwhile they are missing: ``is_apart`` says of the
    last answer that none of them was in it, though new lines are.
    """

    def __init__(self) -> None:
        self._recent: deque[bytes] = deque()
        self._size = 0
        self._forgotten = False
        self._left: Counter[bytes] | None = None
        self._oldest = self._newest = b""
        self._met = False
        self.is_apart = False

    def since(self) -> str | None:
        """From when on to ask again; None when nothing has come. The next lines are a repetition."""
        found = _stamps(self._recent)
        if not found:
            return None
        self._oldest, self._newest = min(found), max(found)
        self._left = Counter(found)
        self._met = self.is_apart = False
        return stamps.since(self._oldest)

    def new(self, block: bytes) -> bytes:
        """Of complete lines, those that have not come before; they are remembered."""
        if self._left is not None:
            block = self._without_old(block)
        if block:
            self._recent.append(block)
            self._size += len(block)
            while self._size - len(self._recent[0]) > _REMEMBERED:
                self._size -= len(self._recent.popleft())
                self._forgotten = True
        return block

    def _without_old(self, block: bytes) -> bytes:
        start = 0
        while start < len(block):
            end = block.index(b"\n", start) + 1
            found = _STAMP.match(block, start)
            if found and not self._is_old(found[0]):
                self._left = None
                self.is_apart = not self._met
                return block[start:]
            start = end
        return b""

    def _is_old(self, stamp: bytes) -> bool:
        if stamp > self._newest:
            return False
        if self._left and self._left[stamp] > 0:
            self._left[stamp] -= 1
            self._met = True
            return True
        return stamp < self._oldest or (stamp == self._oldest and self._forgotten)


def _stamps(blocks: deque[bytes]) -> list[bytes]:
    found = (_STAMP.match(line) for block in blocks for line in block.split(b"\n"))
    return [match[0] for match in found if match]
