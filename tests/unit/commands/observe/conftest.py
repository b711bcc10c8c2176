"""The small bundle in the place of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake.bundle import in_place_of_ours, write


@pytest.fixture(autouse=True)
def small(tmp_path: Path) -> Iterator[Path]:
    """Where its files are."""
    root = write(tmp_path / "bundle")
    with in_place_of_ours(root):
        yield root
