"""The lab's host processes: one that dies at its start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import network, processes
from tests.lab.errors import LabError
from tests.lab.layout import Layout
from tests.lab.processes import Part


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(network, "entering", lambda _: ())
    return Layout("unit", tmp_path / "cache", tmp_path / "state")


@pytest.fixture
def part(layout: Layout, tmp_path: Path) -> Iterator[Part]:
    """It dies once, and then stays."""
    (tmp_path / "first").touch()
    script = f"rm {tmp_path}/first 2>/dev/null && exit 1; touch {tmp_path}/ready; exec sleep 60"
    made = Part("mortal", ["sh", "-c", script], (tmp_path / "ready").exists, deaths=1)
    yield made
    processes.stop(layout, made)


def test_it_is_started_again_as_often_as_it_may_die(layout: Layout, part: Part) -> None:
    processes.ensure(layout, part)
    processes.wait_ready(layout, part, 10)
    log = processes.log_of(layout, part.name).read_text()
    assert log.count(processes.HEADER) == 2


def test_one_that_may_not_is_an_error_with_its_last_words(layout: Layout) -> None:
    brittle = Part("brittle", ["sh", "-c", "echo no such cgroup; exit 1"], lambda: False)
    processes.ensure(layout, brittle)
    with pytest.raises(LabError, match=r"brittle died; the end of .*\n  no such cgroup"):
        processes.wait_ready(layout, brittle, 10)
