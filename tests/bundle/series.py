"""Every series that the bundle's dashboards read, of the made-up fleet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import yaml

from tests.bundle.agents import of_agent
from tests.bundle.curves import Series, constant
from tests.bundle.fleet import AGENTS, INCIDENT, USD_PER_TOKEN, Agent
from tests.bundle.services import control_plane, gateway, mcp_servers, telemetry
from tests.lab.layout import CHECKOUT

_VALUES = yaml.safe_load((CHECKOUT / "alerts" / "values.yaml").read_text())
THRESHOLDS: dict[str, float] = _VALUES["thresholds"]
OBJECTIVES: dict[str, float] = _VALUES["objectives"]


# Series that begin with the first failure.
_FAILURES = re.compile(
    "agent.*failures:total|.*_failure_total|.*(failed|refused)_spans_total|.*(waiting|terminated)_reason|"
    ".*_retries_total|kagent_recorder_trouble"
)


def good_times(start: int, end: int) -> Iterator[Series]:
    """Those of a fleet in which nothing has ever failed."""
    agents = [replace(agent, failing=0.0, broken_for=0, replicas=1) for agent in AGENTS]
    for one in everything(start, end, agents):
        alert = one.name == "ALERTS" and one.labels["alertname"] != "KagentWatchdog"
        refused = one.name == "agentgateway_requests_total" and one.labels["status"] != "200"
        if not (alert or refused or _FAILURES.fullmatch(one.name)):
            yield one


def everything(start: int, end: int, agents: Sequence[Agent] = AGENTS) -> Iterator[Series]:
    """All of them; start and end in Unix seconds."""
    length = end - start
    incident = (INCIDENT[0] * length, INCIDENT[1] * length)
    for agent in agents:
        yield from of_agent(agent, start, length, incident)
    yield from _values()
    yield from _alerts()
    yield from telemetry()
    yield from control_plane(incident)
    yield from mcp_servers()
    yield from gateway(incident)


def _values() -> Iterator[Series]:
    for namespace, model in sorted({(agent.namespace, agent.model) for agent in AGENTS}):
        labels = {"namespace": namespace, "name": f"{model}-config", "model": model, "provider": "OpenAI"}
        yield Series("kagent_modelconfig_info", labels, constant(1))
        condition = {"namespace": namespace, "name": labels["name"], "type": "Accepted", "reason": "Resolved"}
        yield Series("kagent_modelconfig_status_condition", condition, constant(1))
    for name, value in THRESHOLDS.items():
        yield Series("kagent:threshold", {"name": name}, constant(value))
    for name, value in OBJECTIVES.items():
        yield Series("kagent:objective", {"sli": name}, constant(value))
    for model, prices in USD_PER_TOKEN.items():
        for kind, price in prices.items():
            yield Series("kagent:price_usd_per_token", {"model": model, "type": kind}, constant(price))


def _alerts() -> Iterator[Series]:
    broken = {"namespace": "platform", "agent": "release-notes", "severity": "critical"}
    for labels in (
        {"alertname": "KagentWatchdog", "severity": "info"},
        {"alertname": "KagentAgentDown", **broken},
    ):
        yield Series("ALERTS", {**labels, "alertstate": "firing"}, constant(1))
