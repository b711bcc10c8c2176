"""Fleet: which agent is broken, and why. What an on-call looks at first."""

from __future__ import annotations

from grafanalib import core

from dashboards import health, panels, queries, surroundings, tables
from dashboards.fields import GREEN, ORANGE, RED, override, steps
from dashboards.layout import Row
from dashboards.queries import AGENT, AGENTS, NAMED, RUNNING, by, count, part, quantile, ratio, renamed
from dashboards.surroundings import to, to_agent
from dashboards.targets import column, now, over_time

UID = "kagent-fleet"
_WHO = "{{namespace}}/{{agent}}"
_NO_STATE = "no kagent_agent_* series: is kagent-state-metrics scraped?"
_NO_TURNS = "no turns recorded: is tracing on and the collector scraped?"
_BAD_ABOVE_0 = steps((None, GREEN), (1, RED))
# Also those that are of no namespace or agent: a collector that is down concerns everybody.
_FIRING = (
    'ALERTS{alertname=~"Kagent.+",alertstate="firing",cluster=~"$cluster",'
    'namespace=~"$namespace|",agent=~"$agent|"}'
)


def build() -> core.Dashboard:
    """The dashboard."""
    rows = [
        Row("What is broken", [*_numbers(), _agents(), _alerts(), _trouble()]),
        Row("Turns: what people ask of agents", _turns()),
        Row("What it costs, and what fails below", _below()),
    ]
    description = (
        "Every agent of the cluster: which is broken, and why. Each row leads to the agent's own dashboard."
    )
    return surroundings.dashboard(
        UID, "kagent / Fleet", description, rows, variables=[surroundings.NAMESPACE, surroundings.AGENT]
    )


def _numbers() -> list[panels.House]:
    condition = f"kagent_agent_status_condition{{{NAMED},type="
    return [
        panels.stat(
            "Agents",
            "Agents that are declared in the cluster, those scaled to 0 included.",
            now(f"count(kagent_agent_info{{{NAMED}}})"),
            unit="none",
            missing=_NO_STATE,
        ),
        panels.stat(
            "Not ready",
            "Agents without an available pod, per their Ready condition. It also counts those that are "
            "scaled to 0 on purpose, and it stays away during a rollout that is stuck as long as an old pod "
            "answers.",
            now(f'count({condition}"Ready"}} == 0) or count({condition}"Ready"}}) * 0'),
            unit="none",
            missing=_NO_STATE,
            thresholds=_BAD_ABOVE_0,
        ),
        panels.stat(
            "Not accepted",
            "Agents whose spec the controller refuses, for example because their ModelConfig is missing.",
            now(f'count({condition}"Accepted"}} == 0) or count({condition}"Accepted"}}) * 0'),
            unit="none",
            missing=_NO_STATE,
            thresholds=_BAD_ABOVE_0,
        ),
        panels.stat(
            "Firing alerts",
            "Alerts of this bundle that fire now, the Watchdog left out. Silences are Alertmanager's: it "
            "also counts what is silenced.",
            now(f'count({_FIRING[:-1]},alertname!="KagentWatchdog"}}) or count({_FIRING}) * 0'),
            unit="none",
            missing="nothing fires, not even the Watchdog: are the rules loaded?",
            thresholds=_BAD_ABOVE_0,
        ),
        panels.stat(
            "Turns",
            "Turns that agents ran in the time range: one per message that reached an agent, and one per "
            "call of an agent by another.",
            now(count("agent:turns:total", AGENTS)),
            unit="short",
            missing=_NO_TURNS,
        ),
        panels.stat(
            "Failed turns",
            "Share of turns with a failed call of the model, which is what ends a turn. A turn whose tools "
            "failed but that was answered is none of them.",
            now(ratio("agent:turn_failures:total", "agent:turns:total", AGENTS)),
            unit="percentunit",
            missing=_NO_TURNS,
            thresholds=steps((None, GREEN), (0.01, ORANGE), (0.05, RED)),
            decimals=1,
        ),
    ]


def _agents() -> panels.House:
    changed = f'kagent_workload_last_change_timestamp_seconds{{{NAMED},kind="Agent"}}'
    revision = f'kagent_workload_revision{{{NAMED},kind="Agent"}}'
    declared = renamed(f"kagent_agent_info{{{NAMED}}}", "name", "agent")
    info = f"max {by(*AGENT, 'model_config')} ({declared})"
    open_agent = [to_agent("Open this agent", source="__data.fields")]
    return tables.table(
        "Agents, the worst first",
        health.LEGEND,
        column(health.cause()),
        column(f"sum {by(*AGENT)} (kagent:workload_replicas:available{{{RUNNING}}})"),
        column(f"sum {by(*AGENT)} (kagent:workload_replicas:desired{{{RUNNING}}})"),
        column(count("agent:turns:total", AGENTS, *AGENT)),
        column(ratio("agent:turn_failures:total", "agent:turns:total", AGENTS, *AGENT)),
        column(quantile(0.95, "agent:turn_duration_seconds_bucket:total", AGENTS, *AGENT)),
        column(count("agent_tool:failures:total", AGENTS, *AGENT)),
        column(queries.restarts(RUNNING, *AGENT)),
        column(queries.cost(AGENTS, *AGENT)),
        column(f"max {by(*AGENT)} ({renamed(revision, 'name', 'agent')})"),
        column(f"max {by(*AGENT)} ({renamed(changed, 'name', 'agent')}) * 1000"),
        column(info),
        columns=[
            ("namespace", "Namespace"),
            ("agent", "Agent"),
            ("Value #A", "Cause"),
            ("Value #B", "Ready"),
            ("Value #C", "Wanted"),
            ("Value #D", "Turns"),
            ("Value #E", "Failed"),
            ("Value #F", "p95"),
            ("Value #G", "Tool failures"),
            ("Value #H", "Restarts"),
            ("Value #I", "Cost"),
            ("Value #J", "Revision"),
            ("Value #K", "Last change"),
            ("model_config", "Model config"),
        ],
        overrides=[
            override("Agent", links=open_agent),
            override(
                "Cause",
                mappings=health.CAUSES,
                links=open_agent,
                custom__cellOptions={"type": "color-background", "mode": "basic"},
                custom__align="left",
                custom__width=150,
                custom__filterable=True,
            ),
            override("Failed", unit="percentunit", decimals=1),
            override("p95", unit="s", decimals=1),
            override("Cost", unit="currencyUSD", decimals=2),
            override("Last change", unit="dateTimeFromNow", custom__width=140),
            override("Model config", custom__width=180),
        ],
        sort=("Cause", True),
        missing=_NO_STATE,
        size=(24, 10),
    )


def _alerts() -> panels.House:
    return tables.table(
        "Alerts that fire",
        "Alerts of this bundle that fire now. Which of them are silenced only Alertmanager knows.",
        column(f"max {by('alertname', 'severity', 'namespace', 'agent', 'name')} ({_FIRING})"),
        columns=[
            ("alertname", "Alert"),
            ("severity", "Severity"),
            ("namespace", "Namespace"),
            ("agent", "Agent"),
            ("name", "Name"),
        ],
        overrides=[
            override("Alert", custom__width=230),
            override("Severity", custom__width=90),
            override("Agent", links=[to_agent("Open this agent", source="__data.fields")]),
        ],
        sort=("Severity", False),
        missing="nothing fires, not even the Watchdog: are the rules loaded?",
        size=(12, 8),
    )


def _trouble() -> panels.House:
    return panels.timeline(
        "Trouble over time",
        "What was wrong with each agent, over time, and the worst of all; agents without trouble in "
        "the time range have no row of their own. " + health.LEGEND,
        over_time(f"({health.cause()}) > 0", _WHO, step="1m"),
        over_time(f"max({health.cause()})", "the worst of all", step="1m"),
        mappings=health.CAUSES,
        missing=_NO_STATE,
        size=(12, 8),
        links=[to_agent("Open this agent")],
    )


def _turns() -> list[panels.House]:
    open_agent = [to_agent("Open this agent")]
    return [
        panels.timeseries(
            "Turns by agent",
            "Turns in each interval, at least five minutes long; a bar is there when its time is over. The "
            "numbers above are over the whole time range.",
            over_time(
                count("agent:turns:total", AGENTS, *AGENT, window=queries.INTERVAL), _WHO, step=queries.BAR
            ),
            unit="short",
            missing=_NO_TURNS,
            bars=True,
            size=(8, 9),
            links=open_agent,
        ),
        panels.timeseries(
            "Failed turns by agent",
            "Failed calls of the model in each interval, which is what ends a turn. Rate limits are on the "
            "dashboard of models.",
            over_time(
                part(
                    "agent:turn_failures:total", "agent:turns:total", AGENTS, *AGENT, window=queries.INTERVAL
                ),
                _WHO,
                step=queries.BAR,
            ),
            unit="short",
            missing=_NO_TURNS,
            bars=True,
            size=(8, 9),
            links=open_agent,
        ),
        panels.timeseries(
            "Turn duration by agent, p95",
            "95 of 100 turns were faster, over the last five minutes at each point; nothing where no turn "
            "ended. The time that an approval waits for a person is none of it. The dashed line is "
            "turn_p95_seconds of alerts/values.yaml; the dots are traces.",
            over_time(f"agent:turn_duration_seconds:p95_5m{{{AGENTS}}} >= 0", _WHO),
            over_time(queries.threshold("turn_p95_seconds"), panels.THRESHOLD),
            over_time(queries.exemplars("invoke_agent"), "traces", exemplar=True),
            unit="s",
            missing=_NO_TURNS,
            size=(8, 9),
            links=open_agent,
        ),
    ]


def _below() -> list[panels.House]:
    models = to("kagent-models", "Models and cost", namespace="${__field.labels.namespace}")
    failed_tools = count("agent_tool:failures:total", AGENTS, *AGENT, "tool")
    tools = to("kagent-mcp", "MCP servers and tools", namespace="${__field.labels.namespace}")
    return [
        panels.bars(
            "Cost by agent",
            "The ten agents whose tokens cost most in the time range, in USD: tokens x price of "
            "alerts/values.yaml. Tokens of a model without a price there cost nothing here, and discounts "
            "are unknown.",
            now(f"topk(10, {queries.cost(AGENTS, *AGENT)})", _WHO),
            unit="currencyUSD",
            missing="no tokens of a model whose price is in alerts/values.yaml",
            links=[to_agent("Open this agent"), models],
        ),
        panels.bars(
            "Failed calls of tools",
            "The ten tools that failed most in the time range, by agent. A tool fails when its server says "
            "so or can't be reached; the model may try again, so a turn can succeed all the same.",
            now(
                f"topk(10, {failed_tools})",
                f"{_WHO} {{{{tool}}}}",
            ),
            unit="short",
            missing="no call of a tool has failed",
            thresholds=steps((None, GREEN), (1, ORANGE), (10, RED)),
            links=[to_agent("Open this agent"), tools],
        ),
        panels.bars(
            "Failed calls of models",
            "Failed calls of models in the time range, by model. Why they failed (rate limit, time-out) is "
            "on the dashboard of models, where the model's client says it.",
            now(
                f"topk(10, {part('agent_model:failures:total', 'agent_model:calls:total', AGENTS, 'model')})",
                "{{model}}",
            ),
            unit="short",
            missing="no calls of models recorded",
            thresholds=steps((None, GREEN), (1, ORANGE), (10, RED)),
            links=[to("kagent-models", "Models and cost", model="${__field.labels.model}")],
        ),
    ]
