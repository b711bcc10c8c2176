"""Columns that can be sorted."""

from __future__ import annotations

import pytest

from kubectl_kagent.errors import UsageError
from kubectl_kagent.render.columns import Column, cells, named

COLUMNS: list[Column[dict[str, object]]] = [
    Column("NAME", lambda row: row["name"]),
    Column("SIZE", lambda row: row.get("size"), lambda row: f"{row.get('size', 0)} MiB"),
    Column("COUNT", lambda row: row.get("count")),
]
ROWS: list[dict[str, object]] = [
    {"name": "b", "size": 3},
    {"name": "a", "count": 0},
    {"name": "", "count": 7},
]


def test_a_value_is_shown_as_its_cell_and_what_is_not_known_as_a_dash() -> None:
    assert cells(COLUMNS, ROWS) == (
        "NAME   SIZE    COUNT\nb      3 MiB   -\na      0 MiB   0\n-      0 MiB   7\n"
    )


@pytest.mark.parametrize(("name", "order"), [("name", ["", "a", "b"]), ("SIZE", ["b", "a", ""])])
def test_texts_stand_from_a_to_z_and_numbers_from_the_largest(name: str, order: list[str]) -> None:
    assert [row["name"] for row in sorted(ROWS, key=named(COLUMNS, name).place)] == order


def test_a_column_that_is_not_shown() -> None:
    with pytest.raises(UsageError, match='there is no column "age"') as error:
        named(COLUMNS, "age")
    assert error.value.hint == "one of NAME, SIZE, COUNT"
