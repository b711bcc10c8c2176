"""Objects in the order in which kubectl sorts them."""

from __future__ import annotations

from typing import Any

from kubectl_kagent.render.sort_by import in_order


def test_numbers_in_names_are_sorted_as_numbers() -> None:
    items = [{"n": name} for name in ("a10", "a9", "b", "a", "10", "9")]
    assert [item["n"] for item in in_order(items, ".n")] == ["9", "10", "a", "a9", "a10", "b"]
    longest = [f"a{'9' * 5000}", f"a1{'0' * 5000}", f"a{'0' * 6000}7", "a8"]
    assert [item["n"] for item in in_order([{"n": name} for name in longest], ".n")] == [
        *(longest[2], longest[3], longest[0], longest[1])
    ]
    mixed: list[dict[str, Any]] = [{"n": "x"}, {"n": 2}, {}, {"n": 1.5}]
    assert in_order(mixed, ".n") == [{}, {"n": 1.5}, {"n": 2}, {"n": "x"}]
