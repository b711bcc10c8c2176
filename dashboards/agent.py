"""Agent: is it the model, a tool, the pod or a change."""

from __future__ import annotations

from grafanalib import core

from dashboards import agent_workload, panels, queries, surroundings, tools
from dashboards.fields import BLUE, GREEN, ORANGE, RED, Link, by_pattern, override, steps
from dashboards.layout import Row
from dashboards.queries import AGENTS, INTERVAL, by, count, part, quantile, ratio
from dashboards.surroundings import to
from dashboards.targets import buckets, now, over_time

UID = "kagent-agent"
_NO_TURNS = "no turns recorded: is tracing on and the collector scraped?"
_NO_CALLS = "no calls of models recorded"
_NO_TOOLS = "no calls of tools recorded"
_FAILED = by_pattern("failed.*", color={"mode": "fixed", "fixedColor": RED})


def build() -> core.Dashboard:
    """The dashboard."""
    rows = [
        Row("Is it broken?", [*agent_workload.state(), *_summary(), *_turns()]),
        Row("Is it the model?", _models()),
        Row("Is it a tool?", _tools()),
        Row("Is it a pod?", agent_workload.pods()),
        Row("Is it a change?", agent_workload.changes()),
        Row("Traces and logs", agent_workload.evidence()),
    ]
    description = "One agent: whether it is broken, and if it is the model, a tool, a pod or a change."
    variables = [surroundings.NAMESPACE, surroundings.AGENT]
    return surroundings.dashboard(UID, "kagent / Agent", description, rows, variables=variables)


def links() -> list[Link]:
    """Where an agent's panels lead: traces, logs, models, tools, all for the agents chosen."""
    carried = {name: f"${{{name}:queryparam}}" for name in ("namespace", "agent")}
    return [
        surroundings.explore("Traces of these turns", "tempo", agent_workload.TRACES),
        surroundings.explore("Logs of these pods", "loki", agent_workload.LOGS),
        to("kagent-models", "Models and cost", **carried),
        to("kagent-mcp", "MCP servers and tools", **carried),
    ]


def _summary() -> list[panels.House]:
    return [
        panels.stat(
            "Turns",
            "Turns in the time range: one per message that reached the agent, or call by another agent.",
            now(count("agent:turns:total", AGENTS)),
            unit="short",
            missing=_NO_TURNS,
            links=links(),
            size=(3, 4),
        ),
        panels.stat(
            "Failed turns",
            "Share of turns with a failed call of the model, which is what ends a turn.",
            now(ratio("agent:turn_failures:total", "agent:turns:total", AGENTS)),
            unit="percentunit",
            missing=_NO_TURNS,
            thresholds=steps((None, GREEN), (0.01, ORANGE), (0.05, RED)),
            decimals=1,
            links=links(),
            size=(3, 4),
        ),
        panels.stat(
            "Turn duration, p95",
            "95 of 100 turns in the time range were faster. Estimated from buckets: between two bounds it "
            "is a guess.",
            now(quantile(0.95, "agent:turn_duration_seconds_bucket:total", AGENTS)),
            unit="s",
            missing=_NO_TURNS,
            decimals=1,
            links=links(),
            size=(3, 4),
        ),
        panels.stat(
            "Cost",
            "USD for the tokens of the time range: tokens x price of alerts/values.yaml. A model without a "
            "price there costs nothing here.",
            now(queries.cost(AGENTS)),
            unit="currencyUSD",
            missing="no tokens of a model with a price",
            decimals=2,
            links=links(),
            size=(3, 4),
        ),
    ]


def _turns() -> list[panels.House]:
    failed = part("agent:turn_failures:total", "agent:turns:total", AGENTS, window=INTERVAL)
    return [
        panels.timeseries(
            "Turns",
            "Turns in each interval, and failed calls of the model, which is what ends a turn. Estimated "
            "from samples 30 seconds apart, so a bar may be one or two off.",
            over_time(count("agent:turns:total", AGENTS, window=INTERVAL), "turns", step=queries.BAR),
            over_time(failed, "failed", step=queries.BAR),
            unit="short",
            missing=_NO_TURNS,
            bars=True,
            overrides=[_FAILED, override("turns", color={"mode": "fixed", "fixedColor": BLUE})],
            size=(8, 8),
            links=links(),
        ),
        panels.timeseries(
            "Turn duration",
            "How long turns took, over the last five minutes at each point; nothing where no turn ended. The "
            "dashed line is turn_p95_seconds of alerts/values.yaml; the dots are traces.",
            over_time(f"agent:turn_duration_seconds:p95_5m{{{AGENTS}}} >= 0", "p95 {{namespace}}/{{agent}}"),
            over_time(queries.exemplars("invoke_agent"), "traces", exemplar=True),
            over_time(queries.threshold("turn_p95_seconds"), panels.THRESHOLD),
            unit="s",
            missing=_NO_TURNS,
            size=(8, 8),
            links=links(),
        ),
        panels.heatmap(
            "Turn durations",
            "How many turns took how long: a second cloud above the first is often one tool, or one kind of "
            "question.",
            buckets(
                "sum by (le) (sum_over_time("
                f"agent:turn_duration_seconds_bucket:increase5m{{{AGENTS}}}[{INTERVAL}]))",
                step=queries.BAR,
            ),
            unit="s",
            missing=_NO_TURNS,
            size=(8, 8),
        ),
    ]


def _models() -> list[panels.House]:
    failures = queries.model_failures(AGENTS)
    tokens = count("agent_model:tokens:total", AGENTS, "model", "type", window=INTERVAL)
    calls = count("agent_model:calls:total", AGENTS, "model", window=INTERVAL)
    p95 = f"max {by('model')} (agent_model:call_duration_seconds:p95_5m{{{AGENTS}}})"
    return [
        panels.timeseries(
            "Calls of models",
            "Calls of models in each interval, and those that failed with the client's own word for why. "
            "The Go runtime doesn't say why: its failures have no reason here.",
            over_time(calls, "{{model}}", step=queries.BAR),
            over_time(failures, "failed {{model}} {{error_type}}", step=queries.BAR),
            unit="short",
            missing=_NO_CALLS,
            bars=True,
            overrides=[_FAILED],
            size=(8, 8),
            links=links(),
        ),
        panels.timeseries(
            "Duration of calls of models",
            "95 of 100 calls were faster, over the last five minutes. From the span of the model's client "
            "where there is one. The dashed line is model_p95_seconds of alerts/values.yaml; the dots are "
            "traces.",
            over_time(p95, "p95 {{model}}"),
            over_time(queries.exemplars("generate_content"), "traces", exemplar=True),
            over_time(queries.threshold("model_p95_seconds"), panels.THRESHOLD),
            unit="s",
            missing=_NO_CALLS,
            size=(8, 8),
            links=links(),
        ),
        panels.timeseries(
            "Tokens",
            "Tokens in each interval, each once. Input grows with the length of a conversation; a jump with "
            "as many turns as before is most often a tool that answers with too much.",
            over_time(tokens, "{{model}} {{type}}", step=queries.BAR),
            unit="short",
            missing="no tokens recorded: does the provider report usage?",
            bars=True,
            size=(8, 8),
            links=links(),
        ),
    ]


def _tools() -> list[panels.House]:
    return [
        tools.by_agent("Tools", AGENTS, missing=_NO_TOOLS),
        tools.durations("Duration of calls of tools", AGENTS, missing=_NO_TOOLS, size=(24, 8), links=links()),
    ]
