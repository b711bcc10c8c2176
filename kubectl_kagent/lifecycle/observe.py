"""Consistent looks at a workload, now and back in time.

The API server answers a list at an exact resource version as long as etcd has not compacted it
(five minutes by default). All objects share one counter, so a workload and its sources read at one
resource version are one moment. Stepping to just before the newest write in it gives the moment
before, and so on: no change is missed, whoever made it and whether or not anyone was watching.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Expired, NotFound
from kubectl_kagent.model.resources import DEPLOYMENT, Resource
from kubectl_kagent.model.revision import Revision, Snapshot, Source, parse_time
from kubectl_kagent.model.workload import Workload


@dataclass(frozen=True, slots=True)
class Moment:
    """A workload, its snapshot and its Deployment (None before there is one), all at one resource version."""

    workload: Workload
    snapshot: Snapshot
    deployment: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Moments oldest first. ``gap``: changes before the first one are no longer to be had."""

    moments: tuple[Moment, ...]
    gap: bool


def observe(
    cluster: Cluster, resource: Resource, namespace: str, name: str, *, at: str | None = None
) -> Moment | None:
    """The workload at resource version ``at`` (default: now); None when it did not exist then.

    Raises Expired when ``at`` is compacted, Forbidden when the workload or a source may not be listed.
    """
    listing = _one(cluster, resource, namespace, name, at)
    moment = at or str(listing["metadata"]["resourceVersion"])
    if not listing["items"]:
        return None
    workload = Workload(resource, _typed(resource, listing["items"][0]))
    objects = []
    sources = []
    for reference in workload.references():
        found = _one(cluster, reference.resource, reference.namespace, reference.name, moment)["items"]
        objects += found[:1]
        sources.append(Source.of(reference, found[0] if found else None))
    deployments = _one(cluster, DEPLOYMENT, namespace, name, moment)["items"]
    newest = max([workload.obj, *objects], key=lambda obj: int(obj["metadata"]["resourceVersion"]))
    changed_by, changed_at = _editor(newest)
    snapshot = Snapshot(
        spec=workload.spec,
        sources=tuple(sources),
        resource_version=int(newest["metadata"]["resourceVersion"]),
        generation=workload.generation,
        changed_by=changed_by,
        changed_at=changed_at,
        deployment_path=workload.deployment_path,
    )
    return Moment(workload, snapshot, deployments[0] if deployments else None)


def look_back(
    cluster: Cluster, resource: Resource, namespace: str, name: str, *, known: Revision | None, since: int = 0
) -> Timeline:
    """Every moment after the ``known`` revision (and after resource version ``since``) until now.

    Raises NotFound when the workload is not there now.
    """
    floor = max(since, known.resource_version if known else 0)
    moments: list[Moment] = []
    at: str | None = None
    while True:
        try:
            moment = observe(cluster, resource, namespace, name, at=at)
        except Expired:
            return Timeline(tuple(reversed(moments)), gap=bool(known) and _skipped(known, moments))
        if moment is None and not moments:
            raise NotFound(f'{resource.full_name} "{name}" not found in namespace "{namespace}"')
        if moment is None or (moments and moment.workload.uid != moments[0].workload.uid):
            break
        snapshot = moment.snapshot
        if moments and (snapshot.resource_version <= floor or _settled(snapshot, known)):
            break
        moments.append(moment)
        if snapshot.resource_version <= floor or _settled(snapshot, known):
            break  # nothing happened since: this moment alone stands for now
        at = str(snapshot.resource_version - 1)
    return Timeline(tuple(reversed(moments)), gap=False)


def _settled(snapshot: Snapshot, known: Revision | None) -> bool:
    """Whether ``snapshot`` is the known revision itself: same content and no write to any spec since."""
    return (
        known is not None
        and snapshot.generation == known.generation
        and snapshot.hash == known.hash
        and _generations(snapshot.sources) == _generations(known.sources)
    )


def _generations(sources: tuple[Source, ...]) -> list[tuple[str, int]]:
    return [(source.uid, source.generation) for source in sources]


def _skipped(known: Revision | None, moments: list[Moment]) -> bool:
    """Whether the spec was written more than once between ``known`` and the oldest moment we have."""
    return known is not None and bool(moments) and moments[-1].snapshot.generation > known.generation + 1


def _one(cluster: Cluster, resource: Resource, namespace: str, name: str, at: str | None) -> dict[str, Any]:
    return cluster.list_objects(resource, namespace, fields=f"metadata.name={name}", at=at)


def _typed(resource: Resource, item: Mapping[str, Any]) -> dict[str, Any]:
    """Items of a built-in list come without their kind."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **item}


def _editor(obj: Mapping[str, Any]) -> tuple[str, datetime]:
    """Field manager and time of the newest write that was not a status update."""
    metadata = obj["metadata"]
    entries = [e for e in metadata.get("managedFields") or () if e.get("time") and not e.get("subresource")]
    if not entries:
        created = metadata.get("creationTimestamp")
        return "", parse_time(created) if created else datetime.fromtimestamp(0, UTC)
    newest = max(entries, key=lambda entry: str(entry["time"]))
    return str(newest.get("manager", "")), parse_time(newest["time"])
