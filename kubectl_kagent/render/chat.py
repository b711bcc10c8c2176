"""A turn in a terminal: tool calls in a line each, and what it came to. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from kubectl_kagent.conversation.conversation import Exchange
from kubectl_kagent.conversation.decisions import Pending
from kubectl_kagent.conversation.narration import CallEnded, CallStarted, Unrecognized
from kubectl_kagent.masking import masked_value
from kubectl_kagent.model.events import Question, ToolCall, ToolResult, Unknown
from kubectl_kagent.render.escapes import visible
from kubectl_kagent.render.table import plain
from kubectl_kagent.wire.ids import shown

_PREVIEW = 100
_RAW = 1000


def tool_line(item: CallStarted | CallEnded | Unrecognized) -> str:
    """``→ get_time timezone="UTC"`` and ``✓ get_time 0.2s: 08:14:29`` (see ``outcome``)."""
    if isinstance(item, CallStarted):
        return short(f"→ {call_text(item.call)}")
    if isinstance(item, Unrecognized):
        return short(f"? not understood: {json.dumps(item.raw, ensure_ascii=False)}")
    said = outcome(item.result, item.seconds, rejected=item.rejected)
    return f"{plain(said)}: {short(item.result.text)}"


def outcome(result: ToolResult, seconds: float | None = None, *, rejected: bool) -> str:
    """How a call ended, before what it gave: ``✓ get_time 0.2s``, ``✗`` when it failed, ``⊘`` when a person
    rejected it.
    """
    sign = "⊘" if rejected else "✗" if result.failed else "✓"
    took = "" if seconds is None else f" {seconds:.1f}s"
    return f"{sign} {shown(result.name)}{took}{' (rejected)' if rejected else ''}"


def call_text(call: ToolCall) -> str:
    """A call as one would read it: the name and its arguments, all of them."""
    return _called(shown(call.name), call)


def _called(name: str, call: ToolCall) -> str:
    return visible(f"{name} {arguments(call)}".rstrip())


def arguments(call: ToolCall) -> str:
    """The arguments on one line, with values as JSON: ``timezone="UTC" days=3``."""
    return " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in call.args.items())


def asked_line(item: Pending) -> str:
    """What somebody is asked, whole: the call with all its arguments, or the questions with their choices."""
    # by the names that were sent: a tool of somebody's server may be called as an agent is
    through = f", wanted by {item.via}" if item.via else ""
    if isinstance(item.call, Unknown):
        return f"not understood: {as_it_came(item.call)}{visible(through)}"
    asked = "; ".join(map(_question, item.questions)) or _called(item.call.name, item.call)
    return visible(asked + through)


def _question(question: Question) -> str:
    numbered = ", ".join(f"{number}. {choice}" for number, choice in enumerate(question.choices, 1))
    several = ", several may be chosen" if question.multiple else ""
    return f"{question.question} ({numbered}{several})" if numbered else question.question


def pending_line(item: Pending) -> str:
    """What somebody is asked: to answer, or to approve a call (of a sub-agent's too)."""
    through = f" (of {plain(item.via)})" if item.via else ""
    if isinstance(item.call, Unknown):
        return f"what is not understood: {as_it_came(item.call)}{through}"
    if item.questions:
        return "; ".join(short(question.question) for question in item.questions) + through
    call = replace(item.call, args=masked_value(item.call.args))  # before it is cut
    return f"approval of {short(_called(call.name, call))}{through}"


def as_it_came(call: Unknown) -> str:
    """A call that can't be read, as JSON: masked, for nobody approves it, and cut after its name at most."""
    raw = masked_value(call.raw)
    if isinstance(raw, Mapping) and "name" in raw:
        raw = {"name": raw["name"], **raw}
    return short(visible(json.dumps(raw, ensure_ascii=False)), _RAW)


def closing(turn: Exchange, trace: str = "") -> str:
    """The last line: session, tokens, and the trace if there is one."""
    traced = f", trace {trace}" if trace else ""
    tokens = f"{turn.prompt_tokens} prompt and {turn.output_tokens} output tokens"
    return f"session {turn.session} ({tokens}){traced}"


def short(text: str, limit: int = _PREVIEW) -> str:
    """One line of at most ``limit`` characters; an ellipsis says that there is more."""
    text = plain(" ".join(text[: 4 * limit + 80].split())) + ("…" if len(text) > 4 * limit + 80 else "")
    return text if len(text) <= limit else text[: limit - 1] + "…"
