"""Several requests at a time, for answers that do not depend on each other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8


def both(first: Callable[[], T], second: Callable[[], R]) -> tuple[T, R]:
    """The values of both, as ``side_by_side`` has them."""
    asks: tuple[Callable[[], T | R], ...] = (first, second)
    one, other = side_by_side(lambda ask: ask(), asks)
    return cast(T, one), cast(R, other)


def side_by_side(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The function's value of each item, in order, a few at a time.

    Of several failures the one of the first item is raised, whichever came first, once all are done. The
    threads are daemons, which those of a ThreadPoolExecutor are not: Ctrl-C does not wait for an answer.
    """
    asked = list(items)
    if len(asked) < 2:
        return [function(item) for item in asked]
    left, values, failures = deque(range(len(asked))), dict[int, R](), dict[int, BaseException]()

    def work() -> None:
        while True:
            try:
                number = left.popleft()
            except IndexError:
                return
            try:
                values[number] = function(asked[number])
            except BaseException as error:  # it is raised where the caller waits
                failures[number] = error

    threads = [threading.Thread(target=work, daemon=True) for _ in asked[:AT_ONCE]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[min(failures)]
    return [values[number] for number in range(len(asked))]
