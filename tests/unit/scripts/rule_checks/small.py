"""A catalogue of few series, for checks to be tried on."""

from __future__ import annotations

from typing import Any

from scripts.rule_checks.catalogue import Catalogue

SCRAPED: dict[str, Any] = {
    "calls_total": {"labels": ["namespace", "agent"]},
    "failures_total": {"labels": ["namespace", "agent"]},
    "depth": {"labels": ["namespace"]},
    "owner": {"labels": ["namespace", "agent", "team"]},
    "up": {"labels": ["pod"], "select_by": "job"},
}
GROUPS: list[dict[str, Any]] = [
    {
        "name": "fast",
        "interval": "30s",
        "rules": [
            {"record": "agent:calls:total", "expr": "sum by (cluster, instance, agent) (calls_total)"},
            {"record": "agent:calls:merged", "expr": "sum by (cluster, agent) (calls_total)"},
            {"record": "agent:calls:rate5m", "expr": "sum without (instance) (rate(agent:calls:total[5m]))"},
        ],
    },
    {
        "name": "values",
        "rules": [
            {"record": "limit", "expr": "vector(1)", "labels": {"name": "calls"}},
            {"record": "limit", "expr": "vector(2)", "labels": {"name": "depth"}},
        ],
    },
]
CATALOGUE = Catalogue(SCRAPED, GROUPS)
