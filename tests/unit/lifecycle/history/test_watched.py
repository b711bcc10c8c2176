"""What a recorder keeps of its workloads: whom a change touches, whose turn it is, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.cluster.feed import Changed
from kubectl_kagent.lifecycle.history import watched as of_watched
from kubectl_kagent.lifecycle.history.watched import WatchedWorkloads, unforeseen
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, DEPLOYMENT, MCP_SERVER, MODEL_CONFIG, Resource
from kubectl_kagent.model.workload import Workload
from tests.objects import agent

CLOCK = (AGENT, "team", "clock")
OTHER = (AGENT, "other", "clock")
NOW = 1000.0


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def watched(said: list[str], monkeypatch: pytest.MonkeyPatch) -> WatchedWorkloads:
    monkeypatch.setattr(clock, "monotonic", lambda: NOW)
    monkeypatch.setattr(of_watched, "HOLD_SECONDS", 1.0)
    return WatchedWorkloads(said.append)


def workload(namespace: str = "team", uid: str = "uid-1", **spec: Any) -> Workload:
    obj = agent(**spec)
    obj["metadata"] |= {"namespace": namespace, "uid": uid}
    return Workload(AGENT, obj)


def change(resource: Resource, version: int, *, at: float | None = NOW) -> Changed:
    metadata = {"namespace": "team", "name": "clock", "resourceVersion": str(version)}
    return Changed(resource, {"metadata": metadata}, gone=False, at=at)


def test_a_change_touches_who_has_the_name_or_uses_the_object(watched: WatchedWorkloads) -> None:
    watched.keep(CLOCK, workload(modelConfig="gpt"))
    assert watched.touched_by(CLOCK) == {CLOCK}
    assert watched.touched_by((DEPLOYMENT, "team", "clock")) == {CLOCK}
    assert watched.touched_by((MODEL_CONFIG, "team", "gpt")) == {CLOCK}
    for nobody in ((DEPLOYMENT, "team", "gpt"), (CONFIG_MAP, "team", "clock"), (MCP_SERVER, "team", "clock")):
        assert watched.touched_by(nobody) == set()
    watched.keep(CLOCK, workload(modelConfig="big"))
    assert watched.touched_by((MODEL_CONFIG, "team", "gpt")) == set()


def test_of_one_that_is_gone_or_made_anew_the_old_one_is_forgotten(watched: WatchedWorkloads) -> None:
    assert watched.keep(CLOCK, workload()) is None
    watched[CLOCK].seen = 7
    assert watched.keep(CLOCK, workload()) is None
    assert watched[CLOCK].seen == 7
    before = watched.keep(CLOCK, workload(uid="uid-2"))
    assert before is not None
    assert (before.uid, watched[CLOCK].workload.uid, watched[CLOCK].seen) == ("uid-1", "uid-2", 0)
    gone = watched.forget(CLOCK)
    assert gone is not None
    assert (gone.uid, watched.forget(CLOCK), watched.copy()) == ("uid-2", None, {})


def test_a_change_holds_a_moment_and_is_looked_at_once(watched: WatchedWorkloads) -> None:
    watched.keep(CLOCK, workload())
    watched.wake(CLOCK, change(AGENT, 5))
    assert (watched.next_due(), watched[CLOCK].waiting) == (NOW + 1, NOW)
    assert watched.take(NOW, 9) == []
    assert watched.take(NOW + 1, 9) == [CLOCK]
    assert watched.take(NOW + 1, 9) == []


def test_as_many_as_are_wanted_are_taken_those_that_changed_last_first(watched: WatchedWorkloads) -> None:
    for key, version in ((CLOCK, 5), (OTHER, 6)):
        watched.keep(key, workload(key[1]))
        watched[key].newest = version
    watched.wake_all()
    assert [watched.take(NOW, 1), watched.take(NOW, 9)] == [[OTHER], [CLOCK]]


def test_a_change_that_came_meanwhile_is_waited_for(watched: WatchedWorkloads) -> None:
    watched.keep(CLOCK, workload())
    watched.wake(CLOCK, change(AGENT, 5))
    watched.take(NOW + 1, 9)
    watched[CLOCK].past = 5
    assert (watched.was_looked_at(CLOCK), watched[CLOCK].waiting) == (False, None)
    watched.wake(CLOCK, change(AGENT, 6))
    assert (watched.was_looked_at(CLOCK), watched[CLOCK].waiting) == (True, NOW)


def test_trouble_is_said_once_and_tried_later_and_later(watched: WatchedWorkloads, said: list[str]) -> None:
    watched.keep(CLOCK, workload())
    due = []
    for _ in range(8):
        watched.retry(CLOCK, "quota")
        due.append(watched.next_due() - NOW)
    assert due == [1, 2, 4, 8, 16, 32, 60, 60]
    watched.wake(CLOCK, change(AGENT, 9))
    assert watched.next_due() - NOW == 60
    assert said == ["agent.kagent.dev/clock in team: quota"]


def test_a_change_that_is_told_too_late_is_said(watched: WatchedWorkloads, said: list[str]) -> None:
    watched.keep(CLOCK, workload())
    watched[CLOCK].past = 9
    for told in (change(AGENT, 9, at=None), change(DEPLOYMENT, 9), change(AGENT, 10), change(AGENT, 9)):
        watched.wake(CLOCK, told)
    assert said == [
        "agent.kagent.dev/clock in team: a change of agent.kagent.dev/clock was told too late: "
        "the revision after it may lack it"
    ]


def test_an_error_that_nobody_foresaw_is_one_line() -> None:
    assert unforeseen(ValueError("of two\n  lines" + "x" * 300)) == f"ValueError: of two lines{'x' * 188}"
