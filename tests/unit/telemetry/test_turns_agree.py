"""What trace shows of a turn and what top counts of it are the same, whatever client called the model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from kubectl_kagent.backends.prometheus import at_address
from kubectl_kagent.model.trace import LLM, Turn
from kubectl_kagent.model.usage import AGENTS, MODELS, TOOLS, UsageRow, Wanted
from kubectl_kagent.telemetry.traces import spans as trace_spans
from kubectl_kagent.telemetry.usage import metrics, records
from kubectl_kagent.wire import semconv
from tests import recordings
from tests.loopback import Received, response, serve

Json = dict[str, Any]

# The client's own span in the Python runtime, by the model's provider.
CLIENTS = {
    "openai": "openai.chat",
    "anthropic": "anthropic.chat",
    "gemini": "gemini.generate_content",
    "ollama": "",
}
PYTHON = ("tool", "tool_streamed", "tool_error", "llm_error", "words")
GO = ("trace_go_tool", "trace_go_tool_error", "trace_go_llm_error")
TURNS = [*((name, client) for name in PYTHON for client in CLIENTS), *((name, "") for name in GO)]
LABELS = (semconv.OPERATION, semconv.TOOL_NAME, semconv.MODEL)
# Upper bounds of spanmetrics' histogram, in seconds, as the connector has them by default.
BOUNDS = (0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1.4, 2, 5, 10, 15, float("inf"))


def recorded(name: str, client: str) -> list[Json]:
    """The traces of a turn whose model was called by that client."""
    if not client:
        return [recordings.tempo(name)]
    text = json.dumps(recordings.pair(name)["traces"]).replace("openai.chat", CLIENTS[client] or "dropped")
    traces: list[Json] = json.loads(text)
    for _, scope in scopes(traces):
        scope["spans"] = [span for span in scope["spans"] if span["name"] != "dropped"]
    return traces


def scopes(traces: list[Json]) -> Iterator[tuple[Json, Json]]:
    for trace in traces:
        for of_resource in trace.get("resourceSpans") or trace["batches"]:
            for scope in of_resource["scopeSpans"]:
                yield of_resource["resource"], scope


def attributes(of: Mapping[str, Any]) -> dict[str, str]:
    return {item["key"]: str(next(iter(item["value"].values()), "")) for item in of.get("attributes", ())}


def spans(traces: list[Json]) -> Iterator[tuple[dict[str, str], float]]:
    """Labels as spanmetrics would give them, and seconds, of each span."""
    for resource, scope in scopes(traces):
        owner = attributes(resource)
        for span in scope["spans"]:
            own = attributes(span)
            failed = span.get("status", {}).get("code") in (2, "STATUS_CODE_ERROR")
            labels = {
                semconv.label(semconv.SERVICE_NAME): owner[semconv.SERVICE_NAME],
                semconv.label(semconv.SERVICE_NAMESPACE): owner.get(semconv.SERVICE_NAMESPACE, ""),
                semconv.SPAN_NAME: span["name"],
                semconv.STATUS_CODE: semconv.ERROR if failed else "STATUS_CODE_UNSET",
                **{semconv.label(name): own[name] for name in LABELS if name in own},
            }
            yield labels, (int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e9


def samples(traces: list[Json], *, bounds: bool) -> list[Json]:
    """The answer of Prometheus: calls, or cumulative buckets."""
    found: Counter[tuple[tuple[str, str], ...]] = Counter()
    for labels, seconds in spans(traces):
        if labels[semconv.label(semconv.SERVICE_NAME)] == semconv.CONTROLLER:
            continue  # the queries leave it out
        if not bounds:
            found[tuple(sorted(labels.items()))] += 1
        for bound in BOUNDS if bounds else ():
            found[tuple(sorted({**labels, "le": str(bound)}.items()))] += int(seconds <= bound)
    return [{"metric": dict(labels), "value": [0, str(count)]} for labels, count in found.items()]


def from_metrics(traces: list[Json], kind: str) -> tuple[UsageRow, ...]:
    """top's rows. The fake leaves to us which spans an operation's query selects, so that is done here."""
    operation = {AGENTS: "invoke_agent", TOOLS: "execute_tool", MODELS: "generate_content"}[kind]
    name = semconv.label(semconv.OPERATION)

    def by_client(sample: Json) -> bool:
        return sample["metric"][semconv.SPAN_NAME] in semconv.MODEL_CLIENTS

    def failed(sample: Json) -> bool:
        return by_client(sample) and sample["metric"][semconv.STATUS_CODE] == semconv.ERROR

    def asked(sample: Json) -> bool:
        return sample["metric"].get(name) == operation or (kind == MODELS and by_client(sample))

    calls = [item for item in samples(traces, bounds=False) if item["metric"].get(name) or failed(item)]
    buckets = [item for item in samples(traces, bounds=True) if asked(item)]

    def answer(request: Received) -> bytes:
        if request.path.startswith("/api/v1/label/"):
            return response(200, {"status": "success", "data": []})
        found = buckets if "_bucket" in request.path else calls
        return response(200, {"status": "success", "data": {"result": found}})

    with serve() as server:
        server.answer = answer
        prometheus = replace(at_address(server.url), name="p")
        return metrics.usage(prometheus, Wanted(kind, None, 3600, 0)).rows


def counted(rows: tuple[UsageRow, ...]) -> list[tuple[str, str, str, int, int]]:
    return sorted((row.namespace, row.agent, row.name, round(row.calls), round(row.errors)) for row in rows)


def one_turn(traces: list[Json]) -> Turn:
    (turn,) = trace_spans.turns(traces).turns
    return turn


def without_errors(rows: list[tuple[str, str, str, int, int]]) -> list[tuple[str, str, str, int, int]]:
    return [(*row[:-1], 0) for row in rows]


def says_nothing_of_the_failure(name: str, client: str, kind: str) -> bool:
    """What the runtimes' spans leave out, as ``top -h`` says; a collector can add it."""
    if kind == TOOLS:
        return name == "tool_error"
    return name == "trace_go_llm_error" or (name == "llm_error" and client == "ollama")


@pytest.mark.parametrize(("name", "client"), TURNS)
def test_trace_and_top_count_the_same(name: str, client: str) -> None:
    traces = recorded(name, client)
    turn = one_turn(traces)
    for kind in (AGENTS, TOOLS, MODELS):
        ours = counted(records.rows([turn], Wanted(kind, None, 3600, 0)))
        if says_nothing_of_the_failure(name, client, kind):
            assert any(row[-1] for row in ours)
            ours = without_errors(ours)
        assert counted(from_metrics(traces, kind)) == ours, kind


@pytest.mark.parametrize(("name", "client"), TURNS)
def test_a_call_of_the_model_took_the_same_time_in_both(name: str, client: str) -> None:
    """The client's span where there is one: the runtime's own also holds the tools called meanwhile."""
    traces = recorded(name, client)
    turn = one_turn(traces)
    steps = [step for step in turn.root.below() if step.kind == LLM]
    seconds = [step.seconds or 0 for step in steps]
    (row,) = from_metrics(traces, MODELS)
    assert row.p50 is not None
    buckets = sorted(next(bound for bound in BOUNDS if value <= bound) for value in seconds)
    assert buckets[0] / 2 <= row.p50.seconds <= buckets[-1]
