"""trace -f: each turn once when it ends; what runs and what waits is told when it begins to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.errors import Unreachable
from tests.conftest import Kagent, Screen
from tests.fake.cluster import FakeCluster
from tests.fake.records import GO_SESSION, GO_TASK, HITL_SESSION, HITL_TASK, TraceCluster

Act = Callable[[], object]


@pytest.fixture
def world(cluster: FakeCluster) -> TraceCluster:
    world = TraceCluster()
    world.clock = cluster.clock
    return world


def play(world: TraceCluster, monkeypatch: pytest.MonkeyPatch, *acts: Act) -> None:
    """One act each time that it sleeps; then Ctrl-C."""
    left = list(acts)

    def sleep(seconds: float) -> None:
        world.clock.sleep(seconds)
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    monkeypatch.setattr(clock, "sleep", sleep)


def state(world: TraceCluster, session: str, new: str, *, events: int | None = None) -> None:
    """Put the task in a state, and let only so many events be stored yet."""
    stored, tasks = world.sessions[session]
    tasks[0]["status"]["state"] = new
    if events is not None:
        world.kept = stored["events"][events:]
        stored["events"] = stored["events"][:events]
    elif world.kept:
        stored["events"] += world.kept
        world.kept = []


def nothing() -> None:
    """All stays as it is."""


def test_a_turn_is_told_once_when_it_ends(
    kagent: Kagent, world: TraceCluster, monkeypatch: pytest.MonkeyPatch, screen: Screen
) -> None:
    state(world, HITL_SESSION, "working", events=2)
    play(
        world,
        monkeypatch,
        nothing,
        lambda: state(world, HITL_SESSION, "input-required", events=None),
        nothing,
        lambda: state(world, HITL_SESSION, "completed"),
        nothing,
        nothing,
    )
    code, out, err = kagent("trace", "-f", "datetime-agent", "--since=8h", cluster=world)
    assert code == 130
    assert err == (
        "from the kagent controller's records of user admin@kagent.dev\n"
        f"{HITL_TASK} runs: delete prod-db\n"
        f"{HITL_TASK} waits for a person: delete prod-db\n"
        "interrupted\n"
    )
    screen("trace-follow", out)


def test_a_turn_that_begins_later(
    kagent: Kagent, world: TraceCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, tasks = world.sessions.pop(HITL_SESSION)
    now = world.clock.now

    def begin() -> None:
        text = json.dumps([session, tasks]).replace("2026-11-23T01:09:33", f"{now:%Y-%m-%dT%H:%M:%S}")
        world.sessions[HITL_SESSION] = tuple(json.loads(text))

    play(world, monkeypatch, nothing, begin, nothing, nothing)
    code, out, _ = kagent("trace", "datetime-agent", "-f", "--since=1m", cluster=world)
    assert code == 130
    assert [line.split()[0] for line in out.splitlines()] == ["TASK", "01a205f3-7ec0"]


def test_old_sessions_are_not_asked_for_again(
    kagent: Kagent, world: TraceCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(world, monkeypatch, nothing, nothing, nothing)
    kagent("trace", "-f", "datetime-agent", cluster=world)
    assert sum(path.endswith(f"/api/sessions/{GO_SESSION}") for path in world.asked) == 1
    assert sum(path.endswith("/api/sessions/agent/default/datetime-agent") for path in world.asked) == 4


def test_a_controller_that_goes_away_and_comes_back(
    kagent: Kagent, world: TraceCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> None:
        raise Unreachable("the server is away")

    def here(_: str) -> None:
        """It answers."""

    play(
        world,
        monkeypatch,
        lambda: setattr(world, "on_ask", away),
        nothing,
        nothing,
        lambda: setattr(world, "on_ask", here),
        nothing,
    )
    code, out, err = kagent("trace", "-f", "datetime-agent", cluster=world)
    assert code == 130
    assert err.count("the server is away; trying again") == 1
    assert len(out.splitlines()) == 3


def test_a_controller_that_was_never_there(kagent: Kagent, world: TraceCluster) -> None:
    def away(_: str) -> None:
        raise Unreachable("the server is away")

    world.on_ask = away
    code, out, err = kagent("trace", "-f", "datetime-agent", cluster=world)
    assert (code, out) == (5, "")
    assert err.splitlines()[-1] == "error: the server is away"


def test_a_gap_is_told_once(kagent: Kagent, world: TraceCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    session, tasks = world.sessions[GO_SESSION]
    session["events"][2]["data"] = "{"
    tasks[0]["status"]["state"] = "working"
    play(world, monkeypatch, nothing, nothing)
    _, _, err = kagent("trace", "-f", "datetime-agent", cluster=world)
    assert err.count("an event is not JSON: cut off?") == 1
    assert err.count(GO_TASK) == 1


@pytest.mark.parametrize("more", [["-o", "json"], ["--input=-"]])
def test_only_a_table_of_the_cluster_can_be_followed(
    kagent: Kagent, world: TraceCluster, more: list[str]
) -> None:
    code, _, err = kagent("trace", "-f", "datetime-agent", *more, cluster=world, input="{}")
    assert code == 2
    assert err.startswith(
        "error: -f prints a table of turns in the cluster: it takes neither -o nor --input\n"
    )


def test_secrets(kagent: Kagent, world: TraceCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    session, _ = world.sessions[GO_SESSION]
    data = session["events"][0]["data"]
    session["events"][0]["data"] = data.replace("what time", "password=hunter2 what time")
    monkeypatch.setenv("COLUMNS", "160")
    play(world, monkeypatch, nothing)
    assert "hunter2" not in kagent("trace", "-f", "datetime-agent", cluster=world)[1]
    found: Any = kagent("trace", "-f", "datetime-agent", "--show-secrets", cluster=world)
    assert "hunter2" in found[1]


def test_a_turn_is_over_when_nothing_comes_any_more(
    kagent: Kagent, world: TraceCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last event is stored a moment after the task's state."""
    state(world, HITL_SESSION, "working", events=2)

    def late() -> None:
        world.sessions[HITL_SESSION][1][0]["status"]["state"] = "completed"

    play(world, monkeypatch, late, lambda: state(world, HITL_SESSION, "completed"), nothing, nothing)
    _, out, _ = kagent("trace", "-f", "datetime-agent", "--since=8h", cluster=world)
    rows = [line.split() for line in out.splitlines() if line.startswith("01a205f3")]
    assert [(row[4], row[7]) for row in rows] == [("Completed", "98")]


def test_more_turns_at_once_than_the_list_shows(
    kagent: Kagent, world: TraceCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps(world.sessions[GO_SESSION])
    now = f"{world.clock.now:%Y-%m-%dT%H:%M}"

    def begin() -> None:
        for number in range(5):
            new = text.replace("2026-11-23T01:03", now).replace(GO_SESSION, f"session-{number}")
            world.sessions[f"session-{number}"] = tuple(json.loads(new.replace(GO_TASK, f"task-{number}")))

    play(world, monkeypatch, begin, nothing, nothing)
    _, out, _ = kagent("trace", "-f", "datetime-agent", "--limit=1", cluster=world)
    assert sum(line.startswith("task-") for line in out.splitlines()) == 5
