"""What ADK writes about a conversation: a session's events and a model's responses.

The Python runtime spells the fields in snake case, the Go runtime as Go structs. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.model.events import Event, Text
from kubectl_kagent.model.trace import Tokens
from kubectl_kagent.wire.lenient import Gaps, Json, events, result_part
from kubectl_kagent.wire.parts import CONFIRMATION

_SPELLINGS = {
    "content": "Content",
    "author": "Author",
    "invocation_id": "InvocationID",
    "usage_metadata": "UsageMetadata",
    "error_code": "ErrorCode",
    "error_message": "ErrorMessage",
    "model_version": "ModelVersion",
    "partial": "Partial",
    "actions": "Actions",
    "state_delta": "StateDelta",
    "function_call": "functionCall",
    "function_response": "functionResponse",
    "prompt_token_count": "promptTokenCount",
    "candidates_token_count": "candidatesTokenCount",
}


@dataclass(frozen=True, slots=True)
class AdkEvent:
    """One event: who said what, at what cost. ``events`` as the chat reads them.

    ``decisions`` are a person's answers to requests, by the request's id: approved or not.
    """

    author: str
    invocation: str
    events: tuple[Event, ...]
    decisions: Mapping[str, bool | None]
    tokens: Tokens | None
    error: str
    model: str
    partial: bool
    headers: Json

    @property
    def text(self) -> str:
        return "".join(item.text for item in self.events if isinstance(item, Text) and not item.thought)


def field(raw: Json, name: str) -> Any:
    """A field in either spelling."""
    value = raw.get(name)
    return raw.get(_SPELLINGS[name]) if value is None else value


def read(raw: Json, gaps: Gaps) -> AdkEvent:
    """An event of a session, or a response of a model, which is the same without author."""
    content = gaps.mapping(field(raw, "content"), "the content of an event")
    parts: list[Any] = []
    decisions: dict[str, bool | None] = {}
    for part in gaps.items(content.get("parts"), "the parts of an event"):
        _part(gaps.mapping(part, "a part of an event"), parts, decisions, gaps)
    actions = gaps.mapping(field(raw, "actions"), "the actions of an event")
    delta = gaps.mapping(field(actions, "state_delta"), "the state of an event")
    return AdkEvent(
        author=gaps.text(field(raw, "author"), "the author of an event"),
        invocation=gaps.text(field(raw, "invocation_id"), "the invocation of an event"),
        events=events(parts, {}, gaps) if parts else (),
        decisions=decisions,
        tokens=tokens(gaps.mapping(field(raw, "usage_metadata"), "the usage of a model"), gaps),
        error=_error(raw, gaps),
        model=gaps.text(field(raw, "model_version"), "the model of an event"),
        partial=field(raw, "partial") is True,
        headers=gaps.mapping(delta.get("headers"), "the headers of an event"),
    )


def answer(raw: Json, gaps: Gaps) -> tuple[str, str]:
    """The words of a model's response, and what it says about its failure."""
    content = gaps.mapping(field(raw, "content"), "the content of an answer")
    words = ""
    for part in gaps.items(content.get("parts"), "the parts of an answer"):
        about = gaps.mapping(part, "a part of an answer")
        if about.get("thought") is not True:
            words += gaps.text(about.get("text"), "a text")
    return words, _error(raw, gaps)


def _part(part: Json, parts: list[Any], decisions: dict[str, bool | None], gaps: Gaps) -> None:
    """Add a part in A2A's words, or the decision that it is."""
    call, response = field(part, "function_call"), field(part, "function_response")
    if call is not None:
        data = gaps.mapping(call, "a call")
        for name in ("id", "name"):
            gaps.text(data.get(name), f"the {name} of a call")
        gaps.mapping(data.get("args"), "the arguments of a call")
        parts.append({"kind": "data", "data": data, "metadata": {"adk_type": "function_call"}})
    elif response is not None:
        data = gaps.mapping(response, "a tool's answer")
        id_ = gaps.text(data.get("id"), "the id of a tool's answer")
        name = gaps.text(data.get("name"), "the name of a tool's answer")
        if name == CONFIRMATION:
            decisions[id_] = _confirmed(data.get("response"), gaps)
        else:
            parts.append(result_part(id_, name, data.get("response")))
    elif part.get("text") is not None:
        text = gaps.text(part["text"], "a text")
        thought = part.get("thought") is True
        parts.append({"kind": "text", "text": text, "metadata": {"adk_thought": thought}})


def _confirmed(response: Any, gaps: Gaps) -> bool | None:
    """Whether a person approved: the answer is an object, or JSON in a text in one."""
    answer = gaps.mapping(response, "an approval")
    if isinstance(answer.get("response"), str):
        answer = gaps.mapping(gaps.parsed(answer["response"], "an approval"), "an approval")
    confirmed = answer.get("confirmed")
    return confirmed if isinstance(confirmed, bool) else None


def tokens(usage: Json, gaps: Gaps) -> Tokens | None:
    """What a call of a model cost; None where nobody counted."""
    prompt = gaps.count(field(usage, "prompt_token_count"), "the prompt tokens")
    output = gaps.count(field(usage, "candidates_token_count"), "the output tokens")
    return None if prompt is None and output is None else Tokens(prompt or 0, output or 0)


def _error(raw: Json, gaps: Gaps) -> str:
    code = gaps.text(field(raw, "error_code"), "an error's code")
    return gaps.text(field(raw, "error_message"), "an error's message") or code
