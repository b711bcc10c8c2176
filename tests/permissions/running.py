"""Run the program against a recording cluster; what would go on for ever is interrupted."""

from __future__ import annotations

import _thread
import signal
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from click.testing import CliRunner

from kubectl_kagent.app import cli
from kubectl_kagent.lifecycle.history.recorder import Recorder
from tests import fake
from tests.fake.bundle import in_place_of_ours
from tests.permissions.recording import Recording, Use

_FAKE = str(Path(fake.__file__).parent)
FOREVER_SECONDS = 20.0
LIMIT_SECONDS = 60.0
TIMED_OUT = 4


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


def run(cluster: Recording, words: list[str], *, until: frozenset[Use] = frozenset()) -> Done:
    """Run our program in this process. With ``until`` it runs for ever: until these have been used.

    What takes longer than it may is interrupted, and ends with 130.
    """
    over, heard = threading.Event(), threading.Event()

    def stop() -> None:
        deadline = time.monotonic() + (FOREVER_SECONDS if until else LIMIT_SECONDS)
        while not over.wait(0.02) and not heard.is_set():
            if (until and until <= cluster.used) or time.monotonic() > deadline:
                _thread.interrupt_main()

    def hear(_: int, frame: FrameType | None) -> None:
        if not must_wait(frame):
            heard.set()
            raise KeyboardInterrupt

    guard = threading.Thread(target=stop)
    before = signal.signal(signal.SIGINT, hear)
    guard.start()
    result = None
    try:
        with in_place_of_ours():
            result = CliRunner().invoke(
                cli, words, obj=lambda _: cluster, prog_name="kubectl kagent", catch_exceptions=False
            )
        over.set()
        guard.join()
    except KeyboardInterrupt:
        if result is None:  # else it had ended when the guard took action
            raise
    finally:
        over.set()
        guard.join()
        signal.signal(signal.SIGINT, before)
        cluster.closed = True
    return Done(result.exit_code, result.stdout, result.stderr)


def must_wait(frame: FrameType | None) -> bool:
    """Whether an interrupt would be lost, leave the fake's lock taken, or come before a look's end.

    What is raised where Python calls something because an object goes is lost (weak references call what is
    in their module). And between a lock's being taken and the block that gives it back nothing may be raised.
    A recorder tells after a look what it has left out.
    """
    while frame is not None:
        where, name = frame.f_code.co_filename, frame.f_code.co_name
        if name == "__del__" or where == weakref.__file__ or where.startswith(_FAKE):
            return True
        if frame.f_code is Recorder.record_due.__code__:
            return True
        frame = frame.f_back
    return False
