"""What one turn leaves behind in Jaeger, Loki and Prometheus: what the verbs that ask them stand on."""

from __future__ import annotations

import pytest

from tests.cluster.conftest import wait_for
from tests.telemetry.conftest import AGENT, Span, Turn, ask, spans_of, trace, traces_of

pytestmark = pytest.mark.telemetry


def test_the_turn_is_a_trace_in_jaeger_from_the_controller_to_the_tool(turn: Turn) -> None:
    (id_,) = wait_for(
        lambda: traces_of(turn.tools, AGENT, "gen_ai.conversation.id", turn.session), "the trace in Jaeger"
    )

    def whole() -> list[Span] | None:
        """Agent and controller each send what they have; the client had its answer before either was done."""
        spans = spans_of(trace(turn.tools, id_))
        there = {(span.service, span.name) for span in spans if span.name != "http" or not span.parent}
        wanted = {("kagent-controller", "http"), ("kagent-controller", "invoke_agent")}
        return spans if there >= wanted | {("datetime_agent", "POST /")} else None

    spans = wait_for(whole, "the rest of the trace")
    by_id = {span.id: span for span in spans}
    (tool,) = [span for span in spans if span.name == "execute_tool get_time"]
    assert tool.attributes["gcp.vertex.agent.tool_call_args"] == '{"timezone": "Europe/Berlin"}'
    assert "(Europe/Berlin)" in tool.attributes["gcp.vertex.agent.tool_response"]

    (server,) = [span for span in spans if (span.service, span.name) == ("datetime_agent", "POST /")]
    invoked = by_id[server.parent]
    assert (invoked.service, invoked.name) == ("kagent-controller", "invoke_agent")
    assert invoked.attributes == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "openai",
        "gen_ai.agent.name": AGENT,
        "gen_ai.agent.id": f"{turn.tools.namespace}/{AGENT}",
    }
    root = by_id[invoked.parent]
    assert (root.service, root.name, root.parent) == ("kagent-controller", "http", "")


def test_its_log_lines_are_in_loki_under_the_name_of_the_agent(turn: Turn) -> None:
    query = f'{{k8s_namespace_name="{turn.tools.namespace}", agent="{AGENT}"}} |= "POST / HTTP/1.1"'
    (stream,) = wait_for(
        lambda: ask(turn.tools, "loki", "/loki/api/v1/query_range", query=query)["data"]["result"],
        "the agent's request log in Loki",
    )
    pods = turn.tools.kubectl(
        "get", "pods", "-l", f"kagent={AGENT}", "-o", "jsonpath={.items[*].metadata.name}"
    )
    assert stream["stream"]["k8s_pod_name"] in pods.out.split()
    assert len(stream["values"]) == 1


def test_its_spans_are_counted_in_prometheus(turn: Turn) -> None:
    namespace = turn.tools.namespace.replace("-", "_")  # as the runtime writes it
    query = (
        "sum by (service_name, gen_ai_tool_name) (traces_span_metrics_calls_total"
        f'{{service_namespace="{namespace}", gen_ai_operation_name="execute_tool"}}) > 0'
    )
    (series,) = wait_for(
        lambda: ask(turn.tools, "prometheus", "/api/v1/query", query=query)["data"]["result"],
        "the tool call in Prometheus",
    )
    assert series["metric"] == {"service_name": "datetime_agent", "gen_ai_tool_name": "get_time"}
    assert series["value"][1] == "1"
