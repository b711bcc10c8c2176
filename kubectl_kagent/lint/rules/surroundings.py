"""Rules about what stands beside the workloads: NetworkPolicies and autoscalers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.lint.findings import ERROR, WARNING, NotJudged
from kubectl_kagent.lint.kubernetes import NETWORK_POLICY
from kubectl_kagent.lint.manifests import Manifest, Manifests
from kubectl_kagent.lint.rules.pods import PodSpec, pods
from kubectl_kagent.lint.rules.rule import Judged, LintRule, Raised
from kubectl_kagent.model.allowed_namespaces import matches
from kubectl_kagent.model.resources import AGENT, HPA, MCP_SERVER, SCALED_OBJECT
from kubectl_kagent.model.workload import dig


def _policies(manifests: Manifests) -> Judged:
    policies = manifests.of_any_version(NETWORK_POLICY)
    for pod in pods(manifests):
        namespace = pod.manifest.namespace
        here = [policy for policy in policies if policy.namespace == namespace]
        if not here and manifests.namespace_labels(namespace) is None:
            yield NotJudged(
                "network-policy", f"namespace {namespace}", "neither it nor its policies are in the input"
            )
        elif not any(_selects(policy, pod) for policy in here):
            yield Raised(
                pod.manifest, ("metadata", "name"), "has pods that no NetworkPolicy of the input selects"
            )


def _selects(policy: Manifest, pod: PodSpec) -> bool:
    selector = dig(policy.value, "spec", "podSelector")
    return isinstance(selector, Mapping) and matches(selector, pod.labels)


def _autoscaled(manifests: Manifests) -> Judged:
    for manifest, workload in manifests.workloads():
        for scaler, target in _scalers(manifests, manifest):
            about = f"{scaler.kind} {scaler.name}"
            path = ("spec", *workload.deployment_path, "replicas")
            if target in (AGENT.kind, MCP_SERVER.kind):
                text = f"is the target of {about}, and has no scale subresource: its Deployment can be scaled"
                yield Raised(manifest, ("metadata", "name"), text)
            elif workload.replicas is not None:
                yield Raised(manifest, path, f"and {about} both set the replicas of its Deployment")
            elif not workload.is_agent:
                text = f"is 1 when it is not set, to which kmcp takes the Deployment back that {about} scales"
                yield Raised(manifest, path, text)


def _scalers(manifests: Manifests, of: Manifest) -> Iterator[tuple[Manifest, str]]:
    """Autoscalers of a workload or of its Deployment, which has its name, and the kind that they name."""
    for manifest in (*manifests.of_any_version(HPA), *manifests.of_any_version(SCALED_OBJECT)):
        if manifest.namespace != of.namespace:
            continue
        target: Any = dig(manifest.value, "spec", "scaleTargetRef")
        kind = str(dig(target, "kind") or "Deployment")  # KEDA's default
        if dig(target, "name") == of.name and kind in ("Deployment", of.kind):
            yield manifest, kind


RULES = (
    LintRule(
        "network-policy",
        WARNING,
        "Pods that no NetworkPolicy selects, where the input has their Namespace or other policies of it.",
        "A pod that no policy selects talks to everything and is talked to by everything; an agent does what "
        "a model says. Where neither the Namespace nor a policy is in the input, this is not judged.",
        _policies,
    ),
    LintRule(
        "replicas-and-autoscaler",
        ERROR,
        "An agent or a server whose replicas are set, though an HPA or a ScaledObject scales its Deployment.",
        "The controller and the autoscaler put their own count back again and again. "
        "`kubectl kagent scale --release` leaves the count of an agent to the autoscaler; kmcp sets that of "
        "an MCP server always.",
        _autoscaled,
    ),
)
