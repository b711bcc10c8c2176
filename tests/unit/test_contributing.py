"""CONTRIBUTING's steps to a verb are all that it takes, and none can be forgotten."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.layout import CHECKOUT
from tests.throwaway.parts import PARTS, VERBS, Part, compare, imports, lint, walked


def steps() -> dict[int, str]:
    """The steps of the text, by their numbers."""
    page = (CHECKOUT / "CONTRIBUTING.md").read_text().partition("\n## Add a verb\n")[2].partition("\n## ")[0]
    return {int(number): text for number, text in re.findall(r"^(\d+)\. (.*?)(?=^\d|\Z)", page, re.M | re.S)}


def _files(text: str) -> Iterator[str]:
    """Files of ours that a step names."""
    return (name for name in re.findall(r"`([^`]+)`", text) if re.search(r"[/\w]\.(py|md|toml)$", name))


def test_each_step_of_the_text_is_walked_and_no_other() -> None:
    text = steps()
    assert list(text) == [*range(1, 10)] == sorted({part.step for part in PARTS})
    assert [part for part in PARTS if part.named not in text[part.step]] == []


def test_each_file_that_the_text_names_is_there() -> None:
    places = [CHECKOUT, CHECKOUT / "kubectl_kagent"]
    named = {name.replace("<verb>", "scale") for text in steps().values() for name in _files(text)}
    assert len(named) > 12
    assert {name for name in named if not any((place / name).exists() for place in places)} == set()


def test_the_tests_that_the_text_runs_are_there() -> None:
    lines = re.findall(r"`\.venv/bin/pytest ([^`]+)`", (CHECKOUT / "CONTRIBUTING.md").read_text())
    assert len(lines) == 3
    for line in lines:
        words = [sys.executable, "-m", "pytest", "--collect-only", "-q", *line.split()]
        done = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        # 5 is that of a run without any test: those of the lab are left out where there is none
        left_out = "tests/cluster" in line and "LEFT OUT" in done.stdout
        assert done.returncode == (5 if left_out else 0), done.stdout


def test_the_steps_are_all_that_a_verb_takes(tmp_path: Path) -> None:
    copy = walked(tmp_path / "copy")
    for check in (lint, imports, compare):
        assert check(copy)[0] == 0, check(copy)[1]
    assert copy.ruff("format", "--check")[0] == 0, copy.ruff("format", "--check")[1]
    code, told = copy.pytest(
        VERBS,
        "tests/unit/lifecycle/workloads/test_made.py",
        "tests/unit/render/test_made.py",
        "tests/unit/commands/test_made.py",
        "tests/unit/cli",
        "tests/unit/rbac",
        "tests/contract/test_cluster_contract.py",
        "tests/soak/test_faults.py",
        "-m",
        "not cluster",
        "-k",
        "made or Made or exists or each_verb or each_module or each_method or these_verbs or every_verb",
    )
    assert (code, "warning" in told) == (0, False), told


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.step}-{part.named}")
def test_a_step_that_is_left_out_is_named(tmp_path: Path, part: Part) -> None:
    copy = walked(tmp_path / "copy", without=part)
    code, told = part.check(copy)
    assert code == 1, told
    assert [words for words in part.told if words not in told] == [], told
