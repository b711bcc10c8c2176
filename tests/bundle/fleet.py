"""A made-up fleet: six agents in two namespaces, whose calls over time follow from a few numbers each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# From when to when more fails than usual, as shares of the time range.
INCIDENT = (0.55, 0.65)
_WAVE_SECONDS = 7200

Curve = Callable[[float], float]


@dataclass(frozen=True)
class Agent:
    """Its turns a minute, their median duration in seconds, and the share of them that fails."""

    namespace: str
    name: str
    runtime: str
    model: str
    per_minute: float
    seconds: float
    failing: float
    tools: Mapping[str, float]  # tool -> calls per turn
    replicas: int = 1
    broken_for: int = 0  # seconds before the end since when its pod crashes in a loop

    @property
    def pod(self) -> str:
        return f"{self.name}-7c9f6d5b8-x2k4q"


AGENTS = (
    Agent(
        "support",
        "triage",
        "python",
        "gpt-4.1-mini",
        6,
        4,
        0.01,
        {"search_tickets": 1.2, "label_ticket": 0.8},
    ),
    Agent("support", "refunds", "python", "gpt-4.1", 1.5, 9, 0.04, {"find_order": 1.0, "pay_back": 0.4}),
    Agent("support", "translator", "go", "gpt-4.1-mini", 3, 2, 0.0, {"detect_language": 1.0}),
    Agent(
        "platform", "k8s-helper", "python", "claude-sonnet-4", 2, 14, 0.02, {"get_pods": 2.0, "get_logs": 1.5}
    ),
    Agent(
        "platform", "release-notes", "go", "gpt-4.1", 0.5, 20, 0.12, {"list_commits": 3.0}, broken_for=2400
    ),
    Agent("platform", "old-helper", "python", "gpt-4.1-mini", 0.2, 3, 0.0, {"get_pods": 1.0}, replicas=0),
)
TOKENS_PER_TURN = {"input": 1800, "output": 240}
USD_PER_TOKEN = {
    "gpt-4.1-mini": {"input": 4e-7, "output": 1.6e-6},
    "gpt-4.1": {"input": 2e-6, "output": 8e-6},
    "claude-sonnet-4": {"input": 3e-6, "output": 1.5e-5},
}
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


def counted(per_minute: float) -> Curve:
    """How often it has happened after so many seconds: a whole number, in waves of two hours."""
    wave = _WAVE_SECONDS / (2 * math.pi)

    def so_far(second: float) -> float:
        return float(int(per_minute / 60 * (second + 0.6 * wave * (1 - math.cos(second / wave)))))

    return so_far


def share_of(curve: Curve, share: float, during: tuple[float, float]) -> Curve:
    """How many of a curve's events are of a kind: a share of all, five times as many in ``during``."""
    start, end = during

    def so_far(second: float) -> float:
        in_incident = curve(min(max(second, start), end)) - curve(start)
        return float(int(share * (curve(second) + 4 * in_incident) + 0.5))

    return so_far


def below(bound: float, median: float) -> float:
    """The share of durations up to ``bound``: they are log-logistic, of shape 2."""
    return 1 / (1 + (median / bound) ** 2) if bound else 0.0


def mean(median: float) -> float:
    return median * math.pi / 2


def p95(median: float) -> float:
    return median * math.sqrt(19)


def rate(curve: Curve, window: float) -> Curve:
    """Per second over a window; from the beginning where that is shorter."""
    return lambda second: (curve(second) - curve(max(second - window, 0))) / window


def ratio(part: Curve, whole: Curve, window: float) -> Curve:
    """A share of what happened in a window; not a number where nothing did."""

    def at(second: float) -> float:
        before = max(second - window, 0)
        happened = whole(second) - whole(before)
        return (part(second) - part(before)) / happened if happened else math.nan

    return at


def constant(value: float) -> Curve:
    return lambda _: value
