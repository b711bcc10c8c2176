"""What a cluster has of kagent instead of Agents that run in Deployments: a line for who looks for one."""

from __future__ import annotations

from kubectl_kagent.cluster import Cluster, Objects
from kubectl_kagent.cluster.refusals import not_found
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import AGENT, AGENT_TEMPLATE, KAGENT_GROUP, Resource

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


def hint_of(kind: Resource, namespace: str, name: str) -> str:
    """For who looks for an Agent of that name, which is one of ``kind``."""
    shown = f"kubectl get {kind.singular} {name} -n {namespace}"
    return f"{name} is of kind {kind.kind}, which kagent runs without a Deployment: {shown} shows it"


def not_there(cluster: Objects, resource: Resource, namespace: str, name: str) -> KagentError:
    """What ``Cluster.get`` raises, for who has found that out from a list."""
    error = not_found(resource, name)
    if resource is AGENT:
        error.hint = cluster.without_deployment(namespace, name) or error.hint
    return error
