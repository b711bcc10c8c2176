"""How far apart Grafana asks for samples, and the variables that follow from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scripts.pictures.sources import Range
from scripts.pictures.variables import Value, for_reading, replaced

SCRAPE_SECONDS = 30  # as our data source is provisioned (timeInterval)
# Grafana rounds a step to about one of these (seconds): rangeUtil.roundInterval of @grafana/data.
_ROUND = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds_of(duration: str) -> int:
    """Of a duration like 30s, >30s or 1m, at least 1. Raises ValueError when it is none."""
    match = re.fullmatch(r">?(\d+)(ms|s|m|h|d|w)", duration.strip())
    if match is None:
        raise ValueError(f"not a duration: {duration!r}")
    return max(int(int(match[1]) * _UNITS[match[2]]), 1)


def step_of(panel: Mapping[str, Any], target: Mapping[str, Any], span: Range, width: float) -> int:
    """Seconds between the samples of a panel that is ``width`` px wide."""
    wanted = span.seconds / (panel.get("maxDataPoints") or width)
    interval = target.get("interval") or panel.get("interval") or f"{SCRAPE_SECONDS}s"
    least = seconds_of(replaced(interval, built_in(span, SCRAPE_SECONDS), for_reading))
    return max(least, next((step for step in _ROUND if step >= wanted * 0.75), _ROUND[-1]))


def built_in(span: Range, step: int) -> dict[str, Value]:
    """Grafana's own variables for a query with that step."""
    rate = max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)
    texts = {
        "__interval": f"{step}s",
        "__interval_ms": str(step * 1000),
        "__rate_interval": f"{rate}s",
        "__auto": f"{step}s",  # Loki's own
        "__range": f"{span.seconds}s",
        "__range_s": str(span.seconds),
        "__range_ms": str(span.seconds * 1000),
        "__from": str(span.start * 1000),
        "__to": str(span.end * 1000),
    }
    return {name: Value((text,), text) for name, text in texts.items()}
