"""KUBECTL_EXTERNAL_DIFF: the user's own program for differences, run as kubectl diff runs it."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from kubectl_kagent.errors import KagentError

_PREFIX = "kubectl-kagent-"


def run_on_files(command: str, before: tuple[str, str], after: tuple[str, str]) -> None:
    """Give the program two files, each with a name and a text. Raises KagentError when it fails."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as place:
        paths = [Path(place, name) for name, _ in (before, after)]
        for path, (_, text) in zip(paths, (before, after), strict=True):
            path.write_text(text)
        _run(command, paths)


def run_on_folders(command: str, live: Mapping[str, str], merged: Mapping[str, str]) -> int:
    """Give the program two folders, of texts by name; its exit code. Raises KagentError when it fails."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as place:
        folders = [Path(place, "LIVE"), Path(place, "MERGED")]
        for folder, texts in zip(folders, (live, merged), strict=True):
            folder.mkdir()
            for name, text in texts.items():
                (folder / name).write_text(text)
        return _run(command, folders)


def _run(command: str, paths: list[Path]) -> int:
    """Its exit code: 0, or 1 when they differ."""
    try:
        done = subprocess.run([*shlex.split(command), *map(str, paths)], check=False)
    except (OSError, ValueError) as error:  # not a program, or a quote without its other half
        raise KagentError(f"KUBECTL_EXTERNAL_DIFF: {error}") from error
    if done.returncode not in (0, 1):
        raise KagentError(f"KUBECTL_EXTERNAL_DIFF: {command} failed with exit code {done.returncode}")
    return done.returncode
