"""Traces that other frameworks make, as LangGraph in an agent that a team brings: every span is a step. Pure.

Which of them call a model or a tool, and with what, is read where OpenTelemetry's conventions, OpenLLMetry
(traceloop.*), OpenInference or LangSmith say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubectl_kagent.model.trace import AGENT, FAILED, LLM, OK, OPEN, SPAN, TOOL, UNKNOWN, Step, Tokens, Turn
from kubectl_kagent.telemetry.traces import otlp
from kubectl_kagent.telemetry.traces.steps import marked, paired
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.ids import dashed
from kubectl_kagent.wire.lenient import Gaps, Json

# In order of preference.
_KIND = (semconv.OPERATION, *semconv.OTHER_KINDS)
_MODEL = (semconv.MODEL, "llm.model_name")
_PROMPT = (semconv.INPUT_TOKENS, "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_OUTPUT = (semconv.OUTPUT_TOKENS, "gen_ai.usage.completion_tokens", "llm.token_count.completion")
_TOOL = (semconv.TOOL_NAME, "tool.name", "traceloop.entity.name")
_GIVEN = (semconv.TOOL_CALL_ARGUMENTS, "traceloop.entity.input", "input.value", "gen_ai.prompt")
_GAVE = (semconv.TOOL_CALL_RESULT, "traceloop.entity.output", "output.value", "gen_ai.completion")
_REQUEST_TYPE = "llm.request.type"
_COUNTS = frozenset((*_PROMPT, *_OUTPUT))
_WANTED = _COUNTS.union(
    (*_KIND, *_MODEL, *_TOOL, *_GIVEN, *_GAVE, _REQUEST_TYPE, semconv.TASK, semconv.SESSION)
)
_OF_AGENTS = ("gen_ai.", "traceloop.", "openinference.", "langsmith.", "llm.")

_MODEL_KINDS = frozenset((semconv.CHAT, "text_completion", semconv.GENERATE_CONTENT, "llm"))
_TOOL_KINDS = frozenset((semconv.EXECUTE_TOOL, "tool"))


@dataclass(frozen=True, slots=True)
class _Span:
    """A span as it was written, with those of its attributes that are read."""

    raw: Json
    service: str
    found: Mapping[str, Any]


@dataclass(slots=True)
class _Trace:
    """All spans of one trace, by id and by parent."""

    spans: dict[str, _Span] = field(default_factory=dict)
    inside: dict[str, list[str]] = field(default_factory=dict)


def turns(documents: Iterable[Json], others: Collection[str], gaps: Gaps) -> list[Turn]:
    """A turn for each trace but the ``others`` in which something says that it is of an agent or a model."""
    written: dict[str, dict[str, tuple[Json, str]]] = {}  # by trace and span: one that stands twice is one
    of_agents: set[str] = set()
    for document in documents:
        for raw, service in otlp.raw_spans(document, Gaps()):
            if not isinstance(raw, Mapping) or not isinstance(raw.get("spanId"), str):
                continue
            id_ = raw.get("traceId")
            if not isinstance(id_, str) or id_ in others:
                continue
            written.setdefault(id_, {})[raw["spanId"]] = raw, service
            if _is_of_agents(raw):
                of_agents.add(id_)
    return [_turn(id_, _read(spans, gaps), gaps) for id_, spans in written.items() if id_ in of_agents]


def _read(written: Mapping[str, tuple[Json, str]], gaps: Gaps) -> _Trace:
    trace = _Trace()
    for span_id, (raw, service) in written.items():
        found = otlp.read_attributes(raw.get("attributes"), _WANTED, gaps, _COUNTS)
        trace.spans[span_id] = _Span(raw, service, found)
        parent = raw.get("parentSpanId")
        trace.inside.setdefault(parent if isinstance(parent, str) else "", []).append(span_id)
    return trace


def _is_of_agents(raw: Json) -> bool:
    found = raw.get("attributes")
    keys = (item.get("key") for item in found if isinstance(item, Mapping)) if isinstance(found, list) else ()
    return any(isinstance(key, str) and key.startswith(_OF_AGENTS) for key in keys)


def _turn(id_: str, trace: _Trace, gaps: Gaps) -> Turn:
    tops = [span for parent, spans in trace.inside.items() if parent not in trace.spans for span in spans]
    steps = paired(_step(span, trace, gaps, depth=1) for span in tops)
    told = sum(1 + sum(1 for _ in step.below()) for step in steps)
    if told < len(trace.spans):
        gaps.add(f"spans in a ring, or more than {otlp.DEEPEST} deep in others, were left out")
    ends = [step.end for step in steps if step.end is not None]
    failed = any(step.status == FAILED for step in steps)
    status = OPEN if not ends else FAILED if failed else OK
    services = [span.service for span in trace.spans.values()]
    agent = next((one for one in services if not one.endswith(f"/{semconv.CONTROLLER}")), services[0])
    root = Step(
        AGENT,
        dashed(agent.strip("/")),
        start=min((step.start for step in steps if step.start is not None), default=None),
        end=max(ends, default=None),
        status=status,
        error=next((step.error for step in steps if step.error), ""),
        steps=tuple(steps),
    )
    return Turn(
        agent=root.name,
        root=marked(root),
        state={OPEN: UNKNOWN, FAILED: "failed", OK: "completed"}[status],
        task=_of_any(trace, semconv.TASK),
        session=_of_any(trace, semconv.SESSION),
        trace=otlp.hex_id(id_),
    )


def _of_any(trace: _Trace, key: str) -> str:
    return next((span.found[key] for span in trace.spans.values() if key in span.found), "")


def _step(id_: str, trace: _Trace, gaps: Gaps, *, depth: int, in_model: bool = False) -> Step:
    """``in_model``: a model's client tells of the same call as the framework around it."""
    raw, found = trace.spans[id_].raw, trace.spans[id_].found
    name = gaps.text(raw.get("name"), "the name of a span")
    kind = SPAN if in_model else _kind(name, found)
    status = gaps.mapping(raw.get("status"), "the status of a span")
    failed = otlp.has_failed(status)
    end = otlp.seconds(raw.get("endTimeUnixNano"), f"the end of {name}", gaps)
    inner = trace.inside.get(id_, ()) if depth < otlp.DEEPEST else ()
    model = _first(found, _MODEL)
    return Step(
        kind,
        {LLM: model, TOOL: _first(found, _TOOL)}.get(kind) or name,
        start=otlp.seconds(raw.get("startTimeUnixNano"), f"the start of {name}", gaps),
        end=end,
        status=FAILED if failed else OPEN if end is None else OK,
        args=_args(found) if kind == TOOL else None,
        result="" if kind == SPAN else _first(found, _GAVE),
        error=(gaps.text(status.get("message"), "the message of a status") or "it failed") if failed else "",
        model=model if kind == LLM else "",
        tokens=_tokens(found, gaps) if kind == LLM else None,
        steps=tuple(
            paired(
                _step(one, trace, gaps, depth=depth + 1, in_model=in_model or kind == LLM) for one in inner
            )
        ),
    )


def _kind(name: str, found: Mapping[str, Any]) -> str:
    said = {str(found[key]).lower() for key in _KIND if key in found}
    if said & _MODEL_KINDS or _REQUEST_TYPE in found or name in semconv.MODEL_CLIENTS:
        return LLM
    return TOOL if said & _TOOL_KINDS else SPAN


def _first(found: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((text for key in keys if isinstance(text := found.get(key), str) and text), "")


def _args(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    text = _first(found, _GIVEN)
    args = Gaps().parsed(text, "") if text else None
    return args if isinstance(args, Mapping) else {"input": text} if text else None


def _tokens(found: Mapping[str, Any], gaps: Gaps) -> Tokens | None:
    prompt, output = (
        next((gaps.count(found[key], key) for key in keys if key in found), None)
        for keys in (_PROMPT, _OUTPUT)
    )
    return None if prompt is None and output is None else Tokens(prompt or 0, output or 0)
