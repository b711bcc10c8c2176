"""Where an object is."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.model.place import by_place, place_of


def named(**metadata: str) -> dict[str, Any]:
    return {"metadata": metadata}


def test_an_object_is_in_its_namespace_or_in_none() -> None:
    assert place_of(named(namespace="team", name="clock")) == ("team", "clock")
    assert place_of(named(name="node-1")) == ("", "node-1")


def test_without_a_name_it_is_nowhere() -> None:
    with pytest.raises(LookupError):
        place_of(named(namespace="team"))


def test_of_one_name_there_is_one_in_each_namespace() -> None:
    here, there = named(namespace="a", name="clock"), named(namespace="b", name="clock")
    assert by_place([here, there]) == {("a", "clock"): here, ("b", "clock"): there}
