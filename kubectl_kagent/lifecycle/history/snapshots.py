"""Consistent looks at a workload, now and back in time.

The API server answers a list at an exact resource version as long as etcd has not compacted it
(five minutes by default). All objects share one counter, so a workload and its sources read at one
resource version are one moment. Stepping to just before the newest write in it gives the moment
before, and so on: no change is missed, whoever made it and whether or not anyone was watching.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Expired, NotFound
from kubectl_kagent.lifecycle.history.authors import author
from kubectl_kagent.lifecycle.history.config_sources import read_source
from kubectl_kagent.model.paths import by_name
from kubectl_kagent.model.resources import CONFIG_MAP, DEPLOYMENT, SERVICE, Resource
from kubectl_kagent.model.revision import ConfigSource, Revision, Snapshot
from kubectl_kagent.model.workload import Workload

# Far more than is kept of them; a look takes as long as its moments are many.
_MOST_MOMENTS = 300


class Gone(NotFound):
    """The very object that was looked at is not there any more."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A workload, its snapshot and its Deployment (None before there is one), all at one resource version.

    ``sources`` are the objects of the snapshot's, None for one that is not there. ``written`` is the object
    whose write made this moment: the newest of the workload and its sources. ``notes`` say what is left out.
    """

    workload: Workload
    snapshot: Snapshot
    deployment: Mapping[str, Any] | None
    sources: tuple[Mapping[str, Any] | None, ...]
    written: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def version_of(self, uid: str) -> Mapping[str, Any] | None:
        """The object with that uid as it was at this moment."""
        objects = (self.workload.obj, *self.sources)
        return next((obj for obj in objects if obj and obj["metadata"]["uid"] == uid), None)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Moments oldest first. ``gap``: changes before the first one are no longer to be had."""

    moments: tuple[Observation, ...]
    gap: bool


@dataclass(frozen=True, slots=True)
class Then:
    """Workload and Deployment at a resource version; None for what was not there."""

    workload: Workload | None
    deployment: Mapping[str, Any] | None


def observe(
    cluster: Cluster,
    resource: Resource,
    namespace: str,
    name: str,
    *,
    at: str | None = None,
    known: Revision | None = None,
) -> Observation | None:
    """The workload at resource version ``at`` (default: now); None when it did not exist then.

    Raises Expired when ``at`` is compacted, Forbidden when the workload or a source may not be listed.
    """
    where = (cluster, resource, namespace, name)
    listing = _past(*where, at) if at else _one(*where, None)
    moment = str(listing["metadata"]["resourceVersion"])
    if not listing["items"]:
        return None
    workload = Workload(resource, _typed(resource, listing["items"][0]))
    recorded = known.sources if known else ()
    found = [
        read_source(cluster, workload, reference, at=moment, recorded=recorded)
        for reference in workload.references()
    ]
    deployment = _deployment(cluster, workload, moment)
    objects = [workload.obj, *(each.obj for each in found if each.obj)]
    newest = max(objects, key=lambda obj: int(obj["metadata"]["resourceVersion"]))
    changed_by, changed_at = author(None, newest)
    snapshot = Snapshot(
        spec=workload.spec,
        sources=tuple(each.source for each in found),
        resource_version=int(newest["metadata"]["resourceVersion"]),
        generation=workload.generation,
        changed_by=changed_by,
        changed_at=changed_at,
        deployment_path=workload.deployment_path,
    )
    sources, notes = tuple(each.obj for each in found), tuple(each.note for each in found if each.note)
    return Observation(workload, snapshot, deployment, sources, newest, notes)


def observe_then(
    cluster: Cluster, workload: Workload, sources: Sequence[Mapping[str, Any] | None]
) -> Then | None:
    """Workload and Deployment as they were at the newest write of ``sources``; None: that is forgotten."""
    resource, namespace, name = workload.resource, workload.namespace, workload.name
    version = str(max(int(source["metadata"]["resourceVersion"]) for source in sources if source))
    try:
        items = _past(cluster, resource, namespace, name, version)["items"]
        if not items:
            return Then(None, None)
        before = Workload(resource, _typed(resource, items[0]))
        return Then(before, _deployment(cluster, before, version))
    except Expired:
        return None


def look_at(cluster: Cluster, resource: Resource, namespace: str, name: str) -> Workload:
    """The workload as it is now. Raises Gone when it is not there."""
    items = _one(cluster, resource, namespace, name, None)["items"]
    if not items:
        raise Gone(f'{resource.full_name} "{name}" not found in namespace "{namespace}"')
    return Workload(resource, _typed(resource, items[0]))


def look_back(
    cluster: Cluster, resource: Resource, namespace: str, name: str, *, known: Revision | None, since: int = 0
) -> Timeline:
    """Every moment after the ``known`` revision (and after resource version ``since``) until now.

    Of more than a few hundred only the newest. Raises Gone when the workload is not there now, Expired
    when the API server does not even remember the present.
    """
    floor = max(since, known.resource_version if known else 0)
    moments: list[Observation] = []
    while len(moments) < _MOST_MOMENTS:
        at = str(moments[-1].snapshot.resource_version - 1) if moments else None
        try:
            moment = observe(cluster, resource, namespace, name, at=at, known=known)
        except Expired:
            if not moments:
                raise
            return Timeline(_authored(moments, known), gap=_skipped(known, moments))
        if moment is None and not moments:
            raise Gone(f'{resource.full_name} "{name}" not found in namespace "{namespace}"')
        if moment is None:
            break  # not made yet, or another object of that name was deleted
        snapshot = moment.snapshot
        if moments and (snapshot.resource_version <= floor or _settled(snapshot, known)):
            break
        moments.append(moment)
        if snapshot.resource_version <= floor or _settled(snapshot, known):
            break  # nothing happened since: this moment alone stands for now
    else:
        return Timeline(_authored(moments, known), gap=True)
    return Timeline(_authored(moments, known), gap=False)


def _authored(newest_first: list[Observation], known: Revision | None) -> tuple[Observation, ...]:
    """The moments oldest first, each with the author that the moment before it proves."""
    result: list[Observation] = []
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


def _known_version(known: Revision, moment: Observation) -> Mapping[str, Any] | None:
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


def _generations(sources: tuple[ConfigSource, ...]) -> list[tuple[str, int]]:
    return [(source.uid, source.generation) for source in sources]


def _skipped(known: Revision | None, moments: list[Observation]) -> bool:
    """Whether there was more than one write between ``known`` and the oldest moment we have."""
    if known is None or not moments:
        return False
    oldest = moments[-1].snapshot
    before = {source.reference: source for source in known.sources}
    writes = oldest.generation - known.generation
    writes += sum(_writes(before[s.reference], s) for s in oldest.sources if s.reference in before)
    return writes > 1


def _writes(before: ConfigSource, after: ConfigSource) -> int:
    """How often a source was written, as far as its kind counts that."""
    if before.uid == after.uid and after.reference.resource not in (CONFIG_MAP, SERVICE):
        return after.generation - before.generation
    return int(before.content != after.content)


def _one(cluster: Cluster, resource: Resource, namespace: str, name: str, at: str | None) -> dict[str, Any]:
    return cluster.list_objects(resource, namespace, fields=by_name(name), at=at)


def _past(cluster: Cluster, resource: Resource, namespace: str, name: str, at: str) -> dict[str, Any]:
    """Raises Expired also for a server that knows no resourceVersionMatch, and answers with the present."""
    listing = _one(cluster, resource, namespace, name, at)
    if listing["metadata"]["resourceVersion"] != at:
        raise Expired(f"the API server shows {resource.full_name} as they are, not as they were at {at}")
    return listing


def _deployment(cluster: Cluster, workload: Workload, at: str) -> Mapping[str, Any] | None:
    """The workload's own; one that a deleted namesake left behind is none."""
    items = _one(cluster, DEPLOYMENT, workload.namespace, workload.name, at)["items"]
    return next(filter(workload.owns, items), None)


def _typed(resource: Resource, item: Mapping[str, Any]) -> dict[str, Any]:
    """Items of a built-in list come without their kind."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **item}
