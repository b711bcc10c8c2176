"""A made-up fleet: six agents in two namespaces, each with the few numbers that its series follow from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# From when to when more fails than usual, as shares of the time range.
INCIDENT = (0.55, 0.65)


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
