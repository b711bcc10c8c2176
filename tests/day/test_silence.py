"""Logs that say nothing: following them asks for nothing, and leaves nothing behind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.day.credentials import KINDS
from tests.day.world import LogWorld


class QuietWorld(LogWorld):
    """Twenty pods that say nothing more."""

    pods = tuple(f"p{number:02}" for number in range(20))
    creep = 0.05  # the limits of requests count as well

    def followed(self) -> Counter[str]:
        """How often each pod's log was asked for to follow it."""
        asked = (seen.asked for seen in self.server.seen)
        return Counter(
            one.path.split("/")[-2] for one in asked if one.path.endswith("/log") and one.query.get("follow")
        )


def test_half_an_hour_without_a_line_asks_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each new request to follow makes the kubelet watch the file once more."""
    world = QuietWorld(KINDS[0], tmp_path, monkeypatch)
    world.time.rule_sockets(monkeypatch)
    once = Counter(world.pods)
    asked: list[Counter[str]] = []

    def script() -> None:
        world.settle()
        asked.append(world.followed())
        world.time.limit_sockets()
        for _ in range(30):
            world.pass_(60)
            world.end_watches()
        world.happen()
        world.minutes += 1
        world.settle()
        asked.append(world.followed())
        world.server.end_streams()
        world.happen()
        world.minutes += 1
        world.settle()
        asked.append(world.followed())
        world.end_by_refusal()

    done = world.run(script)
    assert asked == [once, once, once + once]
    assert {log: most for log, most in world.server.most.items() if log != "pods"} == {
        f"log/{pod}": 1 for pod in world.pods
    }
    assert len(done.out.splitlines()) == 3 * len(world.pods)
