"""OpenTelemetry spans in JSON, of Tempo, Jaeger and OTLP files: those that matter, and who is whose parent.

Both runtimes make the same spans where it matters: ``invocation`` is a turn, ``generate_content`` a call of
the model, ``execute_tool`` a call of a tool. Of all others only the place between them is kept. Pure.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubectl_kagent.model.trace import AGENT, LLM, TOOL
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.lenient import Gaps, Json

# More kinds of spans than a trace has kinds of steps
TURN, CALL_LLM, CHAT = "turn", "call_llm", "chat"

_WANTED = frozenset(
    {
        *(semconv.OPERATION, semconv.AGENT_NAME, semconv.APP_NAME, semconv.TASK, semconv.SESSION),
        *(
            semconv.MODEL,
            semconv.INPUT_TOKENS,
            semconv.OUTPUT_TOKENS,
            semconv.TOOL_NAME,
            semconv.TOOL_CALL_ID,
        ),
        *(semconv.TOOL_ARGUMENTS, semconv.TOOL_RESPONSE, semconv.LLM_REQUEST, semconv.LLM_RESPONSE),
        *(semconv.TOOL_CALL_ARGUMENTS, semconv.TOOL_CALL_RESULT),
        *(semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES),
        *(semconv.TASK_STATE, semconv.TASK_QUESTION, semconv.FINISH_REASONS),
        *semconv.OTHER_KINDS,
    }
)
_COUNTS = frozenset((semconv.INPUT_TOKENS, semconv.OUTPUT_TOKENS))
_OF_RESOURCE = frozenset((semconv.SERVICE_NAME, semconv.SERVICE_NAMESPACE))
# one file may hold them all; batches: Tempo's first API
_SIGNALS = {"resourceSpans", "batches", "resourceLogs", "resourceMetrics", "resourceProfiles"}
_CONTAINERS = frozenset((TURN, AGENT, TOOL))
DEEPEST = 40
_NO_OTLP = "a document is not OTLP: it has no resourceSpans"
_JAEGER = "a document is Jaeger's own JSON and not OTLP, which Jaeger gives at /api/v3/traces/TRACE"
_EMPTY_JAEGER = "a document is Jaeger's own JSON, and has no spans in it"
# What stands around the traces in an answer of Jaeger's own API.
_JAEGER_ANSWER = frozenset(("data", "total", "limit", "offset", "errors"))

# The turn that a span is in, and the tools in that, the outermost first.
Way = tuple[str, tuple[str, ...]]
_NOWHERE: Way = ("", ())


@dataclass(slots=True)
class Span:
    """A span that matters. Times in seconds; ``attributes`` are the wanted ones."""

    kind: str
    id: str
    parent: str
    trace: str
    name: str
    start: float | None
    end: float | None
    failed: bool
    message: str
    attributes: dict[str, Any]
    service: str

    def text(self, key: str) -> str:
        found: str = self.attributes.get(key, "")
        return found


@dataclass(slots=True)
class Forest:
    """All spans of some documents; ``others`` are traces in which spans of other frameworks are left out."""

    gaps: Gaps
    spans: dict[str, Span] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    inside: dict[str, list[Span]] = field(default_factory=dict)
    _parents: dict[str, str] = field(default_factory=dict)
    _homes: dict[str, str] = field(default_factory=dict)
    _ways: dict[str, Way] = field(default_factory=dict)

    def add(self, raw: Any, service: str) -> None:
        """Read one span; a second one of the same id takes the first one's place."""
        gaps = self.gaps
        raw = gaps.mapping(raw, "a span")
        name = gaps.text(raw.get("name"), "the name of a span")
        id_ = gaps.text(raw.get("spanId"), "spanId")
        if not id_:
            gaps.add(f"{name or 'a span'} has no spanId")
            id_ = f"?{len(self._parents)}"
        parent = gaps.text(raw.get("parentSpanId"), "parentSpanId")
        self._parents[id_] = parent
        attributes = read_attributes(raw.get("attributes"), _WANTED, gaps)
        kind, trace = _kind(name, attributes), gaps.text(raw.get("traceId"), "traceId")
        if not kind:
            if not attributes.keys().isdisjoint(semconv.OTHER_KINDS):
                self.others.add(trace)
            return
        status = gaps.mapping(raw.get("status"), "the status of a span")
        span = Span(
            kind,
            id_,
            parent,
            trace,
            name,
            seconds(raw.get("startTimeUnixNano"), f"the start of {name}", gaps),
            seconds(raw.get("endTimeUnixNano"), f"the end of {name}", gaps),
            has_failed(status),
            gaps.text(status.get("message"), "the message of a status"),
            attributes,
            service,
        )
        self.spans[id_] = span
        self.inside.setdefault(parent, []).append(span)

    def way(self, span: Span) -> Way:
        """Where a span is; nowhere when the way up is broken, or goes in a ring."""
        found = self._way(span.parent)
        return _NOWHERE if span.id in found[1] else found

    def _way(self, id_: str) -> Way:
        path: dict[str, None] = {}
        home = self._home(id_)
        while home and home not in self._ways and home not in path:
            path[home] = None
            home = self._home(self._parents.get(home, ""))
        found = _NOWHERE if home in path else self._ways.get(home, _NOWHERE)
        for passed in reversed(path):
            found = self._inward(found, passed)
            self._ways[passed] = found
        return found

    def _inward(self, outside: Way, id_: str) -> Way:
        root, tools = outside
        if self.spans[id_].kind == TOOL:
            return outside if len(tools) == DEEPEST else (root, (*tools, id_))
        return outside if root or tools else (id_, ())

    def _home(self, id_: str) -> str:
        """The nearest turn, agent or tool at or above a span; empty when there is none."""
        path: list[str] = []
        while id_ and id_ not in self._homes:
            span = self.spans.get(id_)
            if span is not None and span.kind in _CONTAINERS:
                self._homes[id_] = id_
                break
            path.append(id_)
            self._homes[id_] = ""  # a ring of parents ends here
            id_ = self._parents.get(id_, "")
        found = self._homes.get(id_, "")
        for passed in path:
            self._homes[passed] = found
        return found


def read(documents: Iterable[Any], gaps: Gaps) -> Forest:
    """The spans of all documents: OTLP's own JSON, answers of Jaeger, and of both versions of Tempo's API.

    An array is as many documents.
    """
    forest = Forest(gaps)
    for document in readable(documents, gaps):
        for raw, service in raw_spans(document, gaps):
            forest.add(raw, service)
    return forest


def readable(documents: Iterable[Any], gaps: Gaps) -> Iterator[Json]:
    """Those that are OTLP."""
    for document in documents:
        for each in document if isinstance(document, list) else [document]:
            whole = _unwrapped(gaps.mapping(each, "the document"), gaps)
            if _SIGNALS & whole.keys():
                yield whole
            else:
                gaps.add(_why_unread(whole))


def raw_spans(document: Json, gaps: Gaps) -> Iterator[tuple[Any, str]]:
    """Each span as it was written, with its service (``NAMESPACE/NAME``)."""
    for batch in _objects(document, ("resourceSpans", "batches"), gaps):
        resource = gaps.mapping(batch.get("resource"), "a resource")
        service = _service(read_attributes(resource.get("attributes"), _OF_RESOURCE, gaps))
        for scope in _objects(batch, ("scopeSpans", "instrumentationLibrarySpans"), gaps):
            for raw in gaps.items(scope.get("spans"), "spans"):
                yield raw, service


def _unwrapped(whole: Json, gaps: Gaps) -> Json:
    if "result" in whole:
        whole = gaps.mapping(whole["result"], "the result")
    if "trace" in whole:
        if whole.get("status") == "PARTIAL":
            gaps.add(f"Tempo left a part of the trace out: {whole.get('message') or 'it is too large'}")
        whole = gaps.mapping(whole["trace"], "the trace")
    return whole


def _why_unread(whole: Json) -> str:
    """What it is instead of OTLP, if it is what Jaeger's page and its own API (/api/traces) give."""
    traces = whole.get("data", [whole]) or []
    if not isinstance(traces, list):
        return _NO_OTLP
    found = [trace for trace in traces if isinstance(trace, Mapping) and {"traceID", "spans"} <= trace.keys()]
    if any(trace["spans"] for trace in found):
        return _JAEGER
    return _EMPTY_JAEGER if found or (not traces and whole.keys() >= _JAEGER_ANSWER) else _NO_OTLP


def _objects(holder: Json, names: tuple[str, ...], gaps: Gaps) -> list[Json]:
    value = next((holder[name] for name in names if holder.get(name) is not None), None)
    return [gaps.mapping(item, f"an entry of {names[0]}") for item in gaps.items(value, names[0])]


def _service(attributes: Mapping[str, Any]) -> str:
    return f"{attributes.get(semconv.SERVICE_NAMESPACE) or ''}/{attributes.get(semconv.SERVICE_NAME) or ''}"


def _kind(name: str, attributes: Mapping[str, Any]) -> str:
    operation = attributes.get(semconv.OPERATION)
    if operation == semconv.GENERATE_CONTENT:
        return LLM
    if operation == semconv.EXECUTE_TOOL:
        return "" if attributes.get(semconv.TOOL_NAME) == semconv.MERGED_TOOLS else TOOL
    if name == semconv.INVOCATION:
        return TURN
    # the controller's own span has the bare name: it is not what the agent does
    if operation == semconv.INVOKE_AGENT and name != semconv.INVOKE_AGENT:
        return AGENT
    if name in semconv.MODEL_CLIENTS or operation == semconv.CHAT:
        return CHAT
    return CALL_LLM if name == semconv.CALL_LLM else ""


def read_attributes(
    raw: Any, wanted: frozenset[str], gaps: Gaps, counts: frozenset[str] = _COUNTS
) -> dict[str, Any]:
    """The wanted ones of a span or resource: texts, ``counts`` as they were written, and lists of texts."""
    found: dict[str, Any] = {}
    for item in gaps.items(raw, "the attributes of a span"):
        key = item.get("key") if isinstance(item, dict) else None
        if not isinstance(key, str):
            gaps.add("an attribute has no key")
        elif key in wanted:
            value = item.get("value")
            value = next(iter(value.values())) if isinstance(value, dict) and value else None
            if isinstance(value, dict) and key == semconv.FINISH_REASONS:
                found[key] = _texts(value, gaps)
            elif key == semconv.FINISH_REASONS:
                gaps.add(f"the attribute {key} is no list")
            elif isinstance(value, str) or (key in counts and value is not None):
                found[key] = value
            else:
                gaps.add(f"the attribute {key} has no value, or one of another type")
    return found


def _texts(array: Any, gaps: Gaps) -> tuple[str, ...]:
    values = gaps.items(gaps.mapping(array, "a list of texts").get("values"), "a list of texts")
    return tuple(gaps.text(gaps.mapping(item, "a text").get("stringValue"), "a text") for item in values)


def has_failed(status: Json) -> bool:
    """Whether a span's status says so."""
    return status.get("code") in ("STATUS_CODE_ERROR", 2)


def seconds(raw: Any, what: str, gaps: Gaps) -> float | None:
    """A span's time, in seconds since the epoch."""
    nanoseconds = gaps.count(raw, what)
    if nanoseconds is not None and 0 < nanoseconds < 10**19:
        return nanoseconds / 10**9  # of two integers: exact to the last digit
    gaps.add(f"{what} is missing" if raw is None else f"{what} is not a time")
    return None


def hex_id(trace: str) -> str:
    """A trace id as people know it: Tempo writes base64, OTLP files hex."""
    if len(trace) != 24:
        return trace
    try:
        return base64.b64decode(trace, validate=True).hex()
    except (binascii.Error, ValueError):
        return trace
