"""The screens of trace: list, tree, waterfall, in terminals of any width."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kubectl_kagent.model.trace import (
    AGENT,
    FAILED,
    LLM,
    NO_RESULT,
    OPEN,
    ORPHAN,
    SUBAGENT,
    TOOL,
    WAIT,
    Step,
    Tokens,
    Turn,
)
from kubectl_kagent.render.table import width
from kubectl_kagent.render.trace import short, took, turn_table, turn_tree
from kubectl_kagent.render.waterfall import waterfall
from tests.conftest import Screen

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
BEGAN = NOW.timestamp() - 300

STEPS = (
    Step(LLM, "gpt", start=BEGAN, end=BEGAN + 2, model="gpt", tokens=Tokens(400, 30)),
    Step(
        TOOL,
        "delete_thing",
        "call-1",
        BEGAN + 2,
        BEGAN + 62,
        args={"name": "prod-db", "force": True},
        result="deleted prod-db",
        steps=(Step(WAIT, "a person", start=BEGAN + 2.5, end=BEGAN + 60, result="approved"),),
    ),
    Step(
        TOOL,
        "boom",
        "call-2",
        BEGAN + 62,
        BEGAN + 63,
        status=FAILED,
        args={},
        error="Error calling tool 'boom': " + "it exploded, " * 20,
    ),
    Step(
        SUBAGENT,
        "helper",
        "call-3",
        BEGAN + 63,
        BEGAN + 90,
        args={"request": "近くの天気は"},
        result="晴れです。",
        steps=(
            Step(LLM, "small", start=BEGAN + 63, end=BEGAN + 70, tokens=Tokens(5, 6), result="晴れです。"),
            Step(TOOL, "weather", "call-4", BEGAN + 3663, BEGAN + 3664, marks=("clock skew: an hour",)),
        ),
    ),
    Step(TOOL, "late", "call-5", BEGAN + 90, BEGAN + 91, marks=(ORPHAN,), result="two\nlines\x1b[31m"),
    Step(LLM, "gpt", start=BEGAN + 91, end=BEGAN + 100, model="gpt", tokens=Tokens(500, 40), result="Done."),
)
TURN = Turn(
    agent="default/datetime-agent",
    state="completed",
    question="delete the production database, " * 5,
    answer="Done.",
    task="01a20616-7bf8-7aef-afdb-18091d1b13a3",
    session="01a20616-7bf8-7b53-87e7-c42deb63dcd9",
    trace="b9a6b4f2f31d0806f5659aa993c4ec57",
    root=Step(AGENT, "default/datetime-agent", start=BEGAN, end=BEGAN + 100, steps=STEPS),
)
RUNNING = Turn(
    agent="default/datetime-agent",
    state="working",
    question="what time is it",
    task="01a20617-0000-7aef-afdb-18091d1b13a3",
    session="01a20617-0000-7b53-87e7-c42deb63dcd9",
    root=Step(
        AGENT,
        "default/datetime-agent",
        start=NOW.timestamp() - 92,
        status=OPEN,
        steps=(
            Step(LLM, "", start=NOW.timestamp() - 92, end=NOW.timestamp() - 91),
            Step(TOOL, "get_time", "c", NOW.timestamp() - 91, status=OPEN, args={"timezone": "UTC"}),
        ),
    ),
)
ASKED = replace(
    RUNNING,
    state="input-required",
    root=replace(
        RUNNING.root,
        steps=(
            Step(
                TOOL,
                "delete_thing",
                "c",
                NOW.timestamp() - 91,
                status=OPEN,
                steps=(Step(WAIT, "a person", start=NOW.timestamp() - 90, status=OPEN),),
            ),
        ),
    ),
)
UNFINISHED = replace(RUNNING, state="unknown", task="", trace="ab" * 16, session="", question="")


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_tree(screen: Screen, columns: int) -> None:
    text = turn_tree(TURN, now=NOW, columns=columns)
    screen(f"trace-tree-{columns}", text)
    ids = 2  # their lines are as long as ids are
    assert sum(width(line) > columns for line in text.splitlines()) <= (ids if columns < 42 else 0)


def test_a_call_that_a_person_rejected() -> None:
    waited = Step(WAIT, "a person", start=BEGAN + 2, end=BEGAN + 4, result="rejected")
    call = Step(TOOL, "drop", "c", BEGAN, BEGAN + 4, result="Tool call was rejected.", steps=(waited,))
    turn = replace(TURN, root=replace(TURN.root, steps=(call,)))
    assert [line for line in turn_tree(turn, now=NOW, columns=80).splitlines() if "─ " in line] == [
        "└─ ⊘ drop  4.0s",
        "   └─ ⊘ waited for a person  2.0s  rejected",
    ]


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_waterfall(screen: Screen, columns: int) -> None:
    text = waterfall(TURN, now=NOW, columns=columns)
    screen(f"trace-waterfall-{columns}", text)
    bars = [line for line in text.splitlines() if "▕" in line]
    assert len(bars) == len([TURN.root, *TURN.root.below()])
    assert all(width(line) <= columns for line in bars)


def test_tree_of_a_turn_that_runs(screen: Screen) -> None:
    screen("trace-tree-running", turn_tree(RUNNING, now=NOW, columns=80))


def test_tree_of_a_turn_that_waits(screen: Screen) -> None:
    screen("trace-tree-waiting", turn_tree(ASKED, now=NOW, columns=80))


def test_waterfall_of_a_turn_that_waits(screen: Screen) -> None:
    screen("trace-waterfall-waiting", waterfall(ASKED, now=NOW, columns=80))


def test_a_call_whose_result_is_missing_is_not_running() -> None:
    (model, call) = RUNNING.root.steps
    lost = replace(call, marks=(NO_RESULT,))
    over = replace(RUNNING, state="completed", root=replace(RUNNING.root, steps=(model, lost)))
    assert turn_tree(over, now=NOW, columns=80).splitlines()[-3:] == [
        "└─ … get_time",
        "      ! no result recorded",
        '      timezone="UTC"',
    ]


@pytest.mark.parametrize("columns", [62, 80, 100, 160])
def test_list(screen: Screen, columns: int) -> None:
    text = turn_table([TURN, RUNNING, ASKED, UNFINISHED], now=NOW, columns=columns)
    screen(f"trace-list-{columns}", text)
    assert all(width(line) <= columns for line in text.splitlines())


def test_wide_list(screen: Screen) -> None:
    text = turn_table([TURN, RUNNING], now=NOW, columns=40, wide=True, agents=True)
    screen("trace-list-wide", text)


def test_ids_are_as_short_as_they_can_be_told_apart() -> None:
    ids = {"01a20616-7bf8-7aef", "01a20616-7df6-7aef", "b9a6b4f2f31d", "short", ""}
    assert short("01a20616-7bf8-7aef", ids) == "01a20616-7b"
    assert short("b9a6b4f2f31d", ids) == "b9a6b4f2"
    assert short("short", ids) == "short"
    assert short("", ids) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0ms"),
        (0.00042, "0.4ms"),
        (0.0832, "83ms"),
        (0.9994, "999ms"),
        (0.9996, "1.0s"),
        (1.44, "1.4s"),
        (9.96, "10s"),
        (92, "92s"),
        (119.6, "2m00s"),
        (312, "5m12s"),
        (7380, "2h03m"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert took(seconds) == text


def test_a_waterfall_ends_with_what_is_known_where_no_end_is() -> None:
    """Nobody knows whether it still runs: its last step fills the window."""
    text = waterfall(UNFINISHED, now=NOW, columns=60)
    assert text.splitlines()[-2].endswith("█▏ 1.0s")
