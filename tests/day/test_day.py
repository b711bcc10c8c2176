"""A day of the verbs that do not end, with credentials good for an hour: nothing is lost or comes twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.day.credentials import KINDS
from tests.day.world import Done, LogWorld, RecordWorld, World

# CPython's wrap_socket does not close a socket that the peer has reset since connect: without another end, it
# goes with the exception.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:Exception ignored in. <ssl.SSLSocket fd=\d+, family=2, type=1, proto=6, laddr=\([^)]*\)>"
    ":pytest.PytestUnraisableExceptionWarning"
)

_HOUR = 60
_DAY = 24 * _HOUR
# where connections come from is the same for all verbs: the other kinds are for those who have time
_ONE_AT_LEAST = [*(pytest.param(kind, marks=pytest.mark.soak) for kind in KINDS[:-1]), KINDS[-1]]
_REFUSED = [
    "error: you must be logged in to the server (Unauthorized)",
    "hint: the token or certificate is missing, wrong or expired: log in again",
]
# what a break is called depends on what was being sent
_BROKE = re.compile(r"the (log streams? of .+|watch on pods) broke \(.+\); reading on from the last line")
_AGAIN = re.compile(
    r"(the watch on \S+ broke|unable to connect to the server \S+|the connection .+): .+; trying again"
    # who is looked at when all is refused
    r"|agent\.kagent\.dev/agent-\d+ in team: you must be logged in to the server .+"
    # whose revision was being written when all connections were cut: it is looked up, or written again
    r"|agent\.kagent\.dev/agent-\d+ in team: unable to connect to the server .+: whether \S+ was changed"
    r" is not known; kubectl get .+"
)


def a_day(world: World) -> Done:
    """All that is good about the credentials is checked; then they are refused."""
    ends: dict[int, Callable[[], None]] = {
        hour * _HOUR: world.server.end_streams for hour in range(4, 24, 4)
    }  # what stands on the way ends streams after four hours
    runs = 0

    def script() -> None:
        nonlocal runs
        # all connections break in the middle of an hour, and as the credentials change
        world.live(_DAY, {**ends, 11 * _HOUR + 30: world.server.crash, 18 * _HOUR: world.server.crash})
        runs = world.rotation.runs
        assert [seen for seen in world.server.seen if not seen.good] == []
        world.end_by_refusal()

    done = world.run(script)
    assert runs == (0 if world.rotation.kind == "token file" else 24)
    used = list(dict.fromkeys(seen.credential for seen in world.server.seen if seen.good))
    assert used == [f"hour-{number}" for number in range(24)]
    return done


@pytest.mark.parametrize("kind", KINDS)
def test_logs_prints_each_line_of_a_day_once(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = LogWorld(kind, tmp_path, monkeypatch)
    done = a_day(world)
    for pod in world.pods:
        lines = [line for line in done.out.splitlines() if line.startswith(f"[pod/{pod}/kagent] ")]
        assert [line.split(" ", 2)[2] for line in lines] == ["hello", *(f"line {n}" for n in range(_DAY))]
    stamps = [line.split(" ")[1] for line in done.out.splitlines()]
    assert stamps == sorted(stamps)
    assert len(stamps) == len(world.pods) * (_DAY + 1)
    *told, error, hint = done.err.splitlines()
    assert (done.code, [error, hint]) == (6, _REFUSED)
    assert [line for line in told if not _BROKE.fullmatch(line)] == []


@pytest.mark.parametrize("kind", _ONE_AT_LEAST)
def test_record_has_each_change_of_a_day_once(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = RecordWorld(kind, tmp_path, monkeypatch)
    done = a_day(world)
    told: list[str] = []
    for number in range(world.agents):
        found = world.revisions(number)
        prompts = [revision.spec["declarative"]["systemMessage"] for revision in found]
        edits = range(number, _DAY, world.agents)
        assert prompts == ["Tell the time.", *(f"minute {minute}" for minute in edits)]
        assert [revision.number for revision in found] == list(range(1, len(found) + 1))
        assert [revision.name for revision in found if revision.gap_before] == []
        changes = ["first recorded by kubectl", *("prompt by kubectl-edit" for _ in edits)]
        told += [
            f"agent revision {revision.number} team/agent-{number}: {change}"
            for revision, change in zip(found, changes, strict=True)
        ]
    assert sorted(done.out.splitlines()) == sorted(told)
    began, *told = done.err.splitlines()
    assert began == "recording namespace team"
    refused = "you must be logged in to the server (Unauthorized); trying again"
    assert (done.code, [line for line in told if not _AGAIN.fullmatch(line)]) == (6, [refused, *_REFUSED])


@pytest.mark.parametrize("kind", _ONE_AT_LEAST)
@pytest.mark.parametrize("made", [LogWorld, RecordWorld])
def test_credentials_that_are_refused_for_good_end_it(
    made: type[World], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At hour 3, while new ones are made as before."""
    world = made(kind, tmp_path, monkeypatch)

    def script() -> None:
        world.live(3 * _HOUR, {})
        world.end_by_refusal()

    done = world.run(script)
    told = done.out.splitlines()
    assert (done.code, done.err.splitlines()[-2:]) == (6, _REFUSED)
    assert len(told) == len(set(told)) == world.expected
    waited = world.time.now() - world.revoked
    assert waited.total_seconds() < 300, "who waits for ever looks as if all were well"
