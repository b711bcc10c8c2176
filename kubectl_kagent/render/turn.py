"""A turn in a terminal: tool calls in a line each, and what it came to. Pure."""

from __future__ import annotations

import json

from kubectl_kagent.conversation.chat import Turn
from kubectl_kagent.conversation.speech import Called, Returned
from kubectl_kagent.model.turn import Request, ToolCall
from kubectl_kagent.render.table import plain

_PREVIEW = 100


def tool_line(item: Called | Returned) -> str:
    """``→ get_time timezone="UTC"`` and ``✓ get_time 0.2s: 08:14:29`` (``✗`` when it failed)."""
    if isinstance(item, Called):
        return f"→ {call_text(item.call)}"
    result = item.result
    took = "" if item.seconds is None else f" {item.seconds:.1f}s"
    return f"{'✗' if result.failed else '✓'} {plain(result.name)}{took}: {_short(result.text)}"


def call_text(call: ToolCall) -> str:
    """A call as one would read it: the name and its arguments."""
    arguments = " ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in call.args.items()
    )
    return _short(f"{call.name} {arguments}".strip())


def request_line(request: Request) -> str:
    """What somebody is asked: to answer, or to approve a call (of a sub-agent's too)."""
    if request.questions:
        return "; ".join(_short(question.question) for question in request.questions)
    calls = request.inner or (request.call,)
    return "approval of " + ", ".join(map(call_text, calls))


def closing(turn: Turn) -> str:
    """The last line: session and tokens."""
    return f"session {turn.session} ({turn.prompt_tokens} prompt and {turn.output_tokens} output tokens)"


def _short(text: str) -> str:
    text = plain(" ".join(text.split()))
    return text if len(text) <= _PREVIEW else text[: _PREVIEW - 1] + "…"
