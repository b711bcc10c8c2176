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
    deaths: int = 0  # so often it is started again when it dies at its start
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
    deadline, deaths = time.monotonic() + timeout, part.deaths
    while not part.ready():
        if pid(layout, part.name) is None:
            if not deaths:
                raise _failure(layout, part, "died")
            deaths -= 1
            _start(layout, part)
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
        while pid(layout, part.name) == target or _is_exiting(target):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            return
    raise LabError(
        f"{part.name} (process {target}) does not end, not even when killed; see {log_of(layout, part.name)}"
    )


def _running(layout: Layout, name: str) -> tuple[int, str] | None:
    """Process id and key, read back from the process."""
    try:
        number = int((layout.pidfiles / f"{name}.pid").read_text())
        environment = _environment(number).split(b"\0")
    except (OSError, ValueError):
        return None
    mark = f"{MARK}={layout.label}/{name}/".encode()
    return next(
        ((number, entry[len(mark) :].decode()) for entry in environment if entry.startswith(mark)), None
    )


def _is_exiting(process: int) -> bool:
    """Whether threads of it are left: its sockets go with the last one, its environment with the first."""
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
        environment = Path(f"/proc/{process}/environ").read_bytes()
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return not environment and (len(threads) > 1 or state not in "ZX")


def _environment(number: int) -> bytes:
    """Empty for a zombie, which is as good as gone, and for a moment while a process becomes its program."""
    directory = Path(f"/proc/{number}")
    for _ in range(100):
        found = (directory / "environ").read_bytes()
        if found or directory.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return found
        time.sleep(0.01)
    return b""


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
