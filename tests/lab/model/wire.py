"""Replies in the shapes of the chat-completions API, as one object or as a stream of chunks."""

import json
from collections.abc import Iterator
from typing import Any

from tests.lab.model.script import Reply, ToolCall

CHUNK = 400  # characters; small enough that a sentence arrives in pieces, large enough for 200 kB answers
SMALL_CHUNK = 16


def completion(reply: Reply, model: str, reply_id: str, prompt_tokens: int) -> dict[str, Any]:
    """The whole answer as one object."""
    message: dict[str, Any] = {"role": "assistant", "content": None if reply.calls else reply.text}
    if reply.calls:
        message["tool_calls"] = [_call(call, index, reply_id) for index, call in enumerate(reply.calls)]
    return {
        **_head("chat.completion", model, reply_id),
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(reply)}],
        "usage": usage(reply, prompt_tokens),
    }


def chunks(reply: Reply, model: str, reply_id: str, prompt_tokens: int) -> Iterator[dict[str, Any]]:
    """The same answer as a stream; the last chunk carries the usage."""
    head = _head("chat.completion.chunk", model, reply_id)

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": "" if not reply.calls else None})
    for index, call in enumerate(reply.calls):
        opened = _call(call, index, reply_id)
        arguments = opened["function"].pop("arguments")
        opened["function"]["arguments"] = ""
        yield chunk({"tool_calls": [{"index": index, **opened}]})
        yield chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]})
    for piece in pieces(reply.text):
        yield chunk({"content": piece})
    yield chunk({}, _finish(reply))
    yield {**head, "choices": [], "usage": usage(reply, prompt_tokens)}


def pieces(text: str) -> list[str]:
    """Text cut for streaming, without losing a character."""
    size = SMALL_CHUNK if len(text) <= 40 * SMALL_CHUNK else CHUNK
    return [text[start : start + size] for start in range(0, len(text), size)]


def error(status: int) -> dict[str, Any]:
    """The body that goes with a failure status."""
    if status == 429:
        kind = {"message": "rate limit reached", "type": "rate_limit", "code": "rate_limit_exceeded"}
    else:
        kind = {"message": f"scripted failure {status}", "type": "server_error", "code": "scripted"}
    return {"error": kind}


def usage(reply: Reply, prompt_tokens: int) -> dict[str, int]:
    """Tokens as a fixed share of the characters: the same request always costs the same."""
    written = len(reply.text) + sum(len(call.name) + len(call.arguments) for call in reply.calls)
    spent = max(1, written // 4)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": spent,
        "total_tokens": prompt_tokens + spent,
    }


def sse(event: dict[str, Any] | None) -> bytes:
    """One server-sent event; None closes the stream."""
    return f"data: {'[DONE]' if event is None else json.dumps(event)}\n\n".encode()


def _head(kind: str, model: str, reply_id: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{reply_id}", "object": kind, "created": 0, "model": model}


def _call(call: ToolCall, index: int, reply_id: str) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": f"call_{reply_id}_{index}", "type": "function", "function": function}


def _finish(reply: Reply) -> str:
    return "tool_calls" if reply.calls else "stop"
