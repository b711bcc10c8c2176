"""What an agent leaves behind: turns, calls of tools and models, its state, its pod, its revisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.bundle.curves import (
    HOUR,
    TILE,
    Curve,
    Series,
    constant,
    counted,
    grown,
    histogram,
    mean,
    p95,
    rate,
    ratio,
    share_of,
    still_open,
    times,
    wobble,
)
from tests.bundle.fleet import TOKENS_PER_TURN, USD_PER_TOKEN, Agent

WINDOWS = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21600, "1d": 86400, "3d": 259200}
COLLECTOR = {"instance": "10.0.0.9:8889", "collector_instance_id": "c0"}


def of_agent(agent: Agent, start: int, length: int, incident: tuple[float, float]) -> Iterator[Series]:
    """All of one; start in Unix seconds, length and incident in seconds since then."""
    yield from _turns(agent, incident)
    yield from _tools(agent, incident)
    yield from _models(agent, incident)
    yield from _state(agent, start, length)
    yield from _pods(agent, start, length)


def _counters(name: str, labels: dict[str, str], curve: Curve) -> Series:
    return Series(name, {**labels, **COLLECTOR}, curve)


def recorded(base: str, labels: dict[str, str], curve: Curve) -> Iterator[Series]:
    """A counter that rules record, its increases and what is open since the last one."""
    yield _counters(f"{base}:total", labels, curve)
    yield Series(f"{base}:increase5m", labels, grown(curve), TILE)
    yield Series(f"{base}:increase1h", {**labels, "tile": "1h"}, grown(curve, HOUR), HOUR)
    yield Series(f"{base}:since5m", {**labels, "part": "open"}, still_open(curve))


def _durations(base: str, labels: dict[str, str], curve: Curve, median: float) -> Iterator[Series]:
    """The buckets that rules record, and their increases."""
    yield from histogram(f"{base}:total", {**labels, **COLLECTOR}, curve, median)
    for one in histogram(f"{base}:increase5m", labels, curve, median):
        yield Series(one.name, one.labels, grown(one.value), TILE)


def _group(
    prefix: str, subject: str, labels: dict[str, str], calls: Curve, failures: Curve, median: float
) -> Iterator[Series]:
    """Counters, histogram and rates of turns, tools or models."""
    failed = {"turns": "turn_failures", "calls": "failures"}[subject]
    duration = {"turns": "turn", "calls": "call"}[subject] + "_duration_seconds"
    yield from recorded(f"{prefix}:{subject}", labels, calls)
    yield from recorded(f"{prefix}:{failed}", labels, failures)
    yield from _durations(f"{prefix}:{duration}_bucket", labels, calls, median)
    yield Series(f"{prefix}:{subject}:rate5m", labels, rate(calls, 300))
    for window, seconds in WINDOWS.items():
        yield Series(f"{prefix}:{failed}:ratio_rate{window}", labels, ratio(failures, calls, seconds))
    yield Series(
        f"{prefix}:{duration}:p95_5m", labels, lambda second: p95(median) * (1 + 0.3 * wobble(second))
    )


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
    yield from histogram(
        "traces_span_metrics_duration_seconds_bucket", {**spans, **COLLECTOR}, turns, agent.seconds
    )


def _tools(agent: Agent, incident: tuple[float, float]) -> Iterator[Series]:
    for tool, per_turn in agent.tools.items():
        labels = {"namespace": agent.namespace, "agent": agent.name, "tool": tool}
        calls = counted(agent.per_minute * per_turn)
        yield from _group(
            "agent_tool", "calls", labels, calls, share_of(calls, 0.03, incident), agent.seconds / 8
        )
        if tool == "pay_back":
            yield from recorded("agent_tool:approvals_requested", labels, calls)


def _models(agent: Agent, incident: tuple[float, float]) -> Iterator[Series]:
    labels = {"namespace": agent.namespace, "agent": agent.name, "model": agent.model}
    calls = counted(agent.per_minute * 2)
    failures = share_of(calls, agent.failing / 2, incident)
    for series in _group("agent_model", "calls", labels, calls, failures, agent.seconds / 3):
        is_failure = series.name.startswith("agent_model:failures:") and "ratio" not in series.name
        more = {"error_type": "RateLimitError"} if is_failure else {}
        yield replace(series, labels={**series.labels, **more})
    prices = USD_PER_TOKEN[agent.model]
    for kind, per_turn in TOKENS_PER_TURN.items():
        tokens = times(counted(agent.per_minute), per_turn)
        yield from recorded("agent_model:tokens", {**labels, "type": kind}, tokens)
        yield Series("agent_model:tokens:rate5m", {**labels, "type": kind}, rate(tokens, 300))
    usd = sum(prices[kind] * per_turn for kind, per_turn in TOKENS_PER_TURN.items())
    hourly = rate(times(counted(agent.per_minute), usd), 3600)
    yield Series("agent_model:cost_usd:rate1h", labels, times(hourly, 3600))


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
    about = {"namespace": agent.namespace, "agent": agent.name}
    yield Series("agent:trouble:worst", about, _trouble(agent, length))
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


def _trouble(agent: Agent, length: int) -> Curve:
    """Scaled to 0, or in a crash loop while it is broken."""
    ready = _ready(agent, length)
    return lambda second: 8 * (1 - ready(second)) if agent.replicas else 1


def _restarts(agent: Agent, length: int) -> Curve:
    """One every five minutes, as far as the kubelet backs off, while the pod crashes."""
    return lambda second: max(second - (length - agent.broken_for), 0) // 300


def _pods(agent: Agent, start: int, length: int) -> Iterator[Series]:
    ready = _ready(agent, length)
    deployment = {"namespace": agent.namespace, "deployment": agent.name}
    yield Series("kube_deployment_spec_replicas", deployment, constant(agent.replicas))
    yield Series("kube_deployment_status_replicas_available", deployment, times(ready, agent.replicas))
    yield Series("kube_deployment_status_replicas_updated", deployment, constant(agent.replicas))
    yield Series("kube_deployment_status_observed_generation", deployment, constant(3))
    workload = {"namespace": agent.namespace, "kind": "Agent", "name": agent.name, "agent": agent.name}
    yield Series("kagent:workload:info", workload, constant(1))
    for what in ("desired", "total", "updated"):
        yield Series(f"kagent:workload_replicas:{what}", workload, constant(agent.replicas))
    yield Series("kagent:workload_replicas:available", workload, times(ready, agent.replicas))
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
    if agent.broken_for:
        ended = {**pod, "reason": "Error"}
        yield Series(
            "kube_pod_container_status_last_terminated_reason", ended, lambda second: 1 - ready(second)
        )
    yield Series("kube_pod_container_resource_requests", {**pod, "resource": "cpu"}, constant(0.1))
    limit = 512 * 2**20
    yield Series("kube_pod_container_resource_limits", {**pod, "resource": "memory"}, constant(limit))
    yield Series(
        "container_memory_working_set_bytes", pod, lambda second: limit * (0.4 + 0.1 * wobble(second))
    )
    yield Series("container_cpu_usage_seconds_total", pod, lambda second: second * 0.02 * agent.per_minute)
