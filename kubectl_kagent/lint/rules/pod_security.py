"""Pods against the Pod Security Standards, as far as the objects say what the pod will be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.lint.findings import ERROR, WARNING
from kubectl_kagent.lint.manifests import Manifests
from kubectl_kagent.lint.rules.pods import Container, PodSpec, pods
from kubectl_kagent.lint.rules.rule import Judged, LintRule, Raised
from kubectl_kagent.model.workload import dig

# kubernetes.io/docs/concepts/security/pod-security-standards
ENFORCE = "pod-security.kubernetes.io/enforce"
_BASELINE_CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
_RESTRICTED_VOLUMES = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)
_PROFILES = ("RuntimeDefault", "Localhost")


def _unenforced(manifests: Manifests) -> Judged:
    for pod in pods(manifests):
        missing = [*_baseline(pod), *_restricted(pod)]
        if missing and not _refused(manifests, pod)[1]:
            yield Raised(pod.manifest, pod.path, f"is not restricted: {'; '.join(missing)}")


def _enforced(manifests: Manifests) -> Judged:
    for pod in pods(manifests):
        level, missing = _refused(manifests, pod)
        if missing:
            text = (
                f"makes pods that namespace {pod.manifest.namespace} refuses ({level}): {'; '.join(missing)}"
            )
            yield Raised(pod.manifest, pod.path, text)


def _refused(manifests: Manifests, pod: PodSpec) -> tuple[str, list[str]]:
    """By the Namespace of the input: its level, and what the pod lacks for it."""
    level = namespace_level(manifests, pod.manifest.namespace)
    if level == "restricted":
        return level, [*_baseline(pod), *_restricted(pod)]
    return level, list(_baseline(pod)) if level == "baseline" else []


def namespace_level(manifests: Manifests, name: str) -> str:
    """What the Namespace of that name enforces; empty when it is not in the input or does not say."""
    return (manifests.namespace_labels(name) or {}).get(ENFORCE, "")


def _baseline(pod: PodSpec) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.settings.get(name):
            yield f"{name} is on"
    for volume in pod.volumes:
        if "hostPath" in volume:
            yield f"volume {volume.get('name')} is a hostPath"
    for container in pod.containers:
        yield from _baseline_of(pod, container)


def _baseline_of(pod: PodSpec, container: Container) -> Iterator[str]:
    security = container.value.get("securityContext") or {}
    of = _of(container)
    if security.get("privileged"):
        yield f"privileged is on{of}"
    elif container.made and _runs_code(pod) and security.get("allowPrivilegeEscalation") is not False:
        # buildContainerSecurityContext of kagent 0.10's translator
        yield "kagent makes an agent with skills privileged unless allowPrivilegeEscalation is false"
    added = set(dig(security, "capabilities", "add") or ()) - _BASELINE_CAPABILITIES
    if added:
        yield f"adds the capabilities {', '.join(sorted(added))}{of}"
    if any(port.get("hostPort") for port in container.value.get("ports") or ()):
        yield f"has a hostPort{of}"
    if dig(security, "seccompProfile", "type") == "Unconfined":
        yield f"seccompProfile is Unconfined{of}"


def _runs_code(pod: PodSpec) -> bool:
    skills = dig(pod.manifest.value, "spec", "skills") or {}
    of_agent = pod.workload is not None and pod.workload.is_agent
    return of_agent and any(skills.get(key) for key in ("refs", "gitRefs", "s3Refs"))


def _restricted(pod: PodSpec) -> Iterator[str]:
    whole = pod.settings.get(pod.security) or {}
    for volume in pod.volumes:
        kinds = volume.keys() - {"name", "hostPath"} - _RESTRICTED_VOLUMES
        if kinds:
            yield f"volume {volume.get('name')} is of type {', '.join(sorted(kinds))}"
    for container in pod.containers:
        yield from _restricted_of(whole, container)


def _restricted_of(whole: Mapping[str, Any], container: Container) -> Iterator[str]:
    security = container.value.get("securityContext") or {}
    of = _of(container)
    if security.get("runAsNonRoot", whole.get("runAsNonRoot")) is not True:
        yield f"runAsNonRoot is not true{of}"
    if security.get("runAsUser", whole.get("runAsUser")) == 0:
        yield f"runAsUser is 0{of}"
    profile = dig(security, "seccompProfile", "type") or dig(whole, "seccompProfile", "type")
    if profile is None:
        yield f"seccompProfile is not set{of}"
    elif profile not in _PROFILES and not dig(security, "seccompProfile", "type"):
        yield f"seccompProfile is {profile}{of}"
    if security.get("allowPrivilegeEscalation") is not False:
        yield f"allowPrivilegeEscalation is not false{of}"
    if "ALL" not in (dig(security, "capabilities", "drop") or ()):
        yield f"capabilities.drop is without ALL{of}"
    added = set(dig(security, "capabilities", "add") or ()) & _BASELINE_CAPABILITIES - {"NET_BIND_SERVICE"}
    if added:
        yield f"adds the capabilities {', '.join(sorted(added))}{of}"


def _of(container: Container) -> str:
    return "" if container.made else f" in container {container.value.get('name')}"


RULES = (
    LintRule(
        "pod-security",
        WARNING,
        "Pods that do not keep to the Pod Security Standard `restricted`.",
        "An agent runs what a model tells it. As root, with capabilities or with a way to more privileges, "
        "what a prompt talks it into can reach the node.",
        _unenforced,
    ),
    LintRule(
        "pod-security-refused",
        ERROR,
        f"Pods that the Namespace beside them in the input refuses, by its label `{ENFORCE}`.",
        "The agent or server is accepted and never runs: its Deployment can't make pods.",
        _enforced,
    ),
)
