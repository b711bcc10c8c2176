"""The archives on disk: found again by the key of what they are made from, built once, old ones removed."""

import fcntl
import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError

Build = Callable[[Path, Path], None]  # (a scratch directory, the archive to write)


@dataclass(frozen=True)
class Shelf:
    directory: Path
    progress: Callable[[str], None]

    def archive(self, name: str, key: str, build: Build) -> Path:
        """The archive of that name and key, built when it is not there yet."""
        self.directory.mkdir(parents=True, exist_ok=True)
        target = self.directory / f"{name}-{key}.tar"
        with self._lock():
            if not target.exists():
                self._build(name, target, build)
            os.utime(target, ns=(time.time_ns(), target.stat().st_mtime_ns))  # last used: now
        return target

    def _build(self, name: str, target: Path, build: Build) -> None:
        begun = time.monotonic()
        self.progress(f"building the image archive {name}")
        with tempfile.TemporaryDirectory(dir=self.directory, prefix="building-") as scratch:
            written = Path(scratch) / "archive.tar"
            build(Path(scratch), written)
            self._remove_unused(name)
            written.rename(target)
        size = target.stat().st_size / 1e6
        self.progress(f"built {name}: {size:.0f} MB in {time.monotonic() - begun:.0f} s")

    def _remove_unused(self, name: str) -> None:
        """Another checkout shares the shelf, and may be about to import what it found here."""
        for other in self.directory.glob(f"{name}-{'[0-9a-f]' * KEY_LENGTH}.tar"):
            if time.time() - other.stat().st_atime > UNUSED_SECONDS:
                other.unlink()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Two labs that start at once must not build the same thing twice."""
        with (self.directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


KEY_LENGTH = 16
UNUSED_SECONDS = 24 * 3600


def key_of(*parts: Path | str) -> str:
    """A key of texts, and of the contents of files and directories."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(f"{len(part)}:{part}".encode())
            continue
        for path in sorted(part.rglob("*")) if part.is_dir() else [part]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(part)}:{path.stat().st_size}:".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:KEY_LENGTH]


def run(command: Sequence[str | Path], what: str, cwd: Path | None = None, **env: str) -> str:
    """Run one build step; its whole output is in the error when it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True)
    except FileNotFoundError as missing:
        raise LabError(f"{what} needs the program {words[0]}, which is not installed") from missing
    if done.returncode:
        raise LabError(f"{what} failed ({' '.join(words[:3])} ...):\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout
