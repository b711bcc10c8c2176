"""A turn to its end, over breaks, with each word once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.conversation import client
from kubectl_kagent.conversation.client import Reply, events
from kubectl_kagent.conversation.conversation import Conversation, Exchange
from kubectl_kagent.conversation.decisions import pending
from kubectl_kagent.conversation.narration import CallEnded, CallStarted, Narration, TextChunk
from kubectl_kagent.errors import KagentError, Unreachable
from kubectl_kagent.model.events import Answer, Event, Request, State, Text, ToolCall, ToolResult
from kubectl_kagent.wire.a2a import RpcError, read, result_of
from tests.unit.wire.test_a2a import RECORDINGS, replies

BROKEN = Unreachable("the stream broke")


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which nothing moves but a test."""
    now = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    monkeypatch.setattr(clock, "sleep", lambda _: None)
    return now


def status(state: str, text: str = "", *, partial: bool = False, code: str = "") -> Reply:
    raw: dict[str, Any] = {
        "kind": "status-update",
        "taskId": "t",
        "contextId": "c",
        "status": {"state": state},
    }
    if text:
        raw["status"]["message"] = {
            "role": "agent",
            "messageId": text,
            "parts": [{"kind": "text", "text": text}],
        }
    raw["metadata"] = {"kagent_adk_partial": partial, "kagent_error_code": code}
    return Reply(raw, read(raw))


def task(state: str, *texts: str) -> Reply:
    history = [
        {"role": "agent", "messageId": text, "parts": [{"kind": "text", "text": text}]} for text in texts
    ]
    artifacts = [{"parts": [{"kind": "text", "text": texts[-1]}]}] if texts else []
    raw = {
        "kind": "task",
        "id": "t",
        "contextId": "c",
        "status": {"state": state},
        "history": history,
        "artifacts": artifacts,
    }
    return Reply(raw, read(raw))


Script = Sequence[Reply | KagentError]


@dataclass
class Line:
    """An agent that follows a script: the first stream, the tasks when asked, the later streams."""

    first: Script
    tasks: list[Reply | KagentError] = field(default_factory=list)
    later: list[Script] = field(default_factory=list)
    agent: str = "a"
    namespace: str = "team"
    asked: list[tuple[str, str]] = field(default_factory=list)

    def say(self, text: str, *, session: str = "") -> Iterator[Reply]:
        self.asked.append((text, session))
        return self._play(self.first)

    def decide(self, decision: Any, *, task: str, session: str) -> Iterator[Reply]:
        self.asked.append((str(decision), f"{task} {session}"))
        return self._play(self.later.pop(0))

    def task(self, _task: str) -> Reply:
        found = self.tasks.pop(0)
        if isinstance(found, KagentError):
            raise found
        return found

    def kept(self, _session: str) -> list[Any]:
        return []

    def resubscribe(self, _task: str) -> Iterator[Reply]:
        return self._play(self.later.pop(0))

    @staticmethod
    def _play(script: Script) -> Iterator[Reply]:
        for item in script:
            if isinstance(item, KagentError):
                raise item
            yield item


@dataclass
class Heard:
    words: str
    warnings: list[str]
    conversation: Conversation


def talk(line: Line, *, session: str = "") -> Heard:
    warnings: list[str] = []
    conversation = Conversation(line, warnings.append)  # type: ignore[arg-type]
    words = ""
    for _, shown in conversation.say("hello", session=session):
        words += "".join(item.text for item in shown if isinstance(item, TextChunk))
    return Heard(words, warnings, conversation)


def test_a_turn_goes_to_its_end_and_knows_its_session() -> None:
    line = Line([status("submitted"), status("working", "It is noon."), status("completed")])
    heard = talk(line, session="before")
    assert (heard.words, heard.warnings) == ("It is noon.", [])
    turn = heard.conversation.turn
    assert (turn.state, turn.session, turn.task) == ("completed", "c", "t")
    assert line.asked == [("hello", "before")]


def elsewhere(reply: Reply, task: str = "x", session: str = "y") -> Reply:
    raw = {**reply.raw, "taskId": task, "contextId": session}
    return Reply(raw, read(raw))


@pytest.mark.parametrize("own", [("t", "c"), ("", "c"), ("", ""), ("t", "y"), ("t", "")])
def test_the_first_word_says_which_task_and_session_it_is(own: tuple[str, str]) -> None:
    """States, requests and tokens of another one are not the turn's; words are words."""
    used = {"kagent_usage_metadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}
    raw = status("working", "Aside.").raw
    spent = {**raw, "status": {**raw["status"], "message": {**raw["status"]["message"], "metadata": used}}}
    line = Line(
        [
            status("working", "I begin."),
            elsewhere(request()),
            elsewhere(Reply(spent, read(spent))),
            elsewhere(status("failed"), task=""),
            elsewhere(Reply(status("completed").raw | {"final": True}, status("completed").update)),
            elsewhere(status("completed", "Done."), *own),
            elsewhere(status("failed", "no")),
        ]
    )
    heard = talk(line)
    assert heard.words == "I begin.Aside.Done."
    assert heard.conversation.turn == Exchange("c", "t", "completed", "Done.")


def test_a_decision_goes_on_with_the_task_that_waited() -> None:
    """Whatever the answer calls itself: it is looked up then, and still waits."""
    other = elsewhere(status("completed"))
    line = Line([request()], [kept(request()), kept(request())], [[other]])
    conversation = talk(line).conversation
    list(conversation.decide(APPROVE, pending(conversation.turn.requests)))
    turn = conversation.turn
    assert (turn.task, turn.session, turn.state) == ("t", "c", "input-required")


@pytest.mark.parametrize(
    "name", [path.name for path in sorted(RECORDINGS.iterdir()) if "stream" in path.name]
)
def test_a_recorded_turn_is_of_one_task(name: str) -> None:
    raws = replies(name)
    heard = [Reply(raw, read(result_of(raw))) for raw in raws]
    states = [event for reply in heard for event in reply.update.events if isinstance(event, State)]
    turn = talk(Line(heard)).conversation.turn
    assert (turn.task, turn.session) == (heard[-1].update.task_id, heard[-1].update.context_id)
    assert (turn.state, turn.message) == (states[-1].state, states[-1].message)


def test_a_broken_stream_is_picked_up_and_repeats_nothing() -> None:
    line = Line(
        [status("submitted"), status("working", "It is ", partial=True), BROKEN],
        tasks=[task("working")],
        later=[[status("working", "It is noon."), status("completed")]],
    )
    heard = talk(line)
    assert heard.words == "It is noon."
    assert heard.warnings == ["the stream broke; picking it up again"]
    assert heard.conversation.turn.state == "completed"


def test_a_task_that_ended_meanwhile_is_read_from_the_controller() -> None:
    line = Line([status("working", "It is ", partial=True), BROKEN], tasks=[task("completed", "It is noon.")])
    assert talk(line).words == "It is noon."


def test_a_runtime_that_can_not_be_subscribed_to_is_asked_again() -> None:
    refused = RpcError(-32601, "method not found")
    line = Line(
        [status("submitted"), BROKEN],
        tasks=[task("working"), task("working"), task("completed", "Done.")],
        later=[[refused], [refused]],
    )
    heard = talk(line)
    assert heard.words == "Done."
    assert heard.conversation.turn.state == "completed"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"status": {}}, "task t is in no state that is understood"),
        ({"status": {"state": "unknown"}}, "task t is in no state that is understood: unknown"),
        ({"status": {"state": "Completed"}}, "task t is in no state that is understood: Completed"),
        (
            {"id": None, "contextId": "d"},
            "the kagent controller answers with a task of session d for task t of session c",
        ),
    ],
)
def test_a_task_that_nothing_would_end_is_not_asked_for_ever(change: dict[str, Any], error: str) -> None:
    found = task("completed", "It is noon.")
    found = Reply(found.raw, read({**found.raw, **change}))
    line = Line([status("submitted"), BROKEN], tasks=[found] * 3)
    with pytest.raises(KagentError) as raised:
        talk(line)
    assert raised.value.message == error
    assert len(line.tasks) == 2


def test_an_agent_that_stays_away_is_given_up() -> None:
    line = Line([status("submitted"), BROKEN], tasks=[BROKEN] * 9)
    with pytest.raises(Unreachable, match="the stream broke"):
        talk(line)


def test_an_agent_that_lives_is_not_given_up_for_breaks_that_are_far_apart() -> None:
    again = [[status("working", "x", partial=True), BROKEN] for _ in range(8)]
    line = Line(
        [status("submitted"), BROKEN],
        tasks=[task("working")] * 8 + [task("completed", "Done.")],
        later=list(again),
    )
    assert talk(line).words == "Done."


def test_a_question_that_never_arrived_is_an_error_at_once() -> None:
    with pytest.raises(Unreachable, match="the stream broke"):
        talk(Line([BROKEN]))


def test_an_agent_that_the_controller_can_not_reach_may_not_run() -> None:
    with pytest.raises(RpcError, match="connection refused") as caught:
        talk(Line([RpcError(-32603, "connection refused")]))
    assert caught.value.hint == "kubectl kagent describe agent/a -n team tells whether its pods run"


def test_the_controllers_own_stream_may_break_too() -> None:
    failure = RpcError(-32603, "SSE stream error: unexpected EOF")
    line = Line([status("submitted"), failure], tasks=[task("completed", "It is noon.")])
    heard = talk(line)
    assert heard.words == "It is noon."
    assert heard.warnings == ["SSE stream error: unexpected EOF (JSON-RPC error -32603); picking it up again"]


def test_a_refusal_of_the_question_is_no_break() -> None:
    with pytest.raises(RpcError, match="Task not found"):
        talk(Line([RpcError(-32001, "Task not found")]))
    line = Line([request()], [kept(request())], [[RpcError(-32001, "Task not found")]])
    heard = talk(line)
    with pytest.raises(RpcError, match="Task not found"):
        list(heard.conversation.decide(APPROVE, pending(heard.conversation.turn.requests)))


def test_silence_is_an_error() -> None:
    with pytest.raises(Unreachable, match="agent a said nothing, and ended the conversation"):
        talk(Line([]))


def test_the_words_of_an_error_are_no_answer() -> None:
    line = Line([status("working", "429", code="API_ERROR"), status("failed", "429", code="API_ERROR")])
    heard = talk(line)
    assert heard.words == ""
    assert (heard.conversation.turn.state, heard.conversation.turn.message) == ("failed", "429")


@pytest.mark.parametrize(
    ("lines", "data"),
    [
        ([b"data: {}"], ["{}"]),
        ([b"id: 1", b"data:{}\r"], ["{}"]),
        ([b": a comment", b"event: x", b"retry: 3"], []),
        ([b"data: {", b":", b"data: }", b": keep-alive", b"data: ", b"", b":", b""], ["{\n}\n"]),
        ([b"data: {", b'data: "a":', b"data:", b"data: 1}", b"", b"data: 2", b""], ['{\n"a":\n\n1}', "2"]),
        ([b"data: 1\r", b"\r", b"", b"id: 2", b"", b"data: 2"], ["1", "2"]),
        (['data: "one\u2028line\u2029\x85"'.encode(), b""], ['"one\u2028line\u2029\x85"']),
    ],
)
def test_server_sent_events(lines: list[bytes], data: list[str]) -> None:
    assert list(events(lines)) == data


def test_an_event_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LINE_LIMIT", 1000)
    with pytest.raises(KagentError, match="an event of more than 1000 bytes came"):
        list(events([b"data: " + b"x" * 400] * 3))


def test_pieces_after_a_break_wait_for_the_whole() -> None:
    """Some may be missing between them: what was printed is never wrong."""
    line = Line(
        [status("submitted"), status("working", "It is ", partial=True), BROKEN],
        tasks=[task("working")],
        later=[[status("working", "noon.", partial=True), status("working", "It is now noon.")], []],
    )
    line.tasks.append(task("completed", "It is now noon."))
    assert talk(line).words == "It is now noon."


def test_a_history_that_is_heard_again_repeats_nothing_and_counts_no_token_twice() -> None:
    def used(text: str) -> Reply:
        raw: dict[str, Any] = dict(status("working", text).raw)
        usage = {"kagent_usage_metadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}
        raw["metadata"] = raw["status"]["message"]["metadata"] = usage
        return Reply(raw, read(raw))

    again = dict(task("completed", "Let me see.", "It is noon.").raw)
    for message in again["history"]:
        message["metadata"] = {"kagent_usage_metadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}
    line = Line(
        [status("submitted"), used("Let me see."), used("It is noon."), BROKEN],
        tasks=[Reply(again, read(again))],
    )
    heard = talk(line)
    assert heard.words == "Let me see.It is noon."
    turn = heard.conversation.turn
    assert (turn.prompt_tokens, turn.output_tokens) == (10, 4)


def request(call: str = "c1") -> Reply:
    data = {
        "id": f"r-{call}",
        "name": "adk_request_confirmation",
        "args": {"originalFunctionCall": {"id": call, "name": "delete", "args": {}}},
    }
    part = {"kind": "data", "data": data, "metadata": {"kagent_type": "function_call"}}
    message = {"role": "agent", "messageId": f"m-{call}", "parts": [part]}
    raw: dict[str, Any] = {"kind": "status-update", "taskId": "t", "contextId": "c"}
    raw["status"] = {"state": "input-required", "message": message}
    return Reply(raw, read(raw))


def kept(waiting: Reply, *history: Any) -> Reply:
    """The task that waits, as it is looked up."""
    raw = {**waiting.raw, "kind": "task", "id": "t", "history": list(history)}
    return Reply(raw, read(raw))


APPROVE = {"decision_type": "approve"}


def test_a_turn_that_waits_goes_on_with_a_decision() -> None:
    line = Line([request()], [kept(request())], [[status("working", "Deleted."), status("completed")]])
    heard = talk(line)
    turn = heard.conversation.turn
    assert (turn.waits, [item.call.name for item in turn.requests]) == (True, ["delete"])
    replies = list(heard.conversation.decide(APPROVE, pending(turn.requests)))
    assert line.asked[-1] == ("{'decision_type': 'approve'}", "t c")
    assert [item for _, shown in replies for item in shown] == [TextChunk("Deleted.")]
    assert (turn.state, turn.requests) == ("completed", [])


@pytest.mark.parametrize(
    ("now", "error"),
    [
        (kept(request("c2")), "agent a now waits for something else; nothing was approved or rejected"),
        (task("working"), "task t no longer waits: it is working; nothing was approved or rejected"),
        (RpcError(-32001, "Task not found"), "Task not found (JSON-RPC error -32001)"),
    ],
)
def test_nothing_is_decided_but_what_was_shown(now: Reply | KagentError, error: str) -> None:
    line = Line([request()], [now])
    conversation = talk(line).conversation
    with pytest.raises(KagentError) as caught:
        conversation.decide(APPROVE, pending(conversation.turn.requests))
    assert caught.value.message == error
    assert line.asked == [("hello", "")]


def test_the_task_as_it_was_is_no_answer() -> None:
    """By A2A 1.0 a stream begins with it: with all that was said before there was anything to decide."""
    old = {"role": "agent", "messageId": "h", "parts": [{"kind": "text", "text": "Old."}]}
    answer = [kept(request(), old), status("working", "Deleted."), status("completed")]
    line = Line([], [kept(request())], [answer])
    conversation = Conversation(line, print)  # type: ignore[arg-type]
    conversation.turn = Exchange(session="c", task="t", message="input-required")
    asked = [event for event in kept(request()).update.events if isinstance(event, Request)]
    heard = list(conversation.decide(APPROVE, pending(asked)))
    words = "".join(item.text for _, shown in heard for item in shown if isinstance(item, TextChunk))
    assert (words, conversation.turn.state) == ("Deleted.", "completed")


def test_an_agent_that_asks_for_the_same_again_is_heard() -> None:
    """It is news: an update, after which nothing follows, though the connection stays open."""
    asks = request()
    again = Reply(asks.raw, read({**asks.raw, "final": True}))
    line = Line([asks], [kept(request())], [[again, Unreachable("nothing came for 900s")]])
    conversation = Conversation(line, print)  # type: ignore[arg-type]
    list(conversation.say("hello"))
    list(conversation.decide(APPROVE, pending(conversation.turn.requests)))
    assert (conversation.turn.state, len(conversation.turn.requests)) == ("input-required", 1)


def test_a_second_request_of_a_turn_does_not_bring_back_the_first() -> None:
    again = kept(request("c2"), request().raw["status"]["message"])
    line = Line([request()], [kept(request()), again], [[BROKEN]])
    heard = talk(line)
    list(heard.conversation.decide(APPROVE, pending(heard.conversation.turn.requests)))
    assert [item.call.id for item in heard.conversation.turn.requests] == ["c2"]


def test_the_wait_for_a_person_is_no_time_of_the_call(seconds: list[float]) -> None:
    def part(data: dict[str, Any], kind: str) -> Reply:
        parts = [{"kind": "data", "data": data, "metadata": {"kagent_type": kind}}]
        raw: dict[str, Any] = {"kind": "status-update", "taskId": "t", "contextId": "c"}
        raw["status"] = {"state": "working", "message": {"role": "agent", "messageId": kind, "parts": parts}}
        return Reply(raw, read(raw))

    called = part({"id": "c1", "name": "delete", "args": {}}, "function_call")
    gave = part({"id": "c1", "name": "delete", "response": {"output": "done"}}, "function_response")
    line = Line([called, request()], [kept(request())], [[gave, status("completed")]])
    conversation = Conversation(line, lambda _: None)  # type: ignore[arg-type]
    list(conversation.say("hello"))
    seconds[0] = 100.0
    stream = conversation.decide(APPROVE, pending(conversation.turn.requests))
    seconds[0] = 102.5
    returned = [item for _, shown in stream for item in shown if isinstance(item, CallEnded)]
    assert [item.seconds for item in returned] == [2.5]


def test_an_agent_without_tasks_answers_with_a_message() -> None:
    raw = {"kind": "message", "contextId": "c", "role": "agent", "messageId": "m"}
    raw["parts"] = [{"kind": "text", "text": "Hello."}]  # type: ignore[assignment]
    heard = talk(Line([Reply(raw, read(raw))]))
    assert (heard.words, heard.conversation.turn.state) == ("Hello.", "completed")


def texts(*events: Event) -> list[str]:
    speech = Narration()
    shown = [item for event in events for item in speech.hear(event, 0.0)]
    return [("| " if item.new else "") + item.text for item in shown if isinstance(item, TextChunk)]


def piece(text: str) -> Text:
    return Text(text, partial=True, thought=False, message_id=text)


def whole(text: str, id_: str = "") -> Text:
    return Text(text, partial=False, thought=False, message_id=id_ or text)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([piece("a"), piece("b"), whole("ab"), Answer("ab")], ["a", "b"]),
        ([whole("a"), whole("b"), Answer("b")], ["a", "| b"]),
        ([whole("a"), whole("b"), Answer("ab")], ["a", "| b"]),
        ([whole("a"), Answer("other")], ["a", "| other"]),
        ([piece("a"), whole("ab")], ["a", "b"]),
        ([piece("ax"), whole("ab")], ["ax", "| ab"]),
        ([piece("ab"), whole("a", "1"), whole("b", "1")], ["ab"]),
        ([whole("a", "1"), whole("b", "1")], ["a", "b"]),
        ([whole("OK", "1"), whole("OK", "2")], ["OK", "| OK"]),
        ([whole("OK", "1"), whole("OK", "1")], ["OK"]),
        ([piece("a"), whole("a"), piece("b"), whole("b")], ["a", "| b"]),
        (
            [
                Text("hm", partial=False, thought=True, message_id="m"),
                Text("hm", partial=True, thought=True, message_id="m"),
                whole("a"),
            ],
            ["a"],
        ),
    ],
)
def test_each_word_is_shown_once(events: list[Event], words: list[str]) -> None:
    assert texts(*events) == words


def test_calls_without_an_id_are_all_shown() -> None:
    speech = Narration()
    call, result = ToolCall("", "get", {}), ToolResult("", "get", None, "x", failed=False)
    shown = [item for event in (call, call, result, result) for item in speech.hear(event, 0.0)]
    assert [type(item) for item in shown] == [CallStarted, CallStarted, CallEnded, CallEnded]
