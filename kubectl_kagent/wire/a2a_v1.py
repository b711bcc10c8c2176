"""Wire 1.0 of A2A in the words of 0.3, so that there is one reader. Pure.

What is not as the protocol says stays as it came: the reader marks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubectl_kagent.model.events import FINAL_STATES, PAUSED_STATES

Json = Mapping[str, Any]

_KINDS = {
    "statusUpdate": "status-update",
    "artifactUpdate": "artifact-update",
    "task": "task",
    "message": "message",
}


def to_v03(result: Json) -> Json:
    """One result of either wire as 0.3 writes it.

    An empty kind is none, and the shape says what it is: kagent 0.9.7 and 0.9.8 write tasks so.
    """
    if result.get("kind"):
        return result
    for key, kind in _KINDS.items():
        body = result.get(key)
        if isinstance(body, Mapping):
            return _body(body, kind)
    if "status" in result and "id" in result:
        return _body(result, "task")  # GetTask answers with the bare task
    return result


def _body(body: Json, kind: str) -> Json:
    if kind == "message":
        return {**_message(body), "kind": kind}
    old: dict[str, Any] = {**body, "kind": kind}
    if isinstance(status := body.get("status"), Mapping):
        state = _name(status.get("state"), "TASK_STATE_")
        old["status"] = {**status, "state": state, "message": _message(status.get("message"))}
        # 1.0 has no final flag: the state says it
        old["final"] = isinstance(state, str) and state in FINAL_STATES | PAUSED_STATES
    for key in ("history", "artifacts"):
        if isinstance(items := body.get(key), list):
            old[key] = [_message(item) for item in items]
    if "artifact" in body:
        old["artifact"] = _message(body["artifact"])
    return old


def _message(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    old = dict(message)
    if "role" in old:
        old["role"] = _name(old["role"], "ROLE_")
    if isinstance(parts := message.get("parts"), list):
        old["parts"] = [_part(part) for part in parts]
    return old


def _part(part: Any) -> Any:
    if not isinstance(part, Mapping) or part.get("kind"):
        return part
    kind = next((kind for kind in ("text", "data") if kind in part), "file")
    return {**part, "kind": kind}


def _name(name: Any, prefix: str) -> Any:
    if not isinstance(name, str) or not name.startswith(prefix):
        return name
    return name.removeprefix(prefix).lower().replace("_", "-")
