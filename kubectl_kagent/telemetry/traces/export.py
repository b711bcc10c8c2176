"""Turns that somebody recorded, as OpenTelemetry spans like the agents' own.

Their ids are made from those of session, task and call: who exports the same turn again sends the same spans,
and a store of traces keeps one of each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_kagent.backends import otlp_receiver
from kubectl_kagent.errors import Unreachable
from kubectl_kagent.model.trace import FAILED, LLM, WAIT, Step, Turn
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.ids import identifier, underscored

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_SECONDS = 10
_AT_ONCE = 500
_ASKED = {"status": "confirmation_requested"}


@dataclass(frozen=True, slots=True)
class _Sketch:
    """A span to be: ``key`` tells it from all others of its turn."""

    key: str
    parent: str
    name: str
    start: float
    end: float
    attributes: dict[str, Any]
    error: str | None = None


def send(turns: Sequence[Turn], url: str) -> int:
    """Export turns that are over and have times; the number of spans.

    Raises Unreachable as soon as the receiver does not say that it took what was sent.
    """
    spans = [span for turn in turns for span in spans_of(turn)]
    for place in range(0, len(spans), _AT_ONCE):
        try:
            otlp_receiver.send(spans[place : place + _AT_ONCE], url, seconds=_SECONDS)
        except Unreachable as error:
            if not place:
                raise
            raise Unreachable(f"{error.message} ({place} of {len(spans)} spans were sent before)") from error
    return len(spans)


def spans_of(turn: Turn) -> list[ReadableSpan]:
    """The spans of one turn, as the SDK would have ended them."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    namespace, _, name = turn.agent.replace("-", "_").rpartition("/")
    resource = Resource({"service.namespace": namespace, "service.name": name})
    trace = int.from_bytes(_digest(turn, "")[:16], "big")

    def context(key: str) -> SpanContext:
        number = int.from_bytes(_digest(turn, key)[:8], "big")
        return SpanContext(trace, number, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    return [
        ReadableSpan(
            name=sketch.name,
            context=context(sketch.key),
            parent=context(sketch.parent) if sketch.parent else None,
            resource=resource,
            attributes=sketch.attributes,
            kind=SpanKind.INTERNAL,
            status=Status(StatusCode.UNSET if sketch.error is None else StatusCode.ERROR, sketch.error),
            start_time=round(sketch.start * 1e6) * 1000,
            end_time=round(sketch.end * 1e6) * 1000,
            instrumentation_scope=InstrumentationScope("kubectl-kagent"),
        )
        for sketch in _sketches(turn)
    ]


def trace_id(turn: Turn) -> str:
    """The id of the trace that an exported turn becomes."""
    return _digest(turn, "")[:16].hex()


def _digest(turn: Turn, key: str) -> bytes:
    return hashlib.sha256(f"kagent\0{turn.session}\0{turn.task}\0{key}".encode()).digest()


def _sketches(turn: Turn) -> Iterator[_Sketch]:
    start, end = turn.root.start or 0.0, turn.root.end or turn.root.start or 0.0
    ids = {semconv.TASK: turn.task, semconv.SESSION: turn.session}
    namespace, _, name = turn.agent.rpartition("/")
    app, name = identifier(namespace, name), underscored(name)
    told = {semconv.APP_NAME: app, semconv.TASK_STATE: turn.state, semconv.TASK_QUESTION: turn.question}
    error = turn.root.error or None if turn.root.status == FAILED else None
    yield _Sketch("turn", "", "invocation", start, end, {**ids, **told}, error)
    agent = {**ids, semconv.OPERATION: semconv.INVOKE_AGENT, semconv.AGENT_NAME: name}
    yield _Sketch("agent", "turn", f"{semconv.INVOKE_AGENT} {name}", start, end, agent)
    yield from _steps(turn.root.steps, "agent", (start, end), ids)


def _steps(
    steps: Sequence[Step], parent: str, window: tuple[float, float], ids: dict[str, Any]
) -> Iterator[_Sketch]:
    """A step without times of its own begins where the one before ended."""
    moment = window[0]
    for place, step in enumerate(steps):
        start = moment if step.start is None else step.start
        end = max(start, start if step.end is None else step.end)
        moment = end
        key = f"{parent}/{step.id or place}"
        if step.kind == LLM:
            yield _Sketch(
                key,
                parent,
                f"{semconv.GENERATE_CONTENT} {step.model}",
                start,
                end,
                ids | _model(step),
                _error(step),
            )
        elif step.kind != WAIT:
            yield from _tool(step, key, parent, (start, end), ids)


def _tool(
    step: Step, key: str, parent: str, times: tuple[float, float], ids: dict[str, Any]
) -> Iterator[_Sketch]:
    """A call; each time that a person was asked about it before is one too, as the agents record it."""
    start, end = times
    about = {
        **ids,
        semconv.OPERATION: semconv.EXECUTE_TOOL,
        semconv.TOOL_NAME: step.name,
        semconv.TOOL_CALL_ID: step.id,
        semconv.TOOL_ARGUMENTS: json.dumps(step.args or {}),
    }
    for number, waited in enumerate(inner for inner in step.steps if inner.kind == WAIT):
        asked = start if waited.start is None else waited.start
        placeholder = {**about, semconv.TOOL_RESPONSE: json.dumps(_ASKED)}
        yield _Sketch(
            f"{key}/asked{number}", parent, f"{semconv.EXECUTE_TOOL} {step.name}", start, asked, placeholder
        )
        start = asked if waited.end is None else waited.end
    response = {"error" if step.status == FAILED else "result": step.result or step.error}
    done = {**about, semconv.TOOL_RESPONSE: json.dumps(response)}
    yield _Sketch(
        key, parent, f"{semconv.EXECUTE_TOOL} {step.name}", start, max(start, end), done, _error(step)
    )
    inner = [one for one in step.steps if one.kind != WAIT]
    yield from _steps(inner, key, (start, end), ids)


def _model(step: Step) -> dict[str, Any]:
    response = {"content": {"role": "model", "parts": [{"text": step.result}]}, "error_message": step.error}
    tokens = (
        {semconv.INPUT_TOKENS: step.tokens.prompt, semconv.OUTPUT_TOKENS: step.tokens.output}
        if step.tokens
        else {}
    )
    return {
        semconv.OPERATION: semconv.GENERATE_CONTENT,
        semconv.MODEL: step.model,
        semconv.LLM_RESPONSE: json.dumps(response),
        **tokens,
    }


def _error(step: Step) -> str | None:
    return step.error if step.status == FAILED else None
