"""What is due when, of several who take turns. Pure."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class TurnQueue(Generic[T]):
    """Items with the time when they are due, each of some owner.

    An item may be put in again: ``counts`` tells of an item and the time that it was put in for whether that
    is still meant.
    """

    _later: list[tuple[float, int, Hashable, T]] = field(default_factory=list)
    _ready: dict[Hashable, deque[tuple[float, T]]] = field(default_factory=dict)  # the next owner first
    _number: int = 0  # items can't be compared

    def put(self, item: T, owner: Hashable, due: float) -> None:
        self._number += 1
        heapq.heappush(self._later, (due, self._number, owner, item))

    def take(self, moment: float, counts: Callable[[T, float], bool]) -> T | None:
        """One that is due then, of the owner who had no turn for the longest time; None without one."""
        while self._later and self._later[0][0] <= moment:
            due, _, owner, item = heapq.heappop(self._later)
            self._ready.setdefault(owner, deque()).append((due, item))
        while self._ready:
            owner, items = next(iter(self._ready.items()))
            del self._ready[owner]
            while items:
                due, item = items.popleft()
                if counts(item, due):
                    if items:
                        self._ready[owner] = items  # the last again
                    return item
        return None

    def next_due(self, counts: Callable[[T, float], bool]) -> float:
        """When the first of them is due; infinite without one."""
        if self._ready:
            return -math.inf
        while self._later and not counts(self._later[0][3], self._later[0][0]):
            heapq.heappop(self._later)
        return self._later[0][0] if self._later else math.inf
