"""Logs as a kubelet serves them: stamped, from the newest file of a run, to any number of followers."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kubectl_kagent.errors import KagentError, OtherServerError, Unreachable

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass
class _Run:
    lines: list[bytes] = field(default_factory=list)
    served_from: int = 0
    ended: bool = False


class Kubelet:
    """Nothing is served of a container before its first line. Safe to use from several threads."""

    def __init__(self) -> None:
        self.piece = 1 << 16  # bytes in a piece at most
        self.asked: list[dict[str, object]] = []
        self._runs: dict[tuple[str, str], list[_Run]] = {}
        self._apologies: dict[tuple[str, str], list[Any]] = {}
        self._changed = threading.Condition()
        self._outage = 0
        self._end: KagentError | None = None

    def write(self, pod: str, *lines: str, container: str = "kagent") -> None:
        """Add lines, each with its stamp before it (``10:00:00.5 text``, of the fake's day)."""
        with self._changed:
            runs = self._runs.setdefault((pod, container), [_Run()])
            runs[-1].lines += [_stamped(line) for line in lines]
            self._changed.notify_all()

    def apologize(self, pod: str, words: str, container: str = "kagent", *, times: int = 10**9) -> None:
        """Answer so often with ``words`` in the place of the log, as of one that can't be read."""
        self._apologies[pod, container] = [times, words.encode()]

    def complete(self, pod: str, rest: str, container: str = "kagent") -> None:
        """Add the rest of a line."""
        with self._changed:
            self._runs[pod, container][-1].lines[-1] += f"{rest}\n".encode()
            self._changed.notify_all()

    def rotate(self, pod: str, container: str = "kagent") -> None:
        """Begin a new file; who follows goes on, who asks gets the new file only."""
        run = self._runs[pod, container][-1]
        run.served_from = len(run.lines)

    def end(self, pod: str, container: str = "kagent") -> None:
        """Let the container stop, which ends its streams."""
        with self._changed:
            self._runs[pod, container][-1].ended = True
            self._changed.notify_all()

    def restart(self, pod: str, container: str = "kagent") -> None:
        """Start the container's next run."""
        self.end(pod, container)
        self._runs[pod, container].append(_Run())

    def drop(self, error: KagentError | None = None) -> None:
        """Break every open stream; without ``error`` they end as if there were no more to come."""
        with self._changed:
            self._outage += 1
            self._end = error
            self._changed.notify_all()

    def stream(
        self, pod: str, container: str, *, follow: bool, previous: bool, since: str | None, tail: int | None
    ) -> Iterator[bytes]:
        self.asked.append({"pod": pod, "follow": follow, "previous": previous, "since": since, "tail": tail})
        since = _time(since) if since else None
        run = self._run(pod, container, previous=previous)
        outage = self._outage
        yield b""
        apology = self._apologies.get((pod, container))
        if apology and apology[0]:
            apology[0] -= 1
            yield apology[1]
            return
        position = run.served_from
        if tail is not None:
            position = max(position, len(run.lines) - tail)
        second = since.encode() if since else b""
        while True:
            with self._changed:
                while follow and position == len(run.lines) and not run.ended and outage == self._outage:
                    self._changed.wait()
                lines, over = run.lines[position:], run.ended or not follow
                position = len(run.lines)
                if outage != self._outage:
                    if self._end:
                        raise self._end
                    return
            data = b"".join(line for line in lines if line >= second)
            for start in range(0, len(data), self.piece):
                yield data[start : start + self.piece]
            if over and position == len(run.lines):
                return

    def _run(self, pod: str, container: str, *, previous: bool) -> _Run:
        runs = self._runs.get((pod, container), [])
        if previous and len(runs) < 2:
            raise OtherServerError(
                "BadRequest", f'previous terminated container "{container}" in pod "{pod}" not found'
            )
        if not runs:
            raise OtherServerError(
                "BadRequest", f'container "{container}" in pod "{pod}" is waiting to start: ContainerCreating'
            )
        return runs[-2] if previous else runs[-1]


def broken() -> Unreachable:
    return Unreachable("the connection to the server was lost")


def _time(since: str) -> str:
    """The second, in UTC. The API server's own parser takes no other form."""
    if not _TIME.fullmatch(since):
        layout = "2006-01-02T15:04:05Z07:00"
        raise OtherServerError("BadRequest", f'parsing time "{since}" as "{layout}": cannot parse "{since}"')
    return datetime.fromisoformat(since).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _stamped(line: str) -> bytes:
    """A line that ends with ``…`` is not whole yet: containers' long lines come in parts."""
    time, _, text = line.partition(" ")
    second, _, fraction = time.partition(".")
    end = "" if text.endswith("…") else "\n"
    return f"2026-11-23T{second}.{fraction:0<9}Z {text.removesuffix('…')}{end}".encode()
