"""Turns from the controller's records: both runtimes, and what is missing in them."""

import copy
import json
from dataclasses import replace
from typing import Any

from kubectl_kagent.model.trace import (
    AGENT,
    FAILED,
    LLM,
    NO_RESULT,
    NO_TIME,
    OK,
    OPEN,
    SUBAGENT,
    TOOL,
    WAIT,
    Record,
    Step,
    Tokens,
    Turn,
)
from kubectl_kagent.telemetry.traces.records import turns
from tests import recordings

AGENT_NAME = "default/datetime-agent"


def go() -> Turn:
    record = turns(recordings.rest("session"), recordings.rest("session_tasks"), AGENT_NAME)
    assert record.gaps == ()
    (turn,) = record.turns
    return turn


def approval(session: Any = None, tasks: Any = None) -> Record:
    return turns(
        session or recordings.rest("session_hitl_events"),
        tasks or recordings.rest("session_hitl_tasks"),
        AGENT_NAME,
    )


def test_a_recorded_turn_of_the_go_runtime_exactly() -> None:
    said = 'The tool said: {"output":{"result":"2026-11-23T01:03:57.121077+00:00"}} '
    assert go() == Turn(
        agent=AGENT_NAME,
        state="completed",
        question="what time is it",
        answer=said,
        task="01a205ee-5c2c-7b74-bbc1-3b013db9526e",
        session="01a205ee-5c2c-7c37-98b7-5021745c85a8",
        root=Step(
            AGENT,
            AGENT_NAME,
            start=1795395837.020857,
            end=1795395837.183269,
            steps=(
                Step(LLM, "", start=1795395837.020857, end=1795395837.110806, tokens=Tokens(42, 7)),
                Step(
                    TOOL,
                    "get_time",
                    "call_1795395837104820584",
                    start=1795395837.110806,
                    end=1795395837.127714,
                    args={"timezone": "UTC"},
                    result="2026-11-23T01:03:57.121077+00:00",
                ),
                Step(
                    LLM,
                    "",
                    start=1795395837.127714,
                    end=1795395837.182374,
                    result=said,
                    tokens=Tokens(42, 7),
                ),
            ),
        ),
    )


def test_an_approval_is_a_wait_in_the_call() -> None:
    (turn,) = approval().turns
    (call,) = turn.tools
    assert (call.status, call.result) == (OK, "deleted prod-db")
    assert call.steps == (
        Step(WAIT, "a person", start=1795396173.550883, end=1795396173.656553, result="approved"),
    )
    assert call.start == 1795396173.546062
    assert call.end == 1795396173.681561


def test_a_rejection() -> None:
    found = recordings.pair("rejected")
    (turn,) = turns(found["session"], found["tasks"], "kagent/time-agent").turns
    (call,) = turn.tools
    assert [step.result for step in call.steps] == ["rejected"]
    assert (call.status, call.result) == (OK, "Tool call was rejected by user.")


def test_what_waits_for_a_person() -> None:
    session, tasks = recordings.rest("session_hitl_events"), recordings.rest("session_hitl_tasks")
    session["events"] = session["events"][:4]
    tasks[0]["status"] = {"state": "input-required", "timestamp": "2026-11-23T01:09:33.551Z"}
    (turn,) = approval(session, tasks).turns
    (call,) = turn.tools
    assert turn.state == "input-required"
    assert (call.status, call.end) == (OPEN, None)
    assert [(step.kind, step.status) for step in call.steps] == [(WAIT, OPEN)]
    assert (turn.root.status, turn.root.end) == (OPEN, None)


def test_a_turn_that_runs() -> None:
    session, tasks = recordings.rest("session"), recordings.rest("session_tasks")
    session["events"] = session["events"][:2]
    tasks[0]["status"] = {"state": "working", "timestamp": "2026-11-23T01:03:57Z"}
    (turn,) = turns(session, tasks, AGENT_NAME).turns
    assert turn.running
    assert (turn.root.status, turn.root.end) == (OPEN, None)
    assert [(step.name, step.status) for step in turn.tools] == [("get_time", OPEN)]


def test_a_task_that_has_just_begun_names_no_invocation_yet() -> None:
    session, tasks = recordings.rest("session"), recordings.rest("session_tasks")
    session["events"] = session["events"][:1]
    (message, *_) = tasks[0]["history"]
    new = {"id": "new", "contextId": session["session"]["id"], "status": {"state": "submitted"}}
    (turn,) = turns(session, [new | {"history": [message]}], AGENT_NAME).turns
    assert (turn.task, turn.state, turn.question) == ("new", "submitted", "what time is it")
    assert turn.root.start == 1795395837.020857


def test_a_model_that_refuses() -> None:
    found = recordings.pair("llm_error")
    (turn,) = turns(found["session"], found["tasks"], "kagent/time-agent").turns
    (call,) = turn.root.steps
    assert (call.kind, call.status) == (LLM, FAILED)
    assert call.error.startswith("Error code: 429 - ")
    assert (turn.state, turn.root.error) == ("failed", call.error)


def test_a_failure_that_only_the_task_knows() -> None:
    """The Go runtime stores no event for a model that refuses."""
    session, tasks = recordings.rest("session"), recordings.rest("session_tasks")
    session["events"] = session["events"][:1]
    said = {"role": "agent", "kind": "message", "parts": [{"kind": "text", "text": "LLM error: 429"}]}
    status = {"state": "failed", "timestamp": "2026-11-23T01:03:58Z", "message": said}
    (turn,) = turns(session, [tasks[0] | {"status": status}], AGENT_NAME).turns
    (call,) = turn.root.steps
    assert (call.kind, call.status, call.error) == (LLM, FAILED, "LLM error: 429")
    assert (call.start, call.end) == (1795395837.020857, 1795395838.0)


def test_a_framework_that_stores_no_events() -> None:
    """The steps are in the task's history, without times."""
    session = recordings.rest("session")
    session["events"] = []
    (turn,) = turns(session, recordings.rest("session_tasks"), AGENT_NAME).turns
    with_times = go()
    assert [(step.kind, step.name, step.result) for step in turn.root.steps] == [
        (step.kind, step.name, step.result) for step in with_times.root.steps
    ]
    assert turn.tokens == with_times.tokens
    assert turn.question == with_times.question
    assert {step.marks for step in (turn.root, *turn.root.below())} == {(NO_TIME,)}


def test_events_without_a_task() -> None:
    (turn,) = turns(recordings.rest("session"), [], AGENT_NAME).turns
    assert (turn.state, turn.task, len(turn.root.steps)) == ("unknown", "", 3)


def test_the_trace_that_a_session_tells_of() -> None:
    """The Python runtime stores the headers that came with the question."""
    found = recordings.pair("tool")
    (turn,) = turns(found["session"], found["tasks"], "kagent/time-agent").turns
    assert turn.trace == "646bb3e281d946dc915ef214b000f28a"


def test_a_sub_agents_steps_are_in_its_call() -> None:
    session, tasks = recordings.rest("session"), recordings.rest("session_tasks")
    asked: list[str] = []

    def subagent(id_: str) -> Record:
        asked.append(id_)
        return turns(recordings.rest("session"), recordings.rest("session_tasks"), "default/helper")

    part = tasks[0]["history"][2]["parts"][0]
    assert part["data"]["name"] == "get_time"
    part["metadata"]["adk_subagent_session_id"] = "inner"
    (turn,) = turns(session, tasks, AGENT_NAME, subagent).turns
    assert asked == ["inner"]
    assert [step.kind for step in turn.root.steps] == [LLM, SUBAGENT, LLM]
    assert [step.kind for step in turn.root.steps[1].steps] == [LLM, TOOL, LLM]
    assert turn.tokens == Tokens(168, 28)


def test_a_sub_agents_session_in_its_answer() -> None:
    found = recordings.pair("tool")
    for row in found["session"]["events"]:
        row["data"] = row["data"].replace('"structuredContent": {', '"subagent_session_id": "inner", "x": {')
    asked: list[str] = []

    def subagent(id_: str) -> Record:
        asked.append(id_)
        return Record((), ("something was cut off",))

    record = turns(found["session"], found["tasks"], "kagent/time-agent", subagent)
    assert asked == ["inner"]
    assert record.gaps == ("something was cut off",)
    assert [step.kind for step in record.turns[0].tools] == [SUBAGENT]


def test_two_turns_of_one_session() -> None:
    session, tasks = recordings.rest("session"), recordings.rest("session_tasks")
    later = json.loads(
        json.dumps([session["events"], tasks])
        .replace("e-cb19debe-8979-4206-aeec-593a1c557884", "e-2")
        .replace("2026-11-23T01:03", "2026-11-23T01:05")
        .replace("call_1795395837104820584", "call_2")
        .replace("01a205ee-5c2c-7b74-bbc1-3b013db9526e", "task-2")
    )
    both = {**session, "events": [*session["events"], *later[0]]}
    first, second = turns(both, [*copy.deepcopy(tasks), *later[1]], AGENT_NAME).turns
    assert (second.task, second.root.start) == ("task-2", 1795395957.020857)
    assert first == go()
    assert len(second.root.steps) == 3


def test_an_event_that_is_cut_off_is_told() -> None:
    session = recordings.rest("session")
    session["events"][2]["data"] = session["events"][2]["data"][:100]
    record = turns(session, recordings.rest("session_tasks"), AGENT_NAME)
    assert record.gaps == ("an event is not JSON: cut off?",)
    (call,) = record.turns[0].tools
    assert (call.name, call.status, call.marks) == ("get_time", OPEN, (NO_RESULT,))


def test_a_person_was_asked_about_a_call_that_can_not_be_read() -> None:
    session = recordings.rest("session_hitl_events")
    (asks,) = (row for row in session["events"] if '"originalFunctionCall"' in row["data"])
    event = json.loads(asks["data"])
    for part in event["Content"]["parts"]:
        if call := part.get("functionCall"):
            call["args"]["originalFunctionCall"]["args"] = ["prod-db"]
    asks["data"] = json.dumps(event)
    record = approval(session)
    assert record.gaps == ("a person was asked about a call that can't be read",)
    assert [step.name for step in record.turns[0].tools] == ["delete_thing"]


def test_a_sub_agent_that_was_called_twice_in_one_session() -> None:
    """Each call shows the turn that began while it ran."""
    session, tasks = recordings.rest("session"), recordings.rest("session_tasks")
    tasks[0]["history"][2]["parts"][0]["metadata"]["adk_subagent_session_id"] = "inner"
    now = go()
    before = replace(now, root=replace(now.root, start=1795395000.0, steps=(Step(TOOL, "before"),)))
    during = replace(now, root=replace(now.root, start=1795395837.12, steps=(Step(TOOL, "during"),)))
    (turn,) = turns(session, tasks, AGENT_NAME, lambda _: Record((before, during))).turns
    assert [step.name for step in turn.root.steps[1].steps] == ["during"]


def test_pieces_of_a_stream_are_no_calls_of_the_model() -> None:
    session = recordings.rest("session")
    piece = copy.deepcopy(session["events"][3])
    piece["data"] = piece["data"].replace('"Partial":false', '"Partial":true')
    session["events"].insert(3, piece)
    assert turns(session, recordings.rest("session_tasks"), AGENT_NAME).turns == (go(),)


def test_a_message_that_is_twice_in_a_history_counts_once() -> None:
    session, tasks = recordings.rest("session"), recordings.rest("session_tasks")
    session["events"] = []
    (once,) = turns(session, tasks, AGENT_NAME).turns
    tasks[0]["history"] += copy.deepcopy(tasks[0]["history"])
    assert turns(session, tasks, AGENT_NAME).turns == (once,)
