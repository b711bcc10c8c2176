"""What a cluster has of kagent instead of Agents in Deployments: a line for those who look for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import AGENT_HARNESS, AGENT_TEMPLATE, KAGENT_GROUP, SANDBOX_AGENT
from kubectl_kagent.model.workload import dig

# What no cluster of 0.10 serves: with it come AgentTemplate and Harness, and the Agent's controller goes
# (kagent-dev/kagent#2422).
_NEWER = AGENT_TEMPLATE.version
NEWER = (
    f"the CRDs here are those of kagent 0.11 or later ({KAGENT_GROUP}/{_NEWER}), whose controller starts no "
    "Deployment for an agent: where it runs, verbs on agents change nothing; those on mcpservers, tools, "
    "check, lint and version work"
)


def newer(cluster: Cluster) -> str:
    """``NEWER`` where it is so; nothing where it is not, or can't be asked."""
    try:
        return NEWER if _NEWER in cluster.group_versions(KAGENT_GROUP) else ""
    except KagentError:
        return ""


def is_left_alone(agent: Mapping[str, Any]) -> bool:
    """Whether no controller has looked at what the agent says now: so it is for a moment after each edit."""
    seen, wanted = dig(agent, "status", "observedGeneration"), dig(agent, "metadata", "generation")
    return not isinstance(seen, int) or (isinstance(wanted, int) and seen < wanted)


def without_deployment(cluster: Cluster, namespace: str, name: str) -> str:
    """A hint for who looks for an Agent that does not exist: of which other kind this name is."""
    for kind in (SANDBOX_AGENT, AGENT_HARNESS):
        try:
            cluster.get(kind, namespace, name)
        except KagentError:
            continue
        shown = f"kubectl get {kind.singular} {name} -n {namespace}"
        return f"{name} is of kind {kind.kind}, which kagent runs without a Deployment: {shown} shows it"
    return ""
