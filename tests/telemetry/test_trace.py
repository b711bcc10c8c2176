"""trace: the same turn of a real agent, from its spans and from the controller's records, is the same turn.

Its spans are in the lab's Jaeger, and in a Tempo of the user's own where one was named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import RUNTIMES, wait_for
from tests.cluster.conversations import ASKER, Conversations, conversations
from tests.telemetry import own
from tests.telemetry.conftest import spans_of, trace, traces_of

pytestmark = pytest.mark.telemetry

RECORDS = ("--tempo=none", "--jaeger=none")
JAEGER = "from Jaeger (monitoring/jaeger:16686)"
CALL = 'call get_time {"timezone": "UTC"}'
SOURCES = [(JAEGER, ()), *([(f"from Tempo ({own.TEMPO})", (f"--tempo={own.TEMPO}",))] if own.TEMPO else [])]
DATE = 'call get_date {"timezone": "UTC"}'
QUESTIONS = {
    "words": "hello",
    "tool": CALL,
    "two tools": f'{CALL} and call get_time {{"timezone": "Asia/Tokyo"}}',
    "failing tool": 'call get_time {"timezone": "Nowhere/At_all"}',
    "failing model": "fail 429",
}


@pytest.fixture(scope="module", params=RUNTIMES)
def agents(lab_kubeconfig: Path, request: pytest.FixtureRequest) -> Iterator[Conversations]:
    with conversations(lab_kubeconfig, request.param) as found:
        yield found


def turn_of(agents: Conversations, id_: str, *words: str) -> dict[str, Any] | None:
    """The turn, None where it is not known (yet); which source told it is checked by the caller's words."""
    done = agents.tools.kagent("trace", "show", id_, "-o", "json", *words)
    if done.code:
        return None
    (turn,) = json.loads(done.out)["turns"]
    return {**turn, "source": done.err.splitlines()[-1]}


def known_to_both(turn: dict[str, Any]) -> Any:
    """All but times, and what only one of them records: the model's name, and what a person decided.

    Tools that ran side by side began in any order.
    """

    def step(one: dict[str, Any]) -> Any:
        name = "" if one["kind"] == "llm" else one["name"]
        result = "" if one["kind"] == "wait" else one.get("result", "")
        told = [one.get(key) for key in ("id", "status", "args", "error", "tokens")]
        return (one["kind"], name, result, *told, steps(one["steps"]))

    def steps(found: list[dict[str, Any]]) -> list[Any]:
        runs = groupby(found, lambda one: one["kind"] == "tool")
        return [step(one) for _, run in runs for one in sorted(run, key=lambda one: one.get("id", ""))]

    ids = [
        turn[key]
        for key in ("namespace", "agent", "task", "session", "state", "question", "answer", "tokens")
    ]
    return ids, turn.get("error"), steps(turn["steps"])


def same(agents: Conversations, task: dict[str, Any]) -> dict[str, Any]:
    """The turn from the records, once its spans tell the same: they come seconds later."""
    stored = turn_of(agents, task["id"], *RECORDS)
    assert stored is not None
    assert stored["source"] == "from the kagent controller's records of user admin@kagent.dev"
    wanted = known_to_both(stored)
    tells(agents, task["id"], wanted, JAEGER)
    if own.TEMPO:
        for id_ in traces_of(agents.tools, ASKER, "gen_ai.task.id", task["id"]):
            own.keep(trace(agents.tools, id_))
        tells(agents, task["id"], wanted, f"from Tempo ({own.TEMPO})", f"--tempo={own.TEMPO}")
    return stored


def tells(agents: Conversations, id_: str, wanted: Any, source: str, *words: str) -> None:
    seen: list[Any] = []

    def told() -> bool:
        spans = turn_of(agents, id_, *words)
        if spans is None or spans["source"] != source:
            return False
        seen[:] = [known_to_both(spans)]
        return bool(seen[0] == wanted)

    try:
        wait_for(told, f"the turn {source}")
    except AssertionError:
        assert seen == [wanted]
        raise


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_a_question(agents: Conversations, question: str) -> None:
    same(agents, agents.ask(question))


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_an_approval(agents: Conversations, decision: str) -> None:
    """While it waits, and when it is over: the answer is a trace of its own."""
    task = agents.ask(DATE)
    assert same(agents, task)["state"] == "input-required"
    agents.decide(task, decision)
    assert same(agents, task)["state"] == "completed"


def test_a_sub_agent(agents: Conversations) -> None:
    turn = same(agents, agents.ask(f'call {agents.helper} {{"request": "what time is it?"}}'))
    assert [step["kind"] for step in turn["steps"]] == ["llm", "sub-agent", "llm"]
    assert [step["kind"] for step in turn["steps"][1]["steps"]] == ["llm", "tool", "llm"]


@pytest.mark.parametrize(("source", "words"), SOURCES)
def test_list_and_ids(agents: Conversations, source: str, words: tuple[str, ...]) -> None:
    """The list has the turn; trace, task and session each find it, and so does the beginning of one."""
    task = agents.ask(CALL)
    same(agents, task)
    done = agents.tools.kagent("trace", ASKER, "--tool=get_time", "-o", "json", *words)
    assert (done.code, done.err) == (0, f"{source}\n")
    (turn,) = [turn for turn in json.loads(done.out)["turns"] if turn["task"] == task["id"]]
    for id_ in (turn["trace"], turn["trace"][:12], turn["session"], task["id"], task["id"][:13]):
        found = turn_of(agents, id_, *words)
        assert found is not None
        assert (found["task"], found["source"]) == (task["id"], source)


def test_what_jaeger_does_not_know(agents: Conversations) -> None:
    """It says so, and the controller is asked."""
    done = agents.tools.kagent("trace", "show", "0" * 32)
    assert done.code == 1
    assert done.err.startswith("nothing in Jaeger (monitoring/jaeger:16686)\nerror: no turn ")


def test_the_client_is_the_root_of_its_trace(agents: Conversations, otlp: str) -> None:
    """Found by its id, and whole: the client, the controller and the agent are one trace."""
    done = agents.tools.kagent("chat", ASKER, CALL, f"--otlp-endpoint={otlp}")
    assert done.code == 0, done.err
    session, id_ = re.findall(r"session (\S+) .*, trace ([0-9a-f]{32})$", done.err.splitlines()[-1])[0]

    def whole() -> bool:
        spans = spans_of(trace(agents.tools, id_))
        ids = {span.id for span in spans}
        roots = [span for span in spans if span.parent not in ids]
        services = {span.service for span in spans}
        return [root.name for root in roots] == [f"chat {ASKER}"] and len(services) == 3

    wait_for(lambda: turn_of(agents, id_), "the trace in Jaeger")
    wait_for(whole, "one trace with one root")
    turn = turn_of(agents, id_)
    assert turn is not None
    assert (turn["trace"], turn["session"], turn["question"]) == (id_, session, CALL)
    assert turn["source"] == JAEGER
    assert known_to_both(turn) == known_to_both(same(agents, {"id": turn["task"]}))


def test_a_second_export_adds_nothing(agents: Conversations, otlp: str) -> None:
    tools = agents.tools

    def export(session: str) -> str:
        done = tools.kagent("trace", "export", session, f"--otlp={otlp}")
        told = f"no record names the models of {tools.namespace}/{ASKER}: spans have those of now\n"
        assert (done.code, done.err) == (0, told)
        return done.out

    def exported(session: str) -> list[tuple[str, str]]:
        """Trace and span ids that the exported session has in Jaeger."""
        return [
            (id_, span.id)
            for id_ in traces_of(tools, ASKER, "gen_ai.conversation.id", session)
            for span in spans_of(trace(tools, id_))
            if span.scope == "kubectl-kagent"
        ]

    task, later = agents.ask(CALL), agents.ask(CALL)
    before = same(agents, task)
    assert export(task["contextId"]) == f"1 turns exported to {otlp} (5 spans)\n"
    once = wait_for(lambda: _some(5, exported(task["contextId"])), "the exported spans in Jaeger")
    assert len(once) == len(set(once)) == 5
    assert len({trace for trace, _ in once}) == 1
    assert export(task["contextId"]) == f"1 turns exported to {otlp} (5 spans)\n"
    export(later["contextId"])
    wait_for(lambda: _some(5, exported(later["contextId"])), "what was exported after it")
    assert sorted(exported(task["contextId"])) == sorted(once)
    assert same(agents, task) == before


def _some(least: int, found: list[tuple[str, str]]) -> list[tuple[str, str]] | None:
    return found if len(found) >= least else None
