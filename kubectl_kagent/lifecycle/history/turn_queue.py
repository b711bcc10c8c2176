"""What is due when, of several who take turns. Pure."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


@dataclass(slots=True)
class TurnQueue(Generic[T]):
    """Items with the time when they are due, each of some owner.

    An item that is put in again is due at the new time only. At one and the same time it may have several
    owners, and takes the first turn that one of them has. What is put in as it is already takes no room.
    """

    _later: list[tuple[float, int, Hashable, T]] = field(default_factory=list)
    _ready: dict[Hashable, deque[tuple[float, T]]] = field(default_factory=dict)  # the next owner first
    _meant: dict[T, tuple[float, frozenset[Hashable]]] = field(default_factory=dict)
    _number: int = 0  # items can't be compared

    def put(self, item: T, owner: Hashable, due: float) -> None:
        owners = self._meant[item][1] if self.due(item) == due else frozenset()
        if owner not in owners:
            self._meant[item] = due, owners | {owner}
            self._number += 1
            heapq.heappush(self._later, (due, self._number, owner, item))

    def drop(self, item: T) -> None:
        """It is not due any more, if it was."""
        self._meant.pop(item, None)

    def due(self, item: T) -> float | None:
        """When it is due; None when it is not."""
        meant = self._meant.get(item)
        return meant[0] if meant else None

    def take(self, moment: float) -> T | None:
        """One that is due then, of the owner who had no turn for the longest time; None without one."""
        while self._later and self._later[0][0] <= moment:
            due, _, owner, item = heapq.heappop(self._later)
            self._ready.setdefault(owner, deque()).append((due, item))
        while self._ready:
            owner, items = next(iter(self._ready.items()))
            del self._ready[owner]
            while items:
                due, item = items.popleft()
                if self.due(item) == due:
                    self.drop(item)
                    if items:
                        self._ready[owner] = items  # the last again
                    return item
        return None

    def next_due(self) -> float:
        """When the first of them is due; infinite without one."""
        if self._ready:
            return -math.inf
        while self._later and self.due(self._later[0][3]) != self._later[0][0]:
            heapq.heappop(self._later)
        return self._later[0][0] if self._later else math.inf
