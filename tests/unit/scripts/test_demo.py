"""The walk of make demo: it shows its commands, and stops at the first that ends otherwise than it should."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.demo import Walk

# Says its word, and for ``applied`` what it is given, and ends with the code that it is told.
_KUBECTL = """#!/bin/sh
echo "$1"
[ "$1" = applied ] && cat
exit "$2"
"""


@pytest.fixture
def walk(tmp_path: Path) -> Walk:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(_KUBECTL)
    kubectl.chmod(0o755)
    return Walk(str(kubectl), "demo", tmp_path, dict(os.environ), started=0.0)


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_each_command_is_run_into_the_next(walk: Walk, capsys: pytest.CaptureFixture[str]) -> None:
    assert walk.run("kubectl made 0 | kubectl applied 0") == "applied\nmade\n"
    assert shown(capsys) == ["$ kubectl made 0 | kubectl applied 0", "applied", "made"]


@pytest.mark.parametrize("code", [0, 3])
def test_a_command_that_fails_is_the_end_wherever_it_stands(
    walk: Walk, capsys: pytest.CaptureFixture[str], code: int
) -> None:
    """Also where the last one is to fail with the same code."""
    with pytest.raises(SystemExit, match=r"^demo: expected exit code 0 of: kubectl made 3$"):
        walk.run(f"kubectl made 3 | kubectl applied {code}", code=code)
    assert shown(capsys) == [f"$ kubectl made 3 | kubectl applied {code}", "made", "(exit code 3)"]


def test_the_last_ends_as_it_should_or_that_is_the_end(
    walk: Walk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert walk.run("kubectl made 0 | kubectl applied 1", code=1) == "applied\nmade\n"
    with pytest.raises(SystemExit, match=r"^demo: expected exit code 1 of: kubectl made 0$"):
        walk.run("kubectl made 0", code=1)
    assert shown(capsys) == [
        "$ kubectl made 0 | kubectl applied 1",
        "applied",
        "made",
        "(exit code 1)",
        "$ kubectl made 0",
        "made",
    ]
