"""approvals: the list, and decisions that are followed to the end of the turn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from kubectl_kagent import clock
from tests.conftest import Kagent, Screen
from tests.fake.agent import (
    SESSION,
    TASK,
    Agent,
    asked,
    gave,
    request,
    row,
    talking,
    task,
    text,
    update,
    waiting,
)
from tests.fake.cluster import FakeCluster
from tests.loopback import Received, response, serve

PENDING = f"/api/sessions/{SESSION}/tasks"
QUESTIONS = [{"question": "Which?", "choices": ["a", "b"], "multiple": True}, {"question": "Why?"}]
DONE = [update("working", gave("c1", "delete", {"output": "gone"})), update("working", text("Done."))]
COMPLETED = [*DONE, update("completed")]
END_REJECTED = f"⊘ delete (rejected): gone\nsession {SESSION} (0 prompt and 0 output tokens)\n"
END = f"✓ delete: gone\nsession {SESSION} (0 prompt and 0 output tokens)\n"
SHOWN = f"agent clock of namespace default waits with task {TASK}:\n"


WHOSE = "of user admin@kagent.dev; other users' are found with --user-id"
HIDDEN = "x --token '; rm -rf /'"  # what a mask of the token would cover


def kept(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"/api/sessions": [row(SESSION)], PENDING: list(tasks)}


def deleting(*turns: Any) -> AbstractContextManager[Agent]:
    """An agent that waits with a call of delete."""
    task = waiting(request("c1", "delete"))
    return talking(*turns, data=kept(task), task=task)


def approvals(kagent: Kagent, agent: Agent, *words: str) -> tuple[int, str, str]:
    return kagent("approvals", *words, f"--kagent-url={agent.url}")


def inbox() -> dict[str, Any]:
    """Two agents, one of them with a batch, and a sub-agent whose session is its caller's affair."""
    inner = {"originalFunctionCall": {"id": "i1", "name": "drop", "args": {"table": "\x1b[2J"}}}
    outer = request("c9", "default__NS__clock", {"hitl_parts": [inner]})
    batch = waiting(request("c1", "delete", name="prod"), request("c2", "delete", name="x" * 60))
    later = {"timestamp": "2026-11-23T07:59:30Z"}
    return {
        "/api/sessions": [
            row(SESSION),
            row("s2", "team__NS__boss"),
            row("s3", source="agent"),  # waits too
            row("s4"),
        ],
        PENDING: [task("completed"), batch],
        "/api/sessions/s2/tasks": [
            waiting(outer, id_="t2", session="s2", timestamp="2026-11-23T07:50:00Z"),
            waiting(request("q", "ask_user", questions=QUESTIONS), id_="t3", session="s2", timestamp=None),
        ],
        "/api/sessions/s3/tasks": [waiting(request("i1", "drop"), id_="t5", session="s3")],
        "/api/sessions/s4/tasks": [task("auth-required", id_="t4", session="s4", **later)],
    }


def test_the_list(kagent: Kagent, cluster: FakeCluster, screen: Screen) -> None:
    with talking(data=inbox()) as agent:
        code, out, err = approvals(kagent, agent, "list", "-A")
        assert (code, err) == (0, f"{WHOSE}\n")
        screen("approvals", out)
        assert approvals(kagent, agent, "list", "-A", "-o", "wide") == (code, out, err)
        assert approvals(kagent, agent, "list", "-A", "-o", "name") == (
            0,
            f"task/t2\ntask/{TASK}\ntask/t4\ntask/t3\n",
            "",
        )
        assert approvals(kagent, agent, "list", "nobody")[1:] == (
            "",
            f"Nothing of agent nobody waits for a person in default namespace ({WHOSE}).\n",
        )
        assert [line.split()[1] for line in approvals(kagent, agent, "list", "clock")[1].splitlines()] == [
            "SESSION",
            *[SESSION] * 2,
            "s4",
        ]


def test_a_session_without_tasks_to_be_had_is_named_and_hides_no_other(kagent: Kagent) -> None:
    told = (
        "Warning: whether a task of session s9 waits is not known: the kagent controller lists the session, "
        "and has no tasks of it for user admin@kagent.dev; /api/sessions/s9/tasks not found\n"
    )
    data = inbox()
    data["/api/sessions"].append(row("s9"))
    with talking(data=data) as agent:
        code, out, err = approvals(kagent, agent, "list", "-A", "-o", "name")
    assert (code, out, err) == (0, f"task/t2\ntask/{TASK}\ntask/t4\ntask/t3\n", told)


def test_sessions_without_tasks_to_be_had_are_looked_for_again_together(
    kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(clock, "sleep", waited.append)
    data = inbox()
    data["/api/sessions"] += [row(f"late{number}") for number in range(20)]
    with talking(data=data) as agent:
        code, _, err = approvals(kagent, agent, "list", "-A", "-o", "name")
    asked = [request.path.partition("?")[0] for request in agent.requests]
    assert (code, err.count(" is not known: "), len(waited)) == (0, 20, 2)
    assert (asked.count("/api/sessions"), sum("/late" in path for path in asked)) == (2, 60)


def test_a_session_that_is_deleted_meanwhile_is_not_named(kagent: Kagent) -> None:
    """And one of a moment ago is asked for again, as kagent 0.9.0 wants it."""
    data = inbox()
    late = [response(404, {"error": "Session not found"})]
    with talking(data=data) as agent, serve() as server:

        def answer(received: Received) -> bytes | Iterator[bytes]:
            if received.path.startswith("/api/sessions?") and not agent.requests:
                agent.requests.append(received)
                return response(200, {"error": False, "data": [*data["/api/sessions"], row("gone")]})
            return late.pop() if late and "/s2/" in received.path else agent.answer(received)

        server.answer = answer
        found = kagent("approvals", "list", "-A", "-o", "name", f"--kagent-url={server.url}")
    assert found == (0, f"task/t2\ntask/{TASK}\ntask/t4\ntask/t3\n", "")


def test_nothing_is_decided_while_it_is_not_known_what_else_has_asked(kagent: Kagent) -> None:
    with deleting() as agent:
        answered = [0]
        with serve() as server:

            def answer(received: Received) -> bytes | Iterator[bytes]:
                answered[0] += PENDING in received.path
                if PENDING in received.path and answered[0] > 1:
                    return response(404, {"error": "Session not found"})
                return agent.answer(received)

            server.answer = answer
            code, out, err = kagent("approvals", "approve", TASK, "--yes", f"--kagent-url={server.url}")
    assert (code, out, agent.said) == (1, "", [])
    assert f"error: whether another task of session {SESSION} has asked since is not known: " in err


def test_the_list_for_programs(kagent: Kagent) -> None:
    with talking(data=inbox()) as agent:
        items = json.loads(approvals(kagent, agent, "list", "-A", "-o", "json")[1])["items"]
    assert [item["task"] for item in items] == ["t2", TASK, "t4", "t3"]
    (call,) = items[0].pop("calls")
    assert call == {
        "id": "i1",
        "tool": "drop",
        "args": {"table": "\x1b[2J"},
        "via": "default__NS__clock",
        "questions": [],
        "raw": None,
    }
    assert items[0] == {
        "namespace": "team",
        "agent": "boss",
        "user": "admin@kagent.dev",
        "session": "s2",
        "task": "t2",
        "since": "2026-11-23T07:50:00+00:00",
        "message": "input-required",
    }
    assert items[3]["calls"][0]["questions"] == [
        {"question": "Which?", "choices": ["a", "b"], "multiple": True},
        {"question": "Why?", "choices": [], "multiple": False},
    ]


def test_the_list_of_several_users(kagent: Kagent) -> None:
    mine = {"/api/sessions": [row(SESSION)], PENDING: [waiting(request("c1", "delete"))]}
    early = {"session": "s2", "timestamp": "2026-11-23T07:50:00Z"}
    anns = {
        "/api/sessions": [row("s2", user_id="ann")],
        "/api/sessions/s2/tasks": [waiting(request("c2", "drop"), id_="t2", **early)],
    }
    with talking(data=mine, others={"ann": anns}) as agent:
        both = ("list", "--user-id=admin@kagent.dev", "--user-id=ann", "--user-id=ann")
        assert approvals(kagent, agent, *both) == (
            0,
            "AGENT   SESSION    TASK       AGE   CALL   TOOL/QUESTION   ARGS     USER\n"
            "clock   s2         t2         10m   c2     drop            <none>   ann\n"
            f"clock   {SESSION}   {TASK}   60s   c1     delete          <none>   admin@kagent.dev\n",
            "",
        )
        items = json.loads(approvals(kagent, agent, *both, "-o", "json")[1])["items"]
        assert [(item["task"], item["user"]) for item in items] == [("t2", "ann"), (TASK, "admin@kagent.dev")]
        assert approvals(kagent, agent, "list", "--user-id=ben", "--user-id=cy", "-o", "json") == (
            0,
            '{\n    "items": []\n}\n',
            "Nothing waits for a person in default namespace (of users ben, cy; other users' are found with "
            "--user-id).\n",
        )
        assert approvals(kagent, agent, "approve", "t2", "--user-id=ann", "--user-id=ben") == (
            2,
            "",
            "error: --user-id goes here once: only lists are of several users\n",
        )
        assert agent.said == []


HITL = "https://kagent.dev/extensions/hitl/v1"
UNKNOWN = f"this kagent speaks an approval protocol that this plugin does not know: {HITL}\n"


def by_extension() -> dict[str, Any]:
    """A task as kagent asks after 0.10, whatever the payload."""
    message = {**asked(text("May I?")), "extensions": [HITL], "metadata": {HITL: {"type": "x"}}}
    return task("input-required", message, message=message)


@pytest.mark.parametrize(
    "words",
    [
        ("approvals", "reject", TASK),
        ("sessions", "show", SESSION),
        ("sessions", "delete", SESSION),
        ("sessions", "export", SESSION),
        ("chat", "clock", "hello"),
        ("logs", "clock", "--task", TASK),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_one_user_is_meant_where_nothing_is_listed(
    kagent: Kagent, cluster: FakeCluster, words: tuple[str, ...]
) -> None:
    with talking() as agent:
        assert kagent(*words, "--user-id=ann", "--user-id=ben", f"--kagent-url={agent.url}") == (
            2,
            "",
            "error: --user-id goes here once: only lists are of several users\n",
        )
        assert (agent.requests, cluster.requests) == ([], [])


def test_an_approval_protocol_that_is_not_known_is_said_once_and_nothing_is_sent(kagent: Kagent) -> None:
    with talking(data=kept(by_extension(), by_extension())) as agent:
        code, out, err = approvals(kagent, agent, "list")
        assert (code, out.count("May I?"), err) == (0, 2, f"Warning: {UNKNOWN}{WHOSE}\n")
    for card, waits in (
        ({}, by_extension()),
        (
            {"capabilities": {"extensions": [{"uri": "https://x"}, {"uri": HITL}]}},
            task("input-required", message=asked(text("May I?"))),
        ),
    ):
        with talking(data=kept(waits), card=card) as agent:
            assert approvals(kagent, agent, "approve", TASK, "--yes") == (
                1,
                "",
                f"error: {UNKNOWN}hint: decide it in kagent's own UI\n",
            )
            assert agent.calls == []


@pytest.mark.parametrize("card", [{}, {"capabilities": 5}, {"capabilities": {"extensions": [5, {"uri": 6}]}}])
def test_what_waits_without_calls_is_rejected_where_no_such_protocol_is_spoken(
    kagent: Kagent, card: dict[str, Any]
) -> None:
    waits = task("input-required", message=asked(text("May I?")))
    for words, decision in (
        ([], {"decision_type": "reject"}),
        (["--reason=no"], {"decision_type": "reject", "rejection_reason": "no"}),
    ):
        with talking([update("completed")], data=kept(waits), task=waits, card=card) as agent:
            code, _, err = approvals(kagent, agent, "reject", TASK, "--yes", *words)
        assert (code, err) == (0, f"{SHOWN}? May I?\nsession {SESSION} (0 prompt and 0 output tokens)\n")
        assert [message["parts"] for message in agent.said] == [[{"kind": "data", "data": decision}]]


@pytest.mark.parametrize("words", [(), ("--yes",), ("--call=c1",), ("--answer=no",)])
@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([text("May I drop\nthe database?")], "May I drop the database?"),
        ([], "input-required"),
        ([{"kind": "file", "file": {}}], "input-required"),
    ],
)
def test_where_no_call_waits_there_is_nothing_to_approve(
    kagent: Kagent, words: tuple[str, ...], parts: list[Any], said: str
) -> None:
    waits = task("input-required", message=asked(*parts))
    with talking(data=kept(waits), task=waits) as agent:
        assert approvals(kagent, agent, "approve", TASK, *words, "--user-id=admin@kagent.dev") == (
            2,
            "",
            f"error: task {TASK} waits with nothing to approve: {said}\n"
            f"hint: kubectl kagent chat clock MESSAGE -n default --session={SESSION} answers it\n",
        )
    assert agent.calls == []


def test_a_task_of_kagent_0_9_8_has_an_empty_kind_and_waits_all_the_same(kagent: Kagent) -> None:
    with talking(data=inbox()) as agent:
        found = approvals(kagent, agent, "list", "-A", "-o", "json")
    data = inbox()
    for path, tasks in data.items():
        if path.endswith("/tasks"):
            data[path] = [{**one, "kind": ""} for one in tasks]
    with talking(data=data) as agent:
        assert approvals(kagent, agent, "list", "-A", "-o", "json") == found
    assert found[1].count('"task":') == 4


def test_a_task_that_is_not_understood_is_said(kagent: Kagent) -> None:
    with talking(data=kept({"id": "t", "kind": "task"})) as agent:
        code, out, err = approvals(kagent, agent, "list")
    assert (code, out) == (0, "")
    assert err.splitlines()[0] == (f"Warning: session {SESSION} has a task in no state that is understood: t")


def answered(**more: Any) -> dict[str, Any]:
    """A task that asked a person, too, and has ended since."""
    return task("completed", asked(request("c2", "drop")), id_="later", **more)


@pytest.mark.parametrize("verb", ["approve", "reject"])
@pytest.mark.parametrize(
    "later",
    [
        waiting(request("c2", "drop"), id_="later", timestamp="2026-11-23T08:59:30Z"),
        waiting(request("c2", "drop"), id_="later", timestamp=None),
        answered(timestamp="2026-11-23T08:59:30Z"),
    ],
    ids=["waits", "waits-since-nobody-knows", "was-decided"],
)
def test_a_call_is_not_decided_when_its_session_asked_for_another_since(
    kagent: Kagent, verb: str, later: dict[str, Any]
) -> None:
    """The runtime would take the decision for the call that it asked for last, or for words."""
    first = waiting(request("c1", "delete"), timestamp="2026-11-23T07:59:30Z")
    with talking(COMPLETED, data=kept(first, later), task=first) as agent:
        code, out, err = approvals(kagent, agent, verb, TASK, "--yes")
    assert (code, out) == (1, "")
    assert err == (
        f"agent clock of namespace default waits with task {TASK}:\n"
        "? delete  [c1]\n"
        f"error: task later of the same session may have asked since task {TASK} did, and the agent takes a "
        "decision for what it asked last; nothing was approved or rejected\n"
        "hint: decide about task later if it waits; then ask the agent anew\n"
    )
    assert agent.said == []


@pytest.mark.parametrize(
    "earlier",
    [
        waiting(request("c0", "drop"), id_="earlier", timestamp="2026-11-23T07:50:30Z"),
        task("completed", asked(request("c0", "drop")), id_="earlier", timestamp="2026-11-23T07:50:30Z"),
        task("completed", id_="hello", timestamp="2026-11-23T08:30:00Z"),
    ],
    ids=["waits", "was-decided", "asked-nobody"],
)
def test_the_call_that_a_session_asked_for_last_is_decided(kagent: Kagent, earlier: dict[str, Any]) -> None:
    second = waiting(request("c1", "delete"), timestamp="2026-11-23T07:59:30Z")
    with talking(COMPLETED, data=kept(earlier, second), task=second) as agent:
        assert approvals(kagent, agent, "approve", TASK, "--yes")[0] == 0
    assert len(agent.said) == 1


ASK = request("q", "ask_user", questions=QUESTIONS)
ASK_ONE = request("q", "ask_user", questions=QUESTIONS[:1])


@pytest.mark.parametrize(
    ("parts", "words", "decision"),
    [
        (
            [request("c1", "delete")],
            ["approve", "--yes"],
            {"decision_type": "approve", "decisions": {"c1": "approve"}},
        ),
        (
            [request("c1", "delete")],
            ["approve", "--call=c1"],
            {"decision_type": "approve", "decisions": {"c1": "approve"}},
        ),
        (
            [request("c1", "delete")],
            ["reject", "--yes"],
            {"decision_type": "reject", "decisions": {"c1": "reject"}},
        ),
        (
            [request("c1", "delete")],
            ["reject", "--yes", "--reason=no"],
            {"decision_type": "reject", "rejection_reason": "no", "decisions": {"c1": "reject"}},
        ),
        (
            [request("c1", "delete"), request("c2", "delete")],
            ["approve", "--call=c2", "--reason=no"],
            {
                "decision_type": "batch",
                "decisions": {"c1": "reject", "c2": "approve"},
                "rejection_reasons": {"c1": "no"},
            },
        ),
        (
            [ASK],
            ["approve", "--yes", "--answer=1,2", "--answer=because, so"],
            {
                "decision_type": "approve",
                "ask_user_answers": [{"answer": ["a", "b"]}, {"answer": ["because, so"]}],
                "decisions": {"q": "approve"},
            },
        ),
        (
            [ASK_ONE],
            ["approve", "--yes", "--answer=2", "--answer=a third", f"--answer={'9' * 5000}"],
            {
                "decision_type": "approve",
                "ask_user_answers": [{"answer": ["b", "a third", "9" * 5000]}],
                "decisions": {"q": "approve"},
            },
        ),
    ],
)
def test_a_decision_is_sent_and_the_turn_followed(
    kagent: Kagent, parts: list[Any], words: list[str], decision: dict[str, Any]
) -> None:
    with talking(COMPLETED, data=kept(waiting(*parts)), task=waiting(*parts)) as agent:
        code, out, err = approvals(kagent, agent, words[0], TASK[:4], *words[1:])
    assert (code, out) == (0, "Done.\n")
    assert err.startswith(SHOWN)
    rejected = decision["decisions"].get("c1") == "reject"
    assert err.endswith(f"\n{END_REJECTED if rejected else END}")
    (message,) = agent.said
    part = {"kind": "data", "data": decision}
    where = {"taskId": TASK, "contextId": SESSION}
    assert message == {"kind": "message", "role": "user", "parts": [part], **where}


def test_what_is_decided_is_printed_first_with_all_arguments(kagent: Kagent) -> None:
    inner = {"originalFunctionCall": {"id": "i1", "name": "drop", "args": {"table": "x\u202ey"}}}
    parts = [
        request("c1", "write", text="a\nerror: " + "b" * 300),
        request("c9", "team__NS__db", {"hitl_parts": [inner]}),
        request("q", "ask_user", questions=QUESTIONS),
    ]
    with talking(COMPLETED, data=kept(waiting(*parts)), task=waiting(*parts)) as agent:
        err = approvals(kagent, agent, "reject", TASK, "--yes")[2]
    assert err == (
        f"{SHOWN}"
        f'? write text="a\\nerror: {"b" * 300}"  [c1]\n'
        '? drop table="x\\u202ey", wanted by team__NS__db  [i1]\n'
        "? Which? (1. a, 2. b, several may be chosen); Why?  [q]\n"
        f"{END_REJECTED}"
    )


@pytest.mark.parametrize(
    ("verb", "hint"),
    [
        ("approve", "--yes confirms everything that is printed above, --call=ID approves one call of it"),
        ("reject", "--yes confirms everything that is printed above"),
    ],
)
def test_where_nobody_can_be_asked_the_command_line_must_agree(kagent: Kagent, verb: str, hint: str) -> None:
    with deleting() as agent:
        assert approvals(kagent, agent, verb, TASK) == (
            2,
            "",
            f"{SHOWN}? delete  [c1]\n"
            f"error: cannot ask whether to {verb} this: there is no terminal\nhint: {hint}\n",
        )
    assert agent.calls == []


@pytest.mark.parametrize(
    ("now", "error"),
    [
        (
            waiting(request("c2", "drop")),
            "error: agent clock now waits for something else; nothing was approved or rejected\n"
            "hint: kubectl kagent approvals list -A shows what waits\n",
        ),
        (
            waiting(request("c1", "delete", name="prod")),
            "error: agent clock now waits for something else; nothing was approved or rejected\n"
            "hint: kubectl kagent approvals list -A shows what waits\n",
        ),
        (
            task("completed"),
            f"error: task {TASK} no longer waits: it is completed; nothing was approved or rejected\n",
        ),
    ],
)
@pytest.mark.parametrize("words", [("approve", "--yes"), ("approve", "--call=c1"), ("reject", "--yes")])
def test_nothing_is_sent_once_the_agent_waits_for_something_else(
    kagent: Kagent, words: tuple[str, ...], now: dict[str, Any], error: str
) -> None:
    with talking(COMPLETED, data=kept(waiting(request("c1", "delete"))), task=now) as agent:
        done = approvals(kagent, agent, words[0], TASK, *words[1:])
    assert done == (1, "", f"{SHOWN}? delete  [c1]\n{error}")
    assert agent.said == []


@pytest.mark.parametrize(
    ("verb", "before"),
    [
        ("approve", waiting(request("c1", "delete"))),
        ("reject", task("input-required", message=asked(text("May I?")))),
    ],
)
def test_the_task_as_it_was_before_the_decision_is_not_waiting_again(
    kagent: Kagent, verb: str, before: dict[str, Any]
) -> None:
    """By A2A 1.0 the answer to a message begins with the task as it is, before it is worked on."""
    with talking([before, *COMPLETED], data=kept(before), task=before) as agent:
        code, out, _ = approvals(kagent, agent, verb, TASK, "--yes")
        assert (code, out.splitlines()[-1]) == (0, "Done.")
    with talking([before], data=kept(before), task=before) as agent:
        assert approvals(kagent, agent, verb, TASK, "--yes")[0] == 7
        assert [method for method, _ in agent.calls] == ["tasks/get", "message/stream", "tasks/get"]


def test_an_id_that_begins_as_a_kind_does_is_not_taken_for_another_agents(kagent: Kagent) -> None:
    """An agent may give its task any id; the command that the hint gives is about that very task."""
    clocks, evil = waiting(request("c1", "delete", name="prod")), f"task/{TASK}"
    data = {
        "/api/sessions": [row(SESSION), row("s9", "default__NS__evil")],
        PENDING: [clocks],
        "/api/sessions/s9/tasks": [waiting(request("e", "nice"), id_=evil, session="s9")],
    }
    turn = [{**update("input-required", request("e", "nice")), "taskId": evil, "contextId": "s9"}]
    with talking(turn, data=data, task=clocks) as agent:
        err = kagent("chat", "evil", "hi", f"--kagent-url={agent.url}")[2]
        assert f"hint: kubectl kagent approvals approve task/{evil} (or reject)\n" in err
        assert approvals(kagent, agent, "approve", evil, "--yes") == (
            2,
            "",
            f'error: "{evil}" is task {TASK}, and the id of another task that waits\n'
            f"hint: {TASK} names the one, task/{evil} the other\n",
        )
        shown = approvals(kagent, agent, "approve", f"task/{evil}")[2].splitlines()
        assert shown[:2] == [f"agent evil of namespace default waits with task {evil}:", "? nice  [e]"]
        assert [method for method, _ in agent.calls] == ["message/stream"]


@pytest.mark.parametrize(
    ("verb", "before", "now", "shown"),
    [
        (
            "approve",
            waiting(request("", "delete", of="a"), request("", "delete", of="b")),
            waiting(request("", "delete", of="a"), request("", "delete", of="a")),
            '? delete of="a"\n? delete of="b"\n',
        ),
        (
            "reject",
            task("input-required", message=asked(text("May I delete a?"))),
            task("input-required", message=asked(text("May I keep a?"))),
            "? May I delete a?\n",
        ),
    ],
)
def test_nothing_is_sent_for_what_only_resembles_what_was_shown(
    kagent: Kagent, verb: str, before: dict[str, Any], now: dict[str, Any], shown: str
) -> None:
    with talking(COMPLETED, data=kept(before), task=now) as agent:
        done = approvals(kagent, agent, verb, TASK, "--yes")
    assert done == (
        1,
        "",
        f"{SHOWN}{shown}error: agent clock now waits for something else; nothing was approved or rejected\n"
        "hint: kubectl kagent approvals list -A shows what waits\n",
    )
    assert agent.said == []


def test_the_turn_may_wait_again_or_fail(kagent: Kagent) -> None:
    for last, code, said in (
        (
            update("input-required", request("c2", "drop")),
            7,
            "error: agent clock waits for somebody: approval of drop",
        ),
        (update("failed", text("429")), 1, "error: agent clock's task is failed: 429"),
    ):
        with deleting([*DONE, last]) as agent:
            done = approvals(kagent, agent, "approve", f"task/{TASK}", "--yes")
        assert done[:2] == (code, "Done.\n")
        assert said in done[2].splitlines()


def test_the_command_of_a_hint_finds_an_id_that_looks_like_an_option(kagent: Kagent) -> None:
    task = waiting(request("c1", "delete"), id_="--yes")
    asks = {**update("input-required", request("c1", "delete")), "taskId": "--yes"}
    ends = {**update("completed"), "taskId": "--yes"}
    with talking([asks], [ends], data=kept(task), task=task) as agent:
        url = f"--kagent-url={agent.url}"
        hint = kagent("chat", "clock", "hello", url)[2].splitlines()[-1]
        assert hint == "hint: kubectl kagent approvals approve -- --yes (or reject)"
        verb, decision, *task_id = hint.removesuffix(" (or reject)").split()[3:]
        assert kagent(verb, decision, url, "--call=c1", *task_id)[0] == 0
    assert agent.said[-1]["taskId"] == "--yes"


def test_json_is_the_events(kagent: Kagent) -> None:
    with deleting(COMPLETED) as agent:
        code, out, _ = approvals(kagent, agent, "approve", TASK, "--yes", "-o", "json")
    assert code == 0
    assert [json.loads(line)["result"] for line in out.splitlines()] == COMPLETED


LIST = "hint: kubectl kagent approvals list -A shows what waits\n"


@pytest.mark.parametrize(
    ("data", "word", "error"),
    [
        (
            {f"/api/tasks/{TASK}": task("completed")},
            TASK,
            f"error: task {TASK} does not wait for anybody: it is completed\n{LIST}",
        ),
        (
            {f"/api/tasks/{TASK}": waiting(request("c1", "x"))},
            TASK,
            f"error: task {TASK} waits (input-required), but in no session that this user began\n"
            f"{LIST[:-1]}; another user's is found with --user-id\n",
        ),
        (
            {},
            "nope",
            f"error: no task nope waits\n{LIST[:-1]}; another user's is found with --user-id\n",
        ),
        (
            kept(waiting(request("c1", "x")), waiting(request("c1", "x"), id_="7a5c0002")),
            "7a5c",
            'error: "7a5c" is the beginning of several tasks that wait: 7a5c0001, 7a5c0002\n',
        ),
    ],
)
@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_task_that_does_not_wait(
    kagent: Kagent, verb: str, data: dict[str, Any], word: str, error: str
) -> None:
    with talking(data={"/api/sessions": [], **data}) as agent:
        assert approvals(kagent, agent, verb, word) == (1, "", error)
    assert agent.calls == []


@pytest.mark.parametrize(
    ("parts", "words", "code", "error"),
    [
        (
            [request("c1", "x"), request("c2", "y")],
            ["--call=c3"],
            2,
            'error: the task does not wait for a call "c3"\nhint: it waits for c1, c2\n',
        ),
        (
            [request("", "x"), request("c2", "y")],
            ["--call=c3"],
            2,
            'error: the task does not wait for a call "c3"\nhint: it waits for c2\n',
        ),
        (
            [request("", "x")],
            ["--call=c3"],
            2,
            'error: the task does not wait for a call "c3"\nhint: it waits for calls without ids\n',
        ),
        ([request("", "drop")], ["--call="], 2, "error: --call names no call\n"),
        (
            [request("c1", "x"), request("c2", "y")],
            ["--call=c1", "--call="],
            2,
            "error: --call names no call\n",
        ),
        (
            [request("c1", "look"), request("c1", "drop", name="prod")],
            ["--call=c1"],
            2,
            'error: 2 calls of the task have the id "c1"\nhint: without --call all of them are approved\n',
        ),
        (
            [request("c1", "look"), request("c1", "drop"), request("c2", "y")],
            ["--call=c2"],
            1,
            "error: these calls have no ids to tell them apart: approve or reject all of them alike\n",
        ),
        (
            [request("c1", "x")],
            ["--answer=a"],
            2,
            "error: the task asks no question: it waits for an approval\n",
        ),
        (
            [request("c1", "x")],
            ["--reason=a"],
            2,
            "error: --reason goes with --call: it is what the other calls are rejected with\n",
        ),
        (
            [request("q", "ask_user", questions=QUESTIONS)],
            [],
            2,
            "error: the task waits for an answer: Which?; Why?\n"
            "hint: give it with --answer, one for each question\n",
        ),
        (
            [request("q", "ask_user", questions=QUESTIONS)],
            ["--answer=a"],
            2,
            "error: the task asks 2 questions, and 1 answers were given\n",
        ),
        (
            [request("q", "ask_user", questions=QUESTIONS[:1]), request("c1", "x")],
            ["--call=q", "--answer=a"],
            1,
            "error: kagent takes answers only together with an approval of every other call\n",
        ),
    ],
)
def test_a_decision_that_makes_no_sense_is_not_sent(
    kagent: Kagent, parts: list[Any], words: list[str], code: int, error: str
) -> None:
    with talking(data=kept(waiting(*parts))) as agent:
        assert approvals(kagent, agent, "approve", TASK, *words) == (code, "", error)
    assert agent.calls == []


def test_an_ask_user_without_a_list_of_questions_is_a_call_to_approve(kagent: Kagent) -> None:
    task = waiting(request("q", "ask_user", questions={"question": "Delete?"}))
    with talking(COMPLETED, data=kept(task), task=task) as agent:
        code, _, err = approvals(kagent, agent, "approve", TASK, "--yes")
    assert (code, err) == (0, f'{SHOWN}? ask_user questions={{"question": "Delete?"}}  [q]\n{END}')


def unread(id_: str, name: Any, args: Any) -> dict[str, Any]:
    """A confirmation of a call that can't be read."""
    part = request(id_, "x")
    part["data"]["args"]["originalFunctionCall"] = {"id": id_, "name": name, "args": args}
    return part


DROP = {"id": "c2", "name": "drop", "args": ["prod"]}
BOTH = waiting(request("c1", "list_files"), unread("c2", "drop", ["prod"]))
RAW = '{"name": "drop", "id": "c2", "args": ["prod"]}'
BOTH_SHOWN = f"{SHOWN}? list_files  [c1]\n? not understood: {RAW}\n"


def test_the_list_has_a_call_that_can_not_be_read(kagent: Kagent) -> None:
    inner = [{"originalFunctionCall": DROP}]
    task = waiting(
        request("c1", "list_files"),
        unread("c2", "drop", ["prod"]),
        request("c3", "team__NS__db", {"hitl_parts": inner}),
    )
    with talking(data=kept(task)) as agent:
        code, out, err = approvals(kagent, agent, "list")
        calls = json.loads(approvals(kagent, agent, "list", "-o", "json")[1])["items"][0]["calls"]
    assert (code, err) == (0, f"{WHOSE}\n")
    assert [re.split("   +", line)[4:] for line in out.splitlines()[1:]] == [
        ["c1", "list_files", "<none>"],
        ["<none>", "not understood", RAW],
        ["<none>", "not understood (of team__NS__db)", RAW],
    ]
    assert calls[1:] == [
        {"id": "", "tool": "", "args": {}, "via": via, "questions": [], "raw": DROP}
        for via in ("", "team__NS__db")
    ]


@pytest.mark.parametrize(
    "words", [(), ("--yes",), ("--call=c1",), ("--call=c1", "--reason=no"), ("--answer=a",)]
)
def test_nothing_is_approved_beside_a_call_that_can_not_be_read(
    kagent: Kagent, words: tuple[str, ...]
) -> None:
    """kagent approves all that waits, and would take a batch for an approval of what that does not name."""
    with talking(COMPLETED, data=kept(BOTH), task=BOTH) as agent:
        assert approvals(kagent, agent, "approve", TASK, *words) == (
            1,
            "",
            f"{BOTH_SHOWN}"
            "error: not all that waits can be read, and kagent approves all of it at once: nothing can be "
            f"approved\nhint: kubectl kagent approvals reject {TASK} rejects all of it; "
            "kubectl kagent approvals list -A -o json has it whole\n",
        )
    assert agent.calls == []


def test_what_can_not_be_read_is_rejected(kagent: Kagent) -> None:
    with talking(COMPLETED, data=kept(BOTH), task=BOTH) as agent:
        code, _, err = approvals(kagent, agent, "reject", TASK, "--yes", "--reason=what is it?")
    decision = {"decision_type": "reject", "rejection_reason": "what is it?"}
    assert (code, err) == (0, f"{BOTH_SHOWN}{END_REJECTED}")
    assert [message["parts"] for message in agent.said] == [[{"kind": "data", "data": decision}]]


def test_what_can_not_be_read_is_one_line_masked_and_cut(kagent: Kagent) -> None:
    """An agent could make more of it than a screen, or write a line of ours."""
    call = {"id": "7" * 5000, "args": ["\x1b[2J\nerror: \u202e"], "name": "drop\u200b"}
    hidden = {"id": "c2", "name": "run", "args": [{"password": "hunter2"}]}
    task = waiting(unread("c1", "x", None), unread("c2", "x", None))
    for part, raw in zip(task["status"]["message"]["parts"], (call, hidden), strict=True):
        part["data"]["args"]["originalFunctionCall"] = raw
    with talking(COMPLETED, data=kept(task), task=task) as agent:
        shown = [
            approvals(kagent, agent, "list")[1],
            approvals(kagent, agent, "approve", TASK)[2],
            approvals(kagent, agent, "reject", TASK, "--yes")[2],
        ]
        whole = approvals(kagent, agent, "list", "-o", "json")[1]
    # what a terminal hides is shown as JSON writes it, and the name stands before what may be cut
    begin = '{"name": "drop\\u200b", "id": "'
    line = f"{begin}{'7' * (999 - len(begin))}…"
    for text_ in shown:
        assert line in text_
        assert max(map(len, text_.splitlines())) < 1200
        assert "hunter2" not in text_
        assert not [char for char in text_ if char in "\x1b\u200b\u202e"]
    assert (whole.count("7" * 5000), "hunter2" in whole) == (1, False)


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_what_is_decided_about_is_shown_whole_and_the_list_is_masked(kagent: Kagent, verb: str) -> None:
    task = waiting(request("c1", "run", command=HIDDEN, password="hunter2"))
    with talking(COMPLETED, data=kept(task), task=task) as agent:
        listed = approvals(kagent, agent, "list", "-o", "json")[1]
        _, _, err = approvals(kagent, agent, verb, TASK, "--yes")
    assert f'? run command="{HIDDEN}" password="hunter2"' in err
    assert "hunter2" not in listed
    assert "rm -rf" not in listed
