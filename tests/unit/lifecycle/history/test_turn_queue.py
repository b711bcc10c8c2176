"""Who is due, and whose turn it is."""

from __future__ import annotations

import math

from kubectl_kagent.lifecycle.history.turn_queue import TurnQueue


def queue(*puts: tuple[str, float]) -> TurnQueue[str]:
    found = TurnQueue[str]()
    for item, due in puts:
        found.put(item, item[0], due)
    return found


def taken(of: TurnQueue[str], moment: float) -> list[str]:
    found = []
    while (item := of.take(moment)) is not None:
        found.append(item)
    return found


def test_owners_take_turns_each_with_its_oldest() -> None:
    assert taken(queue(("a3", 3.0), ("a1", 1.0), ("b1", 2.0), ("a2", 2.0)), 5.0) == ["a1", "b1", "a2", "a3"]


def test_what_is_not_due_waits() -> None:
    found = queue(("c1", 9.0), ("a1", 1.0))
    assert taken(found, 5.0) == ["a1"]
    assert found.next_due() == 9.0
    assert taken(found, 9.0) == ["c1"]
    assert found.next_due() == math.inf


def test_the_newest_time_counts() -> None:
    found = queue(("a1", 0.5), ("b1", 1.0), ("c1", 9.0), ("a1", 7.0))
    found.drop("b1")
    found.drop("unknown")
    assert (found.due("a1"), found.due("b1")) == (7.0, None)
    assert taken(found, 5.0) == []
    assert found.next_due() == 7.0
    assert taken(found, 9.0) == ["a1", "c1"]


def test_what_was_taken_may_come_again_at_the_same_time() -> None:
    found = queue(("a1", 1.0))
    assert taken(found, 1.0) == ["a1"]
    found.put("a1", "a", 1.0)
    assert taken(found, 1.0) == ["a1"]


def test_of_two_owners_at_one_time_the_first_turn_counts() -> None:
    found = TurnQueue[str]()
    for item in ("a1", "a2", "a3"):
        found.put(item, "old", 1.0)
    found.put("a3", "new", 1.0)
    assert taken(found, 1.0) == ["a1", "a3", "a2"]


def test_what_is_left_of_an_owner_is_due_at_once() -> None:
    found = queue(("a1", 1.0), ("a2", 2.0))
    assert found.take(5.0) == "a1"
    assert found.next_due() == -math.inf


def test_an_item_takes_its_room_once_however_often_it_is_put_in() -> None:
    found = queue(*[("a1", 1.0), ("b1", 2.0)] * 1000)
    assert len(found._later) == 2
    assert taken(found, 1.5) == ["a1"]
    found.put("b1", "b", 2.0)
    assert taken(found, 2.0) == ["b1"]
