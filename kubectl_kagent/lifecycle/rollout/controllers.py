"""The controller of a workload's kind, as far as its Deployments tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Forbidden
from kubectl_kagent.model.controllers import CONTROLLERS
from kubectl_kagent.model.deployment import Deployment
from kubectl_kagent.model.resources import DEPLOYMENT, Resource
from kubectl_kagent.model.workload import dig

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ControllerStatus:
    """Where a kind's controller is looked for, and the Deployments found there.

    ``refused`` says why it may not be looked for.
    """

    name: str
    namespaces: tuple[str, ...]
    deployments: tuple[Manifest, ...] = ()
    refused: str = ""

    @property
    def best(self) -> Manifest | None:
        """The Deployment that runs, if any does."""
        return max(self.deployments, key=available, default=None)

    @property
    def available_since(self) -> datetime | None:
        """Since when one of them has had an available pod; None when none has."""
        return min(filter(None, map(_available_since, self.deployments)), default=None)


def controller_status(cluster: Cluster, resource: Resource) -> ControllerStatus:
    """The controller's Deployments: in any namespace, or where charts put them."""
    wanted, refused = CONTROLLERS[resource], ""
    places: tuple[tuple[str | None, ...], ...] = ((None,), wanted.namespaces)
    for tried in places:
        try:
            found = [
                item
                for place in tried
                for item in cluster.list_objects(DEPLOYMENT, place, labels=wanted.labels)["items"]
            ]
        except Forbidden as error:
            refused = error.explained
            continue
        return ControllerStatus(wanted.name, wanted.namespaces, tuple(found))
    return ControllerStatus(wanted.name, wanted.namespaces, refused=refused)


def available(deployment: Manifest) -> int:
    """How many pods of the Deployment are available."""
    return Deployment(deployment).counts.available


def _available_since(deployment: Manifest) -> datetime | None:
    if not available(deployment):
        return None
    found = Deployment(deployment).condition("Available", "True")
    if found and found.since:
        return clock.parse_time(found.since)
    created = dig(deployment, "metadata", "creationTimestamp")
    return clock.parse_time(created) if created else datetime.fromtimestamp(0, UTC)
