"""The series that exist: who makes them, and the labels that they have beside those of the scrape.

Until rules and dashboards share ``alerts/series.yaml``, this is the own list of the dashboards.
"""

from __future__ import annotations

_AGENT = "namespace agent"
_TOOL, _MODEL = f"{_AGENT} tool", f"{_AGENT} model"
_POD = "namespace pod container"
_OBJECT = "namespace name"
_ROUTE = "namespace bind gateway listener route"
_WORKLOAD = "namespace kind name"
_BURNS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


def _counters(labels: str, *bases: str) -> dict[str, str]:
    """Counters that rules record: how far they are, what came in five minutes and hours, and since then."""
    more = {"total": "", "increase5m": "", "since5m": " part", "increase1h": " tile"}
    return {f"{base}:{what}": f"{labels}{own}" for base in bases for what, own in more.items()}


_BY_MAKER: dict[str, dict[str, str]] = {
    "recording rules": {
        **_counters(_AGENT, "agent:turns", "agent:turn_failures"),
        **_counters(f"{_AGENT} le", "agent:turn_duration_seconds_bucket"),
        "agent:turns:rate5m": _AGENT,
        "agent:turn_duration_seconds:p95_5m": _AGENT,
        "agent:trouble:worst": _AGENT,
        "kagent:hours:closed": "",
        "kagent:event:config_change": f"{_WORKLOAD} change changed_by",
        "kagent:event:new_revision": _WORKLOAD,
        "kagent:event:rollback": _WORKLOAD,
        "kagent:event:deployment_change": f"{_WORKLOAD} deployment",
        "kagent:event:container_restart": f"{_WORKLOAD} pod container",
        **{f"agent:turn_failures:ratio_rate{window}": _AGENT for window in _BURNS},
        **_counters(_TOOL, "agent_tool:calls", "agent_tool:failures", "agent_tool:approvals_requested"),
        "agent_tool:calls:rate5m": _TOOL,
        "agent_tool:failures:ratio_rate5m": _TOOL,
        **_counters(f"{_TOOL} le", "agent_tool:call_duration_seconds_bucket"),
        "agent_tool:call_duration_seconds:p95_5m": _TOOL,
        **_counters(_MODEL, "agent_model:calls"),
        **_counters(f"{_MODEL} error_type", "agent_model:failures"),
        "agent_model:calls:rate5m": _MODEL,
        "agent_model:failures:ratio_rate5m": _MODEL,
        **_counters(f"{_MODEL} le", "agent_model:call_duration_seconds_bucket"),
        "agent_model:call_duration_seconds:p95_5m": _MODEL,
        **_counters(f"{_MODEL} type", "agent_model:tokens"),
        "agent_model:cost_usd:rate1h": _MODEL,
        **{f"gateway:request_errors:ratio_rate{window}": "namespace gateway" for window in _BURNS},
        "gateway:request_duration_seconds:p95_5m": "namespace gateway",
        "controller:reconcile_errors:ratio_rate5m": "controller",
        "kagent:workload:info": f"{_WORKLOAD} agent",
        "kagent:workload_pod:info": f"{_WORKLOAD} agent pod",
        **{
            f"kagent:workload_replicas:{state}": f"{_WORKLOAD} agent"
            for state in ("available", "desired", "updated")
        },
    },
    "alerts/values.yaml": {
        "kagent:threshold": "name",
        "kagent:objective": "sli",
        "kagent:price_usd_per_token": "model type",
    },
    "collector": {
        "traces_span_metrics_duration_seconds_bucket": "service_name k8s_namespace_name gen_ai_agent_name "
        "gen_ai_operation_name gen_ai_tool_name gen_ai_request_model le",
        "otelcol_receiver_accepted_spans_total": "receiver transport",
        "otelcol_receiver_refused_spans_total": "receiver transport",
        "otelcol_exporter_send_failed_spans_total": "exporter",
        "otelcol_exporter_enqueue_failed_spans_total": "exporter",
        "otelcol_exporter_queue_size": "exporter",
        "otelcol_exporter_queue_capacity": "exporter",
    },
    "kagent-state-metrics": {
        "kagent_agent_info": f"{_OBJECT} type runtime model_config",
        "kagent_agent_status_condition": f"{_OBJECT} type reason",
        "kagent_agent_generation": _OBJECT,
        "kagent_agent_status_observed_generation": _OBJECT,
        "kagent_agent_spec_replicas": _OBJECT,
        "kagent_agent_tool_ref_info": f"{_OBJECT} tool_type mcp_server mcp_kind ref_agent",
        "kagent_mcpserver_info": f"{_OBJECT} transport image",
        "kagent_mcpserver_status_condition": f"{_OBJECT} type reason",
        "kagent_remotemcpserver_info": f"{_OBJECT} url protocol",
        "kagent_remotemcpserver_status_condition": f"{_OBJECT} type reason",
        "kagent_remotemcpserver_tool_info": f"{_OBJECT} tool",
        "kagent_modelconfig_info": f"{_OBJECT} model provider",
        "kagent_modelconfig_status_condition": f"{_OBJECT} type reason",
    },
    "recorder": {
        "kagent_workload_revision": _WORKLOAD,
        "kagent_workload_revision_info": f"{_WORKLOAD} revision config_hash",
        "kagent_workload_last_change_timestamp_seconds": f"{_WORKLOAD} changed_by change",
        "kagent_workload_rollbacks_total": _WORKLOAD,
        "kagent_recorder_workloads": "",
        "kagent_recorder_lag_seconds": "",
        "kagent_recorder_trouble": _WORKLOAD,
        "kagent_recorder_unrecorded_changes_total": "",
    },
    "controllers": {
        "kagent_build_info": "version",
        "controller_runtime_reconcile_total": "controller result",
        "controller_runtime_reconcile_errors_total": "controller",
        "controller_runtime_reconcile_time_seconds_bucket": "controller le",
        "workqueue_depth": "name controller",
        "workqueue_longest_running_processor_seconds": "name controller",
        "rest_client_requests_total": "code host method",
        "leader_election_master_status": "name",
    },
    "kagent-tools": {
        "kagent_tools_mcp_registered_tools": "tool_name tool_provider",
        "kagent_tools_mcp_invocations_total": "tool_name tool_provider",
        "kagent_tools_mcp_invocations_failure_total": "tool_name tool_provider",
    },
    "agentgateway": {
        "agentgateway_build_info": "namespace pod tag",
        "agentgateway_config_synchronized": "namespace pod",
        "agentgateway_requests_total": f"{_ROUTE} backend method status reason",
        "agentgateway_request_duration_seconds_bucket": f"{_ROUTE} le",
        "agentgateway_upstream_call_duration_seconds_bucket": f"{_ROUTE} kind subtype le",
        "agentgateway_retries_total": f"{_ROUTE} backend",
        "agentgateway_downstream_connections_total": _ROUTE,
        "agentgateway_mcp_requests_total": f"{_ROUTE} method resource_type server resource",
        "agentgateway_gen_ai_client_token_usage_sum": f"{_ROUTE} gen_ai_token_type gen_ai_request_model",
        "agentgateway_gen_ai_server_time_to_first_token_bucket": f"{_ROUTE} gen_ai_request_model le",
        "agentgateway_guardrail_checks_total": f"{_ROUTE} phase action",
        "agentgateway_xds_rejects_total": "",
        "tool_calls_total": "namespace pod server name",  # of 0.9, which kmcp puts beside a stdio server
    },
    "the cluster's own kube-state-metrics and cAdvisor": {
        "kube_deployment_status_observed_generation": "namespace deployment",
        "kube_pod_container_resource_limits": f"{_POD} resource unit",
        "kube_pod_container_resource_requests": f"{_POD} resource unit",
        "kube_pod_container_status_last_terminated_reason": f"{_POD} reason",
        "kube_pod_container_status_restarts_total": _POD,
        "kube_pod_container_status_waiting_reason": f"{_POD} reason",
        "container_cpu_usage_seconds_total": _POD,
        "container_memory_working_set_bytes": _POD,
    },
    "Prometheus and its clients": {
        "ALERTS": "alertname alertstate severity namespace agent name",
        "up": "namespace pod",
        "prometheus_rule_evaluation_failures_total": "rule_group",
        "process_cpu_seconds_total": "",
        "process_resident_memory_bytes": "",
    },
}
_EVERYWHERE = {"cluster", "job", "instance", "collector_instance_id"}
SERIES = {
    name: set(labels.split()) | _EVERYWHERE for made in _BY_MAKER.values() for name, labels in made.items()
}
