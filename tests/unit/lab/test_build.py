"""Building Go programs: a download that breaks off costs nothing, an error in the code is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.build import go_build
from tests.lab.errors import LabError

# What `go build -o FOLDER/ ./tool` does, as far as it matters here; it fails as often as there are marks.
GO = """#!/bin/sh
mark=$(ls marks/* 2>/dev/null | head -n 1)
if [ -n "$mark" ]; then rm "$mark"; echo "proxy: connection reset"; exit 1; fi
while [ "$1" != -o ]; do shift; done
echo built > "$2/tool"
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    go = tmp_path / "bin" / "go"
    go.write_text(GO)
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    (tmp_path / "source" / "marks").mkdir(parents=True)
    return tmp_path / "source"


def fail(source: Path, times: int) -> None:
    for number in range(times):
        (source / "marks" / str(number)).touch()


@pytest.mark.parametrize("times", [0, 1])
def test_a_build_may_fail_once(source: Path, tmp_path: Path, times: int) -> None:
    fail(source, times)
    go_build(source, {"hammer": "./tool"}, "", tmp_path / "built")
    assert [path.name for path in (tmp_path / "built").iterdir()] == ["hammer"]


def test_one_that_fails_again_is_told_and_leaves_nothing_that_looks_built(
    source: Path, tmp_path: Path
) -> None:
    fail(source, 2)
    with pytest.raises(LabError, match=r"go build .*failed:\nproxy: connection reset"):
        go_build(source, {"hammer": "./tool"}, "", tmp_path / "built")
    assert not (tmp_path / "built").exists()
