"""Every series that the bundle's dashboards read, of the made-up fleet."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from tests.bundle.agents import of_agent
from tests.bundle.curves import Series, constant
from tests.bundle.fleet import AGENTS, INCIDENT, USD_PER_TOKEN
from tests.bundle.services import control_plane, gateway, mcp_servers, telemetry
from tests.lab.layout import CHECKOUT

_VALUES = yaml.safe_load((CHECKOUT / "alerts" / "values.yaml").read_text())
THRESHOLDS: dict[str, float] = _VALUES["thresholds"]
OBJECTIVES: dict[str, float] = _VALUES["objectives"]


def everything(start: int, end: int) -> Iterator[Series]:
    """All of them; start and end in Unix seconds."""
    length = end - start
    incident = (INCIDENT[0] * length, INCIDENT[1] * length)
    for agent in AGENTS:
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
