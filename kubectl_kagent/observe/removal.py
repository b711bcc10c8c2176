"""What of the bundle is in a cluster and ours to delete, and what is left, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import ResourceMissing
from kubectl_kagent.model.resources import BUNDLED, NAMESPACE, OPERATORS, Resource
from kubectl_kagent.observe.bundle import KAGENT_NAMESPACE, SELECTOR, resource_of

Object = dict[str, Any]

# of every namespace, by Kubernetes itself
_KUBERNETES_OWN = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}

_NAMED = 3  # of what is in the way, in one line


@dataclass(frozen=True, slots=True)
class Installed:
    """An object with the bundle's label."""

    resource: Resource
    obj: Object

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.obj["metadata"].get("namespace") or "")

    @property
    def label(self) -> str:
        return self.resource.label(self.name)

    @property
    def is_going(self) -> bool:
        """Whether it was deleted, and is only not gone yet."""
        return "deletionTimestamp" in self.obj["metadata"]

    def is_applied_by(self, manager: str) -> bool:
        """Whether a server-side apply of that field manager made or changed it."""
        entries = self.obj["metadata"].get("managedFields") or ()
        return any((entry.get("manager"), entry.get("operation")) == (manager, "Apply") for entry in entries)


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to be deleted, in that order, and what is left, each with its reason."""

    deleted: tuple[Installed, ...]
    left: tuple[str, ...]


def removal(cluster: Cluster, namespace: str, *, manager: str) -> Removal:
    """What ``manager`` applied of the bundle whose namespace is ``namespace``.

    The namespace itself goes last, and only if nothing else of the bundle's kinds is in it. What is not in a
    namespace of its own (roles, the recorder) stays as long as another installation needs it.
    """
    found, elsewhere = _installed(cluster, namespace)
    ours: list[Installed] = []
    left = [f"namespace {other} has an installation of its own" for other in sorted(elsewhere)]
    for item in found:
        place = _place(item)
        if place not in ("", namespace, KAGENT_NAMESPACE):
            continue
        if elsewhere and place != namespace:
            left.append(f"{item.label} is needed there, too")
        elif item.is_applied_by(manager):
            ours.append(item)
        else:
            left.append(f"{item.label} was not applied by {manager}")
    own = next((item for item in ours if item.resource is NAMESPACE), None)
    if own and (reason := why_left(cluster, own, ours)):
        ours.remove(own)
        left.append(reason)
    return Removal(tuple(ours), tuple(left))


def why_left(cluster: Cluster, own: Installed, ours: Sequence[Installed]) -> str:
    """What keeps that namespace: others' objects of the bundle's kinds in it; empty: nothing does."""
    others = _others(cluster, own.name, ours)
    return f"{own.label} has other objects in it: {_some(others)}" if others else ""


def superseded(
    cluster: Cluster, namespace: str, objects: Sequence[Object], *, manager: str
) -> tuple[Installed, ...]:
    """What ``manager`` applied of that bundle and an install of ``objects`` has no more, last made first.

    Namespaces stay, and while another installation is there, what is not in ``namespace`` as well.
    """
    wanted = {
        (resource_of(item), item["metadata"].get("namespace") or "", item["metadata"]["name"])
        for item in objects
    }
    found, elsewhere = _installed(cluster, namespace)
    places = (namespace,) if elsewhere else ("", namespace, KAGENT_NAMESPACE)
    return tuple(
        item
        for item in found
        if item.resource is not NAMESPACE
        and item.namespace in places
        and (item.resource, item.namespace, item.name) not in wanted
        and item.is_applied_by(manager)
        and not item.is_going
    )


def _installed(cluster: Cluster, namespace: str) -> tuple[list[Installed], set[str]]:
    """All objects of the bundle, last made first, and the namespaces of other installations."""
    listed = side_by_side(lambda resource: _labelled(cluster, resource), reversed(BUNDLED))
    found = [item for items in listed for item in items]
    going = {item.name for item in found if item.resource is NAMESPACE and item.is_going}
    return found, {item.namespace for item in found} - {"", namespace, KAGENT_NAMESPACE, *going}


def _place(item: Installed) -> str:
    """The namespace that it is in, or is; empty for what is in none."""
    return item.name if item.resource is NAMESPACE else item.namespace


def _some(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return f"{', '.join(labels[:_NAMED])}{more}"


def _labelled(cluster: Cluster, resource: Resource) -> list[Installed]:
    try:
        listing = cluster.list_objects(resource, labels=SELECTOR)
    except ResourceMissing:
        if resource not in OPERATORS:
            raise
        return []  # no operator, so none of its objects
    return [Installed(resource, _typed(resource, item)) for item in listing["items"]]


def _typed(resource: Resource, item: Mapping[str, Any]) -> Object:
    return {"apiVersion": resource.api_version, "kind": resource.kind, **item}


def _others(cluster: Cluster, namespace: str, ours: Sequence[Installed]) -> list[str]:
    """The objects of the bundle's kinds in the namespace that are neither ours nor Kubernetes' own."""
    known = {(item.resource, item.name) for item in ours if item.namespace == namespace}

    def others(resource: Resource) -> list[str]:
        items = cluster.list_objects(resource, namespace)["items"]
        names = (str(item["metadata"]["name"]) for item in items)
        return [
            resource.label(name)
            for name in names
            if (resource, name) not in known and (resource.kind, name) not in _KUBERNETES_OWN
        ]

    kinds = [resource for resource in BUNDLED if resource.namespaced and resource not in OPERATORS]
    return [label for labels in side_by_side(others, kinds) for label in labels]


def try_to_delete(cluster: Cluster, items: Sequence[Installed]) -> None:
    """Let the server check each deletion. Raises Forbidden, and whatever else it refuses one with."""
    side_by_side(lambda item: delete(cluster, item, dry_run=True), items)


def delete(cluster: Cluster, item: Installed, *, dry_run: bool = False) -> None:
    """Raises NotFound for what somebody else has deleted meanwhile."""
    cluster.delete(item.resource, item.namespace, item.name, dry_run=dry_run)
