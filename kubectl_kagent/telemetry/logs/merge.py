"""Many containers' lines in the order of their stamps, as they come, with a bounded delay.

A line goes out once no older one can come: every other lane has gone past it, has ended, or has been quiet
for a moment. Lines are handled in lists, by C code only: there is no Python step per line.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

from kubectl_kagent import clock
from kubectl_kagent.telemetry.logs.lane import DELAY, Lane
from kubectl_kagent.telemetry.logs.stamps import stamp_at, stamp_of

_PACE = 0.01
_TICK = 0.05
# By how much the clocks of nodes may differ from ours without a cost.
_FRESH = timedelta(seconds=5)
# Bytes that may wait in all lanes together, unless there are very many: enough for the kubelet's files of
# several containers, which can then be read side by side though one is older than the other.
_ROOM = 1 << 26
_LEAST_ROOM = 1 << 20
_EVERYTHING = b"\xff"

# Stamped lines of a container -> those to print, and what is printed for them, joined by newlines.
Texts = Callable[[list[bytes]], tuple[list[bytes], bytes]]


class Merge:
    """Lanes in order. With ``patient`` they are waited for as long as they are open: for a past that ends."""

    def __init__(self, *, patient: bool) -> None:
        self._patient = patient
        self._stirred = threading.Event()
        self._lanes: dict[Lane, Texts] = {}

    def lane(
        self, texts: Texts, *, patient: bool = False, stray: Callable[[bytes], None] | None = None
    ) -> Lane:
        """A new lane, from any thread."""
        lane = Lane(self._stirred, patient=patient or self._patient, stray=stray)
        self._lanes[lane] = texts
        lanes = list(self._lanes)
        for each in lanes:
            each.room = max(_LEAST_ROOM, _ROOM // len(lanes))
        return lane

    @property
    def lanes(self) -> int:
        """How many lanes have not ended."""
        return len(self._lanes)

    def blocks(self) -> Iterator[bytes]:
        """What can go out, again and again; empty when nothing can now."""
        while True:
            if block := self.take(clock.monotonic()):
                yield block
                clock.sleep(_PACE)  # a block of many lines costs less than many blocks
            else:
                yield b""
                self._stirred.wait(_TICK)
                self._stirred.clear()

    def take(self, now: float, *, everything: bool = False) -> bytes:
        """The lines that can go out now, as one block; ``everything`` waits for nobody."""
        lanes = list(self._lanes.items())
        for lane, _ in lanes:
            lane.collect(now)
        limit = _EVERYTHING if everything else _limit([lane for lane, _ in lanes], now)
        orderly = any(lane.catching_up for lane, _ in lanes)
        runs: list[tuple[list[bytes], bytes]] = []
        for lane, texts in lanes:
            if lines := lane.until(limit, now, orderly=orderly):
                runs.append(texts(lines))
            if lane.over:
                del self._lanes[lane]
        return _in_order([run for run in runs if run[0]])


def _limit(lanes: list[Lane], now: float) -> bytes:
    """The stamp up to which no lane will send more.

    A quiet lane sends nothing older than what all together had DELAY seconds ago, nor than a few seconds.
    """
    horizon = max((lane.had(now - DELAY) for lane in lanes), default=b"")
    horizon = max(horizon, stamp_at(clock.now() - _FRESH))
    bounds = (lane.bound(now, horizon) for lane in lanes)
    return min((bound for bound in bounds if bound is not None), default=_EVERYTHING)


def _in_order(runs: list[tuple[list[bytes], bytes]]) -> bytes:
    if len(runs) < 2:
        return b"".join(block + b"\n" for _, block in runs)
    stamps: list[bytes] = []
    texts: list[bytes] = []
    for lines, block in runs:
        stamps += map(stamp_of, lines)
        texts += block.split(b"\n")
    order = sorted(range(len(stamps)), key=stamps.__getitem__)
    return b"\n".join(map(texts.__getitem__, order)) + b"\n"
