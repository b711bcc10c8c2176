"""What usage needs to know of the agents themselves: their models, and which tools wait for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden
from kubectl_kagent.model.place import place_of
from kubectl_kagent.model.resources import AGENT, MODEL_CONFIG
from kubectl_kagent.model.usage import AGENTS, MODELS, TOOLS, UsageRow, UsageTable, Wanted
from kubectl_kagent.model.workload import Workload, dig

_ASK_USER = "ask_user"  # a tool that kagent gives to its agents: it always waits for a person
_TWICE = {
    AGENTS: "turns with calls that wait for a person ({}) count twice, before and after the answer; these "
    "calls too, unless the collector leaves out the first",
    TOOLS: "calls that wait for a person ({}) count twice, before and after the answer, unless the collector "
    "leaves out the first",
}


def models(cluster: Cluster, namespace: str | None) -> dict[str, str]:
    """The model that each agent (``NAMESPACE/NAME``) is configured with now."""
    models, agents = side_by_side(
        lambda resource: cluster.list_objects(resource, namespace)["items"], (MODEL_CONFIG, AGENT)
    )
    configs = {place_of(item): str(dig(item, "spec", "model") or "") for item in models}
    return {
        f"{agent.namespace}/{agent.name}": configs.get((config.namespace, config.name), "")
        for agent in (Workload(AGENT, item) for item in agents)
        if (config := agent.model_config)
    }


def with_doubled(usage: UsageTable, cluster: Cluster, wanted: Wanted) -> UsageTable:
    """The usage in spans, with a gap that names the tools whose calls stand in it twice.

    Metrics don't tell whether the collector leaves out the first span of such a call. The turn's are always
    two: the answer is a request of its own.
    """
    if wanted.kind == MODELS or not usage.rows:
        return usage
    try:
        approvals = _approvals(cluster, wanted.namespace)
    except Forbidden as error:
        return replace(
            usage,
            gaps=(
                *usage.gaps,
                f"which calls wait for a person, and count twice, is not known: {error.explained}",
            ),
        )
    tools = sorted({tool for row in usage.rows for tool in _doubled(row, approvals, wanted)})
    if not tools:
        return usage
    return replace(usage, gaps=(*usage.gaps, _TWICE[wanted.kind].format(", ".join(tools))))


def _approvals(cluster: Cluster, namespace: str | None) -> dict[tuple[str, str], set[str]]:
    """Tools that need approval, by namespace and name of the agent."""
    return {
        (agent.namespace, agent.name): {tool for ref in agent.tools for tool in ref.approvals}
        for agent in (Workload(AGENT, item) for item in cluster.list_objects(AGENT, namespace)["items"])
    }


def _doubled(row: UsageRow, approvals: Mapping[tuple[str, str], set[str]], wanted: Wanted) -> set[str]:
    found = {
        tool
        for (namespace, agent), tools in approvals.items()
        if namespace == row.namespace and row.agent in ("", agent)
        for tool in tools
    }
    if wanted.kind == AGENTS:
        return found if row.tool_calls else set()
    return (found | {_ASK_USER}) & {row.name}
