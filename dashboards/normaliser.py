"""What grafanalib says, in the classic shape of schema version 42, which no migration of Grafana changes.

grafanalib writes version 12. Grafana would migrate that through thirty versions and lose the shared crosshair
on the way; so what Grafana no longer knows is dropped here, and the version is that of today.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from grafanalib import core
from grafanalib._gen import DashboardEncoder

SCHEMA_VERSION = 42
_OF_DASHBOARD = frozenset(
    {"__inputs", "gnetId", "hideControls", "rows", "sharedCrosshair", "style", "version"}
)
_OF_PANEL = frozenset({"cacheTimeout", "editable", "error", "height", "hideTimeOverride", "minSpan", "span"})
_ROW = frozenset({"collapsed", "gridPos", "id", "panels", "title", "type"})
# grafanalib's defaults that mean nothing, or something else than Grafana's own.
_DEFAULTS: Mapping[str, Any] = {
    "maxDataPoints": 100,
    "transparent": False,
    "links": [],
    "transformations": [],
}


def classic(dashboard: core.Dashboard) -> dict[str, Any]:
    """The dashboard as plain JSON data."""
    data: dict[str, Any] = json.loads(json.dumps(dashboard.to_json_data(), cls=DashboardEncoder))
    data = {key: value for key, value in data.items() if key not in _OF_DASHBOARD}
    data["panels"] = [_panel(panel) for panel in data["panels"]]
    data["timepicker"] = {"refresh_intervals": data["timepicker"]["refresh_intervals"]}
    data["schemaVersion"] = SCHEMA_VERSION
    return dict(_without_nulls(data))


def _panel(panel: dict[str, Any]) -> dict[str, Any]:
    if panel["type"] == "row":
        return {key: value for key, value in panel.items() if key in _ROW}
    kept = {
        key: value for key, value in panel.items() if key not in _OF_PANEL and not _is_default(key, value)
    }
    defaults = kept["fieldConfig"]["defaults"]
    if not (defaults.get("thresholds") or {}).get("steps"):
        defaults.pop("thresholds", None)
    for reference, target in zip(ascii_uppercase, kept["targets"], strict=False):
        target["refId"] = reference
    return kept


def _is_default(key: str, value: Any) -> bool:
    return key in _DEFAULTS and value == _DEFAULTS[key]


def _without_nulls(value: Any) -> Any:
    """Without keys that say null, but for a threshold's first step, whose value is null."""
    if isinstance(value, dict):
        step = value.keys() == {"value", "color"}
        return {key: _without_nulls(item) for key, item in value.items() if item is not None or step}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
