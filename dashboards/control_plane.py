"""Control plane: whether kagent's controllers work, and whether all other dashboards can be trusted."""

from __future__ import annotations

from grafanalib import core

from dashboards import control_plane_telemetry, panels, queries, surroundings, tables
from dashboards.fields import GREEN, RED, override, steps, values
from dashboards.layout import Row
from dashboards.queries import INTERVAL, by, count, quantile
from dashboards.surroundings import choice
from dashboards.targets import column, now, over_time

UID = "kagent-control-plane"
_CONTROLLERS = 'cluster=~"$cluster",job=~"kagent-controller|kmcp",controller=~"$controller"'
_QUEUES = 'cluster=~"$cluster",job=~"kagent-controller|kmcp",name=~"$controller"'
_BOTH = 'cluster=~"$cluster",job=~"kagent-controller|kmcp"'
_JOBS = "kagent-controller|kmcp|kagent-collector|kagent-state-metrics|kagent-recorder|kagent-tools"
_NO_CONTROLLERS = "no controller_runtime_* series: are the controllers' metrics on and scraped?"
_CONTROLLER = "{{controller}}"  # no two have one name
_RULES = 'rule_group=~".*kagent.*"'
CONTROLLER = choice("controller", f"label_values(controller_runtime_reconcile_total{{{_BOTH}}}, controller)")


def build() -> core.Dashboard:
    """The dashboard."""
    telemetry = [*control_plane_telemetry.spans(), *control_plane_telemetry.recorder()]
    rows = [
        Row("Does it run?", [*_up(), _stale()]),
        Row("Reconciles: what the controllers do", _reconciles()),
        Row(
            "Telemetry: can the numbers be trusted?",
            telemetry,
        ),
        Row("Processes", _processes()),
    ]
    description = "kagent's controllers, the recorder and the collector: what works, waits, fails or is lost."
    return surroundings.dashboard(UID, "kagent / Control plane", description, rows, variables=[CONTROLLER])


def _up() -> list[panels.House]:
    return [
        panels.stat(
            "Components",
            "Whether each component answered its last scrape; the worst of its pods counts. One without a "
            "number here is not known to Prometheus at all: not installed, or not scraped.",
            now(f'min {by("job")} (up{{cluster=~"$cluster",job=~"{_JOBS}"}})', "{{job}}"),
            unit="none",
            missing="Prometheus scrapes nothing of kagent",
            mappings=values(_0=("Down", RED), _1=("Up", GREEN)),
            thresholds=steps((None, RED), (1, GREEN)),
            text="value_and_name",
            size=(12, 5),
        ),
        panels.stat(
            "Controller versions",
            "Versions of kagent's controller that run; two at a time only during an upgrade.",
            now(f'count {by("version")} (kagent_build_info{{cluster=~"$cluster"}})', "{{version}}"),
            unit="none",
            missing="no kagent_build_info: are the controller's metrics on and scraped?",
            text="name",
            size=(4, 5),
        ),
        panels.stat(
            "Leaders",
            "Controllers that hold the lease of their leader election. Without leader election there is no "
            "number.",
            now(f"sum {by('job')} (leader_election_master_status{{{_BOTH}}})", "{{job}}"),
            unit="none",
            missing="leader election is off, or the controllers are not scraped",
            size=(4, 5),
        ),
        panels.stat(
            "Rules that failed",
            "Evaluations of this bundle's rules that failed in the time range: above 0, alerts and numbers "
            "are missing.",
            now(f"round(sum(increase(prometheus_rule_evaluation_failures_total{{{_RULES}}}[$__range])))"),
            unit="short",
            missing="Prometheus doesn't scrape itself",
            thresholds=steps((None, GREEN), (1, RED)),
            size=(4, 5),
        ),
    ]


def _stale() -> panels.House:
    groups = by("namespace", "name")
    where = 'cluster=~"$cluster"'
    newest, seen = (
        f"max {groups} ({series}{{{where}}})"
        for series in ("kagent_agent_generation", "kagent_agent_status_observed_generation")
    )
    return tables.table(
        "Specs that the controller has not taken up",
        "Agents whose newest spec the controller has not looked at. Seconds after a change that is normal; "
        "minutes after it, the controller is stuck or away. It says nothing about models, prompts and tool "
        "servers: their changes have no number on the agent.",
        column(queries.or_none(f"{newest} - {seen} > 0", newest, "name")),
        columns=[("namespace", "Namespace"), ("name", "Agent"), ("Value #A", "Specs behind")],
        overrides=[
            override(
                "Agent",
                links=[
                    surroundings.to(
                        "kagent-agent",
                        "Open this agent",
                        namespace="${__data.fields.namespace}",
                        agent="${__data.fields.name}",
                    )
                ],
            )
        ],
        missing="no kagent_agent_* series: is kagent-state-metrics scraped?",
        size=(24, 5),
    )


def _reconciles() -> list[panels.House]:
    errors = count(
        "controller_runtime_reconcile_errors_total", _CONTROLLERS, "job", "controller", window=INTERVAL
    )
    p95 = quantile(
        0.95,
        "controller_runtime_reconcile_time_seconds_bucket",
        _CONTROLLERS,
        "job",
        "controller",
        window="$__rate_interval",
        function="rate",
    )
    longest = f"max {by('job')} (workqueue_longest_running_processor_seconds{{{_QUEUES}}})"
    return [
        panels.timeseries(
            "Reconciles",
            "How often each controller looked at an object, in each interval.",
            over_time(
                count(
                    "controller_runtime_reconcile_total", _CONTROLLERS, "job", "controller", window=INTERVAL
                ),
                _CONTROLLER,
                step=queries.BAR,
            ),
            unit="short",
            missing=_NO_CONTROLLERS,
            bars=True,
            size=(8, 8),
        ),
        panels.timeseries(
            "Failed reconciles",
            "Reconciles that failed in each interval. One object with a mistake in it is tried again and "
            "again, so a steady number is often a single Agent: see the fleet's not accepted.",
            over_time(errors, _CONTROLLER, step=queries.BAR),
            unit="short",
            missing=_NO_CONTROLLERS,
            bars=True,
            size=(8, 8),
        ),
        panels.timeseries(
            "Share of reconciles that failed",
            "Over the last five minutes. The dashed line is reconcile_error_ratio of alerts/values.yaml.",
            over_time(f"controller:reconcile_errors:ratio_rate5m{{{_CONTROLLERS}}}", _CONTROLLER),
            over_time(queries.threshold("reconcile_error_ratio"), panels.THRESHOLD),
            unit="percentunit",
            missing=_NO_CONTROLLERS,
            size=(8, 8),
        ),
        panels.timeseries(
            "Duration of reconciles",
            "95 of 100 reconciles were faster. Controllers write no exemplars, so no trace hangs on it.",
            over_time(p95, f"p95 {_CONTROLLER}"),
            unit="s",
            missing=_NO_CONTROLLERS,
            size=(8, 8),
        ),
        panels.timeseries(
            "Longest reconcile that runs",
            "How long the oldest reconcile has been running that has not ended. The dashed line is "
            "reconcile_seconds of alerts/values.yaml.",
            over_time(longest, "{{job}}"),
            over_time(queries.threshold("reconcile_seconds"), panels.THRESHOLD),
            unit="s",
            missing=_NO_CONTROLLERS,
            size=(8, 8),
        ),
        panels.timeseries(
            "Objects that wait",
            "Objects in each controller's queue. The dashed line is workqueue_depth of alerts/values.yaml.",
            over_time(f"max {by('job', 'name')} (workqueue_depth{{{_QUEUES}}})", "{{name}}"),
            over_time(queries.threshold("workqueue_depth"), panels.THRESHOLD),
            unit="short",
            missing="no workqueue_depth: are the controllers' metrics on and scraped?",
            size=(8, 8),
        ),
    ]


def _processes() -> list[panels.House]:
    where = f'cluster=~"$cluster",job=~"{_JOBS}"'
    missing = "no process_* series of kagent's components"
    return [
        panels.timeseries(
            "Requests to the API server",
            "Requests of the controllers in each interval, by status. 409 is a conflict, which is tried "
            "again; 403 is a permission that is missing.",
            over_time(
                count("rest_client_requests_total", _BOTH, "job", "code", window=INTERVAL),
                "{{job}} {{code}}",
                step=queries.BAR,
            ),
            unit="short",
            missing=_NO_CONTROLLERS,
            bars=True,
            size=(8, 7),
        ),
        panels.timeseries(
            "Memory",
            "Resident memory of each component's largest pod.",
            over_time(f"max {by('job')} (process_resident_memory_bytes{{{where}}})", "{{job}}"),
            unit="bytes",
            missing=missing,
            size=(8, 7),
        ),
        panels.timeseries(
            "CPU, cores",
            "CPU seconds a second of each component's busiest pod.",
            over_time(
                f"max {by('job')} (rate(process_cpu_seconds_total{{{where}}}[$__rate_interval]))", "{{job}}"
            ),
            unit="short",
            missing=missing,
            size=(8, 7),
        ),
    ]
