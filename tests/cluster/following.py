"""``logs -f`` as a process, with what it has printed and said so far."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.conftest import PROGRAM, Tools
from tests.cluster.log_pods import Lines, shown


class Follower:
    """One process; ``lines`` are by pod, ``order`` is that of stdout."""

    def __init__(self, tools: Tools, folder: Path, *words: str) -> None:
        self._out, self._err = folder / "out", folder / "err"
        command = ["logs", "-f", "--prefix", "--timestamps", *words, "-n", tools.namespace]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen([*PROGRAM, *command], env=tools.env(), stdout=out, stderr=err)

    def said(self) -> list[str]:
        return self._err.read_text().splitlines()

    def lines(self) -> Lines:
        found: Lines = {}
        whole = [line for line in self._out.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        for pod, stamp, number in shown(whole):
            found.setdefault(pod, []).append((stamp, number))
        return found

    def order(self) -> list[bytes]:
        return [stamp for _, stamp, _ in shown(self._out.read_bytes().splitlines())]

    def count(self) -> int:
        return self._out.read_bytes().count(b"\n")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@contextmanager
def following(tools: Tools, folder: Path, *words: str) -> Iterator[Follower]:
    """Follow, with these words on the command line, until the block ends."""
    follower = Follower(tools, folder, *words)
    try:
        yield follower
    finally:
        follower.stop()
