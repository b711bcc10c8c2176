"""chat on a terminal, as a process: the dialog, what it asks, Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fake.agent import (
    SESSION,
    TASK,
    Agent,
    asked,
    called,
    gave,
    request,
    row,
    talking,
    task,
    text,
    update,
    waiting,
)
from tests.loopback import response, serve

PATIENCE = 30.0
CLOSING = f"session {SESSION} (0 prompt and 0 output tokens)"
NOON = [update("submitted"), update("working", text("It is noon.")), update("completed")]
GONE = [update("working", gave("c1", "delete", {"output": "gone"})), update("completed")]
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


@dataclass
class Terminal:
    """A program on a terminal of its own."""

    process: subprocess.Popen[bytes]
    descriptor: int
    seen: str = ""
    _read: int = 0

    def until(self, words: str, *, pressing: str = "") -> str:
        """Everything up to ``words``, from where the last look ended.

        ``pressing`` a key once a second: readline may not hear it between its prompt and its reading.
        """
        deadline = time.monotonic() + PATIENCE
        self.press(pressing)
        while (place := self.seen.find(words, self._read)) < 0:
            left = max(0, deadline - time.monotonic())
            ready, _, _ = select.select([self.descriptor], [], [], min(1, left) if pressing else left)
            assert ready or (pressing and left), f"{words!r} did not come: {self.seen[self._read :]!r}"
            if ready:
                self._more()
            else:
                self.press(pressing)
        start, self._read = self._read, place + len(words)
        return self.seen[start : self._read]

    def _more(self) -> bool:
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:  # the other side is closed
            data = b""
        self.seen += _ESCAPES.sub("", data.decode(errors="replace"))
        assert data or self.process.poll() is None, f"it ended: {self.seen[self._read :]!r}"
        return bool(data)

    def type(self, words: str) -> None:
        os.write(self.descriptor, f"{words}\n".encode())

    def press(self, key: str) -> None:
        os.write(self.descriptor, key.encode())

    def end(self) -> int:
        return self.process.wait(timeout=PATIENCE)


CTRL_C, CTRL_D = "\x03", "\x04"


@contextmanager
def program(agent: Agent, tmp_path: Path, *words: str) -> Iterator[Terminal]:
    main, side = pty.openpty()
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "TERM": "dumb", "INPUTRC": "/dev/null"}
    command = [sys.executable, "-m", "kubectl_kagent", *words]
    flags = [f"--kagent-url={agent.url}"]
    process = subprocess.Popen(
        [*command, *flags],
        stdin=side,
        stdout=side,
        stderr=side,
        env=env,
        start_new_session=True,
        preexec_fn=lambda: _own_terminal(side),
    )
    os.close(side)
    try:
        yield Terminal(process, main)
    finally:
        process.kill()
        process.wait()
        os.close(main)


def terminal(agent: Agent, tmp_path: Path, *words: str) -> AbstractContextManager[Terminal]:
    return program(agent, tmp_path, "chat", "clock", *words, "-n", "default")


def _own_terminal(descriptor: int) -> None:
    """So that Ctrl-C goes to the program."""
    import fcntl
    import termios

    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


def test_a_dialog_stays_in_its_session(tmp_path: Path) -> None:
    with talking(NOON, NOON) as agent, terminal(agent, tmp_path) as screen:
        screen.until("agent clock; /help lists the commands, Ctrl-D leaves\nclock> ")
        screen.type("what time is it?")
        assert screen.until(CLOSING) == f"what time is it?\nIt is noon.\n{CLOSING}"
        screen.type("again")
        screen.until(CLOSING)
        screen.until("clock> ")
        screen.until("clock> ", pressing=CTRL_C)
        screen.press(CTRL_D)
        assert screen.end() == 0
    assert [message.get("contextId") for message in agent.said] == [None, SESSION]
    kept = tmp_path / "kubectl-kagent" / "chat_history"
    assert kept.read_text() == "what time is it?\nagain\n"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_what_a_person_would_not_see_is_shown(tmp_path: Path) -> None:
    said = [update("working", called("c1", "run\u200b", text="\u202eevil"))]
    last = [update("working", text("a\u202eb\u2066 👩\u200d💻\u2028c\x1b[2J\n")), update("completed")]
    with talking([*said, *last]) as agent, terminal(agent, tmp_path, "hello") as screen:
        screen.until('→ run\\u200b text="\\u202eevil"\n')
        screen.until("a\\u202eb\\u2066 👩\u200d💻\\u2028c\\u001b[2J\n")
        assert screen.end() == 0


def test_a_call_that_somebody_else_approved_meanwhile(tmp_path: Path) -> None:
    """The agent went on with it, and waits with another one."""
    asked = [update("input-required", request("c1", "read"))]
    now = waiting(request("c2", "delete"))
    with talking(asked, GONE, task=now) as agent, terminal(agent, tmp_path, "clean up") as screen:
        screen.until("? read\napprove? [y]es, [n]o, [l]ater: ")
        screen.type("y")
        screen.until("error: agent clock now waits for something else; nothing was approved or rejected\n")
        assert screen.end() == 1
    assert len(agent.said) == 1


def test_approvals_asks_on_a_terminal(tmp_path: Path) -> None:
    task = waiting(request("c1", "delete", name="prod"))
    data = {"/api/sessions": [row(SESSION)], f"/api/sessions/{SESSION}/tasks": [task]}
    shown = f'agent clock of namespace default waits with task {TASK}:\n? delete name="prod"  [c1]\n'
    with talking(GONE, data=data, task=task) as agent:
        for answer, code in (("no\n", 1), (CTRL_D, 1), ("perhaps\nyes\n", 0)):
            with program(agent, tmp_path, "approvals", "approve", TASK) as screen:
                screen.until(f"{shown}approve? [y]es, [n]o: ")
                screen.press(answer)
                screen.until(CLOSING if code == 0 else "error: nothing was approved or rejected\n")
                assert screen.end() == code
                assert len(agent.said) == (code == 0)


def test_the_commands_of_the_dialog(tmp_path: Path) -> None:
    turn = [
        update("working", called("c1", "get", zone="UTC")),
        update("working", gave("c1", "get", {"content": [{"text": "a\nb"}]})),
        *NOON,
    ]
    kept = task("completed", asked(text("It is noon.")))
    data = {
        f"/api/tasks/{TASK}": kept,
        f"/api/sessions/{SESSION}": {"session": row(SESSION), "events": []},
        f"/api/sessions/{SESSION}/tasks": [kept],
    }
    with talking(turn, data=data) as agent, terminal(agent, tmp_path) as screen:
        for word, answer in (
            ("/session", "no session yet: it begins with the first question"),
            ("/tools", "no tool was called"),
            ("/trace", "nothing was asked yet"),
            ("/what", "no such command: /what; /help lists them"),
            ("/help", "/quit     leave (or Ctrl-D); Ctrl-C cancels the answer that is being given"),
            ("hello", CLOSING),
            ("/tools", '→ get zone="UTC"\n✓ get 0.0s:\n  a\n  b\n'),
            (
                "/session",
                f"session {SESSION}\n"
                f"kubectl kagent chat clock -n default --session={SESSION} comes back to it",
            ),
            ("/trace", f"task {TASK}  session {SESSION}\n"),
        ):
            screen.until("clock> ")
            screen.type(word)
            screen.until(answer)
        screen.type("/quit")
        assert screen.end() == 0


def test_a_session_that_the_controller_shows_a_moment_later(tmp_path: Path) -> None:
    """As kagent 0.9.0 does."""
    kept = task("completed", asked(text("It is noon.")))
    whole = f"/api/sessions/{SESSION}"
    data = {"/api/sessions": [], f"{whole}/tasks": [kept]}
    with talking(NOON, data=data) as agent, terminal(agent, tmp_path) as screen:
        screen.until("clock> ")
        screen.type("hello")
        screen.until("clock> ")
        look = agent._kept

        def late(data: dict[str, Any], method: str, path: str) -> bytes:
            answer = look(data, method, path)
            data[whole] = {"session": row(SESSION), "events": []}
            return answer

        agent._kept = late  # type: ignore[method-assign]
        screen.type("/trace")
        screen.until(f"task {TASK}  session {SESSION}\n")
        screen.type("/quit")
        assert screen.end() == 0


def test_ctrl_c_ends_a_look_and_not_the_dialog(tmp_path: Path) -> None:
    with talking(NOON) as agent, terminal(agent, tmp_path) as screen:
        screen.until("clock> ")
        screen.type("hello")
        screen.until("clock> ")
        asked, release = threading.Event(), threading.Event()

        def never(*_asked: object) -> bytes:
            asked.set()
            release.wait(PATIENCE)
            return b""

        agent._kept = never  # type: ignore[method-assign]
        screen.type("/trace")
        assert asked.wait(PATIENCE)
        screen.press("\x03")
        screen.until("clock> ")
        release.set()
        screen.type("/session")
        screen.until(f"session {SESSION}\n")
        screen.type("/quit")
        assert screen.end() == 0


def test_a_trace_of_its_own_is_named_though_the_turn_failed(tmp_path: Path) -> None:
    """The turn itself gets no answer: there are no turns."""
    with serve() as receiver, talking() as agent:
        receiver.answer = lambda _: response(200, {})
        with terminal(agent, tmp_path, f"--otlp-endpoint={receiver.url}") as screen:
            screen.until("clock> ")
            screen.type("hello")
            screen.until("error: ")
            screen.until("clock> ")
            screen.type("/trace")
            assert re.search(r"trace [0-9a-f]{32}\n", screen.until("the controller keeps nothing of it\n"))


def test_a_turn_that_fails_does_not_end_the_dialog(tmp_path: Path) -> None:
    with talking([update("failed", text("429"))], NOON) as agent, terminal(agent, tmp_path) as screen:
        screen.until("clock> ")
        screen.type("hello")
        screen.until("error: agent clock's task is failed: 429\n")
        screen.type("hello")
        screen.until("It is noon.")


def test_approvals_are_asked_one_by_one(tmp_path: Path) -> None:
    inner = {"originalFunctionCall": {"id": "i1", "name": "drop", "args": {}}}
    parts = [
        request("c1", "delete", name="a" * 120),
        request("c9", "team__NS__db", {"hitl_parts": [inner]}),
    ]
    asked = [update("input-required", *parts)]
    with (
        talking(asked, GONE, task=waiting(*parts)) as agent,
        terminal(agent, tmp_path, "clean up") as screen,
    ):
        screen.until(f'? (1/2) delete name="{"a" * 120}"\napprove? [y]es, [n]o, [l]ater: ')
        screen.type("maybe")
        screen.until("approve? [y]es, [n]o, [l]ater: ")
        screen.type("y")
        screen.until("? (2/2) drop, wanted by team__NS__db\napprove? [y]es, [n]o, [l]ater: ")
        screen.type("n")
        screen.until("reason, if you want to give one: ")
        screen.type("not today")
        screen.until(CLOSING)
        assert screen.end() == 0
    assert agent.said[1]["parts"] == [
        {
            "kind": "data",
            "data": {
                "decision_type": "batch",
                "decisions": {"c1": "approve", "i1": "reject"},
                "rejection_reasons": {"i1": "not today"},
            },
        }
    ]


QUESTIONS = [{"question": "Which?", "choices": ["red", "blue"], "multiple": True}, {"question": "Why?"}]


def test_questions_are_asked_with_their_choices(tmp_path: Path) -> None:
    part = request("q", "ask_user", questions=QUESTIONS)
    asked = [update("input-required", part)]
    with talking(asked, GONE, task=waiting(part)) as agent, terminal(agent, tmp_path, "paint") as screen:
        screen.until("? Which?\n  1. red\n  2. blue\nnumbers, or another answer: ")
        screen.type("1, 2")
        screen.until("? Why?\nanswer: ")
        screen.type("")
        screen.until("answer: ")
        screen.type("because, so")
        assert screen.end() == 0
    answers = [{"answer": ["red", "blue"]}, {"answer": ["because, so"]}]
    assert agent.said[1]["parts"][0]["data"] == {
        "decision_type": "approve",
        "ask_user_answers": answers,
        "decisions": {"q": "approve"},
    }


def test_questions_beside_a_rejection_go_back_unanswered(tmp_path: Path) -> None:
    """kagent would approve everything that comes with an answer."""
    parts = [request("q", "ask_user", questions=QUESTIONS), request("c1", "delete")]
    asked = [update("input-required", *parts)]
    with talking(asked, GONE, task=waiting(*parts)) as agent, terminal(agent, tmp_path, "paint") as screen:
        screen.until("? (2/2) delete\n")
        screen.type("n")
        screen.type("")
        screen.until("Warning: questions can't be answered while a call beside them is rejected: ask again")
        assert screen.end() == 0
    assert agent.said[1]["parts"][0]["data"]["decisions"] == {"q": "reject", "c1": "reject"}


def test_what_can_not_be_read_is_rejected_as_a_whole_or_left(tmp_path: Path) -> None:
    odd = request("c2", "x")
    odd["data"]["args"]["originalFunctionCall"] = {"id": "c2", "name": "drop", "args": ["prod"]}
    parts = [request("c1", "list_files"), odd]
    asked = [update("input-required", *parts)]
    shown = (
        '? list_files\n? not understood: {"name": "drop", "id": "c2", "args": ["prod"]}\n'
        "Warning: not all that waits can be read, and kagent approves all of it at once: "
        "nothing can be approved\n"
        "reject all of it? [y]es, [l]ater: "
    )
    with talking(asked, asked, GONE, task=waiting(*parts)) as agent:
        with terminal(agent, tmp_path, "clean up") as screen:
            screen.until(shown)
            screen.type("l")
            screen.until(f"hint: kubectl kagent approvals reject {TASK} rejects all of it\n")
            assert screen.end() == 7
        with terminal(agent, tmp_path, "clean up") as screen:
            screen.until(shown)
            screen.type("no")
            screen.until("reject all of it? [y]es, [l]ater: ")
            screen.type("y")
            screen.until("reason, if you want to give one: ")
            screen.type("what is it?")
            assert screen.end() == 0
    assert agent.said[2]["parts"][0]["data"] == {
        "decision_type": "reject",
        "rejection_reason": "what is it?",
    }


@pytest.mark.parametrize("how", ["l\n", CTRL_D])
def test_a_decision_may_be_left_for_later(tmp_path: Path, how: str) -> None:
    asked = [update("input-required", request("c1", "delete"))]
    with talking(asked) as agent, terminal(agent, tmp_path, "clean up") as screen:
        screen.until("[l]ater: ")
        screen.press(how)
        screen.until("\nleft for later\n")
        screen.until(f"hint: kubectl kagent approvals approve {TASK} (or reject)\n")
        assert screen.end() == 7


def test_a_decision_of_a_dialog_is_left_to_the_same_user(tmp_path: Path) -> None:
    asked = [update("input-required", request("c1", "delete"))]
    with talking(asked) as agent, terminal(agent, tmp_path, "--user-id=jane") as screen:
        screen.until("clock> ")
        screen.type("clean up")
        screen.until("[l]ater: ")
        screen.type("l")
        screen.until(f"hint: kubectl kagent approvals approve {TASK} --user-id=jane (or reject)\n")
        screen.until("clock> ")
        screen.until("\n", pressing=CTRL_D)
        assert screen.end() == 0


def test_ctrl_c_at_a_decision_leaves_and_says_what_waits(tmp_path: Path) -> None:
    asked = [update("input-required", request("c1", "delete"))]
    with talking(asked) as agent, terminal(agent, tmp_path, "clean up", "--user-id=jane") as screen:
        screen.until("[l]ater: ")
        screen.until("\nsession ", pressing=CTRL_C)
        screen.until(f"interrupted: task {TASK} waits for an answer\n")
        screen.until(f"hint: kubectl kagent approvals approve {TASK} --user-id=jane (or reject)\n")
        assert screen.end() == 130
    assert [method for method, _ in agent.calls] == ["message/stream"]


@dataclass
class Slow:
    """An agent that says a word, and the rest when it is told to."""

    go_on: threading.Event
    last: list[Any]

    def __iter__(self) -> Iterator[Any]:
        yield update("submitted")
        yield update("working", text("It is "), partial=True)
        assert self.go_on.wait(PATIENCE)
        yield from self.last


def test_ctrl_c_cancels_once_and_hears_the_end(tmp_path: Path) -> None:
    slow = Slow(threading.Event(), [update("canceled")])

    def cancel() -> dict[str, Any]:
        slow.go_on.set()
        return {"result": {"kind": "task", "id": TASK, "status": {"state": "canceled"}}}

    with talking(slow, cancel=cancel) as agent, terminal(agent, tmp_path, "hello") as screen:
        screen.until("It is ")
        screen.press(CTRL_C)
        screen.until(f"asked to cancel task {TASK}; Ctrl-C again leaves\n")
        screen.until("error: agent clock's task is canceled\n")
        assert screen.end() == 1
    assert [method for method, _ in agent.calls] == ["message/stream", "tasks/cancel"]
    assert agent.calls[1][1] == {"id": TASK}


def test_an_agent_that_can_not_be_cancelled_is_heard_to_its_end(tmp_path: Path) -> None:
    slow = Slow(threading.Event(), NOON[1:])
    with talking(slow) as agent, terminal(agent, tmp_path, "hello") as screen:
        screen.until("It is ")
        screen.press(CTRL_C)
        screen.until(
            f"task {TASK} is still running: the agent cannot cancel it (can't (JSON-RPC error -32603))"
        )
        slow.go_on.set()
        screen.until("noon.\n")
        screen.until(CLOSING)
        assert screen.end() == 0


def test_the_second_ctrl_c_leaves(tmp_path: Path) -> None:
    slow = Slow(threading.Event(), [])
    with talking(slow) as agent, terminal(agent, tmp_path, "hello") as screen:
        screen.until("It is ")
        screen.press(CTRL_C)
        screen.until("is still running")
        screen.press(CTRL_C)
        screen.until(f"{CLOSING}\ninterrupted\n")
        assert screen.end() == 130
        slow.go_on.set()


def test_ctrl_c_before_there_is_a_task_leaves(tmp_path: Path) -> None:
    go_on = threading.Event()

    def silent() -> Iterator[Any]:
        arrived.set()
        assert go_on.wait(PATIENCE)
        yield from NOON

    arrived = threading.Event()
    with talking(silent()) as agent, terminal(agent, tmp_path, "hello") as screen:
        assert arrived.wait(PATIENCE)
        screen.process.send_signal(signal.SIGINT)
        screen.until("interrupted\n")
        assert screen.end() == 130
        go_on.set()
    assert [method for method, _ in agent.calls] == ["message/stream"]


def test_an_answer_in_a_pipe_asks_on_the_terminal_all_the_same(tmp_path: Path) -> None:
    """stdout is the result alone; the questions are on stderr."""
    asked = [update("input-required", request("c1", "delete"))]
    main, side = pty.openpty()
    words = ["chat", "clock", "clean up", "-n", "default"]
    with talking(asked, [*GONE[:1], *NOON], task=waiting(request("c1", "delete"))) as agent:
        command = [sys.executable, "-m", "kubectl_kagent", *words, f"--kagent-url={agent.url}"]
        process = subprocess.Popen(command, stdin=side, stdout=subprocess.PIPE, stderr=side)
        os.close(side)
        screen = Terminal(process, main)  # type: ignore[arg-type]
        screen.until("approve? [y]es, [n]o, [l]ater: ")
        screen.type("y")
        out, _ = process.communicate(timeout=PATIENCE)
        os.close(main)
    assert (process.returncode, out) == (0, b"It is noon.\n")
    assert agent.said[1]["parts"][0]["data"] == {
        "decision_type": "approve",
        "decisions": {"c1": "approve"},
    }
