"""The collector finds failed what `trace` finds failed, with its own program and the bundle's statements."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from kubectl_kagent.model.trace import FAILED
from kubectl_kagent.telemetry.traces.spans import turns
from tests.bundle.prometheus import free_port, wait_for
from tests.lab.build import program
from tests.lab.layout import CHECKOUT, Layout
from tests.loopback import response, serve

pytestmark = pytest.mark.telemetry

CONFIG = CHECKOUT / "manifests" / "observability" / "collector" / "collector.yaml"
USAGE = {"gen_ai.usage.input_tokens": {"intValue": "42"}, "gen_ai.usage.output_tokens": {"intValue": "0"}}
OUTPUT_ONLY = {"gen_ai.usage.output_tokens": {"intValue": "7"}}
ANSWER = {"gcp.vertex.agent.llm_response": {"stringValue": '{"Content":{"parts":[{"text":"It is noon."}]}}'}}
NOTHING = {"gcp.vertex.agent.llm_response": {"stringValue": "{}"}}


def ended(*reasons: str) -> dict[str, Any]:
    """As a list of texts."""
    values = [{"stringValue": reason} for reason in reasons]
    return {"gen_ai.response.finish_reasons": {"arrayValue": {"values": values}}}


# The attributes of a call, and whether it failed.
CALLS = {
    "counted": (USAGE | ended("STOP"), False),
    "counted, without a reason": (USAGE | ended(""), False),
    "only the output counted": (OUTPUT_ONLY | ended(""), False),
    "not counted": (ended("STOP"), False),  # many local models, and streams through proxies
    "neither counted nor with a reason, but answered": (ANSWER | ended(""), False),
    "refused, in the Go runtime": (ended(""), True),
    "refused, and content is left out": (NOTHING | ended(""), True),
}

Send = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def send(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Send]:
    """Gives what the collector makes of a request of spans, before it keeps and counts them."""
    processor = "transform/outcome"
    port, health = free_port(), free_port()
    with serve() as store:
        store.answer = lambda _: response(200, {})
        config = {
            "extensions": {"health_check": {"endpoint": f"127.0.0.1:{health}"}},
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
            "processors": {processor: yaml.safe_load(CONFIG.read_text())["processors"][processor]},
            "exporters": {
                "otlp_http": {
                    "traces_endpoint": store.url,
                    "encoding": "json",
                    "compression": "none",
                    "sending_queue": {"enabled": False},
                }
            },
            "service": {
                "extensions": ["health_check"],
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {
                    "traces": {"receivers": ["otlp"], "processors": [processor], "exporters": ["otlp_http"]}
                },
            },
        }
        file = tmp_path_factory.mktemp("collector") / "config.json"
        file.write_text(json.dumps(config))
        process = subprocess.Popen([str(program(Layout.here(), "collector")), f"--config=file:{file}"])

        def through(document: dict[str, Any]) -> dict[str, Any]:
            store.received.clear()
            headers = {"Content-Type": "application/json"}
            url = f"http://127.0.0.1:{port}/v1/traces"
            # answered when the store has answered, as nothing waits in a queue
            urllib.request.urlopen(
                urllib.request.Request(url, json.dumps(document).encode(), headers), timeout=20
            ).close()
            (received,) = store.received
            found: dict[str, Any] = json.loads(received.body)
            return found

        try:
            wait_for(f"http://127.0.0.1:{health}/")
            yield through
        finally:
            process.terminate()
            process.wait(timeout=20)


def document(**attributes: Any) -> dict[str, Any]:
    """A turn with one call of the model."""
    operation = {"gen_ai.operation.name": {"stringValue": "generate_content"}}
    named = {"traceId": "ab" * 16, "startTimeUnixNano": "1", "endTimeUnixNano": "2", "kind": 1}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "an_agent"}}]},
                "scopeSpans": [
                    {
                        "spans": [
                            {**named, "spanId": "01" * 8, "name": "invocation"},
                            {
                                **named,
                                "spanId": "02" * 8,
                                "parentSpanId": "01" * 8,
                                "name": "generate_content m",
                                "attributes": [
                                    {"key": key, "value": value}
                                    for key, value in (operation | attributes).items()
                                ],
                            },
                        ]
                    }
                ],
            }
        ]
    }


@pytest.mark.parametrize(("attributes", "failed"), CALLS.values(), ids=CALLS)
def test_a_call_of_a_model(send: Send, attributes: dict[str, Any], *, failed: bool) -> None:
    sent = document(**attributes)
    kept = send(sent)
    (_, span) = kept["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (span.get("status") or {}).get("code", 0) == (2 if failed else 0)
    for told in (sent, kept):  # by the agent itself, and by where the collector keeps it
        (turn,) = turns([told]).turns
        assert [step.status == FAILED for step in turn.root.steps] == [failed]


def test_the_python_runtime_tells_a_refused_call_by_nothing(send: Send) -> None:
    """Its client's span has the error; the runtime's has neither a count nor a reason, as in recordings."""
    (_, span) = send(document())["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert span["status"]["code"] == 2
