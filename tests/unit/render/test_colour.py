"""Colour is laid over the text: what is left without it is the text itself."""

import io
import re

import pytest

from kubectl_kagent.render.colour import coloured, wanted

SCREEN = """NAME   READY   STATUS
a      1/1     Ready
b      0/1     Stuck: quota exceeded
c      0/1     NotReady
prompt:
  --- revision 1
  -old
  +new
"""
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_changes_no_character() -> None:
    assert ESCAPES.sub("", coloured(SCREEN)) == SCREEN


def test_long_lines_stay_one_line() -> None:
    text = "x " * 400 + "\n"
    assert coloured(text) == text


@pytest.mark.parametrize(
    ("text", "painted"),
    [
        ("a   Ready\n", "a   \x1b[32mReady\x1b[0m\n"),
        ("d   Terminating\n", "d   \x1b[33mTerminating\x1b[0m\n"),
        ("b   Stuck: quota exceeded\n", "b   \x1b[31mStuck: quota exceeded\x1b[0m\n"),
        ("c   NotReady\n", "c   \x1b[31mNotReady\x1b[0m\n"),
        ("  +new\n", "\x1b[32m  +new\x1b[0m\n"),
        ("  --- revision 1\n", "  --- revision 1\n"),
    ],
)
def test_what_is_painted(text: str, painted: str) -> None:
    assert coloured(text) == painted


@pytest.mark.parametrize(
    ("stream", "choice", "environment", "expected"),
    [
        (Terminal(), "auto", {}, True),
        (io.StringIO(), "auto", {}, False),
        (Terminal(), "auto", {"NO_COLOR": "1"}, False),
        (Terminal(), "auto", {"TERM": "dumb"}, False),
        (Terminal(), "never", {}, False),
        (io.StringIO(), "always", {"NO_COLOR": "1"}, True),
    ],
)
def test_when_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
    stream: io.StringIO,
    choice: str,
    environment: dict[str, str],
    *,
    expected: bool,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wanted(stream, choice) is expected
