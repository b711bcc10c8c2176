"""Places and ids of panels."""

from __future__ import annotations

import pytest

from dashboards import panels
from dashboards.layout import Row, place
from dashboards.targets import now


def stat(title: str, expr: str = "up", *, width: int = 24, height: int = 4) -> panels.House:
    return panels.stat(title, "What.", now(expr), unit="none", missing="none", size=(width, height))


def ids(*rows: Row) -> dict[str, int]:
    return {panel.title: panel.id for panel in place(rows)}


def test_an_id_holds_when_panels_come_move_and_change() -> None:
    before = ids(Row("Turns", [stat("Turns"), stat("Failed")]))
    after = ids(Row("New", [stat("Cost"), stat("Failed", "other", height=8)]), Row("Turns", [stat("Turns")]))
    assert after["Failed"] == before["Failed"]
    assert after["Turns"] == before["Turns"]
    assert len(set(after.values())) == len(after)


def test_two_panels_of_one_kind_and_title() -> None:
    with pytest.raises(ValueError, match=r"\['Turns'\]: another panel has the id"):
        place([Row("One", [stat("Turns")]), Row("Other", [stat("Turns")])])


def test_a_row_may_have_the_title_of_a_panel() -> None:
    placed = place([Row("Turns", [stat("Turns")])])
    assert len({panel.id for panel in placed}) == 2


@pytest.mark.parametrize(
    "line", [[stat("A", width=20)], [stat("A", width=12), stat("B", width=12, height=8)]]
)
def test_a_line_with_a_gap(line: list[panels.House]) -> None:
    with pytest.raises(ValueError, match="leaves a gap"):
        place([Row("Turns", line)])


def test_places() -> None:
    placed = place(
        [Row("One", [stat("A", width=12), stat("B", width=12), stat("C")]), Row("Other", [stat("D")])]
    )
    found = {one.title: (one.gridPos.x, one.gridPos.y, one.gridPos.w, one.gridPos.h) for one in placed}
    assert found == {
        "One": (0, 0, 24, 1),
        "A": (0, 1, 12, 4),
        "B": (12, 1, 12, 4),
        "C": (0, 5, 24, 4),
        "Other": (0, 9, 24, 1),
        "D": (0, 10, 24, 4),
    }
