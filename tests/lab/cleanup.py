"""Take a lab away, however it ended. What is left is found by the lab's name, not from notes it made."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tests.lab.errors import LabError
from tests.lab.layout import Layout
from tests.lab.node import hierarchies
from tests.lab.processes import MARK
from tests.lab.progress import Progress

UNMOUNT_DETACHED = 2
PATIENCE_SECONDS = 30
CONTAINER_LINKS = Path("/var/log/containers")
CNI_RESULTS = Path("/var/lib/cni/results")
Found = TypeVar("Found", int, Path)


def remove(layout: Layout, progress: Progress) -> None:
    """Processes, mounts, network, cgroups, files, in this order: each stands on the ones before."""
    _until_none(lambda: processes(layout), _kill, "process")
    _until_none(lambda: mounts(layout), _unmount, "mount")
    if layout.netns.exists():
        subprocess.run(["ip", "netns", "delete", layout.label], capture_output=True, timeout=60, check=False)
        layout.netns.unlink(missing_ok=True)
    _until_none(lambda: cgroups(layout), _remove_cgroup, "cgroup")
    _remove_files(layout)
    progress(f"lab {layout.name} is gone; its logs stay in {layout.logs}")


def leftovers(layout: Layout) -> list[str]:
    """Whatever of the lab the machine still holds, for people and for tests."""
    found = [f"process {number} {_command(number)}" for number in processes(layout)]
    found += [f"mount {path}" for path in mounts(layout)]
    found += [f"cgroup {path}" for path in cgroups(layout)]
    return found + ([f"network namespace {layout.label}"] if layout.netns.exists() else [])


def processes(layout: Layout) -> list[int]:
    """Marked by us (even if their network is gone), in the lab's network, or in a pod's cgroup; never us."""
    mark = f"{MARK}={layout.label}/".encode()
    network = layout.netns.stat().st_ino if layout.netns.exists() else None
    found = {int(number) for path in cgroups(layout) for number in _read(path / "cgroup.procs").split()}
    for entry in Path("/proc").glob("[0-9]*"):
        marked = any(word.startswith(mark) for word in _read_bytes(entry / "environ").split(b"\0"))
        if marked or (network is not None and _network_of(entry) == network):
            found.add(int(entry.name))
    return sorted(found - {os.getpid()})


def mounts(layout: Layout) -> list[Path]:
    """Deepest first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]
    return [
        path
        for path in reversed(points)
        if path.is_relative_to(layout.run) or path.is_relative_to(layout.state)
    ]


def cgroups(layout: Layout) -> list[Path]:
    """Deepest first."""
    return [path for hierarchy in hierarchies() for path in _descend(hierarchy / layout.label)]


def _descend(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for child in path.iterdir():
            if child.is_dir():
                yield from _descend(child)
        yield path


def _until_none(find: Callable[[], list[Found]], end: Callable[[Found], None], kind: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while found := find():
        if time.monotonic() > deadline:
            raise LabError(f"a {kind} of the lab does not go away: {', '.join(map(str, found[:5]))}")
        for one in found:
            end(one)
        time.sleep(0.05)


def _kill(number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)


def _unmount(path: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(str(path).encode(), UNMOUNT_DETACHED) != 0 and path.is_mount():
        raise LabError(f"umount {path}: {os.strerror(ctypes.get_errno())}")


def _remove_cgroup(path: Path) -> None:
    with contextlib.suppress(OSError):  # busy until its last process is reaped; the caller tries again
        path.rmdir()


def _remove_files(layout: Layout) -> None:
    shutil.rmtree(layout.run, ignore_errors=True)
    for path in layout.state.glob("*"):
        if path not in {layout.logs, layout.state / "lock"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for link in CONTAINER_LINKS.glob("*"):
        if link.is_symlink() and link.readlink().is_relative_to(layout.pod_logs):
            link.unlink()
    for note in CNI_RESULTS.glob(f"{layout.label}-*"):
        note.unlink()


def _network_of(entry: Path) -> int | None:
    try:
        return (entry / "ns" / "net").stat().st_ino
    except OSError:
        return None  # it ended meanwhile


def _read(path: Path) -> str:
    return _read_bytes(path).decode()


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it ended meanwhile


def _command(number: int) -> str:
    return _read(Path(f"/proc/{number}/cmdline")).replace("\0", " ").strip()[:120]
