"""How much agents, tools and models were used in a stretch of time, and how that went."""

from __future__ import annotations

from dataclasses import dataclass

from kubectl_kagent.model.trace import Tokens

# What rows may be of.
AGENTS = "agents"
TOOLS = "tools"
MODELS = "models"


@dataclass(frozen=True, slots=True)
class Quantile:
    """A duration in seconds. ``beyond``: it is longer, and nobody measured how much."""

    seconds: float
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The calls of one agent (its turns), tool or model called ``name``.

    ``agent`` is who called it, empty for all agents of the namespace together. ``tool_calls`` and ``tokens``
    are None where nobody counted, quantiles where nobody measured, ``cost`` (in US dollars) without a price.
    """

    namespace: str
    agent: str
    name: str
    calls: int
    errors: int
    p50: Quantile | None = None
    p95: Quantile | None = None
    tool_calls: int | None = None
    tokens: Tokens | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class UsageTable:
    """Rows as a source tells them, and what is not as it seems with them."""

    rows: tuple[UsageRow, ...]
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: rows of a kind for the last ``seconds`` before ``now`` (since the epoch).

    ``namespace`` None is all of them. ``by_agent`` keeps the agents apart that called the same. ``agent`` is
    the only one that is asked for, empty for all.
    """

    kind: str
    namespace: str | None
    seconds: float
    now: float
    by_agent: bool = False
    agent: str = ""

    def key(self, namespace: str, agent: str, name: str) -> tuple[str, str, str] | None:
        """Which row a call belongs to. None for a namespace or an agent that was not asked for."""
        if self.namespace not in (None, namespace) or self.agent not in ("", agent):
            return None
        return namespace, agent if self.by_agent or self.kind == AGENTS else "", name


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a source knows of one stretch of time.

    ``begun``: it had numbers already, of whatever agent; without it no row means that nobody counted.
    """

    rows: tuple[UsageRow, ...]
    begun: bool

    def of(self, namespace: str, agent: str) -> UsageRow | None:
        """An agent's row; None where its turns are not known."""
        for row in self.rows:
            if (row.namespace, row.agent) == (namespace, agent):
                return row
        return UsageRow(namespace, agent, agent, calls=0, errors=0) if self.begun else None


@dataclass(frozen=True, slots=True)
class Stretches:
    """What a source knows of several stretches, in their order, and what is not as it seems with that."""

    counted: tuple[Stretch, ...]
    gaps: tuple[str, ...] = ()
