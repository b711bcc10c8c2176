"""chat, approvals and sessions on real agents, with real tools and a scripted model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.workload import Workload
from tests.cluster.conftest import RUNTIMES, Done, Tools, own_namespace, wait_for
from tests.cluster.workloads import create, key, model_config, read

pytestmark = pytest.mark.cluster

READY_SECONDS = 240.0
LONG_SECONDS = 8  # five minutes by hand: python -m kubectl_kagent chat AGENT 'long 50 slow 300'
SENTENCE = "This answer is long on purpose. "
CLOSING = r"session (\S+) \(\d+ prompt and \d+ output tokens\)\n"
TIME = r"\d\d:\d\d:\d\d"
_SMALL = {"requests": {"cpu": "20m", "memory": "128Mi"}}

Object = dict[str, Any]


def _mcp() -> Object:
    deployment = {"image": "lab.local/datetime-mcp:lab", "imagePullPolicy": "Never", "port": 3000}
    deployment |= {"cmd": "python", "args": ["/app/server.py", "--transport", "http", "--port", "3000"]}
    spec = {"transportType": "http", "httpTransport": {"path": "/mcp", "targetPort": 3000}}
    return {
        "apiVersion": "kagent.dev/v1alpha1",
        "kind": "MCPServer",
        "metadata": {"name": "datetime"},
        "spec": {**spec, "deployment": deployment},
    }


def _agent(name: str, runtime: str, tool: Object) -> Object:
    declarative = {
        "runtime": runtime,
        "stream": True,
        "modelConfig": "model",
        "systemMessage": "Tell the time.",
        "tools": [tool],
        "deployment": {"imagePullPolicy": "Never", "resources": _SMALL},
    }
    spec = {"type": "Declarative", "description": "a test", "declarative": declarative}
    return {"apiVersion": AGENT.api_version, "kind": "Agent", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module", params=RUNTIMES)
def talk(lab_kubeconfig: Path, request: pytest.FixtureRequest) -> Iterator[Tools]:
    """An agent whose get_date wants an approval, and one that asks that agent."""
    server = {"apiGroup": "kagent.dev", "kind": "MCPServer", "name": "datetime"}
    names = {"toolNames": ["get_date", "get_time", "get_datetime"], "requireApproval": ["get_date"]}
    clock = _agent("clock", request.param, {"type": "McpServer", "mcpServer": {**server, **names}})
    boss = _agent("boss", request.param, {"type": "Agent", "agent": {"name": "clock"}})
    with own_namespace(lab_kubeconfig) as tools:
        api = connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))
        create(api, key(), model_config(model="scripted"), _mcp(), clock, boss)

        def ready(name: str) -> bool:
            condition = Workload(AGENT, read(api, name)).condition("Ready")
            return condition is not None and condition.status == "True"

        for name in ("clock", "boss"):
            wait_for(partial(ready, name), f"agent {name}", timeout=READY_SECONDS)
        # a Service knows new pods a moment after they are ready, and tools are found by then
        wait_for(lambda: ask(tools, "what time is it?").code == 0, "an answer of clock")
        wait_for(lambda: ask(tools, "hello", "boss").code == 0, "an answer of boss")
        yield tools


def ask(tools: Tools, question: str, agent: str = "clock", *flags: str) -> Done:
    return as_user(tools, "chat", agent, question, *flags)


def as_user(tools: Tools, *words: str) -> Done:
    """A user of the test's own, so that nobody else's sessions are seen."""
    return tools.kagent(*words, f"--user-id={tools.namespace}")


def matches(pattern: str, text: str) -> re.Match[str]:
    found = re.fullmatch(pattern, text)
    assert found, text
    return found


def test_a_question_with_a_tool(talk: Tools) -> None:
    done = ask(talk, "what time is it in Europe/Berlin?")
    assert done.code == 0
    told = matches(rf"The tools say: ({TIME} \(Europe/Berlin\))\n", done.out)[1]
    called, returned, closing = done.err.splitlines(keepends=True)
    assert called == '→ get_time timezone="Europe/Berlin"\n'
    matches(rf"✓ get_time \d\.\ds: {re.escape(told)}\n", returned)
    matches(CLOSING, closing)


def test_two_tools_in_parallel(talk: Tools) -> None:
    done = ask(talk, 'call get_time {"timezone":"UTC"} call get_datetime {"timezone":"UTC"}')
    assert done.code == 0
    matches(rf"The tools say: {TIME} \(UTC\); .*, .* {TIME} \(UTC\)\n", done.out)
    lines = done.err.splitlines()
    assert lines[:2] == ['→ get_time timezone="UTC"', '→ get_datetime timezone="UTC"']
    assert sorted(line.split()[1] for line in lines[2:4]) == ["get_datetime", "get_time"]
    assert [line[0] for line in lines[2:4]] == ["✓", "✓"]


def test_a_failing_tool(talk: Tools) -> None:
    done = ask(talk, 'call get_time {"timezone":"No/Where"}')
    assert done.code == 0
    assert "unknown time zone 'No/Where'" in done.out
    matches(r"✗ get_time \d\.\ds: .*unknown time zone 'No/Where'.*", done.err.splitlines()[1])


def test_a_failing_model(talk: Tools) -> None:
    done = ask(talk, "fail 429")
    assert (done.code, done.out) == (1, "")
    closing, error = done.err.splitlines(keepends=True)
    matches(CLOSING, closing)
    matches(r"error: agent clock's task is failed: .*429.*rate limit reached.*\n", error)


def waiting(done: Done) -> str:
    """The task that a turn waits with."""
    assert done.code == 7, done
    hint = done.err.splitlines()[-1]
    found = re.match(r"hint: kubectl kagent approvals approve (\S+)", hint)
    assert found, hint
    return found[1]


def test_an_approval_that_is_given(talk: Tools) -> None:
    task = waiting(ask(talk, 'call get_date {"timezone":"UTC"}'))
    listed = json.loads(as_user(talk, "approvals", "list", "-o", "json").out)["items"]
    (item,) = (item for item in listed if item["task"] == task)
    (call,) = item["calls"]
    assert (item["agent"], call["tool"], call["args"]) == ("clock", "get_date", {"timezone": "UTC"})
    done = as_user(talk, "approvals", "approve", task[:13], "--yes")
    assert done.code == 0, done
    told = matches(r"The tools say: (.*\(UTC\))\n", done.out)[1]
    assert done.err.splitlines()[:3] == [
        f"agent clock of namespace {talk.namespace} waits with task {task}:",
        f'? get_date timezone="UTC"  [{call["id"]}]',
        f"✓ get_date: {told}",
    ]
    again = as_user(talk, "approvals", "approve", task, "--yes")
    assert again == Done(
        1,
        "",
        f"error: task {task} does not wait for anybody: it is completed\n"
        "hint: kubectl kagent approvals list -A shows what waits\n",
    )


def test_only_what_a_session_asked_last_is_decided(talk: Tools) -> None:
    """The runtime goes by the session: for the first task it would make the second one's call."""
    done = ask(talk, 'call get_date {"timezone":"Europe/Berlin"}')
    first = waiting(done)
    closing = next(line for line in done.err.splitlines(keepends=True) if line.startswith("session "))
    session = matches(CLOSING, closing)[1]
    again = ask(talk, 'call get_date {"timezone":"Asia/Tokyo"}', "clock", f"--session={session}")
    second = waiting(again)
    refused = (
        f"error: task {second} of the same session may have asked since task {first} did, and the agent "
        "takes a decision for what it asked last; nothing was approved or rejected"
    )
    done = as_user(talk, "approvals", "approve", first, "--yes")
    assert (done.code, done.out, done.err.splitlines()[-2]) == (1, "", refused)
    done = as_user(talk, "approvals", "approve", second, "--yes")
    assert done.code == 0, done
    matches(r"The tools say: .* \(Asia/Tokyo\)\n", done.out)
    done = as_user(talk, "approvals", "approve", first, "--yes")
    assert (done.code, done.out, done.err.splitlines()[-2]) == (1, "", refused)


def test_an_approval_that_is_refused(talk: Tools) -> None:
    task = waiting(ask(talk, 'call get_date {"timezone":"UTC"}'))
    done = as_user(talk, "approvals", "reject", task, "--yes", "--reason=not on a Friday")
    assert (done.code, "not on a Friday" in done.out) == (0, True)


def test_a_batch_with_one_of_each(talk: Tools) -> None:
    question = 'call get_date {"timezone":"UTC"} call get_date {"timezone":"Europe/Berlin"}'
    task = waiting(ask(talk, question))
    listed = json.loads(as_user(talk, "approvals", "list", "-o", "json").out)["items"]
    calls = next(item["calls"] for item in listed if item["task"] == task)
    berlin = next(call["id"] for call in calls if call["args"]["timezone"] == "Europe/Berlin")
    done = as_user(talk, "approvals", "approve", task, f"--call={berlin}", "--reason=only here")
    assert done.code == 0, done
    matches(r"The tools say: .*rejected.*only here; .* \(Europe/Berlin\)\n", done.out)


def boss_asks(talk: Tools, question: str) -> Done:
    tool = f"{talk.namespace}/clock".replace("-", "_").replace("/", "__NS__")
    return ask(talk, f"call {tool} {json.dumps({'request': question})}", "boss")


def test_a_sub_agent(talk: Tools) -> None:
    done = boss_asks(talk, "what time is it in UTC?")
    assert done.code == 0, done
    matches(rf"The tools say: The tools say: {TIME} \(UTC\)\n", done.out)
    assert [line[:2] for line in done.err.splitlines()[:2]] == ["→ ", "✓ "]


def test_a_sub_agents_call_is_approved_where_it_is_asked(talk: Tools) -> None:
    done = boss_asks(talk, "what is the date in UTC?")
    task = waiting(done)
    assert 'waits for somebody: approval of get_date timezone="UTC" (of ' in done.err
    rows = as_user(talk, "approvals", "list").out.splitlines()
    (row,) = (line for line in rows if task in line)
    assert row.startswith("boss ")
    done = as_user(talk, "approvals", "approve", task, "--yes")
    assert done.code == 0, done
    matches(r"The tools say: The tools say: .* \(UTC\)\n", done.out)


def test_questions_of_an_agent(talk: Tools) -> None:
    questions = [{"question": "Which?", "choices": ["a", "b"], "multiple": True}, {"question": "Why?"}]
    done = ask(talk, f"call ask_user {json.dumps({'questions': questions})}")
    assert "error: agent clock waits for somebody: Which?; Why?" in done.err.splitlines()
    task = waiting(done)
    done = as_user(talk, "approvals", "approve", task, "--yes", "--answer=1,2", "--answer=because")
    assert done.code == 0, done
    told = json.loads(done.out.removeprefix("The tools say: "))
    assert [item["answer"] for item in told] == [["a", "b"], ["because"]]


def test_an_answer_of_200_kilobytes(talk: Tools) -> None:
    done = ask(talk, "long 200")
    assert done.code == 0
    assert done.out == (SENTENCE * 7000)[:200_000] + "\n"


def test_a_long_answer_comes_as_it_is_written(talk: Tools) -> None:
    process = talk.start("chat", "clock", f"long 20 slow {LONG_SECONDS}", f"--user-id={talk.namespace}")
    assert process.stdout
    start = process.stdout.read(len(SENTENCE))
    assert (start, process.poll()) == (SENTENCE, None)
    rest = process.stdout.read()
    process.communicate(timeout=60)
    assert (process.returncode, start + rest) == (0, (SENTENCE * 700)[:20_000] + "\n")


def test_a_session_from_its_first_word_to_its_end(talk: Tools) -> None:
    first = ask(talk, "what time is it in UTC?")
    session = matches(CLOSING, first.err.splitlines(keepends=True)[-1])[1]
    second = ask(talk, "hello", "clock", "--continue")
    assert session in second.err.splitlines()[-1]
    listed = as_user(talk, "sessions", "list", "clock", "-o", "name").out.splitlines()
    assert listed[0] == f"session/{session}"

    shown = as_user(talk, "sessions", "show", session)
    assert (shown.code, shown.err) == (0, "")
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  "
    patterns = [
        rf"session {session} of agent {talk.namespace}/clock: .*",
        rf"{stamp}user: what time is it in UTC\?",
        rf'{stamp}→ get_time timezone="UTC"',
        rf"{stamp}✓ get_time \d\.\ds: {TIME} \(UTC\)",
        rf"{stamp}clock: The tools say: {TIME} \(UTC\)",
        rf"{stamp}task \S+ completed \(\d+ prompt and \d+ output tokens\)",
        rf"{stamp}user: hello",
        rf'{stamp}clock: You asked: "hello".*',
        rf"{stamp}task \S+ completed \(\d+ prompt and \d+ output tokens\)",
    ]
    lines = shown.out.splitlines()
    assert len(lines) == len(patterns), shown.out
    for pattern, line in zip(patterns, lines, strict=True):
        matches(pattern, line)

    exported = json.loads(as_user(talk, "sessions", "export", session).out)
    assert [task["status"]["state"] for task in exported["tasks"]] == ["completed"] * 2
    assert exported["session"]["user_id"] == talk.namespace
    deleted = as_user(talk, "sessions", "delete", session)
    assert deleted == Done(0, f"session/{session} deleted\n", "")
    gone = as_user(talk, "sessions", "show", session)
    assert (gone.code, gone.out) == (1, "")
    assert gone.err.startswith(f'Error from server (NotFound): session "{session}" not found')


def test_the_events_as_json(talk: Tools) -> None:
    done = ask(talk, "what time is it?", "clock", "-o", "json")
    results = [json.loads(line)["result"] for line in done.out.splitlines()]
    assert (done.code, results[-1]["status"]["state"]) == (0, "completed")
    assert {result["kind"] for result in results} == {"status-update", "artifact-update"}
