"""The part of the agent's dashboard that looks at its pods, its config, its logs and its traces."""

from __future__ import annotations

from dashboards import health, panels, tables
from dashboards.fields import GREEN, RED, by_pattern, override, values
from dashboards.queries import NAMED, RUNNING, by, of_pods, renamed
from dashboards.targets import LOKI, column, line_counts, lines, now, over_time, search

# The controller's span of a turn has the agent's own name; the runtimes' have underscores in it.
TURN = (
    'resource.service.name = "kagent-controller" && name = "invoke_agent" '
    '&& span.gen_ai.agent.id =~ "(${namespace:pipe})/(${agent:pipe})"'
)
TRACES = f"{{ {TURN} }}"
# The Python runtime leaves a failed tool's span unset; its answer says it.
_FAILED_TOOL = (
    '{ span.gen_ai.operation.name = "execute_tool" '
    '&& (status = error || span.gcp.vertex.agent.tool_response =~ ".*isError.: ?true.*") }'
)
_FAILED_MODEL = '{ name =~ "openai.chat|anthropic.chat|gemini.generate_content.*" && status = error }'
LOGS = '{k8s_namespace_name=~"${namespace:pipe}",k8s_pod_name=~"(${agent:pipe})-[a-z0-9]+-[a-z0-9]+"}'
_BAD_LINE = '|~ "(?i)(error|critical|fatal|traceback)"'
_NO_PODS = "no pods: scaled to 0, or the cluster's kube-state-metrics is not scraped"
_NO_USAGE = "no container_* series: scaled to 0, or cAdvisor is not scraped"
_NO_RECORDER = "no kagent_workload_* series: is the recorder installed and scraped?"
_NO_LOGS = "no lines: are the logs collected (DaemonSet kagent-logs)?"
_NO_TRACES = "no traces: is tracing on, and is Tempo the data source?"
_POD = "{{pod}}"
_LIMIT = by_pattern(
    "limit.*|request.*", custom__lineStyle={"fill": "dash", "dash": [8, 6]}, custom__fillOpacity=0
)


def state() -> list[panels.House]:
    """What is known of the agent now."""
    recorded = f'{NAMED},kind="Agent"'
    return [
        panels.stat(
            "Cause",
            health.LEGEND,
            now(health.cause(), "{{agent}}"),
            unit="none",
            missing="no such agent, or kagent-state-metrics is not scraped",
            mappings=health.CAUSES,
            size=(5, 4),
        ),
        panels.stat(
            "Pods available",
            "Pods that are available, and wanted, per the agent's Deployment.",
            now(f"sum(kagent:workload_replicas:available{{{RUNNING}}})", "available"),
            now(f"sum(kagent:workload_replicas:desired{{{RUNNING}}})", "wanted"),
            unit="none",
            missing=_NO_PODS,
            size=(3, 4),
        ),
        panels.stat(
            "Last change",
            "When the agent's config last changed: its own spec, or what it is made from (model, prompt, "
            "tool servers). The recorder knows it; a change while it was away is not seen here.",
            now(f"max(kagent_workload_last_change_timestamp_seconds{{{recorded}}}) * 1000"),
            unit="dateTimeFromNow",
            missing=_NO_RECORDER,
        ),
    ]


def pods() -> list[panels.House]:
    """Replicas, restarts, memory and CPU."""
    restarts = of_pods(
        "increase(kube_pod_container_status_restarts_total[$__range])", RUNNING, "namespace", "pod"
    )
    memory = of_pods('container_memory_working_set_bytes{container!="",container!="POD"}', RUNNING, "pod")
    cpu = of_pods(
        'rate(container_cpu_usage_seconds_total{container!="",container!="POD"}[$__rate_interval])',
        RUNNING,
        "pod",
    )
    return [
        panels.timeseries(
            "Pods",
            "Pods of the agent's Deployment: wanted, of the newest template, available. Updated below "
            "wanted for long is a rollout that is stuck.",
            over_time(f"sum(kagent:workload_replicas:desired{{{RUNNING}}})", "wanted"),
            over_time(f"sum(kagent:workload_replicas:updated{{{RUNNING}}})", "updated"),
            over_time(f"sum(kagent:workload_replicas:available{{{RUNNING}}})", "available"),
            unit="none",
            missing=_NO_PODS,
            size=(8, 8),
        ),
        tables.table(
            "What holds pods up",
            "What containers of each pod wait for now, why the last one ended (OOMKilled: more memory than "
            "its limit), and restarts in the time range. kubectl kagent rollout status says more.",
            column(f"round({restarts})"),
            column(_reasons("kube_pod_container_status_waiting_reason", "waiting")),
            column(_reasons("kube_pod_container_status_last_terminated_reason", "ended")),
            columns=[
                ("namespace", "Namespace"),
                ("pod", "Pod"),
                ("waiting", "Waits for"),
                ("ended", "Last ended"),
                ("Value #A", "Restarts"),
            ],
            overrides=[override("Pod", custom__width=340)],
            sort=("Restarts", True),
            missing=_NO_PODS,
            size=(16, 8),
        ),
        panels.timeseries(
            "Memory",
            "Memory that the kernel can't take back, by pod, and the limit above which the kernel kills: "
            "that of the agent's largest pod.",
            over_time(memory, _POD),
            over_time(_resource("limits", "memory"), "limit {{agent}}"),
            unit="bytes",
            missing=_NO_USAGE,
            overrides=[_LIMIT],
            size=(12, 8),
        ),
        panels.timeseries(
            "CPU, cores",
            "CPU seconds a second, by pod, and what the largest one requested. An agent that waits for its "
            "model uses almost none.",
            over_time(cpu, _POD),
            over_time(_resource("requests", "cpu"), "request {{agent}}"),
            unit="short",
            missing=_NO_USAGE,
            overrides=[_LIMIT],
            size=(12, 8),
        ),
    ]


def changes() -> list[panels.House]:
    """Revisions, and the conditions that the controller sets."""
    recorded = f'{NAMED},kind="Agent"'
    changed = f"max {by('namespace', 'name', 'change', 'changed_by')}"
    revision = f"max {by('namespace', 'name', 'revision', 'config_hash')}"
    held = f"max {by('namespace', 'name', 'type')} (kagent_agent_status_condition{{{NAMED}}})"
    conditions = values(_0=("False", RED), _1=("True", GREEN))
    return [
        tables.table(
            "Newest revision and what made it",
            "The revision that is live, and the last change: what changed, when, and by whom. For a diff: "
            "kubectl kagent rollout diff. Who changed it is the field manager of the write, which anybody "
            "can choose.",
            column(f"{revision} (kagent_workload_revision_info{{{recorded}}})"),
            column(f"{changed} (kagent_workload_last_change_timestamp_seconds{{{recorded}}}) * 1000"),
            column(f"sum {by('namespace', 'name')} (kagent_workload_rollbacks_total{{{recorded}}})"),
            columns=[
                ("name", "Agent"),
                ("revision", "Revision"),
                ("config_hash", "Config hash"),
                ("change", "What changed"),
                ("changed_by", "By"),
                ("Value #B", "When"),
                ("Value #C", "Rollbacks so far"),
            ],
            overrides=[
                override("Revision", custom__width=90),
                override("Config hash", custom__width=190),
                override("By", custom__width=210),
                override("When", unit="dateTimeFromNow", custom__width=140),
            ],
            missing=_NO_RECORDER,
            size=(16, 6),
        ),
        panels.timeline(
            "Conditions",
            "What the controller says of the agent. Ready stays True while a rollout is stuck and an old "
            "pod answers, and is False for an agent that is scaled to 0.",
            over_time(held, "{{name}} {{type}}"),
            mappings=conditions,
            missing="no kagent_agent_* series: is kagent-state-metrics scraped?",
            size=(8, 6),
        ),
    ]


def evidence() -> list[panels.House]:
    """Traces of failures and of everything; lines that look bad, and all lines."""
    bad, every = (
        f"sum by (k8s_pod_name) (count_over_time({LOGS} {which}[$__auto]))" for which in (f"{_BAD_LINE} ", "")
    )
    return [
        tables.traces(
            "Turns with a failed tool or model",
            "The newest turns in which a tool or a model's client failed. The Go runtime doesn't mark a "
            "failed call of the model: those are counted above, but not found here.",
            search(f"{TRACES} >> {_FAILED_TOOL}"),
            search(f"{TRACES} >> {_FAILED_MODEL}"),
            missing="no turn with a failure, or no traces: the next panel tells",
            size=(24, 7),
        ),
        tables.traces(
            "Newest turns",
            "The newest turns, as the controller saw them; a click opens the trace.",
            search(TRACES),
            missing=_NO_TRACES,
            size=(24, 7),
        ),
        panels.timeseries(
            "Lines that look bad",
            "Lines with error, critical, fatal or traceback in them, by pod: a guess by words, since the "
            "runtimes' lines have no level that Loki knows.",
            line_counts(f"{bad} or {every} * 0", "{{k8s_pod_name}}"),
            unit="short",
            missing=_NO_LOGS,
            bars=True,
            datasource=LOKI,
            size=(8, 10),
        ),
        tables.logs(
            "Log",
            "Lines of the agent's pods, the newest 200 of the time range; a trace id in a line leads to its "
            "trace.",
            lines(LOGS),
            missing=_NO_LOGS,
            size=(16, 10),
        ),
    ]


def _resource(kind: str, resource: str) -> str:
    pods = of_pods(f'kube_pod_container_resource_{kind}{{resource="{resource}"}}', RUNNING, "agent", "pod")
    return f"max {by('agent')} ({pods})"


def _reasons(series: str, label: str) -> str:
    """Each pod with its reasons, or none, in ``label``, so that reasons of two kinds share a row."""
    pods = of_pods(series, RUNNING, "namespace", "pod", "reason")
    found = f"max {by('namespace', 'pod', label)} ({renamed(f'{pods} > 0', 'reason', label)})"
    every = f"max {by('namespace', 'pod')} (kagent:workload_pod:info{{{RUNNING}}})"
    return f'{found}\nor on (cluster, namespace, pod) label_replace({every} * 0, "{label}", "none", "", "")'
