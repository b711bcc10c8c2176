"""The turns of two revisions of a real agent, by what the controller recorded of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import wait_for
from tests.cluster.conversations import GREETINGS, HELPER, Conversations, conversations

pytestmark = pytest.mark.cluster

_SOURCE = "the kagent controller's records of user admin@kagent.dev"


def printed(agents: Conversations, *words: str) -> dict[str, Any]:
    done = agents.tools.kagent(*words, "--prometheus=none", "-o", "json")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def impact(agents: Conversations) -> dict[str, Any]:
    return printed(agents, "rollout", "history", f"agent/{HELPER}", "--impact")


def test_each_revision_has_its_own_turns(lab_kubeconfig: Path) -> None:
    with conversations(lab_kubeconfig, "python") as agents:
        # history takes a while to be sure that the controller has acted on the newest sources
        wait_for(lambda: impact(agents)["revisions"][-1]["readyAt"], "revision 1 being ready")
        agents.ask("hello", HELPER)
        asked = time.time()
        wait_for(lambda: time.time() > asked + 1, "another second: a change knows no parts of one")
        spec = {"spec": {"declarative": {"systemMessage": "Be brief."}}}
        agents.tools.kubectl("patch", "agent", HELPER, "--type=merge", "-p", json.dumps(spec))
        done = agents.tools.kagent("rollout", "status", f"agent/{HELPER}", "--timeout=4m", timeout=260)
        assert done.code == 0, done.err
        wait_for(lambda: impact(agents)["revisions"][-1]["readyAt"], "revision 2 being ready")
        wait_for(lambda: agents.is_awake(HELPER), "an answer of the new pod")
        for _ in range(2):
            agents.ask("hello", HELPER)
        found = impact(agents)
        first, second = found["revisions"]
        keys = ("revision", "turns", "errors", "whole")
        assert found["source"] == _SOURCE
        assert [tuple(row[key] for key in keys) for row in (first, second)] == [
            (1, GREETINGS + 1, 0, True),
            (2, 3, 0, True),
        ]
        assert (first["end"], second["end"], second["change"]) == (second["start"], None, "prompt")
        assert first["tokens"]["prompt"] > 0
        assert second["tokens"]["prompt"] > 0
        rows = [row for row in printed(agents, "top", "--by=revision")["items"] if row["agent"] == HELPER]
        assert [(row["revision"], row["turns"]) for row in rows] == [(1, GREETINGS + 1), (2, 3)]
