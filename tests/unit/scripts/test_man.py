"""Man pages: one for each verb, that man and mandoc understand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.command_tree import commands
from scripts.man import _text, name_of, pages, write

_DAY = 1_790_000_000  # 2026-09-21


def test_each_verb_has_a_page_with_its_options_and_examples() -> None:
    found = pages(_DAY)
    assert list(found) == ["kubectl-kagent.1", *(f"{name_of(node)}.1" for node in commands())]
    page = found["kubectl-kagent-rollout-undo.1"]
    assert page.startswith('.TH "KUBECTL\\-KAGENT\\-ROLLOUT\\-UNDO" "1" "2026-09-21" ')
    for words in ("\\fB\\-\\-to\\-revision\\fR", '.SH "EXAMPLES"', "\\fB130\\fR\ninterrupted"):
        assert words in page


def test_nothing_in_a_text_is_markup() -> None:
    assert _text("a\\b --c\n.so /etc/passwd\n'x") == "a\\eb \\-\\-c\n\\&.so /etc/passwd\n\\&'x"


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_mandoc_has_nothing_to_say(tmp_path: Path) -> None:
    write(tmp_path, _DAY)
    command = ["mandoc", "-T", "lint", "-W", "warning", *sorted(map(str, (tmp_path / "man1").iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
