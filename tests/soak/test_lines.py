"""Generated command lines of each command end with a documented code."""

from __future__ import annotations

import pytest

from tests.soak import campaign
from tests.soak.lines import commands

_COUNT = 15


@pytest.mark.parametrize("words", [path for path, _ in commands()], ids=" ".join)
def test_a_generated_line_ends_with_a_documented_code(words: tuple[str, ...]) -> None:
    assert campaign.lines(words, _COUNT).seen == []
