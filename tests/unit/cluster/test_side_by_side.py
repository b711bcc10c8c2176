"""Requests side by side: in order, at the same time, and with the same error each time."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

import pytest

from kubectl_kagent.cluster.side_by_side import AT_ONCE, side_by_side
from kubectl_kagent.errors import KagentError


def test_the_values_are_in_the_order_of_the_items() -> None:
    later = threading.Event()

    def value(item: int) -> int:
        if item == 0:
            assert later.wait(10)  # the first one ends last
        if item == 29:
            later.set()
        return item * 2

    assert side_by_side(value, range(30)) == [item * 2 for item in range(30)]
    assert side_by_side(value, []) == []


def test_they_are_asked_at_the_same_time_but_not_all_of_them() -> None:
    together = threading.Barrier(AT_ONCE, timeout=10)
    now, most = 0, 0
    lock = threading.Lock()

    def value(_: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait()
        with lock:
            now -= 1

    side_by_side(value, range(3 * AT_ONCE))
    assert most <= AT_ONCE


def test_one_alone_is_asked_for_by_the_caller_itself() -> None:
    assert side_by_side(lambda _: threading.get_ident(), [1]) == [threading.get_ident()]


def test_of_several_errors_the_first_item_s_is_raised_once_all_are_done() -> None:
    second_failed, done = threading.Event(), list[int]()

    def value(item: int) -> int:
        if item == 1:
            second_failed.set()
            raise KagentError("the second")
        if item == 0:
            assert second_failed.wait(10)
            raise KagentError("the first")
        done.append(item)
        return item

    with pytest.raises(KagentError, match="the first"):
        side_by_side(value, range(20))
    assert sorted(done) == list(range(2, 20))


def test_ctrl_c_does_not_wait_for_an_answer() -> None:
    asked, never, over = threading.Barrier(3, timeout=10), threading.Event(), threading.Event()
    main = threading.get_ident()

    def value(_: int) -> None:
        asked.wait()
        never.wait(60)

    def hear(_number: int, _frame: FrameType | None) -> None:
        if not over.is_set():
            over.set()
            raise KeyboardInterrupt

    def interrupt() -> None:
        asked.wait()
        while not over.wait(0.05):  # one that comes right before the wait begins is not heard
            signal.pthread_kill(main, signal.SIGINT)

    before = signal.signal(signal.SIGINT, hear)
    sender = threading.Thread(target=interrupt)
    sender.start()
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            side_by_side(value, range(2))
        assert time.monotonic() - began < 30
    finally:
        over.set()
        sender.join()
        signal.signal(signal.SIGINT, before)
        never.set()
