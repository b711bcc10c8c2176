"""One question to an agent, as the proof that its pods not only run but answer."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Mapping
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Forbidden, KagentError, Unauthorized, Unreachable
from kubectl_kagent.model.events import Answer, State, Text
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.wire.a2a import read, result_of

_PORT = 8080
_ANSWER_SECONDS = 120.0  # a model with tools takes its time
_ROUTE_SECONDS = 10.0  # a Service knows new pods a moment after they are ready


_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # fillers of Hangul, and Braille's pattern without a dot


class NoAnswer(KagentError):
    """The agent did not answer, or its answer is not one."""


def ask(cluster: Cluster, workload: Workload, prompt: str) -> str:
    """The first line of what the agent answers to ``prompt``, asked through its Service.

    Raises NoAnswer, or Forbidden and Unauthorized when the proxy may not be used.
    """
    message = {
        "kind": "message",
        "messageId": str(uuid.uuid4()),
        "role": "user",
        "parts": [{"kind": "text", "text": prompt}],
    }
    body = {
        "jsonrpc": "2.0",
        "id": str(uuid.uuid4()),
        "method": "message/send",
        "params": {"message": message},
    }
    deadline = clock.monotonic() + _ROUTE_SECONDS
    service = cluster.service(workload.namespace, f"{workload.name}:{_PORT}")
    while True:
        try:
            reply = service.call("POST", "/", body, timeout=_ANSWER_SECONDS)
            return _first_line(answer_in(reply))
        except (Forbidden, Unauthorized):
            raise
        except Unreachable as error:
            # the proxy without a pod to connect to answers 503: nobody has heard the question yet
            if error.open or clock.monotonic() >= deadline:
                raise NoAnswer(_first_line(error.message)) from error
        except KagentError as error:
            raise NoAnswer(_first_line(error.message)) from error
        clock.sleep(0.5)


def answer_in(reply: Mapping[str, Any]) -> str:
    """The answer in a JSON-RPC reply: of a completed task, or a message of an agent without tasks.

    Raises KagentError for anything else, and for an answer without a word in it.
    """
    result = result_of(reply)
    events = read(result).events
    states = [event for event in events if isinstance(event, State)]
    if result.get("kind") != "message":
        if not states:
            raise KagentError("the reply is neither a task nor a message")
        if states[-1].state != "completed":
            said = f": {states[-1].message}" if states[-1].message else ""
            raise KagentError(f"the task is {states[-1].state}{said}")
    elif result.get("role") == "user":
        raise KagentError("the reply is a message of the user's")
    answers = [event.text for event in events if isinstance(event, Answer)]
    said_last = [state.message for state in states[-1:]]
    words = [event.text for event in events if isinstance(event, Text) and not event.thought]
    for texts in (answers, said_last, words):
        text = "\n".join(texts).strip()
        if any(map(_is_seen, text)):
            return text
    raise KagentError("the answer is empty")


def _is_seen(letter: str) -> bool:
    """Whether it is a letter, a digit, punctuation or a symbol, and not one of those that are blank."""
    return unicodedata.category(letter)[0] in "LNPS" and letter not in _BLANK


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
