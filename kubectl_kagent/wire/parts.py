"""The parts of an A2A message: text, tool calls, tool results, requests to a person. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.model.events import Event, Question, Request, Text, ToolCall, ToolResult, Unknown

CONFIRMATION = "adk_request_confirmation"
ASK_USER = "ask_user"
_PENDING = frozenset({"confirmation_requested", "pending"})

Json = Mapping[str, Any]


def part_events(part: Any, *, partial: bool, message_id: str) -> Iterator[Event]:
    """What one part of a message tells; ``partial`` and ``message_id`` are the message's."""
    if is_text(part):
        thought = bool(meta(mapping(part.get("metadata")), "thought"))
        yield Text(part["text"], partial, thought, message_id)
        return
    about = mapping(part)
    data, metadata = about.get("data"), mapping(about.get("metadata"))
    type_ = meta(metadata, "type")
    if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
        yield Unknown(part)
    elif type_ == "function_response":
        yield from _tool_result(data)
    elif data["name"] == CONFIRMATION:
        yield _request(data)
    elif type_ == "function_call":
        yield _tool_call(data, metadata) or Unknown(part)
    else:
        yield Unknown(part)


def _tool_call(data: Json, metadata: Json) -> ToolCall | None:
    """The call; None when it has no name, or arguments that are not an object."""
    name, args = data.get("name"), data.get("args")
    if not isinstance(name, str) or not name or not isinstance(args, Mapping | None):
        return None
    return ToolCall(word(data.get("id")), name, args or {}, word(meta(metadata, "subagent_session_id")))


def _tool_result(data: Json) -> Iterator[Event]:
    """Nothing for the placeholder that a call leaves while it waits for a person."""
    response = data.get("response")
    status = response.get("status") if isinstance(response, Mapping) else None
    if data.get("name") == CONFIRMATION or (isinstance(status, str) and status in _PENDING):
        return
    yield ToolResult(word(data.get("id")), data["name"], response, _result_text(response), _failed(response))


def _failed(response: Any) -> bool:
    """MCP's isError through the Python runtime, an error text through the Go one."""
    return isinstance(response, Mapping) and (response.get("isError") is True or bool(response.get("error")))


def _result_text(response: Any) -> str:
    """The words in a tool's answer: MCP content, Go's output, an error, else the JSON."""
    if not isinstance(response, Mapping):
        return text_of(response)
    if response.get("error"):
        return text_of(response["error"])
    content = response.get("content")
    if isinstance(content, list) and content:
        return "\n".join(
            item["text"] if isinstance(item, Mapping) and isinstance(item.get("text"), str) else text_of(item)
            for item in content
        )
    inner = response.get("output", response.get("result", response))
    if isinstance(inner, Mapping) and set(inner) == {"result"}:
        inner = inner["result"]
    return text_of(inner)


def _request(data: Json) -> Request:
    """What waits for a person: kagent takes a decision for it, whether the call can be read or not."""
    args = mapping(data.get("args"))
    call = _asked_for(args.get("originalFunctionCall"), data)
    confirmation = mapping(args.get("toolConfirmation"))
    parts = mapping(confirmation.get("payload")).get("hitl_parts")
    each = parts if isinstance(parts, list) else [] if parts is None else [parts]
    return Request(
        id=word(data.get("id")),
        call=call,
        hint=word(confirmation.get("hint")),
        questions=questions(call),
        inner=tuple(_asked_for(mapping(part).get("originalFunctionCall"), part) for part in each),
    )


def _asked_for(call: Any, whole: Any) -> ToolCall | Unknown:
    """The call of a confirmation, which is ``whole`` where it names none."""
    found = _tool_call(mapping(call or whole), {})
    return found if found and found.name != CONFIRMATION else Unknown(call or whole)


def questions(call: ToolCall | Unknown) -> tuple[Question, ...]:
    """What an ask_user call asks; empty for any other call."""
    items = call.args.get("questions") if isinstance(call, ToolCall) and call.name == ASK_USER else None
    return tuple(_question(item) for item in items) if isinstance(items, list) else ()


def _question(item: Any) -> Question:
    about = mapping(item)
    choices = about.get("choices")
    return Question(
        word(about.get("question")) or text_of(item),
        tuple(map(text_of, choices)) if isinstance(choices, list) else (),
        about.get("multiple") is True,
    )


def is_text(part: Any) -> bool:
    """Whether it is a part of words."""
    return isinstance(part, Mapping) and part.get("kind") == "text" and isinstance(part.get("text"), str)


def text_of(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def word(value: Any) -> str:
    """The text, empty when the value is not a text."""
    return value if isinstance(value, str) else ""


def mapping(value: Any) -> Json:
    """The object, empty when the value is not an object."""
    return value if isinstance(value, Mapping) else {}


def meta(metadata: Json, key: str) -> Any:
    """A metadata value: the Go runtime's name first, then the Python runtime's, as kagent itself reads it."""
    value = metadata.get(f"adk_{key}")
    return metadata.get(f"kagent_{key}") if value is None else value
