"""Models and tokens: what is called, what fails and why, and what it costs."""

from __future__ import annotations

from grafanalib import core

from dashboards import panels, queries, surroundings, tables
from dashboards.fields import GREEN, ORANGE, RED, Json, override, steps, values
from dashboards.layout import Row
from dashboards.queries import AGENT, AGENTS, INTERVAL, by, cost, count, part, quantile, ratio, total
from dashboards.surroundings import to_agent
from dashboards.targets import column, now, over_time

UID = "kagent-models"
_MODELS = f'{AGENTS},model=~"$model"'
_CALLS, _FAILURES, _TOKENS = (
    "agent_model:calls:total",
    "agent_model:failures:total",
    "agent_model:tokens:total",
)
_NO_CALLS = "no calls of models recorded: is tracing on and the collector scraped?"
_NO_TOKENS = "no tokens recorded: does the provider report usage?"
_NO_COST = "no tokens of a model whose price is in alerts/values.yaml"
_WHO = "{{namespace}}/{{agent}}"
# The names that the clients of OpenAI and Anthropic give to status 429.
_LIMITED = f'{_MODELS},error_type=~"RateLimitError|429|ResourceExhausted"'
_HOURS_A_MONTH = 730


def build() -> core.Dashboard:
    """The dashboard."""
    rows = [
        Row("Models: calls, failures, cost", _numbers()),
        Row("Is a model failing or slow?", _health()),
        Row("Where tokens and money go", _spending()),
        Row("What is configured", _configured()),
    ]
    description = "Models: which fail, why, how slow they are; tokens and their cost by model and agent."
    variables = [surroundings.NAMESPACE, surroundings.AGENT, surroundings.MODEL]
    return surroundings.dashboard(UID, "kagent / Models and cost", description, rows, variables=variables)


def _numbers() -> list[panels.House]:
    month = f"sum(agent_model:cost_usd:rate1h{{{_MODELS}}}) * {_HOURS_A_MONTH}"
    return [
        panels.stat(
            "Calls",
            "Calls of models in the time range, repeated tries by the client not counted.",
            now(count(_CALLS, _MODELS)),
            unit="short",
            missing=_NO_CALLS,
            size=(3, 4),
        ),
        panels.stat(
            "Failed calls",
            "Share of calls that failed after the client's own tries. Each ends a turn.",
            now(ratio(_FAILURES, _CALLS, _MODELS)),
            unit="percentunit",
            missing=_NO_CALLS,
            thresholds=steps((None, GREEN), (0.01, ORANGE), (0.1, RED)),
            decimals=1,
            size=(3, 4),
        ),
        panels.stat(
            "Rate limited",
            "Calls that failed because the provider said: too many requests. Only the Python runtime's "
            "clients say so; a limited call of the Go runtime is among the failed ones without a reason.",
            now(f"round({total(_FAILURES, _LIMITED)} or {total(_CALLS, _MODELS)} * 0)"),
            unit="short",
            missing=_NO_CALLS,
            thresholds=steps((None, GREEN), (1, ORANGE), (10, RED)),
            size=(3, 4),
        ),
        panels.stat(
            "Input tokens",
            "Tokens sent to models in the time range, each once. Cached ones are counted as any other.",
            now(count(_TOKENS, f'{_MODELS},type="input"')),
            unit="short",
            missing=_NO_TOKENS,
            size=(3, 4),
        ),
        panels.stat(
            "Output tokens",
            "Tokens that models answered with in the time range.",
            now(count(_TOKENS, f'{_MODELS},type="output"')),
            unit="short",
            missing=_NO_TOKENS,
            size=(3, 4),
        ),
        panels.stat(
            "Cost",
            "USD for the tokens of the time range: tokens x price of alerts/values.yaml. List prices: "
            "discounts, cached input and what a provider rounds are unknown, and a model without a price "
            "costs nothing here.",
            now(cost(_MODELS)),
            unit="currencyUSD",
            missing=_NO_COST,
            decimals=2,
            size=(3, 4),
        ),
        panels.stat(
            "Cost per turn",
            "USD for the tokens of the time range, divided by the turns of the chosen agents.",
            now(f"{cost(_MODELS)} / ({total('agent:turns:total', AGENTS)} > 0)"),
            unit="currencyUSD",
            missing=_NO_COST,
            decimals=4,
            size=(3, 4),
        ),
        panels.stat(
            "Cost a month",
            "USD that a month costs if every hour is like the last one: a warning, no forecast.",
            now(month),
            unit="currencyUSD",
            missing=_NO_COST,
            size=(3, 4),
        ),
    ]


def _health() -> list[panels.House]:
    p95 = f"max {by('model')} (agent_model:call_duration_seconds:p95_5m{{{_MODELS}}})"
    return [
        panels.timeseries(
            "Calls by model",
            "Calls of each model in each interval; a bar is there when its interval is over.",
            over_time(count(_CALLS, _MODELS, "model", window=INTERVAL), "{{model}}", step=queries.BAR),
            unit="short",
            missing=_NO_CALLS,
            bars=True,
            size=(8, 8),
        ),
        panels.timeseries(
            "Failed calls, and why",
            "Failed calls of each model in each interval, with the client's own word for why. Without a "
            "word they are the Go runtime's, whose spans say only that there was no answer.",
            over_time(queries.model_failures(_MODELS), "{{model}} {{error_type}}", step=queries.BAR),
            unit="short",
            missing=_NO_CALLS,
            bars=True,
            size=(8, 8),
        ),
        panels.timeseries(
            "Duration of calls",
            "95 of 100 calls were faster, over the last five minutes, for the slowest agent of each model. "
            "The dashed line is model_p95_seconds of alerts/values.yaml; the dots are traces.",
            over_time(p95, "p95 {{model}}"),
            over_time(queries.exemplars("generate_content"), "traces", exemplar=True),
            over_time(queries.threshold("model_p95_seconds"), panels.THRESHOLD),
            unit="s",
            missing=_NO_CALLS,
            size=(8, 8),
        ),
    ]


def _spending() -> list[panels.House]:
    groups = (*AGENT, "model")
    hourly = f"sum {by(*AGENT)} (agent_model:cost_usd:rate1h{{{_MODELS}}})"
    return [
        panels.timeseries(
            "Tokens",
            "Tokens of each model in each interval, each once. Input without more turns is most often a "
            "tool that answers with too much, or a conversation that has grown long.",
            over_time(
                count(_TOKENS, _MODELS, "model", "type", window=INTERVAL),
                "{{model}} {{type}}",
                step=queries.BAR,
            ),
            unit="short",
            missing=_NO_TOKENS,
            bars=True,
            size=(12, 8),
        ),
        panels.timeseries(
            "Cost by agent, USD an hour",
            "What the last hour cost, at each point. The dashed line is agent_cost_usd_per_hour of "
            "alerts/values.yaml.",
            over_time(hourly, _WHO, step="2m"),
            over_time(queries.threshold("agent_cost_usd_per_hour"), panels.THRESHOLD),
            unit="currencyUSD",
            missing=_NO_COST,
            size=(12, 8),
            links=[to_agent("Open this agent")],
        ),
        tables.table(
            "Agents and their models",
            "Calls, failures, durations, tokens and cost in the time range, by agent and model, the dearest "
            "first.",
            column(count(_CALLS, _MODELS, *groups)),
            column(part(_FAILURES, _CALLS, _MODELS, *groups)),
            column(quantile(0.95, "agent_model:call_duration_seconds_bucket:total", _MODELS, *groups)),
            column(count(_TOKENS, f'{_MODELS},type="input"', *groups)),
            column(count(_TOKENS, f'{_MODELS},type="output"', *groups)),
            column(cost(_MODELS, *groups)),
            columns=[
                ("namespace", "Namespace"),
                ("agent", "Agent"),
                ("model", "Model"),
                ("Value #A", "Calls"),
                ("Value #B", "Failed"),
                ("Value #C", "p95"),
                ("Value #D", "Input tokens"),
                ("Value #E", "Output tokens"),
                ("Value #F", "Cost"),
            ],
            overrides=[
                override("Agent", links=[to_agent("Open this agent", source="__data.fields")]),
                override("p95", unit="s", decimals=1),
                by_tokens("Input tokens"),
                by_tokens("Output tokens"),
                override("Cost", unit="currencyUSD", decimals=4),
            ],
            sort=("Cost", True),
            missing=_NO_CALLS,
            size=(24, 9),
        ),
    ]


def by_tokens(field: str) -> Json:
    """A column of tokens."""
    return override(field, unit="short", decimals=1)


def _configured() -> list[panels.House]:
    configs = 'cluster=~"$cluster",namespace=~"$namespace"'
    used = count(_TOKENS, _MODELS, "model", "type")
    priced = "max by (model, type) (kagent:price_usd_per_token)"
    return [
        tables.table(
            "Model configs",
            "ModelConfigs, and whether the controller accepts them. Their model is what agents send as the "
            "name.",
            column(
                f"max {by('namespace', 'name', 'provider', 'model')} (kagent_modelconfig_info{{{configs}}})"
            ),
            column(
                f"max {by('namespace', 'name')} "
                f'(kagent_modelconfig_status_condition{{{configs},type="Accepted"}})'
            ),
            columns=[
                ("namespace", "Namespace"),
                ("name", "Model config"),
                ("provider", "Provider"),
                ("model", "Model"),
                ("Value #B", "Accepted"),
            ],
            overrides=[
                override(
                    "Accepted",
                    mappings=values(_0=("No", RED), _1=("Yes", GREEN)),
                    custom__cellOptions={"type": "color-text"},
                )
            ],
            sort=("Accepted", False),
            missing="no kagent_modelconfig_* series: is kagent-state-metrics scraped?",
            size=(14, 7),
        ),
        tables.table(
            "Tokens without a price",
            "Tokens of the time range whose model has no price in alerts/values.yaml: the cost above leaves "
            "them out.",
            column(queries.or_none(f"({used} > 0) unless on (model, type) {priced}", used, "model")),
            columns=[("model", "Model"), ("type", "Type"), ("Value #A", "Tokens")],
            missing=_NO_TOKENS,
            size=(10, 7),
        ),
    ]
