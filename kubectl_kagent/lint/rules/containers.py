"""Rules about what runs in a pod: resources, probes, images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.lint.faults import Path
from kubectl_kagent.lint.findings import WARNING
from kubectl_kagent.lint.manifests import Manifest, Manifests
from kubectl_kagent.lint.rules.pods import PodSpec, pods
from kubectl_kagent.lint.rules.rule import Judged, LintRule, Raised
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.workload import dig


def _resources(manifests: Manifests) -> Judged:
    for pod in pods(manifests):
        for container in pod.containers:
            resources = container.value.get("resources")
            path = (*container.path, "resources")
            if resources is None and container.made and pod.workload and pod.workload.is_agent:
                # getDefaultResources of kagent 0.10's translator
                yield Raised(
                    pod.manifest,
                    path,
                    "is not set: kagent sets its own, requests of 100m and 384Mi, limits of 2 and 1Gi",
                )
            elif missing := list(_missing(resources or {})):
                yield Raised(pod.manifest, path, f"has no {', '.join(missing)}")


def _missing(resources: Mapping[str, Any]) -> Iterator[str]:
    """What is not set; a request without a limit is not one, but a limit is a request, too."""
    limits = resources.get("limits") or {}
    for name in ("cpu", "memory"):
        if name not in (resources.get("requests") or {}) and name not in limits:
            yield f"requests.{name}"
    for name in ("cpu", "memory"):
        if name not in limits:
            yield f"limits.{name}"


def _probes(manifests: Manifests) -> Judged:
    for pod in pods(manifests):
        for container in pod.containers:
            if not container.made and not container.value.get("readinessProbe"):
                yield Raised(pod.manifest, container.path, "has no readinessProbe")


def _images(manifests: Manifests) -> Judged:
    for pod in pods(manifests):
        for path, image in _images_of(pod):
            if why := _unpinned(image):
                yield Raised(pod.manifest, path, f'"{image}" {why}')
    for manifest in manifests.of(AGENT):
        for path, image in _skills(manifest):
            if why := _unpinned(image):
                yield Raised(manifest, path, f'"{image}" {why}')


def _images_of(pod: PodSpec) -> Iterator[tuple[Path, str]]:
    containers = [(container.path, container.value) for container in pod.containers]
    containers.append(((*pod.path, "initContainer"), pod.settings.get("initContainer") or {}))
    for path, value in containers:
        if value.get("image"):
            yield (*path, "image"), str(value["image"])


def _skills(manifest: Manifest) -> Iterator[tuple[Path, str]]:
    for index, image in enumerate(dig(manifest.value, "spec", "skills", "refs") or ()):
        yield ("spec", "skills", "refs", index), str(image)


def _unpinned(image: str) -> str:
    if "@" in image:
        return ""
    _, colon, tag = image.rpartition("/")[2].partition(":")
    if not colon:
        return "has no tag: it is latest"
    return "is whatever was pushed last" if tag == "latest" else ""


RULES = (
    LintRule(
        "missing-resources",
        WARNING,
        "A container without requests or limits of CPU and memory.",
        "Without requests the scheduler puts the pod on a node that may be full; without limits one agent "
        "can take the node from the others. kmcp sets none for an MCP server; kagent sets its own for an "
        "agent that has none, which is more than most need and less than some do.",
        _resources,
    ),
    LintRule(
        "missing-probes",
        WARNING,
        "A container beside an agent or an MCP server, or of a Deployment behind a RemoteMCPServer, "
        "without a readinessProbe.",
        "Kubernetes takes it for ready as soon as it runs: a rollout goes on, and requests come, before it "
        "can answer. For an agent's own container kagent sets the probe; an MCPServer's own can't have one.",
        _probes,
    ),
    LintRule(
        "unpinned-image",
        WARNING,
        "An image of an agent, an MCP server or a skill without a tag, or with the tag latest.",
        "Pods of one revision run different programs, depending on when each node pulled the image, and a "
        "rollback brings nothing back.",
        _images,
    ),
)
