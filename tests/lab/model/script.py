"""Decide what the model answers: a pure function of the chat-completions request.

The question (the last user message) may say what to do:

    call NAME {json}   call the tool NAME; several of them in one question are called in parallel
    fail 429           answer with this HTTP status
    long 200           an answer of so many kB
    slow 5             take so many seconds (a stream trickles, a plain answer waits)

A question about the date or the time calls the datetime tools. The system prompt decides too, so that a
changed prompt can be seen in the answer: "Answer in the style: X" labels every answer with X, and "never use
tools" makes the model guess. Any other answer names the prompt's first line and the model.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

GUESS = "I would guess it is about noon, on some Tuesday."


@dataclass(frozen=True)
class ToolCall:
    name: str
    arguments: str


@dataclass(frozen=True)
class Reply:
    """Either text, or tool calls, or a failure status."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    status: int = 200
    seconds: float = 0.0


@dataclass(frozen=True)
class Turn:
    """What the script needs to know of one request."""

    model: str
    prompt: str
    question: str
    tools: Sequence[str]
    results: Sequence[str] = field(default=())

    @property
    def prompt_title(self) -> str:
        return self.prompt.strip().split("\n", 1)[0]


def read_turn(body: dict[str, Any]) -> Turn:
    """Take the turn out of a request; raises ValueError when it is not one."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise ValueError("messages must be a list of objects")
    asked = [index for index, message in enumerate(messages) if message.get("role") == "user"]
    if not asked:
        raise ValueError("messages must hold a user message")
    return Turn(
        model=str(body.get("model", "")),
        prompt="\n".join(_text(m) for m in messages if m.get("role") in ("system", "developer")),
        question=_text(messages[asked[-1]]),
        tools=[tool["function"]["name"] for tool in body.get("tools") or [] if "function" in tool],
        results=[_result(_text(m)) for m in messages[asked[-1] :] if m.get("role") == "tool"],
    )


def reply(turn: Turn) -> Reply:
    """The scripted answer to this turn."""
    if failure := re.search(r"\bfail (\d{3})\b", turn.question):
        return Reply(status=int(failure[1]))
    slow = re.search(r"\bslow (\d+(?:\.\d+)?)\b", turn.question)
    seconds = float(slow[1]) if slow else 0.0
    if turn.results:
        return Reply(_in_style(turn, _from_results(turn.results)), seconds=seconds)
    ordered = _ordered_calls(turn.question)
    unknown = [call.name for call in ordered if call.name not in turn.tools]
    if unknown:
        offered = ", ".join(turn.tools) or "none"
        return Reply(_in_style(turn, f"I have no tool {', '.join(unknown)}; offered: {offered}."))
    if ordered:
        return Reply(calls=ordered)
    if _asks_for_time(turn.question):
        calls = () if _tools_forbidden(turn.prompt) else _time_calls(turn)
        return Reply(calls=calls) if calls else Reply(_in_style(turn, GUESS), seconds=seconds)
    return Reply(_in_style(turn, _plain(turn)), seconds=seconds)


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content)
    return str(content or "")


def _result(content: str) -> str:
    """The text inside a tool result; the Go runtime sends {"output": {"result": ...}} or {"error": ...}."""
    try:
        value = json.loads(content)
    except ValueError:
        return content
    while isinstance(value, dict) and (wrapper := value.keys() & {"output", "error", "result"}):
        value = value[min(wrapper)]
    return value if isinstance(value, str) else content


def _ordered_calls(question: str) -> tuple[ToolCall, ...]:
    """Every `call NAME {json}` of the question, in its order."""
    decoder = json.JSONDecoder()
    calls = []
    for found in re.finditer(r"\bcall ([A-Za-z_][\w-]*)\s*(?=\{|$|\bcall\b|[,;.\n])", question):
        arguments: object = {}
        if question[found.end() : found.end() + 1] == "{":
            try:
                arguments, _ = decoder.raw_decode(question, found.end())
            except ValueError:
                arguments = {}
        calls.append(ToolCall(found[1], json.dumps(arguments)))
    return tuple(calls)


def _asks_for_time(question: str) -> bool:
    return bool(re.search(r"\b(time|date|day|hour|clock)\b", question, re.IGNORECASE))


def _tools_forbidden(prompt: str) -> bool:
    return bool(
        re.search(r"\b(never|do not|don't) (use|call) (your |the |any )?tools?\b", prompt, re.IGNORECASE)
    )


def _time_calls(turn: Turn) -> tuple[ToolCall, ...]:
    """The fewest offered tools that answer the question."""
    wants_time = bool(re.search(r"\b(time|hour|clock)\b", turn.question, re.IGNORECASE))
    wants_date = bool(re.search(r"\b(date|day)\b", turn.question, re.IGNORECASE))
    exact = [name for name, wanted in (("get_date", wants_date), ("get_time", wants_time)) if wanted]
    names = ["get_datetime"] if len(exact) == 2 and "get_datetime" in turn.tools else exact
    names = [name for name in names if name in turn.tools]
    if not names and "get_datetime" in turn.tools:
        names = ["get_datetime"]
    zone = re.search(r"\b([A-Z][A-Za-z]+/[A-Z][A-Za-z_]+)\b", turn.question)
    arguments = json.dumps({"timezone": zone[1] if zone else "UTC"})
    return tuple(ToolCall(name, arguments) for name in names)


def _from_results(results: Sequence[str]) -> str:
    return "The tools say: " + "; ".join(results)


def _plain(turn: Turn) -> str:
    if size := re.search(r"\blong(?: (\d+))?\b", turn.question):
        length = int(size[1] or 200) * 1000
        sentence = "This answer is long on purpose. "
        return (sentence * (length // len(sentence) + 1))[:length]
    return f'You asked: "{turn.question}" I am {turn.model}, and my prompt begins: "{turn.prompt_title}"'


def _in_style(turn: Turn, text: str) -> str:
    style = re.search(r"^\s*Answer in the style: *(.+?)\s*$", turn.prompt, re.MULTILINE | re.IGNORECASE)
    return f"[{style[1]}] {text}" if style else text
