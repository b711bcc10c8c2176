"""chat --otlp-endpoint: the turn is a trace whose root is ours."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from kubectl_kagent.backends import otlp_receiver
from tests.conftest import Kagent
from tests.fake.agent import SESSION, TASK, request, talking, text, update
from tests.loopback import response, serve

NOON = [update("submitted"), update("working", text("It is noon.")), update("completed")]


def attributes(items: Any) -> dict[str, str]:
    return {item.key: item.value.string_value for item in items}


def the_span(received: Any) -> tuple[dict[str, str], Any]:
    (resource,) = received.resource_spans
    (scope,) = resource.scope_spans
    (span,) = scope.spans
    return attributes(resource.resource.attributes), span


@contextmanager
def grpc_receiver() -> Iterator[tuple[str, list[Any]]]:
    import grpc
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

    received: list[Any] = []

    class Receiver(trace_service_pb2_grpc.TraceServiceServicer):  # type: ignore[misc]
        def Export(self, request: Any, context: Any) -> Any:
            received.append(request)
            return trace_service_pb2.ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Receiver(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with mock.patch.object(otlp_receiver, "_GRPC_PORT", port):
            yield f"127.0.0.1:{port}", received
    finally:
        server.stop(None).wait()


def test_a_turn_is_one_trace_with_its_approvals_over_grpc(kagent: Kagent) -> None:
    with grpc_receiver() as (endpoint, received), talking(NOON) as agent:
        words = ["chat", "clock", "hello", f"--kagent-url={agent.url}", f"--otlp-endpoint={endpoint}"]
        code, out, err = kagent(*words)
    assert (code, out) == (0, "It is noon.\n")
    resource, span = the_span(*received)
    assert resource["service.name"] == "kubectl-kagent"
    trace = span.trace_id.hex()
    assert err == f"session {SESSION} (0 prompt and 0 output tokens), trace {trace}\n"
    assert (span.name, span.kind, span.parent_span_id) == ("chat clock", 3, b"")
    assert attributes(span.attributes) == {
        "gen_ai.agent.name": "clock",
        "gen_ai.conversation.id": SESSION,
        "gen_ai.task.id": TASK,
    }
    assert span.status.code == 0
    (asked,) = agent.requests
    assert asked.header("traceparent") == [f"00-{trace}-{span.span_id.hex()}-01"]


@pytest.mark.parametrize("path", ["", "/v1/traces", "/custom/v1/traces"])
def test_over_http_at_any_other_port(kagent: Kagent, path: str) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    with serve() as server, talking([update("failed", text("429"))]) as agent:
        server.answer = lambda _: response(200, "", "application/x-protobuf")
        flags = [f"--kagent-url={agent.url}", f"--otlp-endpoint={server.url}{path}"]
        assert kagent("chat", "clock", "hello", *flags)[0] == 1
        (received,) = server.received
    assert received.path == (path or "/v1/traces")
    resource, span = the_span(ExportTraceServiceRequest.FromString(received.body))
    assert resource["service.name"] == "kubectl-kagent"
    assert (span.status.code, span.status.message) == (2, "failed 429")


def test_a_key_in_the_words_of_a_failure_is_masked_as_in_an_export(kagent: Kagent) -> None:
    words = "Incorrect API key provided: sk-proj-abcdefghijklmnop1234."
    with grpc_receiver() as (endpoint, received), talking([update("failed", text(words))]) as agent:
        flags = [f"--kagent-url={agent.url}", f"--otlp-endpoint=http://{endpoint}"]
        assert kagent("chat", "clock", "hello", *flags)[0] == 1
    assert the_span(*received)[1].status.message == "failed Incorrect API key provided: sk-p…[masked]."


def test_what_waits_for_a_person_is_no_error(kagent: Kagent) -> None:
    with (
        grpc_receiver() as (endpoint, received),
        talking([update("input-required", request("c", "x"))]) as agent,
    ):
        flags = [f"--kagent-url={agent.url}", f"--otlp-endpoint=http://{endpoint}"]
        assert kagent("chat", "clock", "hello", *flags)[0] == 7
    assert the_span(*received)[1].status.code == 0


def test_a_trace_that_can_not_be_sent_is_said_and_the_answer_is_the_answer(kagent: Kagent) -> None:
    with serve() as server, talking(NOON) as agent:
        server.answer = lambda _: response(400, "no", "text/plain")
        url = f"{server.url}/v1/traces"
        code, out, err = kagent(
            "chat", "clock", "hello", f"--kagent-url={agent.url}", f"--otlp-endpoint={url}"
        )
    assert (code, out) == (0, "It is noon.\n")
    assert (
        err.splitlines()[0]
        == f"Warning: the trace could not be sent: {url} took no spans: it answered 400: no"
    )
    assert len(err.splitlines()) == 2


def test_without_an_endpoint_nothing_of_it_is_loaded() -> None:
    import subprocess
    import sys

    code = "import kubectl_kagent.app, sys; sys.exit(any(n.startswith('opentelemetry') for n in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
