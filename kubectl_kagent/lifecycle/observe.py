"""Consistent looks at a workload, now and back in time.

The API server answers a list at an exact resource version as long as etcd has not compacted it
(five minutes by default). All objects share one counter, so a workload and its sources read at one
resource version are one moment. Stepping to just before the newest write in it gives the moment
before, and so on: no change is missed, whoever made it and whether or not anyone was watching.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Expired, NotFound
from kubectl_kagent.lifecycle.authors import author
from kubectl_kagent.model.paths import by_name
from kubectl_kagent.model.resources import CONFIG_MAP, DEPLOYMENT, SERVICE, Resource
from kubectl_kagent.model.revision import Revision, Snapshot, Source
from kubectl_kagent.model.workload import Workload


@dataclass(frozen=True, slots=True)
class Moment:
    """A workload, its snapshot and its Deployment (None before there is one), all at one resource version.

    ``written`` is the object whose write made this moment: the newest of the workload and its sources.
    """

    workload: Workload
    snapshot: Snapshot
    deployment: Mapping[str, Any] | None
    objects: tuple[Mapping[str, Any], ...]
    written: Mapping[str, Any]

    def version_of(self, uid: str) -> Mapping[str, Any] | None:
        """The object with that uid as it was at this moment."""
        return next((obj for obj in self.objects if obj["metadata"]["uid"] == uid), None)


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
    objects: list[Mapping[str, Any]] = [workload.obj]
    sources = []
    for reference in workload.references():
        found = []
        if reference.can_exist:
            found = _one(cluster, reference.resource, reference.namespace, reference.name, moment)["items"]
        objects += found[:1]
        sources.append(Source.of(reference, found[0] if found else None))
    deployments = _one(cluster, DEPLOYMENT, namespace, name, moment)["items"]
    newest = max(objects, key=lambda obj: int(obj["metadata"]["resourceVersion"]))
    changed_by, changed_at = author(None, newest)
    snapshot = Snapshot(
        spec=workload.spec,
        sources=tuple(sources),
        resource_version=int(newest["metadata"]["resourceVersion"]),
        generation=workload.generation,
        changed_by=changed_by,
        changed_at=changed_at,
        deployment_path=workload.deployment_path,
    )
    return Moment(workload, snapshot, deployments[0] if deployments else None, tuple(objects), newest)


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
            return Timeline(_authored(moments, known), gap=_skipped(known, moments))
        if moment is None and not moments:
            raise NotFound(f'{resource.full_name} "{name}" not found in namespace "{namespace}"')
        if moment is None:
            break  # not made yet, or another object of that name was deleted
        snapshot = moment.snapshot
        if moments and (snapshot.resource_version <= floor or _settled(snapshot, known)):
            break
        moments.append(moment)
        if snapshot.resource_version <= floor or _settled(snapshot, known):
            break  # nothing happened since: this moment alone stands for now
        at = str(snapshot.resource_version - 1)
    return Timeline(_authored(moments, known), gap=False)


def _authored(newest_first: list[Moment], known: Revision | None) -> tuple[Moment, ...]:
    """The moments oldest first, each with the author that the moment before it proves."""
    result: list[Moment] = []
    for moment in reversed(newest_first):
        written = moment.written
        before: Mapping[str, Any] | None = None
        if result:
            before = result[-1].version_of(written["metadata"]["uid"])
        elif known is not None and not _settled(moment.snapshot, known):
            before = _known_version(known, moment)
        changed_by, changed_at = author(before, written)
        snapshot = replace(moment.snapshot, changed_by=changed_by, changed_at=changed_at)
        result.append(replace(moment, snapshot=snapshot))
    return tuple(result)


def _known_version(known: Revision, moment: Moment) -> Mapping[str, Any] | None:
    """What the known revision holds of the object that made ``moment``, as far as it is the object's own."""
    written = moment.written
    if written is moment.workload.obj:
        return {"spec": known.spec}
    for source in known.sources:
        content = source.content or {}
        if source.uid != written["metadata"]["uid"]:
            continue
        if "data" in content:  # perhaps of some keys only
            return {"data": {**(written.get("data") or {}), **content["data"]}}
        if "spec" in content:
            return {"spec": content["spec"]}
    return None


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
    """Whether there was more than one write between ``known`` and the oldest moment we have."""
    if known is None or not moments:
        return False
    oldest = moments[-1].snapshot
    before = {source.reference: source for source in known.sources}
    writes = oldest.generation - known.generation
    writes += sum(_writes(before[s.reference], s) for s in oldest.sources if s.reference in before)
    return writes > 1


def _writes(before: Source, after: Source) -> int:
    """How often a source was written, as far as its kind counts that."""
    if before.uid == after.uid and after.reference.resource not in (CONFIG_MAP, SERVICE):
        return after.generation - before.generation
    return int(before.content != after.content)


def _one(cluster: Cluster, resource: Resource, namespace: str, name: str, at: str | None) -> dict[str, Any]:
    return cluster.list_objects(resource, namespace, fields=by_name(name), at=at)


def _typed(resource: Resource, item: Mapping[str, Any]) -> dict[str, Any]:
    """Items of a built-in list come without their kind."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **item}
