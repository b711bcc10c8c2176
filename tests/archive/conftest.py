"""The archive that `make archive` built, unpacked."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kubectl_kagent import __version__
from scripts.archive.__main__ import file_name
from tests.lab.lab import Lab
from tests.lab.layout import CHECKOUT

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def archive() -> Path:
    """The archive itself."""
    path = CHECKOUT / "dist" / file_name()
    assert path.exists(), f"no {path.name} of kubectl-kagent {__version__}: make archive"
    return path


@pytest.fixture(scope="session")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that krew would make of it."""
    folder = tmp_path_factory.mktemp("archive")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def krew() -> Path:
    """The folder of krew, as kubectl-krew, and of validate-krew-manifest."""
    return Lab.here().build_krew()


def run(*command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def of_checkout(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """What the checkout says to it."""
    return run(sys.executable, "-m", "kubectl_kagent", *words, **env)
