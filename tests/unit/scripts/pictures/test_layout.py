"""Panels in their places, rows open."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.pictures.layout import UnknownShape, panels, twins


def panel(title: str, y: int, h: int = 4, **more: Any) -> dict[str, Any]:
    return {"id": y, "title": title, "type": "stat", "gridPos": {"x": 0, "y": y, "w": 24, "h": h}, **more}


def places(*given: dict[str, Any]) -> list[tuple[str, int]]:
    return [(one["title"], one["gridPos"]["y"]) for one in panels({"panels": list(given)})]


def test_panels_are_in_the_order_of_their_places() -> None:
    assert places(panel("below", 4), panel("above", 0)) == [("above", 0), ("below", 4)]


def test_a_collapsed_row_is_open_and_pushes_the_rest_down() -> None:
    # Grafana keeps the places that the panels inside had, wherever the row is now
    row = panel("row", 4, 1, panels=[panel("inside", 40, 6), panel("under", 46, 2)])
    assert places(panel("first", 0), row, panel("last", 5)) == [
        ("first", 0),
        ("row", 4),
        ("inside", 5),
        ("under", 11),
        ("last", 13),
    ]


def test_options_of_fields_that_a_file_leaves_out() -> None:
    [found] = panels({"panels": [panel("bare", 0, fieldConfig={"defaults": {"unit": "s"}})]})
    assert found["fieldConfig"] == {"defaults": {"unit": "s"}, "overrides": []}


def test_what_repeats_is_not_drawn() -> None:
    with pytest.raises(UnknownShape, match=r"^panel 'of \$agent' repeats by \$agent$"):
        panels({"panels": [panel("of $agent", 0, repeat="agent")]})


def test_two_panels_with_one_id() -> None:
    assert twins([panel("one", 1), panel("other", 2), panel("third", 1)]) == ["third: has the id of one, 1"]
    assert twins([panel("same", 1), panel("same", 1)]) == ["same: has the id of same, 1"]
