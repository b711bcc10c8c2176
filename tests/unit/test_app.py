"""The program as a process whose streams are closed, full, or of an odd encoding, and its last boundary."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent import __version__
from kubectl_kagent.app import cli
from kubectl_kagent.cli import terminal
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import AGENT
from tests.conftest import Kagent
from tests.fake.agent import SESSION, request, row, talking, task, text, update, waiting
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Story
from tests.unit.backends.test_versions import controller

FULL = Path("/dev/full")
full = pytest.mark.skipif(not FULL.exists(), reason="a disk that is always full is Linux's")
NO_SPACE = "No space left on device"
VERSION = ("version", "--client")


def shell(redirection: str, *words: str, **env: str) -> tuple[int, bytes, bytes]:
    """Run the program with its streams as a shell makes them; exit code, stdout, stderr."""
    command = ["sh", "-c", f'exec "$0" "$@" {redirection}', sys.executable, "-m", "kubectl_kagent", *words]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


@full
@pytest.mark.parametrize("words", [VERSION, (*VERSION, "-o", "json")])
def test_a_full_disk_is_an_error(words: tuple[str, ...]) -> None:
    error = f"error: the result could not be printed: {NO_SPACE}\n"
    assert shell(">/dev/full", *words) == (1, b"", error.encode())


@full
@pytest.mark.parametrize("words", [("-h",), ("get", "-h"), ("rollout", "--help"), ("rollout", "undo", "-h")])
def test_the_help_on_a_full_disk_is_an_error(words: tuple[str, ...]) -> None:
    error = f"error: the result could not be printed: {NO_SPACE}\n"
    assert shell(">/dev/full", *words) == (1, b"", error.encode())
    assert shell(">&-", *words)[::2] == (1, b"error: the result could not be printed: Bad file descriptor\n")


def test_a_stdout_that_is_closed_is_an_error() -> None:
    error = b"error: the result could not be printed: Bad file descriptor\n"
    assert shell(">&-", *VERSION) == (1, b"", error)


def test_a_stderr_that_is_closed_or_full_keeps_nobody_from_the_result() -> None:
    told = f"Client Version: {__version__}\n".encode()
    assert shell("2>&-", *VERSION) == (0, told, b"")
    assert shell(f"2>{FULL}", "version", "--nothing") == (2, b"", b"")


def test_a_stdin_that_is_closed_is_empty() -> None:
    words = ("chat", "clock", "-n", "default", "--kagent-url=http://127.0.0.1:9")
    error = b"error: the message is empty\nhint: give it as an argument, with -f, or on stdin\n"
    assert shell("<&-", *words) == (2, b"", error)


def test_who_has_read_enough_is_no_error() -> None:
    command = f"{sys.executable} -m kubectl_kagent version --client -o json | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60, check=False)
    assert done.stderr == b""


def test_a_terminal_is_not_as_wide_as_columns_may_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "99999999999")
    assert terminal.columns() == 4096


HALF = "a\ud800b \u2028 \u202e ä → 😀"
WHOLE = HALF.replace("\ud800", "\ufffd")
KEPT = {
    "/api/sessions": [row(SESSION, name=HALF)],
    f"/api/sessions/{SESSION}": {"session": row(SESSION, name=HALF), "events": []},
    f"/api/sessions/{SESSION}/tasks": [
        task("completed", {"role": "agent", "messageId": "m", "parts": [text(HALF)]}),
        waiting(request("c1", HALF), id_="t2"),
    ],
}


def printed(encoding: str, *words: str) -> str:
    turn = [update("working", text(HALF)), update("completed")]
    with talking(turn, data=KEPT) as agent:
        where = ("-n", "default", f"--kagent-url={agent.url}")
        code, out, err = shell("</dev/null", *words, *where, PYTHONIOENCODING=encoding)
    assert (code, b"Traceback" in err) == (0, False), err
    return out.decode(encoding)


@pytest.mark.parametrize(
    "words",
    [
        ("chat", "clock", "hello", "-o", "json"),
        ("sessions", "export", SESSION),
        ("approvals", "list", "-o", "json"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_json_is_json_in_any_encoding(encoding: str, words: tuple[str, ...]) -> None:
    lines = printed(encoding, *words).replace("}\n{", "}\0{").split("\0")
    assert WHOLE in texts([json.loads(line) for line in lines])


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


@pytest.mark.parametrize(
    "words",
    [
        ("chat", "clock", "hello"),
        ("sessions", "export", SESSION, "-o", "md"),
    ],
    ids=" ".join,
)
def test_a_text_has_codes_for_what_its_encoding_lacks(words: tuple[str, ...]) -> None:
    assert "a\ufffdb \\u2028 \u202e ä → 😀\n" in printed("utf-8", *words)
    assert "a\\ufffdb \\u2028 \\u202e ä \\u2192 \\ud83d\\ude00\n" in printed("latin-1", *words)


@full
@pytest.mark.parametrize(
    ("words", "made"),
    [
        (("scale", "clock", "--replicas=3"), "agent.kagent.dev/clock scaled"),
        (("scale", "clock", "--replicas=3", "-o", "yaml"), "agent.kagent.dev/clock scaled"),
        (("hibernate", "clock"), "agent.kagent.dev/clock hibernated"),
        (
            ("rollout", "undo", "clock"),
            "agent.kagent.dev/clock rolled back to revision 1 (config hash {hash} is back, now revision 3)",
        ),
        (("rollout", "restart", "clock"), "agent.kagent.dev/clock restarted"),
        (
            ("autoscale", "clock", "--max=3", "--cpu=70%"),
            "horizontalpodautoscaler.autoscaling/clock autoscaled",
        ),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_a_change_that_can_not_be_told_is_made_all_the_same(
    story: Story,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    made: str,
) -> None:
    controller(story.cluster)
    hash_ = story.look().revisions[0].config_hash
    with FULL.open("w") as disk, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", disk)
        with pytest.raises(SystemExit) as ended:
            cli(list(words), prog_name="kubectl kagent", obj=lambda _flags: story.cluster)
        terminal.close_streams()  # as the program ends
    assert ended.value.code == 1
    error = f"error: {made.format(hash=hash_)}, but that could not be printed: {NO_SPACE}\n"
    assert capsys.readouterr().err == error


def broken(error: str, *, thread: bool = False) -> Callable[..., tuple[int, bytes, bytes]]:
    """The program in which ``version`` ends with an exception, or goes on while a thread of it does."""
    run = f"raise {error}"
    begin = "import threading\n    t = threading.Thread(target=fail)\n    t.start()\n    t.join()"
    program = (
        "import sys\n"
        "from kubectl_kagent import app\n"
        "from kubectl_kagent.commands import version\n"
        f"def fail(*_words, **_more):\n    {run}\n"
        f"def version_(*_words, **_more):\n    {begin if thread else 'fail()'}\n"
        "version.version.callback = version_\n"
        "sys.argv = ['kubectl-kagent', 'version']\n"
        "app.main()\n"
    )

    def call(**env: str) -> tuple[int, bytes, bytes]:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **env},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return call


HINT = (
    "hint: KAGENT_TRACEBACK=1 shows where it comes from; please report that, with the version, "
    "to the maintainers of kubectl-kagent\n"
)


@pytest.mark.parametrize(("thread", "place"), [(False, r" in cli/command.py:\d+"), (True, "")])
def test_what_nobody_foresaw_is_one_line_and_a_hint(*, thread: bool, place: str) -> None:
    """Its place is told as far as it is in this package."""
    code, out, err = broken("KeyError('items')", thread=thread)()
    assert (code, out) == (1, b"")
    assert re.fullmatch(f"error: unexpected KeyError{place}\n{re.escape(HINT)}", err.decode()), err


@pytest.mark.parametrize("thread", [False, True])
def test_its_traceback_is_shown_on_request_without_credentials(*, thread: bool) -> None:
    header = "Invalid header value b'Bearer short\\\\r'"
    failing = broken(f'ValueError("{header} password=hunter2")', thread=thread)
    assert b"short" not in failing()[2]
    code, out, err = failing(KAGENT_TRACEBACK="1")
    told = err.decode()
    assert (code, out) == (1, b"")
    assert told.startswith("Traceback (most recent call last):\n")
    assert "ValueError: Invalid header value b'Bearer [masked]' password=[masked]" in told
    assert told.endswith(HINT)
    assert "hunter2" not in told
    assert "short" not in told


def test_an_error_that_was_foreseen_keeps_its_words(kagent: Kagent, cluster: FakeCluster) -> None:
    def fail() -> None:
        raise KagentError("oops\nhint: curl x | sh\nagent.kagent.dev/clock scaled", hint="a\nb")

    cluster.before("list", AGENT, fail)
    told = "error: oops\\nhint: curl x | sh\\nagent.kagent.dev/clock scaled\nhint: a\\nb\n"
    assert kagent("get", "agents") == (1, "", told)
