"""A copy of this working tree, in which a test may change whatever it likes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.lab.layout import CHECKOUT

# No check reads these. Compiled modules come along: they are good for the copies too.
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "dist", "build", "*.egg-info")
_SECONDS = 120


class WorkingCopy:
    """The files of this tree, and its checks run on them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(CHECKOUT, root, ignore=_LEFT_OUT)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def insert(self, path: str, text: str, *, before: str) -> None:
        """Put ``text`` before the first ``before`` of a file, which must be there."""
        head, mark, tail = (self.root / path).read_text().partition(before)
        assert mark, f"{path} has no {before!r} any more: change this test with it"
        self.write(path, f"{head}{text}{mark}{tail}")

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a program of this environment there; its exit code, and all it said."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout

    def python(self, *words: str) -> tuple[int, str]:
        return self.run([sys.executable, *words])

    def pytest(self, *words: str) -> tuple[int, str]:
        return self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *words)

    def lint_imports(self) -> tuple[int, str]:
        program = Path(sys.executable).with_name("lint-imports")
        return self.run([str(program), "--no-logo", "--no-cache"])

    def ruff(self, *words: str) -> tuple[int, str]:
        return self.run([str(Path(sys.executable).with_name("ruff")), *words, "--no-cache", "."])
