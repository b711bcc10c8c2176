"""trace on real agents: from what the controller recorded of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import RUNTIMES, wait_for
from tests.cluster.conversations import ASKER, Conversations, conversations

pytestmark = pytest.mark.cluster
CALL = 'call get_time {"timezone": "UTC"}'


@pytest.fixture(scope="module", params=RUNTIMES)
def agents(lab_kubeconfig: Path, request: pytest.FixtureRequest) -> Iterator[Conversations]:
    with conversations(lab_kubeconfig, request.param) as found:
        yield found


def shown(agents: Conversations, id_: str) -> dict[str, Any]:
    """The turn as JSON, from the records alone, and as if the masks were off."""
    done = agents.tools.kagent("trace", "show", id_, "--tempo=none", "--jaeger=none", "-o", "json")
    assert (done.code, done.err) == (0, "from the kagent controller's records of user admin@kagent.dev\n")
    found = json.loads(done.out)
    assert found["gaps"] == []
    (turn,) = found["turns"]
    assert (turn["task"], turn["namespace"], turn["agent"]) == (id_, agents.tools.namespace, ASKER)
    return dict(turn)


def outline(steps: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(step["kind"], step.get("name", ""), step["status"]) for step in steps]


def test_a_tool(agents: Conversations) -> None:
    task = agents.ask(CALL)
    turn = shown(agents, task["id"])
    model, call, last = turn["steps"]
    assert outline(turn["steps"]) == [("llm", "", "ok"), ("tool", "get_time", "ok"), ("llm", "", "ok")]
    assert call["args"] == {"timezone": "UTC"}
    assert call["result"].endswith(" (UTC)")
    assert turn["answer"] == last["result"] == f"The tools say: {call['result']}"
    assert (turn["question"], turn["state"], turn["session"]) == (CALL, "completed", task["contextId"])
    total = {key: model["tokens"][key] + last["tokens"][key] for key in ("prompt", "output")}
    assert turn["tokens"] == total
    assert turn["seconds"] >= call["seconds"] > 0


def test_two_tools_at_once(agents: Conversations) -> None:
    turn = shown(agents, agents.ask(f'{CALL} and call get_time {{"timezone": "Asia/Tokyo"}}')["id"])
    assert [step.get("args") for step in turn["steps"]] == [
        None,
        {"timezone": "UTC"},
        {"timezone": "Asia/Tokyo"},
        None,
    ]


def test_a_tool_that_fails(agents: Conversations) -> None:
    turn = shown(agents, agents.ask('call get_time {"timezone": "Nowhere/At_all"}')["id"])
    assert outline(turn["steps"])[1] == ("tool", "get_time", "failed")
    assert "Error executing tool get_time: unknown time zone 'Nowhere/At_all'" in turn["steps"][1]["error"]
    assert turn["state"] == "completed"


def test_a_model_that_refuses(agents: Conversations) -> None:
    turn = shown(agents, agents.ask("fail 429")["id"])
    assert outline(turn["steps"]) == [("llm", "", "failed")]
    assert turn["error"] == turn["steps"][0]["error"]
    assert "429" in turn["error"]
    assert turn["state"] == "failed"


@pytest.mark.parametrize(
    ("decision", "word", "result"),
    [("approve", "approved", "(UTC)"), ("reject", "rejected", "Tool call was rejected by user.")],
)
def test_an_approval(agents: Conversations, decision: str, word: str, result: str) -> None:
    task = agents.ask('call get_date {"timezone": "UTC"}')
    assert task["status"]["state"] == "input-required"
    turn = shown(agents, task["id"])
    assert turn["state"] == "input-required"
    assert outline(turn["steps"]) == [("llm", "", "ok"), ("tool", "get_date", "open")]
    assert outline(turn["steps"][1]["steps"]) == [("wait", "a person", "open")]

    assert agents.decide(task, decision)["status"]["state"] == "completed"
    turn = shown(agents, task["id"])
    assert outline(turn["steps"]) == [("llm", "", "ok"), ("tool", "get_date", "ok"), ("llm", "", "ok")]
    assert turn["steps"][1]["result"].endswith(result)
    (wait,) = turn["steps"][1]["steps"]
    assert (wait["status"], wait["result"]) == ("ok", word)
    assert turn["steps"][1]["seconds"] >= wait["seconds"] > 0


def test_a_sub_agent(agents: Conversations) -> None:
    turn = shown(agents, agents.ask(f'call {agents.helper} {{"request": "what time is it?"}}')["id"])
    assert outline(turn["steps"]) == [
        ("llm", "", "ok"),
        ("sub-agent", agents.helper, "ok"),
        ("llm", "", "ok"),
    ]
    inner = turn["steps"][1]["steps"]
    assert outline(inner) == [("llm", "", "ok"), ("tool", "get_time", "ok"), ("llm", "", "ok")]
    assert turn["steps"][1]["result"] == inner[2]["result"]


def test_follow(agents: Conversations) -> None:
    process = agents.tools.start("trace", "-f", ASKER, "--since=1s")
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "from the kagent controller's records of user admin@kagent.dev\n"
        task = agents.ask(CALL)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("TASK ")
        # a turn that another test had just before may come first
        row = next(row for row in process.stdout if row.split()[0] in task["id"])
        assert row.endswith(f"{CALL}\n")
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("kind", ["task", "session"])
def test_the_logs_of_a_turn(agents: Conversations, kind: str) -> None:
    """All lines that name its session, and none that names another: few lines name a task."""
    task, other = agents.ask(CALL), agents.ask(CALL)
    id_ = task["id" if kind == "task" else "contextId"]

    def printed(*words: str) -> list[str]:
        done = agents.tools.kagent("logs", ASKER, "--since=5m", *words)
        assert (done.code, done.err) == (0, "")
        return done.out.splitlines()

    named = [line for line in printed() if task["contextId"] in line]
    assert named
    lines = printed(f"--{kind}={id_}")
    assert [line for line in lines if task["contextId"] in line] == named
    assert [line for line in lines if other["contextId"] in line] == []


def test_list(agents: Conversations) -> None:
    task = agents.ask(CALL)
    failed = agents.ask("fail 429")

    def listed(*words: str) -> list[str]:
        done = agents.tools.kagent("trace", ASKER, "-o", "name", *words)
        assert done.code == 0, done.err
        return done.out.split()

    assert listed()[:2] == [failed["id"], task["id"]]
    assert listed("--errors", "--limit=1") == [failed["id"]]
    assert listed(f"--session={task['contextId']}") == [task["id"]]
    assert wait_for(lambda: task["id"] in listed("--tool=get_time"), "the turn in the list")
    nobody = agents.tools.kagent("trace", "nobody")
    assert (nobody.code, nobody.err) == (
        1,
        'Error from server (NotFound): agents.kagent.dev "nobody" not found\n'
        "hint: kubectl kagent get agents -A lists all agents\n",
    )
