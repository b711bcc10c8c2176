"""What stands around the agents: MCP servers, a gateway, the controllers, and the telemetry itself."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bundle.agents import WINDOWS
from tests.bundle.curves import Series, constant, counted, histogram, p95, ratio, share_of, times, wobble
from tests.bundle.fleet import AGENTS

JOBS = (
    "kagent-collector",
    "kagent-state-metrics",
    "kagent-recorder",
    "kagent-controller",
    "kmcp",
    "kagent-tools",
)
CONTROLLERS = (
    "agent",
    "modelconfig",
    "modelproviderconfig",
    "remotemcpserver",
    "sandboxagent",
    "service",
    "toolserver",
)


def telemetry() -> Iterator[Series]:
    for job in JOBS:
        target = {"job": job, "instance": f"{job}:8080"}
        yield Series("up", target, constant(1))
        yield Series("process_resident_memory_bytes", target, lambda second: 2**26 * (1 + wobble(second)))
        yield Series("process_cpu_seconds_total", target, lambda second: second * 0.03)
    collector = {"job": "kagent-collector", "instance": "10.0.0.9:8888"}
    spans = counted(600)
    receiver = {**collector, "receiver": "otlp", "transport": "grpc"}
    yield Series("otelcol_receiver_accepted_spans_total", receiver, spans)
    yield Series("otelcol_receiver_refused_spans_total", receiver, constant(0))
    exporter = {**collector, "exporter": "otlp_grpc/tempo"}
    yield Series("otelcol_exporter_sent_spans_total", exporter, spans)
    yield Series("otelcol_exporter_send_failed_spans_total", exporter, share_of(spans, 0.001, (0, 0)))
    yield Series("otelcol_exporter_enqueue_failed_spans_total", exporter, constant(0))
    yield Series("otelcol_exporter_queue_size", exporter, lambda second: 10 * wobble(second))
    yield Series("otelcol_exporter_queue_capacity", exporter, constant(1000))
    recorder = {"job": "kagent-recorder", "instance": "10.0.0.8:9464"}
    yield Series("kagent_recorder_workloads", recorder, constant(len(AGENTS)))
    yield Series("kagent_recorder_lag_seconds", recorder, lambda second: 3 * wobble(second))
    yield Series("kagent_recorder_unrecorded_changes_total", recorder, constant(0))
    trouble = {"namespace": "platform", "kind": "Agent", "name": "old-helper"}
    yield Series("kagent_recorder_trouble", trouble, constant(1))
    rules = {"rule_group": "/etc/prometheus/rules/recording.rules.yaml;kagent-rates"}
    yield Series("prometheus_rule_evaluation_failures_total", rules, constant(0))


def control_plane(incident: tuple[float, float]) -> Iterator[Series]:
    yield Series("kagent_build_info", {"job": "kagent-controller", "version": "v0.10.2"}, constant(1))
    for job, controllers in (
        ("kagent-controller", CONTROLLERS),
        ("kmcp", ("mcpserver",)),
    ):
        target = {"job": job, "instance": f"{job}:8080"}
        yield Series("leader_election_master_status", {**target, "name": f"{job}.dev"}, constant(1))
        for code in ("200", "409"):
            requests = counted(30 if code == "200" else 0.3)
            yield Series("rest_client_requests_total", {**target, "code": code, "method": "GET"}, requests)
        for controller in controllers:
            yield from _controller({**target, "controller": controller}, incident)


def _controller(labels: dict[str, str], incident: tuple[float, float]) -> Iterator[Series]:
    done = counted(4)
    failed = share_of(done, 0.01, incident)
    yield Series("controller_runtime_reconcile_total", {**labels, "result": "success"}, done)
    yield Series("controller_runtime_reconcile_total", {**labels, "result": "error"}, failed)
    yield Series("controller_runtime_reconcile_errors_total", labels, failed)
    yield from histogram("controller_runtime_reconcile_time_seconds_bucket", labels, done, 0.05)
    recorded = {"job": labels["job"], "controller": labels["controller"]}
    yield Series("controller:reconcile_errors:ratio_rate5m", recorded, ratio(failed, done, 300))
    queue = {**labels, "name": labels["controller"]}
    yield Series("workqueue_depth", queue, lambda second: 3 * wobble(second))
    yield Series("workqueue_longest_running_processor_seconds", queue, lambda second: 2 * wobble(second))


def mcp_servers() -> Iterator[Series]:
    server = {"namespace": "support", "name": "tickets"}
    yield Series(
        "kagent_mcpserver_info", {**server, "transport": "stdio", "image": "tickets:1.4"}, constant(1)
    )
    yield Series("kagent_mcpserver_spec_replicas", server, constant(1))
    for kind in ("Accepted", "Ready"):
        condition = {**server, "type": kind, "reason": "Available"}
        yield Series("kagent_mcpserver_status_condition", condition, constant(1))
    workload = {**server, "kind": "MCPServer"}
    pod = {"namespace": "support", "pod": "tickets-5d8f7c9b4-9hq2m"}
    yield Series("kagent:workload:info", workload, constant(1))
    yield Series("kagent:workload_pod:info", {**workload, "pod": pod["pod"]}, constant(1))
    for what in ("desired", "total", "updated", "available"):
        yield Series(f"kagent:workload_replicas:{what}", workload, constant(1))
    container = {**pod, "container": "mcp-server"}
    yield Series("kube_pod_container_status_restarts_total", container, constant(0))
    yield Series("container_memory_working_set_bytes", container, lambda second: 2**25 * (1 + wobble(second)))
    sidecar = {"namespace": "support", "job": "agentgateway", "server": "tickets", "name": "search_tickets"}
    yield Series("tool_calls_total", sidecar, counted(7))
    yield from _remote_server()


def _remote_server() -> Iterator[Series]:
    server = {"namespace": "platform", "name": "tools"}
    info = {**server, "url": "http://kagent-tools.kagent:8084/mcp", "protocol": "STREAMABLE_HTTP"}
    yield Series("kagent_remotemcpserver_info", info, constant(1))
    condition = {**server, "type": "Accepted", "reason": "ReconcileSucceeded"}
    yield Series("kagent_remotemcpserver_status_condition", condition, constant(1))
    for tool in ("get_pods", "get_logs", "get_events"):
        yield Series("kagent_remotemcpserver_tool_info", {**server, "tool": tool}, constant(1))
        known = {"job": "kagent-tools", "tool_name": tool, "tool_provider": "k8s"}
        yield Series("kagent_tools_mcp_registered_tools", known, constant(1))
        calls = counted(0 if tool == "get_events" else 4)
        yield Series("kagent_tools_mcp_invocations_total", known, calls)
        yield Series("kagent_tools_mcp_invocations_failure_total", known, share_of(calls, 0.02, (0, 0)))


def gateway(incident: tuple[float, float]) -> Iterator[Series]:
    name = {"namespace": "platform", "gateway": "agents"}
    target = {**name, "job": "agentgateway", "instance": "10.0.0.7:15020"}
    yield Series(
        "up", {"namespace": "platform", "job": "agentgateway", "instance": "10.0.0.7:15020"}, constant(1)
    )
    yield Series("agentgateway_build_info", {**target, "tag": "v1.4.1"}, constant(1))
    yield Series("agentgateway_config_synchronized", target, constant(1))
    yield Series("agentgateway_xds_rejects_total", target, constant(0))
    yield Series("agentgateway_downstream_connections_total", target, counted(3))
    requests = counted(40)
    failed = share_of(requests, 0.004, incident)
    for status, reason, curve in (
        ("200", "Unknown", requests),
        ("429", "RateLimit", share_of(requests, 0.01, incident)),
        ("503", "UpstreamFailure", failed),
    ):
        answered = {**target, "backend": "tools", "status": status, "reason": reason}
        yield Series("agentgateway_requests_total", answered, curve)
    yield from histogram("agentgateway_request_duration_seconds_bucket", target, requests, 0.8)
    upstream = {**target, "kind": "mcp", "subtype": "tools"}
    yield from histogram("agentgateway_upstream_call_duration_seconds_bucket", upstream, requests, 0.6)
    yield Series("agentgateway_retries_total", {**target, "backend": "tools"}, failed)
    for window, seconds in WINDOWS.items():
        yield Series(f"gateway:request_errors:ratio_rate{window}", name, ratio(failed, requests, seconds))
    yield Series(
        "gateway:request_duration_seconds:p95_5m", name, lambda second: p95(0.8) * (1 + wobble(second))
    )
    yield from _behind_gateway(target)


def _behind_gateway(target: dict[str, str]) -> Iterator[Series]:
    for method in ("initialize", "tools/list", "tools/call"):
        called = {**target, "server": "tools", "method": method}
        yield Series("agentgateway_mcp_requests_total", called, counted(6))
    model = {**target, "gen_ai_request_model": "gpt-4.1-mini"}
    for kind, per_call in (("input", 1800), ("output", 240)):
        tokens = {**model, "gen_ai_token_type": kind}
        yield Series("agentgateway_gen_ai_client_token_usage_sum", tokens, times(counted(5), per_call))
    yield from histogram("agentgateway_gen_ai_server_time_to_first_token_bucket", model, counted(5), 0.5)
    checked = {**target, "phase": "Request", "action": "Allow"}
    yield Series("agentgateway_guardrail_checks_total", checked, counted(5))
