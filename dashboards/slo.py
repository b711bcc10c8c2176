"""SLO: what is left of the error budget, and how fast it burns."""

from __future__ import annotations

from grafanalib import core

from dashboards import panels, surroundings, tables
from dashboards.fields import GREEN, ORANGE, RED, Json, override, steps, without_value
from dashboards.layout import Row
from dashboards.queries import AGENT, AGENTS, by, count, part, ratio, total
from dashboards.surroundings import choice, to, to_agent
from dashboards.targets import column, now, over_time

UID = "kagent-slo"
_WEEK = 7 * 24
_GATEWAYS = 'cluster=~"$cluster",namespace=~"$namespace",gateway=~"$gateway"'
_REQUESTS = "agentgateway_requests_total"
_TURNS, _FAILURES = "agent:turns:total", "agent:turn_failures:total"
_NO_TURNS = "no turns in this time range"
_NO_REQUESTS = "no requests through an agentgateway in this time range"
_NO_VALUES = "no kagent:objective: are the rules of alerts/generated/values.rules.yaml loaded?"
_LEFT = steps((None, RED), (0, ORANGE), (0.5, GREEN))
# Of the burn alerts: the long window, the short one, and the speed above which both page or make a ticket.
_WINDOWS = (("1h", "5m", 14.4), ("6h", "30m", 6), ("1d", "2h", 3), ("3d", "6h", 1))
_BUDGET = (
    "1 is all of it, 0 none, below 0 the objective is missed. The budget is that of the time range: choose "
    "30 days for the month."
)
GATEWAY = choice(
    "gateway",
    'label_values(gateway:request_errors:ratio_rate1h{cluster=~"$cluster",namespace=~"$namespace"}, gateway)',
)


def build() -> core.Dashboard:
    """The dashboard."""
    rows = [
        Row("What is left", _numbers()),
        Row("Agents: turns whose calls of the model did not fail", [_agents(), *_burning()]),
        Row("Gateways: requests that were not answered with 5xx", [_gateways(), _gateway_burning()]),
    ]
    description = "Error budgets of agents and gateways: what is left, who spends it, and how fast it burns."
    variables = [surroundings.NAMESPACE, surroundings.AGENT, GATEWAY]
    return surroundings.dashboard(UID, "kagent / SLO", description, rows, variables=variables, hours=_WEEK)


def _allowed(sli: str) -> str:
    """The share that may fail; one, however many clusters write it."""
    return f'(1 - max(kagent:objective{{sli="{sli}"}}))'


def _left(share: str, sli: str) -> str:
    return f"1 - ({share}) / on () group_left () {_allowed(sli)}"


def _failed_requests(*labels: str) -> str:
    failed = total(_REQUESTS, f'{_GATEWAYS},status=~"5.."', *labels)
    whole = total(_REQUESTS, _GATEWAYS, *labels)
    return f"({failed} or {whole} * 0) / ({whole} > 0)"


def _numbers() -> list[panels.House]:
    return [
        _objective("turns", "Share of turns that is promised to have no failed call of the model"),
        panels.stat(
            "Turns",
            "Turns of the chosen agents in the time range.",
            now(count(_TURNS, AGENTS)),
            unit="short",
            missing=_NO_TURNS,
        ),
        panels.stat(
            "Budget left, turns",
            f"Of all chosen agents together. {_BUDGET}",
            now(_left(ratio(_FAILURES, _TURNS, AGENTS), "turns")),
            unit="percentunit",
            missing=_NO_TURNS,
            thresholds=_LEFT,
            decimals=0,
        ),
        _objective("gateway", "Share of requests that is promised not to be answered with 5xx"),
        panels.stat(
            "Requests",
            "Requests through the chosen gateways in the time range.",
            now(count(_REQUESTS, _GATEWAYS)),
            unit="short",
            missing=_NO_REQUESTS,
        ),
        panels.stat(
            "Budget left, requests",
            f"Of all chosen gateways together. {_BUDGET}",
            now(_left(_failed_requests(), "gateway")),
            unit="percentunit",
            missing=_NO_REQUESTS,
            thresholds=_LEFT,
            decimals=0,
        ),
    ]


def _objective(sli: str, meaning: str) -> panels.House:
    return panels.stat(
        f"Objective, {'turns' if sli == 'turns' else 'requests'}",
        f"{meaning}: objectives in alerts/values.yaml.",
        now(f'max(kagent:objective{{sli="{sli}"}})'),
        unit="percentunit",
        missing=_NO_VALUES,
        decimals=1,
    )


def _agents() -> panels.House:
    budget = _left(ratio(_FAILURES, _TURNS, AGENTS, *AGENT), "turns")
    return tables.table(
        "Budget by agent",
        f"Turns, failures and what is left of each agent's budget, the worst first. {_BUDGET} "
        "Burn is how many times too fast it is spent: at 1 it ends with the period. With few turns a single "
        "failure burns fast; the alerts wait for turn_failures_minimum of alerts/values.yaml.",
        column(budget),
        column(count(_TURNS, AGENTS, *AGENT)),
        column(part(_FAILURES, _TURNS, AGENTS, *AGENT)),
        *(column(_burn(long)) for long, _, _ in _WINDOWS),
        columns=[
            ("namespace", "Namespace"),
            ("agent", "Agent"),
            ("Value #A", "Budget left"),
            ("Value #B", "Turns"),
            ("Value #C", "Failed"),
            *(
                (f"Value #{letter}", f"Burn {window[0]}")
                for letter, window in zip("DEFG", _WINDOWS, strict=True)
            ),
        ],
        overrides=[
            override("Agent", links=[to_agent("Open this agent", source="__data.fields")]),
            _budget_column(),
            *(_burn_column(f"Burn {long}", limit) for long, _, limit in _WINDOWS),
        ],
        sort=("Budget left", False),
        missing=_NO_TURNS,
        size=(24, 9),
    )


def _burn(window: str) -> str:
    failed = f"max {by(*AGENT)} (agent:turn_failures:ratio_rate{window}{{{AGENTS}}})"
    return f"{failed} / on () group_left () {_allowed('turns')}"


def _budget_column() -> Json:
    return override(
        "Budget left",
        unit="percentunit",
        decimals=0,
        mappings=without_value("transparent"),
        thresholds=_LEFT,
        custom__cellOptions={"type": "color-background", "mode": "basic"},
    )


def _burn_column(field: str, limit: float) -> Json:
    colors = steps((None, GREEN), (1, ORANGE), (limit, RED)) if limit > 1 else steps((None, GREEN), (1, RED))
    return override(field, decimals=1, thresholds=colors, custom__cellOptions={"type": "color-text"})


def _burning() -> list[panels.House]:
    return [_pair(long, short, limit) for long, short, limit in _WINDOWS]


def _pair(long: str, short: str, limit: float) -> panels.House:
    consequence = "pages" if limit > 3 else "makes a ticket"
    return panels.timeseries(
        f"Burn over {long} and {short}",
        "How many times too fast each agent spends its budget, over the window in which it does so less. "
        f"Above the dashed line, at {limit:g}, it is too fast in both, and KagentAgentErrorBudgetBurn "
        f"{consequence}. An agent without turns in a window has no line.",
        over_time(f"({_burn(long)} < {_burn(short)})\nor {_burn(short)}", "{{namespace}}/{{agent}}"),
        over_time(f"vector({limit:g})", panels.THRESHOLD),
        unit="short",
        missing="no turns in these windows",
        size=(12, 8),
        links=[to_agent("Open this agent")],
    )


def _gateways() -> panels.House:
    groups = ("namespace", "gateway")
    open_gateway = to("kagent-gateway", "Open this gateway", gateway="${__data.fields.gateway}")
    return tables.table(
        "Budget by gateway",
        f"Requests and what is left of each gateway's budget, the worst first. {_BUDGET}",
        column(_left(_failed_requests(*groups), "gateway")),
        column(count(_REQUESTS, _GATEWAYS, *groups)),
        columns=[
            ("namespace", "Namespace"),
            ("gateway", "Gateway"),
            ("Value #A", "Budget left"),
            ("Value #B", "Requests"),
        ],
        overrides=[override("Gateway", links=[open_gateway]), _budget_column()],
        sort=("Budget left", False),
        missing=_NO_REQUESTS,
        size=(10, 8),
    )


def _gateway_burning() -> panels.House:
    return panels.timeseries(
        "Burn of gateways",
        "How many times too fast each gateway spends its budget, over an hour and over six. "
        "KagentGatewayErrorBudgetBurn pages above 14.4 over an hour, and above 6 over six.",
        *(
            over_time(
                f"max {by('namespace', 'gateway')} (gateway:request_errors:ratio_rate{window}{{{_GATEWAYS}}})"
                f" / on () group_left () {_allowed('gateway')}",
                f"{window} {{{{gateway}}}}",
            )
            for window in ("1h", "6h")
        ),
        unit="short",
        missing=_NO_REQUESTS,
        size=(14, 8),
    )
