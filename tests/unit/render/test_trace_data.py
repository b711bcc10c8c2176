"""Turns for programs."""

from __future__ import annotations

from datetime import UTC, datetime

from kubectl_kagent.model.trace import AGENT, LLM, OPEN, TOOL, Step, Turn
from kubectl_kagent.render.trace_view import turns_view

BEGAN = datetime(2026, 11, 23, 7, 58, 28, tzinfo=UTC).timestamp()
RUNNING = Turn(
    agent="default/datetime-agent",
    state="working",
    question="what time is it",
    task="01a20617-0000-7aef-afdb-18091d1b13a3",
    session="01a20617-0000-7b53-87e7-c42deb63dcd9",
    root=Step(
        AGENT,
        "default/datetime-agent",
        start=BEGAN,
        status=OPEN,
        steps=(
            Step(LLM, "", start=BEGAN, end=BEGAN + 1),
            Step(TOOL, "get_time", "c", BEGAN + 1, status=OPEN, args={"timezone": "UTC"}),
        ),
    ),
)


def test_keys_without_a_value_are_left_out() -> None:
    (turn,) = turns_view([RUNNING], "Tempo", ["a gap"])["turns"]
    assert turn == {
        "namespace": "default",
        "agent": "datetime-agent",
        "task": "01a20617-0000-7aef-afdb-18091d1b13a3",
        "session": "01a20617-0000-7b53-87e7-c42deb63dcd9",
        "trace": "",
        "state": "working",
        "question": "what time is it",
        "answer": "",
        "tokens": None,
        "start": "2026-11-23T07:58:28+00:00",
        "status": "open",
        "steps": [
            {
                "kind": "llm",
                "start": "2026-11-23T07:58:28+00:00",
                "seconds": 1.0,
                "status": "ok",
                "steps": [],
            },
            {
                "kind": "tool",
                "name": "get_time",
                "id": "c",
                "start": "2026-11-23T07:58:29+00:00",
                "status": "open",
                "args": {"timezone": "UTC"},
                "steps": [],
            },
        ],
    }
    assert turns_view([], "Tempo", ["a gap"]) == {"source": "Tempo", "gaps": ["a gap"], "turns": []}
