"""Start, stop and find the lab's host processes. Each writes its own log, which errors quote."""

import hashlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import network
from tests.lab.errors import LabError
from tests.lab.layout import Layout

MARK = "KAGENT_LAB_PART"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HEADER = "--- started "
# The process notes its own id before it becomes the program, so killing `up` at any moment loses none.
LAUNCH = 'echo $$ > "$0" && exec "$@"'


@dataclass(frozen=True)
class Part:
    """One host process: what to run, the files it reads, and how to see that it serves."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    files: Mapping[Path, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 15  # seconds that it may take to end by itself
    listener: Callable[[], socket.socket] | None = None  # handed over as the process's standard input

    @property
    def key(self) -> str:
        """Changes with anything that a running process would have to be restarted for."""
        files = sorted((str(path), text) for path, text in self.files.items())
        return hashlib.sha256(
            repr((list(self.command), files, sorted(self.env.items()))).encode()
        ).hexdigest()[:12]


def log_of(layout: Layout, name: str) -> Path:
    return layout.logs / f"{name}.log"


def pid(layout: Layout, name: str) -> int | None:
    """The running process of a part; a dead one's number that now belongs to another is not it."""
    found = _running(layout, name)
    return found[0] if found else None


def ensure(layout: Layout, part: Part) -> bool:
    """Start the part unless it already runs as it should; tell whether a process was started."""
    found = _running(layout, part.name)
    if found and found[1] == part.key:
        return False
    if found:
        stop(layout, part)
    _start(layout, part)
    return True


def wait_ready(layout: Layout, part: Part, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not part.ready():
        if pid(layout, part.name) is None:
            raise _failure(layout, part, "died")
        if time.monotonic() > deadline:
            raise _failure(layout, part, f"did not become ready in {timeout:.0f} s")
        time.sleep(0.1)


def stop(layout: Layout, part: Part) -> None:
    """End a part and return only when it is gone, so that its ports are free again."""
    target = pid(layout, part.name)
    if target is None:
        return
    for sent, limit in ((part.stop_signal, part.patience), (signal.SIGKILL, 10)):
        try:
            os.kill(target, sent)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + limit
        while pid(layout, part.name) == target:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            return
    raise LabError(
        f"{part.name} (process {target}) does not end, not even when killed; see {log_of(layout, part.name)}"
    )


def _running(layout: Layout, name: str) -> tuple[int, str] | None:
    """Process id and key, read back from the process; a zombie has no environment and counts as gone."""
    try:
        number = int((layout.pidfiles / f"{name}.pid").read_text())
        environment = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    mark = f"{MARK}={layout.label}/{name}/".encode()
    return next(
        ((number, entry[len(mark) :].decode()) for entry in environment if entry.startswith(mark)), None
    )


def _start(layout: Layout, part: Part) -> None:
    for path, text in part.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    pidfile = layout.pidfiles / f"{part.name}.pid"
    log = log_of(layout, part.name)
    for path in (pidfile, log):
        path.parent.mkdir(parents=True, exist_ok=True)
    pidfile.unlink(missing_ok=True)
    listener = part.listener() if part.listener else None
    with closing(listener) if listener else nullcontext(), log.open("ab") as output:
        output.write(f"{HEADER}{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {' '.join(part.command)}\n".encode())
        output.flush()
        subprocess.run(
            ["setsid", "--fork", "sh", "-c", LAUNCH, pidfile, *network.entering(layout), *part.command],
            env={"PATH": PATH, **part.env, MARK: f"{layout.label}/{part.name}/{part.key}"},
            cwd="/",
            stdin=listener.fileno() if listener else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=True,
        )
    deadline = time.monotonic() + 10
    while not (pidfile.exists() and pidfile.read_text().endswith("\n")):
        if time.monotonic() > deadline:
            raise _failure(layout, part, "did not start")
        time.sleep(0.01)


def _failure(layout: Layout, part: Part, what: str) -> LabError:
    log = log_of(layout, part.name)
    this_run = log.read_text(errors="replace").rpartition(HEADER)[2].splitlines()[1:] if log.exists() else []
    return LabError(
        "\n  ".join([f"{part.name} {what}; the end of {log}:", *(line[:300] for line in this_run[-12:])])
    )
