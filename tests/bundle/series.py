"""Every series that the bundle's dashboards read, of the made-up fleet; names and labels as in docs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bundle.fleet import (
    AGENTS,
    BUCKETS,
    INCIDENT,
    TOKENS_PER_TURN,
    USD_PER_TOKEN,
    Agent,
    Curve,
    below,
    constant,
    counted,
    mean,
    p95,
    rate,
    ratio,
    share_of,
)

WINDOWS = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21600, "1d": 86400, "3d": 259200}
THRESHOLDS = {
    "turn_p95_seconds": 120,
    "tool_p95_seconds": 20,
    "model_p95_seconds": 60,
    "gateway_p95_seconds": 30,
    "tool_failure_ratio": 0.2,
    "model_failure_ratio": 0.1,
    "agent_cost_usd_per_hour": 5,
    "fleet_cost_usd_per_day": 200,
    "reconcile_error_ratio": 0.1,
    "workqueue_depth": 50,
    "collector_queue_ratio": 0.8,
    "recorder_lag_seconds": 120,
    "memory_limit_ratio": 0.9,
}
OBJECTIVES = {"turns": 0.95, "gateway": 0.99}
COLLECTOR = {"instance": "10.0.0.9:8889", "collector_instance_id": "c0"}


@dataclass(frozen=True)
class Series:
    name: str
    labels: dict[str, str]
    value: Curve  # of seconds since the beginning


def everything(start: int, end: int) -> Iterator[Series]:
    """All of them; start and end in Unix seconds."""
    length = end - start
    incident = (INCIDENT[0] * length, INCIDENT[1] * length)
    for agent in AGENTS:
        yield from _turns(agent, incident)
        yield from _tools(agent, incident)
        yield from _models(agent, incident)
        yield from _state(agent, start, length)
        yield from _pods(agent, start, length)
    yield from _values()
    yield from _alerts()
    yield from _telemetry()
    yield from _control_plane(incident)


def _counters(name: str, labels: dict[str, str], curve: Curve) -> Series:
    return Series(name, {**labels, **COLLECTOR}, curve)


def _histogram(name: str, labels: dict[str, str], curve: Curve, median: float) -> Iterator[Series]:
    for bound in BUCKETS:
        yield _counters(name, {**labels, "le": f"{bound:g}"}, share_of(curve, below(bound, median), (0, 0)))
    yield _counters(name, {**labels, "le": "+Inf"}, curve)


def _group(
    prefix: str, subject: str, labels: dict[str, str], calls: Curve, failures: Curve, median: float
) -> Iterator[Series]:
    """Counters, histogram and rates of turns, tools or models."""
    failed = {"turns": "turn_failures", "calls": "failures"}[subject]
    duration = {"turns": "turn", "calls": "call"}[subject] + "_duration_seconds"
    yield _counters(f"{prefix}:{subject}:total", labels, calls)
    yield _counters(f"{prefix}:{failed}:total", labels, failures)
    yield from _histogram(f"{prefix}:{duration}_bucket:total", labels, calls, median)
    yield Series(f"{prefix}:{subject}:rate5m", labels, rate(calls, 300))
    for window, seconds in WINDOWS.items():
        yield Series(f"{prefix}:{failed}:ratio_rate{window}", labels, ratio(failures, calls, seconds))
    yield Series(
        f"{prefix}:{duration}:p95_5m", labels, lambda second: p95(median) * (1 + 0.3 * _wobble(second))
    )


def _wobble(second: float) -> float:
    return (second // 300 * 7 % 11) / 11


def _turns(agent: Agent, incident: tuple[float, float]) -> Iterator[Series]:
    labels = {"namespace": agent.namespace, "agent": agent.name}
    turns = counted(agent.per_minute)
    failures = share_of(turns, agent.failing, incident)
    yield from _group("agent", "turns", labels, turns, failures, agent.seconds)
    spans = {
        "service_name": agent.name.replace("-", "_"),
        "service_namespace": agent.namespace,
        "k8s_namespace_name": agent.namespace,
        "gen_ai_agent_name": agent.name,
        "gen_ai_operation_name": "invoke_agent",
        "span_name": f"invoke_agent {agent.name}",
        "status_code": "STATUS_CODE_UNSET",
    }
    yield _counters("traces_span_metrics_calls_total", spans, turns)
    yield _counters("traces_span_metrics_duration_seconds_count", spans, turns)
    total = mean(agent.seconds)
    yield _counters("traces_span_metrics_duration_seconds_sum", spans, lambda second: turns(second) * total)
    yield from _histogram("traces_span_metrics_duration_seconds_bucket", spans, turns, agent.seconds)


def _tools(agent: Agent, incident: tuple[float, float]) -> Iterator[Series]:
    for tool, per_turn in agent.tools.items():
        labels = {"namespace": agent.namespace, "agent": agent.name, "tool": tool}
        calls = counted(agent.per_minute * per_turn)
        yield from _group(
            "agent_tool", "calls", labels, calls, share_of(calls, 0.03, incident), agent.seconds / 8
        )
        if tool == "pay_back":
            yield _counters("agent_tool:approvals_requested:total", labels, calls)


def _models(agent: Agent, incident: tuple[float, float]) -> Iterator[Series]:
    labels = {"namespace": agent.namespace, "agent": agent.name, "model": agent.model}
    calls = counted(agent.per_minute * 2)
    failures = share_of(calls, agent.failing / 2, incident)
    for series in _group("agent_model", "calls", labels, calls, failures, agent.seconds / 3):
        is_failure = series.name == "agent_model:failures:total"
        yield (
            _counters(series.name, {**labels, "error_type": "RateLimitError"}, failures)
            if is_failure
            else series
        )
    prices = USD_PER_TOKEN[agent.model]
    for kind, per_turn in TOKENS_PER_TURN.items():
        tokens = _times(counted(agent.per_minute), per_turn)
        yield _counters("agent_model:tokens:total", {**labels, "type": kind}, tokens)
        yield Series("agent_model:tokens:rate5m", {**labels, "type": kind}, rate(tokens, 300))
    usd = sum(prices[kind] * per_turn for kind, per_turn in TOKENS_PER_TURN.items())
    hourly = rate(_times(counted(agent.per_minute), usd), 3600)
    yield Series("agent_model:cost_usd:rate1h", labels, _times(hourly, 3600))


def _times(curve: Curve, factor: float) -> Curve:
    return lambda second: curve(second) * factor


def _state(agent: Agent, start: int, length: int) -> Iterator[Series]:
    labels = {"namespace": agent.namespace, "name": agent.name}

    def gauge(metric: str, value: float, /, **more: str) -> Series:
        return Series(metric, {**labels, **more}, constant(value))

    yield gauge(
        "kagent_agent_info",
        1,
        type="Declarative",
        runtime=agent.runtime,
        model_config=f"{agent.model}-config",
    )
    condition = {**labels, "type": "Ready", "reason": "DeploymentReady"}
    yield Series("kagent_agent_status_condition", condition, _ready(agent, length))
    yield gauge("kagent_agent_status_condition", 1, type="Accepted", reason="AgentReconciled")
    for kind in ("Ready", "Accepted"):
        yield gauge("kagent_agent_status_condition_last_transition_seconds", start - 3600, type=kind)
    yield gauge("kagent_agent_generation", 3)
    yield gauge("kagent_agent_status_observed_generation", 3)
    yield gauge("kagent_agent_spec_replicas", agent.replicas)
    yield gauge(
        "kagent_agent_tool_ref_info", 1, tool_type="McpServer", mcp_server="tools", mcp_kind="RemoteMCPServer"
    )
    changed = start + 9000 if agent.name == "refunds" else start - 86400
    yield gauge("kagent_workload_revision", 4, kind="Agent")
    yield gauge("kagent_workload_revision_info", 1, kind="Agent", revision="4", config_hash="5f2a9c")
    what = {"kind": "Agent", "changed_by": "ada", "change": "prompt"}
    yield gauge("kagent_workload_last_change_timestamp_seconds", changed, **what)
    yield gauge("kagent_workload_changes_total", 3, kind="Agent", change="prompt")
    yield gauge("kagent_workload_rollbacks_total", 0, kind="Agent")


def _ready(agent: Agent, length: int) -> Curve:
    return lambda second: float(second < length - agent.broken_for or not agent.broken_for)


def _restarts(agent: Agent, length: int) -> Curve:
    """One every five minutes, as far as the kubelet backs off, while the pod crashes."""
    return lambda second: max(second - (length - agent.broken_for), 0) // 300


def _pods(agent: Agent, start: int, length: int) -> Iterator[Series]:
    ready = _ready(agent, length)
    deployment = {"namespace": agent.namespace, "deployment": agent.name}
    yield Series("kube_deployment_spec_replicas", deployment, constant(agent.replicas))
    yield Series("kube_deployment_status_replicas_available", deployment, _times(ready, agent.replicas))
    yield Series("kube_deployment_status_replicas_updated", deployment, constant(agent.replicas))
    yield Series("kube_deployment_status_observed_generation", deployment, constant(3))
    workload = {"namespace": agent.namespace, "kind": "Agent", "name": agent.name, "agent": agent.name}
    yield Series("kagent:workload:info", workload, constant(1))
    for what in ("desired", "total", "updated"):
        yield Series(f"kagent:workload_replicas:{what}", workload, constant(agent.replicas))
    yield Series("kagent:workload_replicas:available", workload, _times(ready, agent.replicas))
    if not agent.replicas:
        return
    pod = {"namespace": agent.namespace, "pod": agent.pod, "container": "kagent"}
    yield Series("kagent:workload_pod:info", {**workload, "pod": agent.pod}, constant(1))
    yield Series("kube_pod_status_phase", {**pod, "phase": "Running"}, constant(1))
    yield Series("kube_pod_start_time", pod, constant(start - 7200))
    yield Series("kube_pod_container_status_restarts_total", pod, _restarts(agent, length))
    if agent.broken_for:
        waiting = {**pod, "reason": "CrashLoopBackOff"}
        yield Series("kube_pod_container_status_waiting_reason", waiting, lambda second: 1 - ready(second))
    limit = 512 * 2**20
    yield Series("kube_pod_container_resource_limits", {**pod, "resource": "memory"}, constant(limit))
    yield Series(
        "container_memory_working_set_bytes", pod, lambda second: limit * (0.4 + 0.1 * _wobble(second))
    )
    yield Series("container_cpu_usage_seconds_total", pod, lambda second: second * 0.02 * agent.per_minute)


def _values() -> Iterator[Series]:
    for namespace, model in sorted({(agent.namespace, agent.model) for agent in AGENTS}):
        labels = {"namespace": namespace, "name": f"{model}-config", "model": model, "provider": "OpenAI"}
        yield Series("kagent_modelconfig_info", labels, constant(1))
    for name, value in THRESHOLDS.items():
        yield Series("kagent:threshold", {"name": name}, constant(value))
    for name, value in OBJECTIVES.items():
        yield Series("kagent:objective", {"sli": name}, constant(value))
    for model, prices in USD_PER_TOKEN.items():
        for kind, price in prices.items():
            yield Series("kagent:price_usd_per_token", {"model": model, "type": kind}, constant(price))


def _alerts() -> Iterator[Series]:
    broken = {"namespace": "platform", "agent": "release-notes", "severity": "critical"}
    for labels in (
        {"alertname": "KagentWatchdog", "severity": "info"},
        {"alertname": "KagentAgentDown", **broken},
    ):
        yield Series("ALERTS", {**labels, "alertstate": "firing"}, constant(1))


def _telemetry() -> Iterator[Series]:
    for job in (
        "kagent-collector",
        "kagent-state-metrics",
        "kagent-recorder",
        "kagent-controller",
        "kmcp",
        "kagent-tools",
    ):
        yield Series("up", {"job": job, "instance": f"{job}:8080"}, constant(1))
    collector = {"job": "kagent-collector", "instance": "10.0.0.9:8888"}
    spans = counted(600)
    yield Series("otelcol_receiver_accepted_spans_total", {**collector, "receiver": "otlp"}, spans)
    yield Series("otelcol_receiver_refused_spans_total", {**collector, "receiver": "otlp"}, constant(0))
    exporter = {**collector, "exporter": "otlp_grpc/tempo"}
    yield Series("otelcol_exporter_sent_spans_total", exporter, spans)
    yield Series("otelcol_exporter_send_failed_spans_total", exporter, share_of(spans, 0.001, (0, 0)))
    yield Series("otelcol_exporter_queue_size", exporter, lambda second: 10 * _wobble(second))
    yield Series("otelcol_exporter_queue_capacity", exporter, constant(1000))
    recorder = {"job": "kagent-recorder", "instance": "10.0.0.8:9464"}
    yield Series("kagent_recorder_workloads", recorder, constant(len(AGENTS)))
    yield Series("kagent_recorder_lag_seconds", recorder, lambda second: 3 * _wobble(second))
    yield Series("kagent_recorder_unrecorded_changes_total", recorder, constant(0))


def _control_plane(incident: tuple[float, float]) -> Iterator[Series]:
    for job, controllers in (
        ("kagent-controller", ("agent", "modelconfig", "remotemcpserver")),
        ("kmcp", ("mcpserver",)),
    ):
        for controller in controllers:
            labels = {"job": job, "instance": f"{job}:8080", "controller": controller}
            done = counted(4)
            failed = share_of(done, 0.01, incident)
            name = "controller_runtime_reconcile_total"
            yield Series(name, {**labels, "result": "success"}, done)
            yield Series(name, {**labels, "result": "error"}, failed)
            yield Series(
                "controller:reconcile_errors:ratio_rate5m",
                {"job": job, "controller": controller},
                ratio(failed, done, 300),
            )
            yield from (
                Series(one.name, {**labels, **one.labels}, one.value)
                for one in _histogram("controller_runtime_reconcile_time_seconds_bucket", {}, done, 0.05)
            )
            queue = {**labels, "name": controller}
            yield Series("workqueue_depth", queue, lambda second: 3 * _wobble(second))
