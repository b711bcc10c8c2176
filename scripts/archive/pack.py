"""A folder as .tar.gz or .zip, whose bytes depend on nothing but the files' names, contents and one time."""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
import time
import zipfile
from pathlib import Path

_LEVEL = 9
_READ, _RUN = 0o644, 0o755


def pack(tree: Path, archive: Path, made: int) -> None:
    """``made``, in Unix seconds, is the time of every file."""
    files = sorted((path for path in tree.rglob("*") if not path.is_dir()), key=Path.as_posix)
    (_zip if archive.suffix == ".zip" else _tar)(tree, files, archive, made)


def _tar(tree: Path, files: list[Path], archive: Path, made: int) -> None:
    with (
        open(archive, "wb") as raw,
        gzip.GzipFile("", "wb", _LEVEL, raw, mtime=made) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in files:
            entry = tarfile.TarInfo(path.relative_to(tree).as_posix())
            entry.mtime, entry.mode = made, _mode(path)
            if path.is_symlink():
                entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(path)
                tar.addfile(entry)
            else:
                entry.size = path.stat().st_size
                with path.open("rb") as content:
                    tar.addfile(entry, content)


def _zip(tree: Path, files: list[Path], archive: Path, made: int) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as packed:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), time.gmtime(made)[:6])
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = (stat.S_IFREG | _mode(path)) << 16
            packed.writestr(entry, path.read_bytes())


def _mode(path: Path) -> int:
    """Programs and shared libraries may be run whatever the umask was."""
    return _RUN if path.stat().st_mode & stat.S_IXUSR else _READ
