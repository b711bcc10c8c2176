"""Series in the lab's Prometheus, by the labels that a test asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.cluster.conftest import Tools
from tests.telemetry.conftest import ask

# Prometheus's own, and of whom it scrapes.
SCRAPED = {"__name__", "job", "instance"}


def query(tools: Tools, promql: str) -> list[dict[str, Any]]:
    """The samples of an instant query."""
    found: list[dict[str, Any]] = ask(tools, "prometheus", "/api/v1/query", query=promql)["data"]["result"]
    return found


def totals(tools: Tools, selector: str, *labels: str) -> dict[tuple[str, ...], int]:
    """Sums of counters by these labels; a label that a series lacks is the empty text."""
    found = query(tools, f"sum by ({', '.join(labels)}) ({selector})")
    return {
        tuple(item["metric"].get(label, "") for label in labels): int(float(item["value"][1]))
        for item in found
    }


def all_labels(found: Iterable[Mapping[str, Any]]) -> set[str]:
    """The names of the samples' labels, without those of the scrape."""
    return {label for item in found for label in item["metric"]} - SCRAPED
