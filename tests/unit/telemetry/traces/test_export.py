"""trace export: recorded turns as spans, read back as the same turns, and the same spans each time."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as wire
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service

from kubectl_kagent.model.resources import MODEL_CONFIG
from kubectl_kagent.model.trace import LLM, SUBAGENT, TOOL, WAIT, Step, Turn
from kubectl_kagent.telemetry.traces import records as trace_records
from kubectl_kagent.telemetry.traces import spans as trace_spans
from kubectl_kagent.telemetry.traces.export import spans_of, trace_id
from kubectl_kagent.telemetry.traces.models import nameless, with_models
from tests import recordings
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.fake.records import GO_SESSION, GO_TASK, HITL_SESSION, HITL_TASK, TraceCluster
from tests.loopback import Loopback, Received, head, response, serve
from tests.objects import model_config


@pytest.fixture
def world(cluster: FakeCluster) -> TraceCluster:
    world = TraceCluster()
    world.clock = cluster.clock
    world.add(MODEL_CONFIG, model_config())
    return world


def recorded(name: str) -> Turn:
    found = recordings.pair(name)
    (turn,) = trace_records.turns(found["session"], found["tasks"], "kagent/time-agent").turns
    return turn


def comparable(turn: Turn) -> Any:
    """All but what spans can't tell: the decision of a person, and the trace that it is now."""

    def step(one: Step) -> Any:
        times = [None if time is None else round(time, 6) for time in (one.start, one.end)]
        told = (
            one.kind,
            one.name if one.kind != LLM else "",
            one.id,
            one.status,
            one.args or None,
            one.error,
        )
        result = "" if one.kind == WAIT else one.result
        return (*told, result, one.tokens, times, [step(inner) for inner in one.steps])

    return turn.agent, turn.state, turn.question, turn.answer, turn.task, turn.session, step(turn.root)


def as_json(turn: Turn) -> dict[str, Any]:
    found: dict[str, Any] = MessageToDict(encode_spans(spans_of(turn)))
    return found


@pytest.mark.parametrize("name", recordings.PAIRS)
def test_what_is_exported_reads_as_what_was_recorded(name: str) -> None:
    turn = recorded(name)
    record = trace_spans.turns([as_json(turn)])
    assert record.gaps == ()
    (back,) = record.turns
    assert comparable(back) == comparable(turn)
    assert back.trace == trace_id(turn)


def test_the_same_spans_each_time_and_no_id_twice() -> None:
    turn = recorded("approved")
    ids = [(span.context.trace_id, span.context.span_id) for span in spans_of(turn)]
    assert ids == [(span.context.trace_id, span.context.span_id) for span in spans_of(turn)]
    assert len(set(ids)) == len(ids) == 6
    assert trace_id(turn) != trace_id(recorded("rejected"))
    twice = trace_spans.turns([as_json(turn), as_json(turn)])
    assert twice == trace_spans.turns([as_json(turn)])


def test_an_agents_own_spans_are_not_doubled_by_a_copy() -> None:
    own = recordings.pair("tool")["traces"]
    assert trace_spans.turns([*own, as_json(recorded("tool"))]) == trace_spans.turns(own)


def test_steps_without_times_are_one_after_the_other() -> None:
    session = recordings.rest("session")
    (turn,) = trace_records.turns(session, recordings.rest("session_tasks"), "default/a").turns
    lost = [Step(step.kind, step.name, step.id, result=step.result) for step in turn.root.steps]
    root = Step(turn.root.kind, turn.root.name, start=turn.root.start, end=turn.root.end, steps=tuple(lost))
    spans = spans_of(Turn(turn.agent, root, "completed", task="t", session="s"))
    assert [span.name for span in spans] == [
        "invocation",
        "invoke_agent a",
        "generate_content ",
        "execute_tool get_time",
        "generate_content ",
    ]
    assert {span.start_time for span in spans} == {spans[0].start_time}


# The command

NAMED = "no record names the models of default/datetime-agent: spans have those of now\n"


@contextmanager
def receiver() -> Iterator[tuple[Loopback, list[Any]]]:
    """An OTLP receiver for HTTP, and the requests that it got."""
    got: list[Any] = []

    def answer(request: Received) -> bytes:
        assert request.method == "POST"
        got.append((request.path, wire.ExportTraceServiceRequest.FromString(request.body)))
        return response(200, "", "application/x-protobuf")

    with serve() as loopback:
        loopback.answer = answer
        yield loopback, got


def span_ids(requests: list[Any]) -> list[str]:
    return [
        base64.b64encode(span.span_id).decode()
        for _, request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_export_of_a_session_over_http(kagent: Kagent, world: TraceCluster) -> None:
    with receiver() as (loopback, got):
        words = ("trace", "export", HITL_SESSION, f"--otlp={loopback.url}")
        assert kagent(*words, cluster=world) == (0, f"1 turns exported to {loopback.url} (6 spans)\n", NAMED)
        assert kagent(*words, cluster=world)[0] == 0
    assert [path for path, _ in got] == ["/v1/traces"] * 2
    ids = span_ids(got)
    assert ids[:6] == ids[6:]
    (resource,) = got[0][1].resource_spans
    about = {item.key: item.value.string_value for item in resource.resource.attributes}
    assert about == {"service.namespace": "default", "service.name": "datetime_agent"}
    (turn,) = trace_spans.turns([MessageToDict(got[0][1])]).turns
    assert (turn.task, [step.name for step in turn.tools]) == (HITL_TASK, ["delete_thing"])


def test_a_model_that_no_record_names_is_the_one_of_now(kagent: Kagent, world: TraceCluster) -> None:
    with receiver() as (loopback, got):
        kagent("trace", "export", HITL_SESSION, f"--otlp={loopback.url}", cluster=world)
        (turn,) = trace_spans.turns([MessageToDict(got[0][1])]).turns
        assert {step.model for step in turn.llm_calls} == {"small"}
        world.deny("list", MODEL_CONFIG)
        code, _, err = kagent("trace", "export", HITL_SESSION, f"--otlp={loopback.url}", cluster=world)
    assert code == 0
    assert err.splitlines()[0].startswith("Warning: the models that agents have now are not known: ")
    assert err.splitlines()[1:] == [
        "Warning: spans of default/datetime-agent have no model: no record names it"
    ]


def test_each_agent_has_its_own_model() -> None:
    def llm(model: str = "") -> Step:
        return Step(LLM, "", model=model)

    inner = Step(SUBAGENT, "team__NS__the_clock", steps=(llm(),))
    unnamed = Step(SUBAGENT, "near", steps=(llm(), Step(TOOL, "t")))
    root = Step("agent", "a/b", steps=(llm(), llm("recorded"), inner, unnamed))
    turn = Turn("a/b", root, "completed")
    agents = {"a/b", "team/the-clock", "a/near"}
    assert nameless([turn]) == agents
    found = with_models(turn, {agent: f"of {agent}" for agent in agents})
    assert [step.model for step in found.llm_calls] == [
        "of a/b",
        "recorded",
        "of team/the-clock",
        "of a/near",
    ]
    assert nameless([found]) == set()


def test_export_of_all_since_over_grpc(kagent: Kagent, world: TraceCluster, monkeypatch: Any) -> None:
    got: list[Any] = []

    class Sink(service.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            got.append(("", request))
            return wire.ExportTraceServiceResponse()

    server = grpc.server(futures.ThreadPoolExecutor(1))
    service.add_TraceServiceServicer_to_server(Sink(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    monkeypatch.setattr("kubectl_kagent.backends.otlp_receiver._GRPC_PORT", port)
    server.start()
    try:
        url = f"http://127.0.0.1:{port}"
        code, out, err = kagent("trace", "export", "--since=8h", f"--otlp={url}", cluster=world)
    finally:
        server.stop(None).wait()
    assert (code, out, err) == (0, f"2 turns exported to {url} (11 spans)\n", NAMED)
    assert len(set(span_ids(got))) == 11


def test_only_what_is_over_and_has_times(kagent: Kagent, world: TraceCluster) -> None:
    world.sessions[HITL_SESSION][1][0]["status"]["state"] = "input-required"
    world.sessions[GO_SESSION][0]["events"] = []
    with receiver() as (loopback, got):
        code, out, err = kagent("trace", "export", "--since=8h", f"--otlp={loopback.url}", cluster=world)
    assert (code, out, got) == (0, f"0 turns exported to {loopback.url} (0 spans)\n", [])
    assert sorted(err.splitlines()) == [
        f"left out: task {GO_TASK} (no times are recorded)",
        f"left out: task {HITL_TASK} (it is input-required)",
    ]


@pytest.mark.parametrize(("words", "there"), [([], False), (["--show-secrets"], True)])
def test_keys_are_not_exported(kagent: Kagent, world: TraceCluster, words: list[str], *, there: bool) -> None:
    text = json.dumps(world.sessions[GO_SESSION]).replace("what time", "password=hunter2 what time")
    world.sessions[GO_SESSION] = tuple(json.loads(text))
    with receiver() as (loopback, got):
        kagent("trace", "export", GO_TASK, f"--otlp={loopback.url}", *words, cluster=world)
    assert ("hunter2" in str(got)) is there


PROTOBUF = "application/x-protobuf"
LOST = wire.ExportTraceServiceResponse(
    partial_success=wire.ExportTracePartialSuccess(rejected_spans=2, error_message="quota\nexceeded")
)
PORTS = "hint: an OTLP receiver has 4317 for gRPC, 4318 for HTTP\n"
NOT_ONE = "{} took no spans: its answer is not that of an OTLP receiver\n" + PORTS


def whole(body: bytes, kind: str) -> bytes:
    return head(200, f"Content-Type: {kind}", f"Content-Length: {len(body)}") + body


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(400, "no", "text/plain"), "{} took no spans: it answered 400: no\n" + PORTS),
        (response(404, "no", "text/plain"), "{} took no spans: it answered 404: no\n" + PORTS),
        (
            head(302, "Location: https://a.example/"),
            "{} took no spans: it answered 302: nothing\n" + PORTS,
        ),
        (head(307, "Location: /elsewhere"), "{} took no spans: it answered 307: nothing\n" + PORTS),
        (
            response(200, "<html>Sign in</html>", "text/html"),
            "{} took no spans: it answered with text/html\n" + PORTS,
        ),
        (
            response(200, "ok", PROTOBUF),
            NOT_ONE,
        ),
        (response(200, "[" * 5000), NOT_ONE),
        (whole(b"\x08\x08\x12\x05quota", PROTOBUF), NOT_ONE),
        (whole(b"{}", "application/jsonp"), "{} took no spans: it answered with application/jsonp\n" + PORTS),
        (whole(b"", "text/html"), "{} took no spans: it answered with text/html\n" + PORTS),
        *(
            (whole(answer, "application/json"), NOT_ONE)
            for answer in (
                b"[]",
                b'""',
                b"null",
                b"0",
                b'{"partialSuccess": []}',
                b'{"partialSuccess": ""}',
                b"",
            )
        ),
        (
            response(200, '{"error": 1}'),
            NOT_ONE,
        ),
        (whole(LOST.SerializeToString(), PROTOBUF), "{} rejected 2 of 5 spans: quota exceeded\n"),
        (
            response(200, {"partialSuccess": {"rejectedSpans": "1"}}),
            "{} rejected 1 of 5 spans: it does not say why\n",
        ),
    ],
)
def test_no_span_is_exported_that_the_receiver_did_not_take(
    kagent: Kagent, world: TraceCluster, answer: bytes, said: str
) -> None:
    with serve() as loopback:
        loopback.answer = lambda _: answer
        code, out, err = kagent("trace", "export", GO_TASK, f"--otlp={loopback.url}", cluster=world)
    assert (code, out, err) == (5, "", NAMED + f"error: {said.format(loopback.url)}")
    assert len(loopback.received) == 1


@pytest.mark.parametrize(
    "answer",
    [
        head(204),
        response(202, "", "text/plain"),
        response(200, {}),
        whole(wire.ExportTraceServiceResponse().SerializeToString(), PROTOBUF),
        response(200, {"partialSuccess": {"rejectedSpans": "0", "errorMessage": "old attribute names"}}),
    ],
)
def test_what_a_receiver_says_that_took_them_all(kagent: Kagent, world: TraceCluster, answer: bytes) -> None:
    with serve() as loopback:
        loopback.answer = lambda _: answer
        code, out, err = kagent("trace", "export", GO_TASK, f"--otlp={loopback.url}", cluster=world)
    assert (code, out, err) == (0, f"1 turns exported to {loopback.url} (5 spans)\n", NAMED)


def test_nobody_there(kagent: Kagent, world: TraceCluster) -> None:
    with serve() as gone:
        url = gone.url
    code, out, err = kagent("trace", "export", GO_TASK, f"--otlp={url}", cluster=world)
    assert (code, out) == (5, "")
    assert (
        err == NAMED + f"error: {url} took no spans: the connection to the server {url} was refused\n{PORTS}"
    )


@contextmanager
def grpc_receiver(monkeypatch: Any, answer: Any) -> Iterator[str]:
    class Sink(service.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            return answer(context)

    server = grpc.server(futures.ThreadPoolExecutor(1))
    service.add_TraceServiceServicer_to_server(Sink(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    monkeypatch.setattr("kubectl_kagent.backends.otlp_receiver._GRPC_PORT", port)
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def test_spans_that_are_rejected_over_grpc(kagent: Kagent, world: TraceCluster, monkeypatch: Any) -> None:
    with grpc_receiver(monkeypatch, lambda _: LOST) as url:
        code, out, err = kagent("trace", "export", GO_TASK, f"--otlp={url}", cluster=world)
    assert (code, out, err) == (5, "", NAMED + f"error: {url} rejected 2 of 5 spans: quota exceeded\n")


def test_a_refusal_over_grpc(kagent: Kagent, world: TraceCluster, monkeypatch: Any) -> None:
    def refuse(context: Any) -> None:
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "quota")

    with grpc_receiver(monkeypatch, refuse) as url:
        code, out, err = kagent("trace", "export", GO_TASK, f"--otlp={url}", cluster=world)
    assert (code, out, err) == (
        5,
        "",
        NAMED + f"error: {url} took no spans: RESOURCE_EXHAUSTED quota\n{PORTS}",
    )


def test_headers_over_grpc_are_those_of_the_environment(
    kagent: Kagent, world: TraceCluster, monkeypatch: Any
) -> None:
    got: list[Any] = []

    def answer(context: Any) -> Any:
        got.extend(context.invocation_metadata())
        return wire.ExportTraceServiceResponse()

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Scope-OrgID=team%20a")
    with grpc_receiver(monkeypatch, answer) as url:
        assert kagent("trace", "export", GO_TASK, f"--otlp={url}", cluster=world)[0] == 0
    assert ("x-scope-orgid", "team a") in got


def test_a_password_in_the_address_is_not_shown(kagent: Kagent, world: TraceCluster) -> None:
    with serve() as loopback:
        url = loopback.url.replace("//", "//jo:hunter2@")
        loopback.answer = lambda _: response(200, "", PROTOBUF)
        done = kagent("trace", "export", GO_TASK, f"--otlp={url}", cluster=world)
        loopback.answer = lambda _: response(500, "no", "text/plain")
        refused = kagent("trace", "export", GO_TASK, f"--otlp={url}", cluster=world)
    assert done == (0, f"1 turns exported to {loopback.url} (5 spans)\n", NAMED)
    assert refused == (5, "", NAMED + f"error: {loopback.url} took no spans: it answered 500: no\n{PORTS}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a session, or say since when with --since"),
        ([GO_TASK, "--since=1h"], "name a session, or say since when with --since"),
    ],
)
def test_bad_usage(kagent: Kagent, world: TraceCluster, words: list[str], said: str) -> None:
    code, _, err = kagent("trace", "export", *words, "--otlp=http://127.0.0.1:1", cluster=world)
    assert (code, err) == (2, f"error: {said}\n")


@pytest.mark.parametrize("url", ["ftp://x", "http://", "", "http://x:abc", "http://[x", "x:0"])
def test_what_is_no_address(kagent: Kagent, world: TraceCluster, url: str) -> None:
    code, _, err = kagent("trace", "export", GO_TASK, f"--otlp={url}", cluster=world)
    assert (code, err) == (
        2,
        f'error: "{url}" is not a URL of an OTLP receiver\n'
        "hint: write http://HOST:4317 (gRPC) or http://HOST:4318\n",
    )
