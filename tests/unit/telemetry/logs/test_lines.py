"""Levels and choices: what a line says of itself, in the formats of all of kagent's parts."""

from __future__ import annotations

import re

import pytest

from kubectl_kagent.telemetry.logs.lines import Level, Levels, chooser, level_of
from tests.recordings import DATA

PYTHON = DATA / "logs" / "python_runtime.log"
STAMP = b"2026-11-23T08:00:00.000000000Z "


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ('{"level":"info","timestamp":"2026-11-23T01:47:47.254Z","msg":"Execute"}', Level.INFO),
        ('{"level": "warning", "ts": "x", "msg": "reconcile failed"}', Level.WARN),
        ('{"time":"x","level":"ERROR","msg":"slog as JSON"}', Level.ERROR),
        ('{"level":"dpanic","msg":"zap"}', Level.FATAL),
        ("2026-11-22 21:49:17,374 - kagent.adk.cli - INFO - Starting KAgent", Level.INFO),
        ("2026-11-22 21:49:17,374 - kagent.adk - CRITICAL - it ends", Level.FATAL),
        ('INFO:     10.0.0.1:57272 - "GET / HTTP/1.1" 200 OK', Level.INFO),
        ("\x1b[31mERROR\x1b[0m:    Exception in ASGI application", Level.ERROR),
        ("\\u001b[33mWARNING\\u001b[0m:  made harmless already", Level.WARN),
        ("time=2026-11-23T08:00:00Z level=DEBUG msg=slog", Level.DEBUG),
        ("2026/11/23 08:00:00 WARN slog's default", Level.WARN),
        ("2026-11-26T10:29:31Z\tINFO\tsetup\twatching all namespaces", Level.INFO),
        ("info request gateway=bind/3000 http.status=200 mcp.tool=get_time", Level.INFO),
        ("E1126 10:29:31.123456       1 controller.go:1] klog", Level.ERROR),
        ("/app/a.py:72: UserWarning: [EXPERIMENTAL] feature", Level.WARN),
        ("Traceback (most recent call last):", Level.ERROR),
        ("    raise ServerError(", None),
        ("information is no level", None),
        ("an error somewhere in the text", None),
        ("", None),
    ],
)
def test_the_level_of_a_line(text: str, level: Level | None) -> None:
    assert level_of(text.encode()) == level


def test_a_traceback_has_the_level_of_the_line_that_it_belongs_to() -> None:
    levels = Levels()
    texts = [
        b"  nothing said yet",
        b"2026-11-22 21:52:02,078 - a2a - ERROR - Unhandled",
        b"Traceback",
        b"  File",
    ]
    assert [levels.of(text) for text in texts] == [Level.INFO, Level.ERROR, Level.ERROR, Level.ERROR]


def test_of_a_recorded_log_the_warnings_and_errors_are_chosen_with_all_their_lines() -> None:
    lines = [STAMP + line for line in PYTHON.read_bytes().splitlines()]
    choose = chooser(Level.ERROR, (), ())
    assert choose is not None
    texts = [line[len(STAMP) :].decode() for line in choose(lines)]
    assert [text[:70] for text in texts if not text.startswith(" ")] == [
        "2026-11-22 21:49:19,243 - kagent.adk._token - ERROR - Error reading to",
        "2026-11-22 21:52:02,077 - a2a.server.apps.jsonrpc.jsonrpc_app - ERROR ",
        "Traceback (most recent call last):",
        "a2a.utils.errors.ServerError: Authenticated card not supported",
        "2026-11-22 21:52:02,078 - a2a.server.apps.jsonrpc.jsonrpc_app - ERROR ",
        "2026-11-22 21:52:19,246 - kagent.adk._token - ERROR - Error reading to",
        "2026-11-22 21:53:19,249 - kagent.adk._token - ERROR - Error reading to",
    ]
    assert sum(text.startswith(" ") for text in texts) == 10


def test_include_and_exclude_look_at_the_text_without_its_stamp() -> None:
    lines = [STAMP + text for text in (b"2026 apples", b"pears", b"apples and pears", b"\xff apples")]
    choose = chooser(
        None, [re.compile("apples"), re.compile("^nothing")], [re.compile("pears"), re.compile("11-23")]
    )
    assert choose is not None
    assert choose(lines) == [lines[0], lines[3]]


def test_nothing_to_choose_costs_nothing() -> None:
    assert chooser(None, (), ()) is None
