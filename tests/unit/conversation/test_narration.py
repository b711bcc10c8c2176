"""Each word of a turn is shown once."""

from __future__ import annotations

import pytest

from kubectl_kagent.conversation.narration import CallEnded, CallStarted, Narration, Shown, TextChunk
from kubectl_kagent.model.events import Answer, Event, Text, ToolCall, ToolResult

CALL = ToolCall("1", "get_time", {})
RESULT = ToolResult("1", "get_time", {}, "08:00", failed=False)


def piece(text: str) -> Text:
    return Text(text, partial=True, thought=False, message_id="m")


def whole(text: str) -> Text:
    return Text(text, partial=False, thought=False, message_id="m")


def shown(*events: Event) -> list[Shown]:
    speech = Narration()
    return [item for moment, event in enumerate(events) for item in speech.hear(event, float(moment))]


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (
            (piece("It is "), piece("noon."), whole("It is noon."), Answer("It is noon.")),
            "It is noon.",
        ),
        ((whole("It is noon."), Answer("It is noon.")), "It is noon."),
        ((Answer("It is noon."),), "It is noon."),
        # a stream that broke after the first piece: the rest comes with the whole
        ((piece("It is "), whole("It is noon.")), "It is noon."),
        ((piece("It is "), Answer("It is noon.")), "It is noon."),
        # two texts with a tool between them
        (
            (whole("Let me see. "), CALL, RESULT, whole("Noon."), Answer("Noon.")),
            "Let me see. Noon.",
        ),
        ((Text("hm", partial=False, thought=True, message_id="m"), whole("Noon.")), "Noon."),
        ((), ""),
    ],
)
def test_words_once(events: tuple[Event, ...], words: str) -> None:
    assert "".join(item.text for item in shown(*events) if isinstance(item, TextChunk)) == words


def test_a_call_is_shown_once_and_timed() -> None:
    assert shown(CALL, CALL, RESULT, RESULT, CALL) == [CallStarted(CALL), CallEnded(RESULT, 2.0)]


def test_a_result_whose_call_was_not_seen_has_no_time() -> None:
    assert shown(RESULT) == [CallEnded(RESULT, None)]
