"""The pods that come of the objects: of agents and MCP servers, and of Deployments behind the latter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kubectl_kagent.lint.faults import Path
from kubectl_kagent.lint.manifests import Manifest, Manifests
from kubectl_kagent.model.resources import DEPLOYMENT, REMOTE_MCP_SERVER, SERVICE
from kubectl_kagent.model.workload import Workload, dig

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Container:
    """A container at ``path``. ``made``: kagent or kmcp writes it, and only some of it can be said."""

    path: Path
    value: Object
    made: bool = False


@dataclass(frozen=True, slots=True)
class PodSpec:
    """What is known of a pod. ``workload`` is None for that of a Deployment."""

    manifest: Manifest
    workload: Workload | None
    path: Path  # of what the pod's own settings are in
    settings: Object
    security: str  # the key of the pod's security context in it
    containers: tuple[Container, ...]
    labels: Mapping[str, str]

    @property
    def volumes(self) -> Sequence[Object]:
        return self.settings.get("volumes") or ()


def pods(manifests: Manifests) -> Iterator[PodSpec]:
    """Every pod of the input that is kagent's business."""
    for manifest, workload in manifests.workloads():
        yield _made(manifest, workload)
    for deployment in _behind_remotes(manifests):
        path: Path = ("spec", "template", "spec")
        spec = dig(deployment.value, *map(str, path)) or {}
        containers = tuple(_listed(spec, (*path, "containers")))
        yield PodSpec(deployment, None, path, spec, "securityContext", containers, _labels_of(deployment))


def _made(manifest: Manifest, workload: Workload) -> PodSpec:
    path = ("spec", *workload.deployment_path)
    settings = dig(manifest.value, *path) or {}
    more = "extraContainers" if workload.is_agent else "sidecars"
    containers = (Container(path, settings, made=True), *_listed(settings, (*path, more)))
    labels = dict(item.split("=", 1) for item in workload.pod_selector.split(","))
    if workload.is_agent:  # users may have other ones in their place
        labels = {"app.kubernetes.io/name": workload.name, "app.kubernetes.io/part-of": "kagent", **labels}
    managed = {"app.kubernetes.io/managed-by": "kagent" if workload.is_agent else "kmcp"}
    own = {**managed, **(settings.get("labels") or {})}
    fixed = {key: value for key, value in labels.items() if key not in own or not workload.is_agent}
    return PodSpec(
        manifest, workload, path, settings, "podSecurityContext", containers, {**labels, **own, **fixed}
    )


def _listed(settings: Object, path: Path) -> Iterator[Container]:
    for index, value in enumerate(settings.get(str(path[-1])) or ()):
        yield Container((*path, index), value)


def _labels_of(deployment: Manifest) -> Mapping[str, str]:
    return dig(deployment.value, "spec", "template", "metadata", "labels") or {}


def _behind_remotes(manifests: Manifests) -> Iterator[Manifest]:
    """Deployments of the input whose Service a RemoteMCPServer's URL names."""
    hosts = {
        (remote.namespace, str(urlsplit(str(dig(remote.value, "spec", "url"))).hostname))
        for remote in manifests.of(REMOTE_MCP_SERVER)
    }
    selectors = [
        (service.namespace, dig(service.value, "spec", "selector") or {})
        for service in manifests.of(SERVICE)
        if any(_is(host, namespace, service) for namespace, host in hosts)
    ]
    for deployment in manifests.of(DEPLOYMENT):
        labels = _labels_of(deployment).items()
        if any(
            namespace == deployment.namespace and selector and selector.items() <= labels
            for namespace, selector in selectors
        ):
            yield deployment


def _is(host: str, namespace: str, service: Manifest) -> bool:
    """Whether ``host``, looked up from ``namespace``, is that Service: NAME, NAME.NS, NAME.NS.svc..."""
    name, _, rest = host.partition(".")
    return (name, rest.split(".")[0] or namespace) == (service.name, service.namespace)
