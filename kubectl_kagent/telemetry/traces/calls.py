"""Calls of models and of tools, each from its span. Pure.

What was said is in ADK's own attributes, or in those of OpenTelemetry's conventions: of the call itself, or
else in the messages that models were sent and answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from kubectl_kagent.model.trace import FAILED, LLM, NO_CONTENT, OK, OPEN, TOOL, Step, Tokens
from kubectl_kagent.telemetry.traces import otlp
from kubectl_kagent.telemetry.traces.otlp import Forest, Span
from kubectl_kagent.telemetry.traces.steps import wait
from kubectl_kagent.wire import adk, genai, semconv
from kubectl_kagent.wire.lenient import Gaps, tool_result

# What stands where content was to be left out.
_ELIDED = ("", "{}")


@dataclass(slots=True)
class CallMessages:
    """What models said and were told of calls of tools, by the call's id; read when it is first needed."""

    models: Iterable[Span]
    forest: Forest
    _read: bool = False
    _calls: dict[str, Any] = field(default_factory=dict)
    _responses: dict[str, Any] = field(default_factory=dict)

    def arguments(self, call: str) -> Any:
        """What a model called a tool with."""
        self._look()
        return self._calls.get(call)

    def response(self, call: str) -> Any:
        """What the tool answered, as the next call of the model was told."""
        self._look()
        return self._responses.get(call)

    def _look(self) -> None:
        if self._read:
            return
        self._read, gaps = True, self.forest.gaps
        for span in self.models:
            self._calls.update(genai.calls(content(span, semconv.OUTPUT_MESSAGES, self.forest), gaps))
            self._responses.update(genai.responses(content(span, semconv.INPUT_MESSAGES, self.forest), gaps))


def tool(span: Span, messages: CallMessages) -> Step:
    """A call of a tool."""
    gaps = messages.forest.gaps
    name, call = span.text(semconv.TOOL_NAME) or span.name, span.text(semconv.TOOL_CALL_ID)
    args = _arguments(span, name, messages)
    step = Step(
        TOOL,
        name,
        call,
        span.start,
        span.end,
        status=FAILED if span.failed else OK,
        args=None if args is None else gaps.mapping(args, f"the arguments of {name}"),
        error=span.message if span.failed else "",
    )
    raw = span.text(semconv.TOOL_RESPONSE)
    if raw in _ELIDED:
        response = _by_conventions(span.text(semconv.TOOL_CALL_RESULT))
        response = messages.response(call) if response is None else response
        if response is None:
            return replace(step, marks=(NO_CONTENT,))
    else:
        response = gaps.parsed(raw, f"the result of {name}")
        if response is None:  # cut off: what is there of it is shown
            said_so = '"isError": true' in raw or '"isError":true' in raw
            return replace(step, result=raw, status=FAILED if span.failed or said_so else OK)
    result = tool_result(call, name, response, gaps)
    if result is None:
        return replace(step, status=OPEN, end=None, steps=(wait(span.end),))
    if not result.failed and not span.failed:
        return replace(step, result=result.text)
    return replace(step, status=FAILED, result=result.text, error=result.text or span.message)


def _arguments(span: Span, name: str, messages: CallMessages) -> Any:
    own = span.text(semconv.TOOL_ARGUMENTS)
    if own not in _ELIDED:
        return messages.forest.gaps.parsed(own, f"the arguments of {name}")
    found = _by_conventions(span.text(semconv.TOOL_CALL_ARGUMENTS))
    if found is None:
        found = messages.arguments(span.text(semconv.TOOL_CALL_ID))
    if isinstance(found, str):
        found = _by_conventions(found)
    if isinstance(found, str):
        return {"arguments": found}
    return {} if found is None and own else found


def _by_conventions(text: str) -> Any:
    """Any value as JSON, or words as they are; None when there are none."""
    if not text:
        return None
    found = Gaps().parsed(text, "")
    return text if found is None else found


def llm(span: Span, forest: Forest) -> Step:
    """A call of the model. When it streams, the tools run inside of its span, and are not its time."""
    gaps = forest.gaps
    prompt = gaps.count(span.attributes.get(semconv.INPUT_TOKENS), semconv.INPUT_TOKENS)
    output = gaps.count(span.attributes.get(semconv.OUTPUT_TOKENS), semconv.OUTPUT_TOKENS)
    tokens = None if prompt is None and output is None else Tokens(prompt or 0, output or 0)
    inside = forest.inside.get(span.id, ())
    chats = [inner for inner in inside if inner.kind == otlp.CHAT]
    raw = content(span, semconv.LLM_RESPONSE, forest)
    response = gaps.parsed(raw, "the answer of a model") if raw else None
    words, said = adk.answer(response, gaps) if isinstance(response, dict) else ("", "")
    told = content(span, semconv.OUTPUT_MESSAGES, forest)
    words = words or genai.answer(told, gaps)
    reasons = span.attributes.get(semconv.FINISH_REASONS, ())
    answered = bool(words) or tokens is not None or any(reasons)
    error = said or _llm_error([*chats, span], answered=answered, ended=bool(reasons))
    called = [inner.start for inner in inside if inner.kind == TOOL and inner.start is not None]
    return Step(
        LLM,
        span.text(semconv.MODEL),
        start=chats[0].start if chats else span.start,
        end=chats[-1].end if chats else min(called, default=span.end),
        status=FAILED if error else OK,
        result=words,
        error=error,
        model=span.text(semconv.MODEL),
        tokens=tokens,
        marks=(NO_CONTENT,) if raw == "{}" and not told and not error else (),
    )


def content(span: Span, key: str, forest: Forest) -> str:
    """What a model was sent or answered.

    The Python runtime keeps it on the span around its call, the model's client on the one inside.
    """
    above = forest.spans.get(span.parent)
    near = [span]
    if above and above.kind == otlp.CALL_LLM:
        near.append(above)
    near += (inner for inner in forest.inside.get(span.id, ()) if inner.kind == otlp.CHAT)
    return next((text for one in near if (text := one.text(key))), "")


def _llm_error(spans: list[Span], *, answered: bool, ended: bool) -> str:
    """Why a call of a model failed; empty when it did not: many models tell no usage.

    The Go runtime leaves a refused call without any error: it ``ended``, but the reason is empty. Collectors
    that make an error of a missing usage, as ours did, give it no message: an answer is better evidence.
    """
    bad = [span for span in spans if span.failed and (span.message or not answered)]
    message = next((span.message for span in bad if span.message), "")
    if bad:
        return message or "the call failed"
    return "the model gave no answer" if ended and not answered else ""
