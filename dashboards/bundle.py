"""All dashboards of the bundle."""

from __future__ import annotations

from typing import Any

from dashboards import agent, control_plane, explore, fleet, gateway, mcp, models, slo
from dashboards.normaliser import classic

_MODULES = (fleet, agent, mcp, models, gateway, control_plane, slo, explore)


def dashboards() -> dict[str, dict[str, Any]]:
    """Each dashboard in Grafana's classic JSON, by its uid."""
    return {module.UID: classic(module.build()) for module in _MODULES}
