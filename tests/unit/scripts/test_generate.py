"""The files that are generated are those that are checked in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scripts.generate import leftovers
from tests.lab.layout import CHECKOUT


def test_generated_files_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.generate", "--check"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_page_of_no_verb_is_left_over(tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "reference"
    folder.mkdir(parents=True)
    for name in ("scale.md", "fly.md", "README.md"):
        (folder / name).write_text("")
    assert leftovers(tmp_path) == [folder / "fly.md"]
