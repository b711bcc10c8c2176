"""What panels show of a workload, beside what it really did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.bundle.contents import generated, queries
from tests.cluster.conversations import ASKER
from tests.rehearsal.answers import Ask, filled
from tests.rehearsal.workload import Key, Workload

MODEL = "scripted"
Panels = dict[str, dict[tuple[str, ...], float]]  # by the values of labels


@dataclass(frozen=True, slots=True)
class Number:
    panel: str
    labels: tuple[str, ...]
    shown: float
    wanted: float


def numbers(
    ask: Ask,
    workload: Workload,
    tokens: Mapping[Key, int],
    cost: Mapping[str, float],
    seconds: int,
) -> Iterator[Number]:
    """Each number of the panels below; ``tokens`` by agent and type, ``cost`` by agent in USD."""
    counts = workload.counts
    agents = sorted({key[1] for key in counts})
    tools = sorted({key[2] for key in counts if key[0] == "tool_calls"})
    by_agent: Panels = {
        "kagent-fleet/Agents, the worst first/D": {(a,): counts["turns", a] for a in agents},
        "kagent-fleet/Agents, the worst first/E": {
            (a,): counts["turn_failures", a] / counts["turns", a] for a in agents
        },
        "kagent-fleet/Agents, the worst first/I": {(a,): cost[a] for a in agents},
        "kagent-slo/Budget by agent/C": {(a,): counts["turn_failures", a] for a in agents},
        "kagent-models/Agents and their models/A": {(a,): counts["model_calls", a] for a in agents},
        "kagent-models/Agents and their models/B": {(a,): counts["model_failures", a] for a in agents},
        "kagent-models/Agents and their models/D": {(a,): tokens[a, "input"] for a in agents},
        "kagent-models/Agents and their models/E": {(a,): tokens[a, "output"] for a in agents},
        "kagent-models/Agents and their models/F": {(a,): cost[a] for a in agents},
    }
    by_tool: Panels = {
        "kagent-mcp/Tools by agent/A": {(ASKER, t): counts["tool_calls", ASKER, t] for t in tools},
        "kagent-mcp/Tools by agent/B": {
            (ASKER, t): counts["tool_failures", ASKER, t] for t in tools if counts["tool_failures", ASKER, t]
        },
        "kagent-agent/Tools/A": {(ASKER, t): counts["tool_calls", ASKER, t] for t in tools},
    }
    whole: Panels = {
        "kagent-fleet/Turns/A": {(): sum(counts["turns", a] for a in agents)},
        "kagent-models/Calls/A": {(): sum(counts["model_calls", a] for a in agents)},
        "kagent-models/Cost/A": {(): sum(cost.values())},
        "kagent-mcp/Calls of tools/A": {(): sum(counts["tool_calls", ASKER, t] for t in tools)},
    }
    texts = {
        f"{uid}/{query.where}": query.text
        for uid, dashboard in generated().items()
        for query in queries(dashboard)
    }
    tables: tuple[tuple[tuple[str, ...], Panels], ...] = (
        (("agent",), by_agent),
        (("agent", "tool"), by_tool),
        ((), whole),
    )
    for labels, panels in tables:
        for panel, wanted in panels.items():
            found = ask(filled(texts[panel], {"namespace": workload.namespace}, seconds))
            shown: dict[tuple[str, ...], float] = defaultdict(float)
            for one in found:
                shown[tuple(one["metric"].get(label, "") for label in labels)] += float(one["value"][1])
            for key in sorted(wanted.keys() | shown.keys()):
                yield Number(
                    panel, key, shown[key] if key in shown else float("nan"), wanted.get(key, float("nan"))
                )
