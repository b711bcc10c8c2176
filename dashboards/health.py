"""What is wrong with an agent, as one number each: the worst that the series know, from 0 (nothing) up."""

from __future__ import annotations

from dashboards.fields import BLUE, GREEN, GREY, ORANGE, RED, YELLOW, values
from dashboards.queries import AGENT, AGENTS, NAMED, RUNNING, above, by, first_of, of_pods, renamed

# Worse is larger, so that a table sorted by it has the broken first.
CAUSES = values(
    _0=("No trouble seen", GREEN),
    _1=("Scaled to 0", GREY),
    _2=("Slow", YELLOW),
    _3=("Rolling out", BLUE),
    _4=("Spec not taken up", ORANGE),
    _5=("Tools fail", ORANGE),
    _6=("Model fails", RED),
    _7=("No pod ready", RED),
    _8=("Crash loop", RED),
    _9=("Not accepted", RED),
)

LEGEND = (
    "The worst that is known of each agent now: its spec is not accepted, a container crashes in a loop, no "
    "pod is ready, calls of the model fail, tools fail, the controller has not taken up the newest spec, a "
    "rollout is under way, turns are slow, or it is scaled to 0. Model, tools and slowness are of the last "
    "five minutes, against the values of alerts/values.yaml. It can't know whether the answers are any good."
)


def cause() -> str:
    """The number of ``CAUSES`` for each agent that is declared."""
    crashing = 'kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}'
    behind = (
        f"{_of_agents(f'kagent_agent_generation{{{NAMED}}}')}"
        f" > {_of_agents(f'kagent_agent_status_observed_generation{{{NAMED}}}')}"
    )
    rolling = (
        f"max {by(*AGENT)} (kagent:workload_replicas:updated{{{RUNNING}}})"
        f" < max {by(*AGENT)} (kagent:workload_replicas:desired{{{RUNNING}}})"
    )
    declared = _of_agents(f"kagent_agent_info{{{NAMED}}}")
    no_replicas = _of_agents(f"kagent_agent_spec_replicas{{{NAMED}}} == 0")
    not_ready = _of_agents(f'kagent_agent_status_condition{{{NAMED},type="Ready"}} == 0')
    ranked = first_of(
        _code(9, _of_agents(f'kagent_agent_status_condition{{{NAMED},type="Accepted"}} == 0')),
        _code(8, f"{of_pods(crashing, RUNNING, *AGENT)} > 0"),
        _code(7, f"{not_ready} unless {no_replicas}"),
        _code(6, _worst("agent_model:failures:ratio_rate5m", "model_failure_ratio")),
        _code(5, _worst("agent_tool:failures:ratio_rate5m", "tool_failure_ratio")),
        _code(4, behind),
        _code(3, rolling),
        _code(2, _worst("agent:turn_duration_seconds:p95_5m", "turn_p95_seconds")),
        _code(1, no_replicas),
        _code(0, declared),
    )
    return f"({ranked})\nand on (cluster, namespace, agent) {declared}"


def _code(number: int, expr: str) -> str:
    return f"({expr}) * 0 + {number}"


def _of_agents(expr: str) -> str:
    return f"max {by(*AGENT)} ({renamed(expr, 'name', 'agent')})"


def _worst(series: str, threshold: str) -> str:
    return above(f"max {by(*AGENT)} ({series}{{{AGENTS}}})", threshold)
