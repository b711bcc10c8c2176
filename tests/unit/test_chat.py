"""A turn to its end, over breaks, with each word once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from kubectl_kagent.conversation.a2a import Reply, events
from kubectl_kagent.conversation.chat import Conversation
from kubectl_kagent.conversation.speech import Words
from kubectl_kagent.conversation.wire import RpcError, read
from kubectl_kagent.errors import KagentError, Unreachable

BROKEN = Unreachable("the stream broke")


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
    asked: list[tuple[str, str]] = field(default_factory=list)

    def say(self, text: str, *, session: str = "") -> Iterator[Reply]:
        self.asked.append((text, session))
        return self._play(self.first)

    def task(self, _task: str) -> Reply:
        found = self.tasks.pop(0)
        if isinstance(found, KagentError):
            raise found
        return found

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
    conversation = Conversation(line, warnings.append, clock=lambda: 0.0, sleep=lambda _: None)  # type: ignore[arg-type]
    words = ""
    for _, shown in conversation.say("hello", session=session):
        words += "".join(item.text for item in shown if isinstance(item, Words))
    return Heard(words, warnings, conversation)


def test_a_turn_goes_to_its_end_and_knows_its_session() -> None:
    line = Line([status("submitted"), status("working", "It is noon."), status("completed")])
    heard = talk(line, session="before")
    assert (heard.words, heard.warnings) == ("It is noon.", [])
    turn = heard.conversation.turn
    assert (turn.state, turn.session, turn.task) == ("completed", "c", "t")
    assert line.asked == [("hello", "before")]


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


def test_an_agent_that_stays_away_is_given_up() -> None:
    line = Line([status("submitted"), BROKEN], tasks=[BROKEN] * 9)
    with pytest.raises(Unreachable, match="the stream broke"):
        talk(line)


def test_a_question_that_never_arrived_is_an_error_at_once() -> None:
    with pytest.raises(Unreachable, match="the stream broke"):
        talk(Line([BROKEN]))


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
    ],
)
def test_server_sent_events(lines: list[bytes], data: list[str]) -> None:
    assert list(events(lines)) == data


def test_an_event_without_end_is_refused() -> None:
    with pytest.raises(KagentError, match="sent an event of"):
        list(events([b"data: " + b"x" * (33 * 1024 * 1024)]))
