"""One command line in this process, in the fake's time, with bounds: what takes more of anything hangs.

What has no end by itself is interrupted as with Ctrl-C, once nothing is asked any more.
"""

from __future__ import annotations

import gc
import signal
import threading
import time
import traceback
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from io import BytesIO, StringIO
from types import FrameType
from unittest import mock

import anyio
from click.testing import CliRunner

from kubectl_kagent import clock
from kubectl_kagent.app import cli
from kubectl_kagent.cli import terminal
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.lifecycle.history import recorder, watched
from tests.fake.bundle import in_place_of_ours
from tests.permissions.running import must_wait
from tests.soak.wire import Answer, Asked, Handler, answered_by
from tests.soak.world import World

REQUESTS = 4000
FAKE_SECONDS = 7200.0
REAL_SECONDS = 60.0
_TICK = 0.01
_QUIET_TICKS = 4
_TELL_AGAIN = 200
_PATIENCE = 5.0
_MCP_SECONDS = 1.0  # its client has a clock of its own


class Hang(BaseException):
    """More requests, fake time or real time than any command line takes."""


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended; ``tracebacks`` are those of threads too, ``hang`` says what there was too much of."""

    code: int
    out: str
    err: str
    requests: int
    tracebacks: tuple[str, ...] = ()
    hang: str = ""


@dataclass
class _Bounds:
    world: World
    enough: int
    began: float = field(default_factory=time.monotonic)
    asked: int = 0
    hang: str = ""
    over: bool = False
    _seen: int = -1
    _quiet: int = 0
    _until_told: int = 0

    def count(self) -> None:
        if self.over:
            raise Hang("a thread that outlives its command line")
        self.asked += 1
        if self.asked > REQUESTS:
            self.stop(f"{REQUESTS} requests")

    def sleep(self, seconds: float) -> None:
        self.world.sleep(seconds)
        if (self.world.admin.clock.now - self.world.began).total_seconds() > FAKE_SECONDS:
            self.stop(f"{FAKE_SECONDS:g} s of fake time")
        if self.enough and self.asked > self.enough and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt  # as Ctrl-C, which no other thread gets

    def stop(self, why: str) -> None:
        self.hang = self.hang or why
        raise Hang(why)

    def tick(self, _: int, frame: FrameType | None) -> None:
        """In the main thread, every hundredth of a second."""
        if self.over:
            return
        # even where what is raised is lost: it ends a wait for a lock that nobody gives back
        if time.monotonic() - self.began > REAL_SECONDS:
            self.stop(f"{REAL_SECONDS:g} s of real time")
        if must_wait(frame):
            return
        if self.hang:
            raise Hang(self.hang)
        self._quiet = self._quiet + 1 if self.asked == self._seen else 0
        self._seen = self.asked
        over = self._quiet >= _QUIET_TICKS or self.asked > self.enough
        self._until_told -= 1
        if self.enough and self.asked and over and self._until_told < 0:
            self._until_told = _TELL_AGAIN  # what is raised while an object goes is lost
            signal.raise_signal(signal.SIGINT)


def run(
    world: World,
    words: list[str],
    handler: Handler | None = None,
    *,
    enough: int = 0,
    stdin: str | None = None,
) -> Done:
    """Run the program with ``words``; ``handler`` answers instead of ``world`` itself.

    ``enough`` requests are those after which it is interrupted, when it has no end by itself.
    """
    bounds = _Bounds(world, enough)
    world.began = world.admin.clock.now
    answer = handler or world.answer

    def counted(asked: Asked) -> Answer | Exception:
        bounds.count()
        return answer(asked)

    before = {thread.ident for thread in threading.enumerate()}
    troubles: list[str] = []
    with answered_by(counted), _in_fake_time(world, bounds), _threads(troubles):
        with _ticking(bounds):
            code, out, err, trouble = _invoke(words, stdin, bounds)
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            _end_threads(world, before)
    if trouble:
        troubles.append(trouble)
    gc.unfreeze()  # what the program froze would stay for ever
    return Done(code, out, err, bounds.asked, tuple(troubles), bounds.hang)


def _connected(flags: Connection) -> Cluster:
    return connect(replace(flags, server=flags.server or "http://cluster.test"), terminal.warn)


def _invoke(words: list[str], stdin: str | None, bounds: _Bounds) -> tuple[int, str, str, str]:
    result = None
    try:
        with in_place_of_ours():
            result = CliRunner().invoke(cli, words, input=stdin, obj=_connected, prog_name="kubectl kagent")
        bounds.over = True
    except Hang:
        bounds.over = True
        return -1, "", "", ""
    except KeyboardInterrupt:  # it came when all was over, perhaps when the result was there already
        bounds.over = True
    if result is None:
        return 130, "", "", ""
    trouble = ""
    if result.exception and not isinstance(result.exception, SystemExit):
        trouble = "".join(traceback.format_exception(result.exception))
    out = _texts(result.stdout_bytes).decode(errors="replace")
    return result.exit_code, out, result.stderr_bytes.decode(errors="replace"), trouble


def _texts(printed: bytes) -> bytes:
    """Of an archive the texts that are in it."""
    if not printed.startswith(b"PK"):
        return printed
    archive = zipfile.ZipFile(BytesIO(printed))
    return b"".join(map(archive.read, archive.namelist()))


@contextmanager
def _in_fake_time(world: World, bounds: _Bounds) -> Iterator[None]:
    now, fail_after = world.admin.clock, anyio.fail_after
    with (
        mock.patch.object(clock, "now", now),
        mock.patch.object(clock, "monotonic", now.monotonic),
        mock.patch.object(clock, "sleep", bounds.sleep),
        mock.patch.object(watched, "HOLD_SECONDS", 0.0),  # this time stands still while a recorder waits
        mock.patch.object(recorder, "START_SECONDS", 0.0),
        mock.patch.object(anyio, "fail_after", lambda seconds: fail_after(min(seconds, _MCP_SECONDS))),
    ):
        yield


@contextmanager
def _threads(troubles: list[str]) -> Iterator[None]:
    def note(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not Hang:
            troubles.append(
                "".join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback))
            )

    with mock.patch.object(threading, "excepthook", note):
        yield


@contextmanager
def _ticking(bounds: _Bounds) -> Iterator[None]:
    """Exceptions of a tick come at any place, so at the end it is taken away before anything else."""
    before = (
        signal.signal(signal.SIGALRM, bounds.tick),
        signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before[0])
        signal.signal(signal.SIGINT, before[1])


def _end_threads(world: World, before: set[int | None]) -> None:
    """Those that an interrupt left behind: whatever they ask ends them, and what they wait for comes."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        world.admin.end_watches()
        world.admin.kubelet.drop()
        left = [thread for thread in threading.enumerate() if thread.ident not in before]
        if not left:
            return
        with suppress(RuntimeError):  # it is about to be started
            left[0].join(timeout=0.05)


def place(trouble: str) -> str:
    """Where in the package a traceback ended: the error, file and line."""
    lines = [line.strip() for line in trouble.splitlines()]
    inside = [line for line in lines if "kubectl_kagent" in line and line.startswith("File ")]
    where = (
        inside[-1] if inside else next((line for line in reversed(lines) if line.startswith("File ")), "?")
    )
    path, _, rest = where.removeprefix('File "').partition('", line ')
    number, _, function = rest.partition(", in ")
    kind = lines[-1].partition(":")[0] if lines else "?"
    return f"{kind} {path.rpartition('kubectl_kagent/')[2]}:{number} {function}"
