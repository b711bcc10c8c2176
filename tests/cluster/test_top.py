"""top on real agents: what the controller recorded of a turn with a sub-agent, each call counted once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conversations import ASKER, GREETINGS, HELPER, Conversations, conversations

pytestmark = pytest.mark.cluster


def top(agents: Conversations, kind: str) -> list[dict[str, Any]]:
    done = agents.tools.kagent("top", kind, "--prometheus=none", "-o", "json")
    assert done.code == 0, done.err
    return list(json.loads(done.out)["items"])


def test_a_subagent_counts_for_itself(lab_kubeconfig: Path) -> None:
    with conversations(lab_kubeconfig, "python") as agents:
        agents.ask(f'call {agents.helper} {{"request": "what time is it?"}}')
        rows = {
            row["agent"]: (row["calls"], row["errors"], row["toolCalls"]) for row in top(agents, "agents")
        }
        assert rows == {ASKER: (GREETINGS + 1, 0, 1), HELPER: (GREETINGS + 1, 0, 1)}
        (model,) = top(agents, "models")
        assert (model["model"], model["calls"]) == ("scripted", 2 * GREETINGS + 4)
        assert model["tokens"]["prompt"] == sum(row["tokens"]["prompt"] for row in top(agents, "agents"))
