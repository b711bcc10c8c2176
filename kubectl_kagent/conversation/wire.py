"""Read A2A as kagent speaks it: wire 0.3 and 1.0, Python runtime (kagent_ keys) and Go runtime (adk_ keys).

Both wires say the same in other words; 1.0 is rewritten as 0.3 first, and there is one reader. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.turn import (
    Answer,
    Event,
    Question,
    Request,
    State,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    Update,
    Usage,
)

CONFIRMATION = "adk_request_confirmation"
ASK_USER = "ask_user"
_PENDING = frozenset({"confirmation_requested", "pending"})

_FAILURES = frozenset({"failed", "rejected"})

Json = Mapping[str, Any]


class RpcError(KagentError):
    """The agent or the controller refused the request; ``code`` is JSON-RPC's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} (JSON-RPC error {code})")
        self.code = code


def result_of(reply: Json) -> Json:
    """The result of a JSON-RPC reply in the words of wire 0.3. Raises RpcError; KagentError for neither."""
    error = reply.get("error")
    if isinstance(error, Mapping):
        raise RpcError(int(error.get("code") or 0), str(error.get("message") or "unknown error"))
    result = reply.get("result")
    if not isinstance(result, Mapping):
        raise KagentError(f"the agent's reply has neither a result nor an error: {json.dumps(reply)[:200]}")
    return _in_old_words(result)


def read(result: Json) -> Update:
    """The events of one result in the words of 0.3: status-update, artifact-update, message or task."""
    readers = {"status-update": _status_update, "artifact-update": _artifact_update, "task": _task}
    kind = str(result.get("kind") or "")
    reader = readers.get(kind)
    if reader is not None:
        events = tuple(reader(result))
    elif kind == "message":
        events = tuple(_message(result))
    else:
        events = (Unknown(result),)
    task = str(result.get("taskId") or (result.get("id") if kind == "task" else "") or "")
    return Update(task, str(result.get("contextId") or ""), events)


def _status_update(result: Json) -> Iterator[Event]:
    status = result.get("status") or {}
    message = status.get("message") or {}
    # what comes with a failure is the error, not an answer: the state carries it
    if message.get("role") == "agent" and status.get("state") not in _FAILURES:
        yield from _message(message, result.get("metadata") or {})
    yield _state(status, result.get("metadata") or {}, final=bool(result.get("final")))


def _state(status: Json, metadata: Json, *, final: bool) -> State:
    message = status.get("message") or {}
    said = _text(message.get("parts") or ()) if message.get("role") == "agent" else ""
    return State(
        state=str(status.get("state") or ""),
        final=final,
        message=said,
        error_code=str(_meta(metadata, "error_code") or ""),
        timestamp=str(status.get("timestamp") or ""),
    )


def _artifact_update(result: Json) -> Iterator[Event]:
    artifact = result.get("artifact") or {}
    yield Answer(_text(artifact.get("parts") or ()), last=bool(result.get("lastChunk")))


def _task(result: Json) -> Iterator[Event]:
    """A whole task: its history, each message once, then the answer and the state."""
    seen: set[str] = set()
    for message in result.get("history") or ():
        name = str(message.get("messageId") or "")
        if message.get("role") == "agent" and name not in seen:
            yield from _message(message)
        seen.add(name)
    status = result.get("status") or {}
    pending = status.get("message") or {}
    new = str(pending.get("messageId") or "") not in seen
    if pending.get("role") == "agent" and new and status.get("state") not in _FAILURES:
        yield from _message(pending)
    for artifact in result.get("artifacts") or ():
        yield Answer(_text(artifact.get("parts") or ()), last=True)
    yield _state(status, result.get("metadata") or {}, final=True)


def _message(message: Json, outer: Json | None = None) -> Iterator[Event]:
    metadata = {**(outer or {}), **(message.get("metadata") or {})}
    partial = bool(_meta(metadata, "partial") or metadata.get("kagent_adk_partial"))
    failed = bool(_meta(metadata, "error_code"))
    for part in message.get("parts") or ():
        if failed and part.get("kind") == "text":
            continue  # an error's words, which the state carries: no answer
        yield from _part(part, partial=partial, message_id=str(message.get("messageId") or ""))
    usage = _meta(metadata, "usage_metadata")
    if isinstance(usage, Mapping) and not partial:
        yield Usage(int(usage.get("promptTokenCount") or 0), int(usage.get("candidatesTokenCount") or 0))


def _part(part: Json, *, partial: bool, message_id: str) -> Iterator[Event]:
    metadata = part.get("metadata") or {}
    if part.get("kind") == "text":
        thought = bool(_meta(metadata, "thought"))
        yield Text(str(part.get("text") or ""), partial, thought, message_id)
        return
    data = part.get("data")
    type_ = _meta(metadata, "type")
    if not isinstance(data, Mapping) or type_ not in ("function_call", "function_response"):
        yield Unknown(part)
    elif type_ == "function_response":
        yield from _tool_result(data)
    elif data.get("name") == CONFIRMATION:
        yield _request(data)
    else:
        yield _tool_call(data, metadata)


def _tool_call(data: Json, metadata: Json) -> ToolCall:
    args = data.get("args")
    return ToolCall(
        str(data.get("id") or ""),
        str(data.get("name") or ""),
        args if isinstance(args, Mapping) else {},
        str(_meta(metadata, "subagent_session_id") or ""),
    )


def _tool_result(data: Json) -> Iterator[Event]:
    """Nothing for the placeholder that a call leaves while it waits for a person."""
    response = data.get("response")
    status = response.get("status") if isinstance(response, Mapping) else None
    if data.get("name") == CONFIRMATION or (isinstance(status, str) and status in _PENDING):
        return
    yield ToolResult(
        str(data.get("id") or ""),
        str(data.get("name") or ""),
        response,
        _result_text(response),
        _failed(response),
    )


def _failed(response: Any) -> bool:
    """MCP's isError through the Python runtime, an error text through the Go one."""
    return isinstance(response, Mapping) and (response.get("isError") is True or bool(response.get("error")))


def _result_text(response: Any) -> str:
    """The words in a tool's answer: MCP content, Go's output, an error, else the JSON."""
    if not isinstance(response, Mapping):
        return response if isinstance(response, str) else json.dumps(response, ensure_ascii=False)
    if response.get("error"):
        return str(response["error"])
    content = response.get("content")
    if isinstance(content, list):
        texts = [str(item["text"]) for item in content if isinstance(item, Mapping) and "text" in item]
        if texts:
            return "\n".join(texts)
    inner = response.get("output", response.get("result", response))
    if isinstance(inner, Mapping) and set(inner) == {"result"}:
        inner = inner["result"]
    return inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False)


def _request(data: Json) -> Request:
    args = data.get("args") or {}
    call = _tool_call(args.get("originalFunctionCall") or {}, {})
    confirmation = args.get("toolConfirmation") or {}
    payload = confirmation.get("payload") or {}
    inner = payload.get("hitl_parts") if isinstance(payload, Mapping) else None
    return Request(
        id=str(data.get("id") or ""),
        call=call,
        hint=str(confirmation.get("hint") or ""),
        questions=tuple(_questions(call)) if call.name == ASK_USER else (),
        inner=tuple(_tool_call(item.get("originalFunctionCall") or item, {}) for item in inner or ()),
    )


def _questions(call: ToolCall) -> Iterator[Question]:
    for item in call.args.get("questions") or ():
        if isinstance(item, Mapping):
            choices = tuple(map(str, item.get("choices") or item.get("options") or ()))
            yield Question(str(item.get("question") or ""), choices)


def _text(parts: Any) -> str:
    return "".join(str(part.get("text") or "") for part in parts if part.get("kind") == "text")


def _meta(metadata: Json, key: str) -> Any:
    """A metadata value: the Go runtime's name first, then the Python runtime's, as kagent itself reads it."""
    value = metadata.get(f"adk_{key}")
    return metadata.get(f"kagent_{key}") if value is None else value


# Wire 1.0 in the words of 0.3

_KINDS = {
    "statusUpdate": "status-update",
    "artifactUpdate": "artifact-update",
    "task": "task",
    "message": "message",
}


def _in_old_words(result: Json) -> Json:
    if "kind" in result:
        return result
    for key, kind in _KINDS.items():
        body = result.get(key)
        if isinstance(body, Mapping):
            return _old_body(body, kind)
    if "status" in result and "id" in result:
        return _old_body(result, "task")  # GetTask answers with the bare task
    return result


def _old_body(body: Json, kind: str) -> Json:
    old: dict[str, Any] = {**body, "kind": kind}
    if "status" in body:
        status = dict(body["status"] or {})
        status["state"] = _old_name(str(status.get("state") or ""), "TASK_STATE_")
        if status.get("message"):
            status["message"] = _old_message(status["message"])
        old["status"] = status
        # 1.0 has no final flag: the state says it
        old["final"] = status["state"] in {"completed", "failed", "canceled", "rejected", "input-required"}
    if kind == "message":
        return {**_old_message(body), "kind": kind}
    for key in ("history", "artifacts"):
        if key in body:
            old[key] = [_old_message(item) for item in body[key] or ()]
    if "artifact" in body:
        old["artifact"] = _old_message(body["artifact"] or {})
    return old


def _old_message(message: Json) -> dict[str, Any]:
    old = dict(message)
    if "role" in old:
        old["role"] = _old_name(str(old["role"]), "ROLE_")
    old["parts"] = [_old_part(part) for part in message.get("parts") or ()]
    return old


def _old_part(part: Json) -> Json:
    if "kind" in part:
        return part
    for kind in ("text", "data"):
        if kind in part:
            return {**part, "kind": kind}
    return {**part, "kind": "file"}


def _old_name(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower().replace("_", "-") if name.startswith(prefix) else name
