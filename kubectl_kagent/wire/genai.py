"""Messages to and from models by OpenTelemetry's conventions for generative AI.

``gen_ai.input.messages`` and ``gen_ai.output.messages`` are JSON: a list of ``{"role", "parts"}``, whose
parts are texts, calls of tools and their responses. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubectl_kagent.wire.lenient import Gaps, Json


def last_question(messages: str, gaps: Gaps) -> str:
    """The last words of a person."""
    said = [_words(message, gaps) for message in _messages(messages, gaps) if message.get("role") == "user"]
    return next((words for words in reversed(said) if words), "")


def answer(messages: str, gaps: Gaps) -> str:
    """What a model said."""
    return "".join(_words(message, gaps) for message in _messages(messages, gaps))


def calls(messages: str, gaps: Gaps) -> Iterator[tuple[str, Any]]:
    """The calls of tools in them: the id of each, and its arguments."""
    return _of_parts(messages, "tool_call", ("arguments",), gaps)


def responses(messages: str, gaps: Gaps) -> Iterator[tuple[str, Any]]:
    """What tools answered: the id of each call, and the response. Earlier conventions called it a result."""
    return _of_parts(messages, "tool_call_response", ("response", "result"), gaps)


def _of_parts(messages: str, kind: str, names: tuple[str, ...], gaps: Gaps) -> Iterator[tuple[str, Any]]:
    for message in _messages(messages, gaps):
        for part in _parts(message, gaps):
            id_ = gaps.text(part.get("id"), "the id of a call")
            if part.get("type") == kind and id_:
                yield id_, next((part[name] for name in names if part.get(name) is not None), None)


def _messages(text: str, gaps: Gaps) -> list[Json]:
    found = gaps.parsed(text, "messages of a model") if text else None
    return [
        gaps.mapping(message, "a message of a model") for message in gaps.items(found, "messages of a model")
    ]


def _parts(message: Json, gaps: Gaps) -> list[Json]:
    return [
        gaps.mapping(part, "a part of a message")
        for part in gaps.items(message.get("parts"), "the parts of a message")
    ]


def _words(message: Json, gaps: Gaps) -> str:
    return "".join(
        gaps.text(part.get("content"), "a text")
        for part in _parts(message, gaps)
        if part.get("type") == "text"
    )
