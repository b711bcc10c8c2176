"""One question to an agent, as the proof that its pods not only run but answer (A2A 0.3)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Forbidden, KagentError, Unauthorized, Unreachable
from kubectl_kagent.model.workload import Workload, dig

_PORT = 8080
_ANSWER_SECONDS = 120.0  # a model with tools takes its time
_ROUTE_SECONDS = 10.0  # a Service knows new pods a moment after they are ready


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``text`` is the answer, or why there is none."""

    completed: bool
    text: str

    @property
    def first_line(self) -> str:
        return self.text.strip().partition("\n")[0]


def ask(
    cluster: Cluster,
    workload: Workload,
    prompt: str,
    *,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> Answer:
    """Send ``prompt`` through the agent's Service. Raises Forbidden when the proxy may not be used."""
    body = {
        "jsonrpc": "2.0",
        "id": str(uuid.uuid4()),
        "method": "message/send",
        "params": {
            "message": {
                "kind": "message",
                "messageId": str(uuid.uuid4()),
                "role": "user",
                "parts": [{"kind": "text", "text": prompt}],
            }
        },
    }
    deadline = now() + _ROUTE_SECONDS
    service = f"{workload.name}:{_PORT}"
    while True:
        try:
            return read_answer(
                cluster.service("POST", workload.namespace, service, "/", body, timeout=_ANSWER_SECONDS)
            )
        except (Forbidden, Unauthorized):
            raise
        except Unreachable as error:
            # 503 is the proxy without a pod to connect to: nobody has heard the question yet
            if "answered 503" not in error.message or now() >= deadline:
                return Answer(False, error.message)
        except KagentError as error:
            return Answer(False, error.message)
        sleep(0.5)


def read_answer(reply: Mapping[str, Any]) -> Answer:
    """The answer in a JSON-RPC reply to message/send: a Task, or a Message of an agent without tasks."""
    if "error" in reply:
        return Answer(False, str(dig(reply, "error", "message") or reply["error"]))
    result = reply.get("result") or {}
    if result.get("kind") == "message":
        return Answer(True, _text(result.get("parts")))
    state = str(dig(result, "status", "state") or "unknown")
    said = _text(dig(result, "status", "message", "parts"))
    if state != "completed":
        return Answer(False, f"the task is {state}" + (f": {said}" if said else ""))
    artifacts = [_text(item.get("parts")) for item in result.get("artifacts") or ()]
    return Answer(True, "\n".join(filter(None, artifacts)) or said)


def _text(parts: Any) -> str:
    return "\n".join(str(part["text"]) for part in parts or () if part.get("kind") == "text")
