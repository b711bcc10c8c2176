"""Ids that may stand in a path and in a query."""

from __future__ import annotations

import pytest

from kubectl_kagent.telemetry.traces.query import NoSuchTurn
from kubectl_kagent.telemetry.traces.sources import plain


@pytest.mark.parametrize("id_", ["", ".", "..", "a/b", "a b", "a?b", "ü"])
def test_what_is_no_plain_id(id_: str) -> None:
    with pytest.raises(NoSuchTurn):
        plain(id_)


def test_a_plain_id_is_as_it_was() -> None:
    assert plain("01a205ee-5c2c:x.y_z") == "01a205ee-5c2c:x.y_z"
