"""A queue that holds every key once, retries failures ever later, and works one key at a time.

The work answers in how many seconds it wants to look at the key again anyway, or None.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

_FIRST_DELAY = 0.005
_MOST_DOUBLINGS = 17

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    def __init__(self, name: str, work: Callable[[K], Awaitable[float | None]]) -> None:
        self._log = logging.getLogger(name)
        self._work = work
        self._waiting: dict[K, None] = {}
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()

    def add(self, key: K) -> None:
        self._waiting[key] = None
        self._wake.set()

    def add_after(self, key: K, delay: float) -> None:
        timer = self._timers.pop(key, None)
        if timer:
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(delay, self.add, key)

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            while self._waiting:
                key = next(iter(self._waiting))
                del self._waiting[key]
                await self._attempt(key)
            self._wake.clear()

    async def _attempt(self, key: K) -> None:
        try:
            again = await self._work(key)
        except Exception as error:  # whatever it is, the next attempt may succeed
            failures = self._failures.get(key, 0)
            delay = _FIRST_DELAY * 2 ** min(failures, _MOST_DOUBLINGS)
            self._failures[key] = failures + 1
            self._log.warning("reconcile failed, will retry", extra={"key": str(key), "error": repr(error)})
            self.add_after(key, delay)
        else:
            self._failures.pop(key, None)
            if again is not None:
                self.add_after(key, again)
