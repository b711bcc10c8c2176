"""Time that passes when a test says so: for a whole program, with all of its threads and its sockets."""

from __future__ import annotations

import queue
import select
import socket
import ssl
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.cluster import feed
from kubectl_kagent.telemetry.logs import merge, reader

_LOOK = 0.01  # real seconds: how soon a socket's reader sees that time has passed


class SimulatedTime:
    """It stands still until ``advance``; who waits for a moment or for something else wakes by it, too.

    ``handed`` hears of each item that a thread puts into a queue for another one.
    """

    def __init__(self, start: str) -> None:
        self._counts_from = inf
        self.handed: Callable[[Any], None] = lambda _: None
        self._now = datetime.fromisoformat(start)
        self._changed = threading.Condition()
        self._limits: weakref.WeakKeyDictionary[socket.socket, float | None] = weakref.WeakKeyDictionary()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.wait(lambda: False, seconds)

    def advance(self, seconds: float) -> None:
        with self._changed:
            self._now += timedelta(seconds=seconds)
            self._changed.notify_all()

    def wait(self, true: Callable[[], object], seconds: float | None) -> bool:
        """Whether it was true within so many seconds."""
        with self._changed:
            end = None if seconds is None else self.monotonic() + seconds
            while not true():
                if end is not None and self.monotonic() >= end:
                    return False
                self._changed.wait()
            return True

    def change(self, act: Callable[[], object]) -> None:
        """Do something that somebody may wait for."""
        with self._changed:
            act()
            self._changed.notify_all()

    def rule(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The program lives in this time: its clock, and what its threads wait with."""
        for name in ("now", "monotonic", "sleep"):
            monkeypatch.setattr(clock, name, getattr(self, name))
        threads = SimpleNamespace(**vars(threading) | {"Event": lambda: _Event(self)})
        for module in (feed, merge, reader):
            monkeypatch.setattr(module, "threading", threads)
        queues = SimpleNamespace(**vars(queue) | {"SimpleQueue": lambda: _Queue(self)})
        monkeypatch.setattr(feed, "queue", queues)

    def rule_sockets(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Sockets have no limits in real time, and from ``limit_sockets`` on theirs in this time."""
        read: Any = socket.SocketIO.readinto

        def limit(sock: socket.socket, seconds: float | None) -> None:
            self._limits[sock] = seconds

        def readinto(raw: Any, buffer: Any) -> int | None:
            if (seconds := self._limits.get(raw._sock)) is not None:
                self._await(raw._sock, seconds)
            found: int | None = read(raw, buffer)
            return found

        monkeypatch.setattr(socket.socket, "settimeout", limit, raising=False)
        monkeypatch.setattr(socket.SocketIO, "readinto", readinto)

    def limit_sockets(self) -> None:
        """Whoever reads counts how long nothing comes; before, a slow machine would make that long."""
        self._counts_from = self.monotonic()

    def _await(self, sock: socket.socket, seconds: float) -> None:
        """Raises TimeoutError when nothing has come in that time."""
        began = self.monotonic()
        while not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
            there = select.select([sock], [], [], _LOOK)[0]
            if self.monotonic() - max(began, self._counts_from) >= seconds:
                raise TimeoutError("timed out")
            if there:
                return


class _Event:
    """As threading.Event."""

    def __init__(self, at: SimulatedTime) -> None:
        self._time = at
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._time.change(lambda: setattr(self, "_is_set", True))

    def clear(self) -> None:
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        return self._time.wait(self.is_set, timeout)


class _Queue:
    """As queue.SimpleQueue."""

    def __init__(self, at: SimulatedTime) -> None:
        self._time = at
        self._items: deque[Any] = deque()

    def put(self, item: Any) -> None:
        self._time.change(lambda: self._items.append(item))
        self._time.handed(item)

    def get(self, *, timeout: float) -> Any:
        if not self._time.wait(lambda: self._items, timeout):
            raise queue.Empty
        return self._items.popleft()


def until(true: Callable[[], object], what: Callable[[], str], *, patience: float = 20.0) -> None:
    """Wait, in real time, until it is true; fails with ``what`` is missing."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, what()
        time.sleep(0.001)
