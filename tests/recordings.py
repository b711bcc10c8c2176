"""Recorded answers of the controller, of Tempo, Jaeger and Prometheus, as JSON."""

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
# Turns of the Python runtime that were recorded on both sides.
PAIRS = ("tool", "tool_streamed", "tool_error", "llm_error", "approved", "rejected", "words")


def pair(name: str) -> dict[str, Any]:
    """``session`` and ``tasks`` as the controller has them, ``traces`` as OTLP JSON."""
    found: dict[str, Any] = json.loads((DATA / "telemetry" / f"turn_py_{name}.json").read_text())
    return found


def tempo(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "telemetry" / f"tempo_{name}.json").read_text())
    return found


def jaeger(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "telemetry" / f"jaeger_{name}.json").read_text())
    return found


def prometheus(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "telemetry" / f"prometheus_{name}.json").read_text())
    return found


def rest(name: str) -> Any:
    """The data in an answer of the controller."""
    return _answer(name)["data"]


def card() -> Any:
    """An agent's card, as the controller writes it."""
    return _answer("card")


def _answer(name: str) -> Any:
    return json.loads((DATA / "controller" / f"rest_{name}.txt").read_text().split("\n\n", 1)[1])
