"""Gateway: what passes an agentgateway, what it refuses, and what is behind it that fails."""

from __future__ import annotations

from grafanalib import core

from dashboards import panels, queries, surroundings
from dashboards.fields import GREEN, ORANGE, RED, by_pattern, steps, values
from dashboards.layout import Row
from dashboards.queries import INTERVAL, by, count, quantile
from dashboards.surroundings import choice
from dashboards.targets import buckets, now, over_time

UID = "kagent-gateway"
_PODS = 'cluster=~"$cluster",namespace=~"$namespace",job="agentgateway"'
_ROUTES = 'cluster=~"$cluster",namespace=~"$namespace",gateway=~"$gateway"'
_REQUESTS = "agentgateway_requests_total"
_DURATIONS = "agentgateway_request_duration_seconds_bucket"
_NONE = "no agentgateway_* series: does traffic pass an agentgateway, and is it scraped (port 15020)?"
_NO_MODELS = "no calls of models pass the gateway"
_GATEWAY = "{{gateway}}"
_FAILED = "5.."
_FROM_1_2 = "v?(1[.]([2-9]|[1-9][0-9])|[2-9]|[1-9][0-9])[.].+"
NAMESPACE = choice("namespace", 'label_values(agentgateway_build_info{cluster=~"$cluster"}, namespace)')
GATEWAY = choice(
    "gateway",
    'label_values(agentgateway_requests_total{cluster=~"$cluster",namespace=~"$namespace"}, gateway)',
)


def build() -> core.Dashboard:
    """The dashboard."""
    rows = [
        Row("Gateways", _numbers()),
        Row("Requests", _requests()),
        Row("What is behind the gateway", _upstreams()),
        Row("MCP and models through the gateway", _protocols()),
        Row("The gateway itself", _itself()),
    ]
    description = (
        "Requests through agentgateways: failures, durations, what is behind them, and their own config."
    )
    return surroundings.dashboard(UID, "kagent / Gateway", description, rows, variables=[NAMESPACE, GATEWAY])


def _numbers() -> list[panels.House]:
    return [
        panels.stat(
            "Gateways up",
            "Scrape targets of agentgateways that answer, of those that Prometheus knows.",
            now(f"sum(up{{{_PODS}}})", "up"),
            now(f"count(up{{{_PODS}}})", "known"),
            unit="none",
            missing="no scrape target agentgateway",
        ),
        panels.stat(
            "Requests",
            "Requests in the time range.",
            now(count(_REQUESTS, _ROUTES)),
            unit="short",
            missing=_NONE,
        ),
        panels.stat(
            "Answered with 5xx",
            "Share of requests answered with a 5xx, from behind the gateway or by itself.",
            now(_share(f'status=~"{_FAILED}"')),
            unit="percentunit",
            missing=_NONE,
            thresholds=steps((None, GREEN), (0.01, ORANGE), (0.05, RED)),
            decimals=2,
        ),
        panels.stat(
            "Answered with 429",
            "Share of requests that were refused as too many, by the gateway's own limits or by a provider "
            "behind it.",
            now(_share('status="429"')),
            unit="percentunit",
            missing=_NONE,
            thresholds=steps((None, GREEN), (0.01, ORANGE), (0.05, RED)),
            decimals=2,
        ),
        panels.stat(
            "Duration, p95",
            "95 of 100 requests in the time range were faster. A stream counts until its end.",
            now(quantile(0.95, _DURATIONS, _ROUTES)),
            unit="s",
            missing=_NONE,
            decimals=2,
        ),
        panels.stat(
            "Config in step",
            "Whether every gateway has the config that its controller wants it to have.",
            now(f"min(agentgateway_config_synchronized{{{_PODS}}})"),
            unit="none",
            missing="no agentgateway_config_synchronized: a sidecar with a config file has none",
            mappings=values(_0=("No", RED), _1=("Yes", GREEN)),
        ),
    ]


def _requests() -> list[panels.House]:
    return [
        panels.timeseries(
            "Requests by status",
            "Requests in each interval, by status.",
            over_time(count(_REQUESTS, _ROUTES, "status", window=INTERVAL), "{{status}}", step=queries.BAR),
            unit="short",
            missing=_NONE,
            bars=True,
            overrides=[by_pattern(_FAILED, color={"mode": "fixed", "fixedColor": RED})],
            size=(6, 8),
        ),
        panels.timeseries(
            "Requests by reason",
            "Why a request ended as it did: Upstream is an answer from behind; all others are the gateway's "
            "own word.",
            over_time(count(_REQUESTS, _ROUTES, "reason", window=INTERVAL), "{{reason}}", step=queries.BAR),
            unit="short",
            missing=_NONE,
            bars=True,
            size=(6, 8),
        ),
        panels.timeseries(
            "Duration by gateway",
            "95 of 100 requests were faster, over the last five minutes. The dashed line is "
            "gateway_p95_seconds of alerts/values.yaml; the dots are traces, if the gateway's exemplars are "
            "scraped.",
            over_time(f"gateway:request_duration_seconds:p95_5m{{{_ROUTES}}}", "p95 {{gateway}}"),
            over_time(_rates(0.5, _DURATIONS), "median", exemplar=True),
            over_time(queries.threshold("gateway_p95_seconds"), panels.THRESHOLD),
            unit="s",
            missing=_NONE,
            size=(6, 8),
        ),
        panels.heatmap(
            "Durations",
            "How many requests took how long.",
            buckets(f"sum by (le) (increase({_DURATIONS}{{{_ROUTES}}}[{INTERVAL}]))"),
            unit="s",
            missing=_NONE,
            size=(6, 8),
        ),
    ]


def _upstreams() -> list[panels.House]:
    failing = f'{_ROUTES},reason=~"UpstreamFailure|NoHealthyBackend|Timeout"'
    return [
        panels.timeseries(
            "Failing backends",
            "Requests in each interval that no backend answered: it failed, none was healthy, or time ran "
            "out.",
            over_time(
                queries.or_none(
                    count(_REQUESTS, failing, "backend", "reason", window=INTERVAL),
                    queries.total(_REQUESTS, _ROUTES, window=INTERVAL),
                    "reason",
                ),
                "{{backend}} {{reason}}",
                step=queries.BAR,
            ),
            unit="short",
            missing=_NONE,
            bars=True,
            size=(8, 8),
        ),
        panels.timeseries(
            "Duration of calls behind",
            "95 of 100 calls of what is behind were faster, by what they are for (model, MCP, policy...). "
            "Needs agentgateway 1.3.",
            over_time(
                _rates(0.95, "agentgateway_upstream_call_duration_seconds_bucket", "kind", "subtype"),
                "{{kind}} {{subtype}}",
                exemplar=True,
            ),
            unit="s",
            missing="no agentgateway_upstream_call_duration_seconds: it needs agentgateway 1.3",
            size=(8, 8),
        ),
        panels.timeseries(
            "Retries",
            "Requests that the gateway sent again, in each interval. Needs agentgateway 1.2.",
            over_time(
                queries.or_none(
                    count("agentgateway_retries_total", _ROUTES, "backend", window=INTERVAL),
                    f'agentgateway_build_info{{{_PODS},tag=~"{_FROM_1_2}"}}',
                    "backend",
                ),
                "{{backend}}",
                step=queries.BAR,
            ),
            unit="short",
            missing="no agentgateway from 1.2 on is scraped",
            bars=True,
            size=(8, 8),
        ),
    ]


def _protocols() -> list[panels.House]:
    tokens = "agentgateway_gen_ai_client_token_usage_sum"
    return [
        panels.timeseries(
            "MCP requests",
            "MCP requests in each interval, by server and method. It has no failures: those are the "
            "requests above with the reason MCP.",
            over_time(
                count("agentgateway_mcp_requests_total", _ROUTES, "server", "method", window=INTERVAL),
                "{{server}} {{method}}",
                step=queries.BAR,
            ),
            unit="short",
            missing="no MCP passes the gateway, or agentgateway is older than 1.0",
            bars=True,
            size=(6, 8),
        ),
        panels.timeseries(
            "Tokens",
            "Tokens that the gateway counted in each interval. An agent whose model is behind the gateway "
            "has them on the dashboard of models, too: don't add them up.",
            over_time(
                count(tokens, _ROUTES, "gen_ai_request_model", "gen_ai_token_type", window=INTERVAL),
                "{{gen_ai_request_model}} {{gen_ai_token_type}}",
                step=queries.BAR,
            ),
            unit="short",
            missing=_NO_MODELS,
            bars=True,
            size=(6, 8),
        ),
        panels.timeseries(
            "Time to first token",
            "95 of 100 answers began sooner: what a person waits for before anything appears.",
            over_time(
                _rates(0.95, "agentgateway_gen_ai_server_time_to_first_token_bucket", "gen_ai_request_model"),
                "p95 {{gen_ai_request_model}}",
                exemplar=True,
            ),
            unit="s",
            missing=_NO_MODELS,
            size=(6, 8),
        ),
        panels.timeseries(
            "Guardrails",
            "Checks of guardrails in each interval, by what they did. FailOpen: the check could not be "
            "made, and the request went through.",
            over_time(
                count("agentgateway_guardrail_checks_total", _ROUTES, "phase", "action", window=INTERVAL),
                "{{phase}} {{action}}",
                step=queries.BAR,
            ),
            unit="short",
            missing="no guardrail is configured",
            bars=True,
            size=(6, 8),
        ),
    ]


def _itself() -> list[panels.House]:
    return [
        panels.timeseries(
            "Config that was refused",
            "Configs that a gateway refused, in each interval, as its controller counts them.",
            over_time(
                count("agentgateway_xds_rejects_total", 'cluster=~"$cluster"', window=INTERVAL),
                "refused",
                step=queries.BAR,
            ),
            unit="short",
            missing="no agentgateway_xds_rejects_total: is the gateway's controller scraped?",
            bars=True,
            size=(8, 7),
        ),
        panels.timeseries(
            "Connections",
            "New connections to gateways in each interval.",
            over_time(
                count("agentgateway_downstream_connections_total", _ROUTES, "gateway", window=INTERVAL),
                _GATEWAY,
                step=queries.BAR,
            ),
            unit="short",
            missing=_NONE,
            bars=True,
            size=(8, 7),
        ),
        panels.stat(
            "Versions",
            "The version of each gateway that runs.",
            now(f"count {by('tag')} (agentgateway_build_info{{{_PODS}}})", "{{tag}}"),
            unit="none",
            missing=_NONE,
            text="value_and_name",
            size=(8, 7),
        ),
    ]


def _share(status: str) -> str:
    """Which share of requests has the status; the counters begin with their first request."""
    matchers = f"{_ROUTES},{status}"
    whole = queries.total(_REQUESTS, _ROUTES)
    return f"({queries.total(_REQUESTS, matchers)} or {whole} * 0) / ({whole} > 0)"


def _rates(share: float, histogram: str, *labels: str) -> str:
    return quantile(share, histogram, _ROUTES, *labels, window="$__rate_interval", function="rate")
