"""The pages name files, folders and classes that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lab.layout import CHECKOUT

_PAGES = sorted(
    str(path.relative_to(CHECKOUT))
    for path in (*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md"))
    if path.name != "CHANGELOG.md"  # of the past
)
# Where a path that a page names may begin.
_ROOTS = (CHECKOUT, CHECKOUT / "kubectl_kagent")


def _there(name: str) -> list[Path]:
    return [root / name for root in _ROOTS if (root / name).exists()]


@pytest.mark.parametrize("page", _PAGES)
def test_files_and_folders_are_there(page: str) -> None:
    """Those in code spans: ``cluster/api.py``, ``tests/fake/cluster.py``, ``tests/data/screens``."""
    text = (CHECKOUT / page).read_text()
    names = [
        name
        for name in re.findall(r"`([\w.-]+(?:/[\w.-]+)*/?)`", text)
        if "/" in name or name.endswith(".py")
    ]
    ours = [
        name for name in names if name.endswith(".py") or name.split("/")[0] in ("tests", "docs", "manifests")
    ]
    # in a page about one package its modules go by their names
    missing = {
        name for name in ours if not _there(name) and not [*CHECKOUT.glob(f"kubectl_kagent/**/{name}")]
    }
    assert missing == set()


def test_the_glossary_names_classes_where_they_are() -> None:
    pairs = re.findall(r"`([\w/]+\.py)` \(`(\w+)`\)", (CHECKOUT / "docs/glossary.md").read_text())
    assert len(pairs) > 8
    assert [
        (file, name)
        for file, name in pairs
        if f"class {name}" not in "".join(p.read_text() for p in _there(file))
    ] == []


def test_each_decision_is_in_the_index_and_says_when_to_look_again() -> None:
    index = (CHECKOUT / "CONTRIBUTING.md").read_text()
    for path in (CHECKOUT / "docs/decisions").glob("*.md"):
        assert f"docs/decisions/{path.name}" in index, path.name
        assert "**Look again**" in path.read_text(), path.name
