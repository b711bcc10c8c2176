"""What models said of calls is read when it is first needed, and once."""

from __future__ import annotations

import json

from kubectl_kagent.telemetry.traces.calls import CallMessages
from kubectl_kagent.telemetry.traces.otlp import Forest, Span
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.lenient import Gaps


def test_a_call_and_its_response_are_found_by_id() -> None:
    call = {"type": "tool_call", "id": "1", "name": "get_time", "arguments": {"zone": "UTC"}}
    response = {"type": "tool_call_response", "id": "1", "result": "noon"}
    attributes = {
        semconv.OUTPUT_MESSAGES: json.dumps([{"role": "assistant", "parts": [call]}]),
        semconv.INPUT_MESSAGES: json.dumps([{"role": "tool", "parts": [response]}]),
    }
    span = Span(
        "llm",
        "a",
        "",
        "t",
        "generate_content",
        1.0,
        2.0,
        failed=False,
        message="",
        attributes=attributes,
        service="a/b",
    )
    messages = CallMessages([span], Forest(Gaps()))
    assert (messages.arguments("1"), messages.response("1")) == ({"zone": "UTC"}, "noon")
    assert (messages.arguments("2"), messages.response("2")) == (None, None)
    assert messages.forest.gaps.lines == ()
