"""The alerts of the bundle as Prometheus would send them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from tests.lab.layout import CHECKOUT

# Times that are over, so that what is compared has the same ones on each day.
BEGAN, ENDED = "2024-05-01T12:00:00Z", "2024-05-01T12:20:00Z"
_FAR_AWAY = "2124-05-01T12:00:00Z"


def alert_rules() -> Iterator[dict[str, Any]]:
    """Every alerting rule; one alert may have several."""
    for path in sorted((CHECKOUT / "alerts").glob("*.rules.yaml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from (rule for rule in group["rules"] if "alert" in rule)


def alert(
    name: str, description: str, dashboard: str = "/d/kagent-fleet", /, **labels: str
) -> dict[str, Any]:
    """The alert of that name with the labels and annotations of its rule, firing since ``BEGAN``."""
    rule = next(rule for rule in alert_rules() if rule["alert"] == name)
    return {
        "labels": {"alertname": name, **rule["labels"], **labels},
        "annotations": {
            "summary": rule["annotations"]["summary"],
            "description": description,
            "runbook_url": rule["annotations"]["runbook_url"],
            "dashboard_url": dashboard,
        },
        "startsAt": BEGAN,
        "endsAt": _FAR_AWAY,
        "generatorURL": "https://prometheus.example.com/graph",
    }


def over(alert: dict[str, Any]) -> dict[str, Any]:
    """The same, resolved at ``ENDED``."""
    return alert | {"endsAt": ENDED}
