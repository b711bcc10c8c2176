"""Who is due, and whose turn it is."""

from __future__ import annotations

import math

from kubectl_kagent.lifecycle.history.turn_queue import TurnQueue

MEANT = {("a1", 1.0), ("a2", 2.0), ("a3", 3.0), ("b1", 2.0), ("c1", 9.0)}


def counts(item: str, due: float) -> bool:
    return (item, due) in MEANT


def queue(*puts: tuple[str, float]) -> TurnQueue[str]:
    found = TurnQueue[str]()
    for item, due in puts:
        found.put(item, item[0], due)
    return found


def taken(of: TurnQueue[str], moment: float) -> list[str]:
    found = []
    while (item := of.take(moment, counts)) is not None:
        found.append(item)
    return found


def test_owners_take_turns_each_with_its_oldest() -> None:
    assert taken(queue(("a3", 3.0), ("a1", 1.0), ("b1", 2.0), ("a2", 2.0)), 5.0) == ["a1", "b1", "a2", "a3"]


def test_what_is_not_due_waits() -> None:
    found = queue(("c1", 9.0), ("a1", 1.0))
    assert taken(found, 5.0) == ["a1"]
    assert found.next_due(counts) == 9.0
    assert taken(found, 9.0) == ["c1"]
    assert found.next_due(counts) == math.inf


def test_what_was_put_in_for_another_time_does_not_count() -> None:
    found = queue(("a1", 0.5), ("b1", 7.0), ("c1", 9.0))
    assert taken(found, 5.0) == []
    assert found.next_due(counts) == 9.0


def test_what_is_left_of_an_owner_is_due_at_once() -> None:
    found = queue(("a1", 1.0), ("a2", 2.0))
    assert found.take(5.0, counts) == "a1"
    assert found.next_due(counts) == -math.inf
