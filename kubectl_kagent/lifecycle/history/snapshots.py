"""Consistent looks at a workload, now and at moments before.

The API server answers a list at an exact resource version as long as etcd has not compacted it
(five minutes by default). All objects share one counter, so a workload and its sources read at one
resource version are one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kubectl_kagent.cluster import Objects
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Expired, NotFound
from kubectl_kagent.lifecycle.history.authors import author
from kubectl_kagent.lifecycle.history.config_sources import ReadSource, read_source
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.paths import by_name
from kubectl_kagent.model.resources import DEPLOYMENT, Resource
from kubectl_kagent.model.snapshot import ConfigSource, Snapshot
from kubectl_kagent.model.workload import Reference, Workload


class Gone(NotFound):
    """The very object that was looked at is not there any more."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A workload as a list has it (None: it does not), and the resource version of that list."""

    workload: Workload | None
    at: str


@dataclass(frozen=True, slots=True)
class Observation:
    """A workload, its snapshot and its Deployment (None before there is one), all at one resource version.

    ``sources`` are the objects of the snapshot's, None for one that is not there. ``written`` is the object
    whose write made this moment: the newest of the workload and its sources; None: the deletion of a source
    made it. ``notes`` say what is left out.
    """

    workload: Workload
    snapshot: Snapshot
    deployment: Mapping[str, Any] | None
    sources: tuple[Mapping[str, Any] | None, ...]
    written: Mapping[str, Any] | None
    notes: tuple[Note, ...] = ()

    @property
    def missing(self) -> set[Reference]:
        """The sources that are not there, of those that can be."""
        return {
            source.reference
            for source in self.snapshot.sources
            if source.content is None and source.reference.can_exist
        }

    def version_of(self, uid: str) -> Mapping[str, Any] | None:
        """The object with that uid as it was at this moment."""
        objects = (self.workload.obj, *self.sources)
        return next((obj for obj in objects if obj and obj["metadata"]["uid"] == uid), None)

    def is_just_before(self, after: Observation, write: int) -> bool:
        """Whether the ``write`` of that resource version to the workload is all that led to ``after``.

        The sources of this moment are as they were, and no other is newer than the write.
        """
        newer = {s.reference: obj for s, obj in zip(after.snapshot.sources, after.sources, strict=True)}
        older = {s.reference: obj for s, obj in zip(self.snapshot.sources, self.sources, strict=True)}
        return (
            after.workload.uid == self.workload.uid
            and after.workload.generation == self.workload.generation + 1
            and all(
                obj and 0 < resource_version(obj) == resource_version(newer.get(ref))
                for ref, obj in older.items()
            )
            and all(obj and resource_version(obj) < write for obj in newer.values())
        )


@dataclass(frozen=True, slots=True)
class Then:
    """Workload and Deployment at a resource version; None for what was not there."""

    workload: Workload | None
    deployment: Mapping[str, Any] | None


def sight(
    cluster: Objects, resource: Resource, namespace: str, name: str, *, at: str | None = None
) -> Sighting:
    """The workload itself at resource version ``at`` (default: now). Raises Expired, and Forbidden."""
    where = (cluster, resource, namespace, name)
    listing = _past(*where, at) if at else _one(*where, None)
    found = [Workload(resource, _typed(resource, item)) for item in listing["items"]]
    return Sighting(found[0] if found else None, str(listing["metadata"]["resourceVersion"]))


def observe(cluster: Objects, seen: Sighting, recorded: tuple[ConfigSource, ...]) -> Observation | None:
    """The observation of which that is the workload; None when it did not exist then.

    ``recorded`` are sources as revisions have them: of what may not be read any more, that counts.
    Raises Expired when that moment is compacted, Forbidden when a source may not be listed.
    """
    workload = seen.workload
    if workload is None:
        return None
    found, deployment = _made_from(cluster, workload, seen.at, recorded)
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


def _made_from(
    cluster: Objects, workload: Workload, at: str, recorded: tuple[ConfigSource, ...]
) -> tuple[list[ReadSource], Mapping[str, Any] | None]:
    """The sources and the Deployment, which no answer makes wait for another: all are of one moment."""
    reads: list[Callable[[], Any]] = [
        partial(read_source, cluster, workload, reference, at=at, recorded=recorded)
        for reference in workload.references()
    ]
    reads.append(partial(deployment_of, cluster, workload, at))
    *found, deployment = side_by_side(_call, reads)
    return found, deployment


def _call(read: Callable[[], Any]) -> Any:
    return read()


def observe_then(
    cluster: Objects, workload: Workload, sources: Sequence[Mapping[str, Any] | None]
) -> Then | None:
    """Workload and Deployment as they were at the newest write of ``sources``; None: that is forgotten."""
    resource, namespace, name = workload.resource, workload.namespace, workload.name
    version = str(max(int(source["metadata"]["resourceVersion"]) for source in sources if source))
    try:
        before = sight(cluster, resource, namespace, name, at=version).workload
        return Then(before, deployment_of(cluster, before, version)) if before else Then(None, None)
    except Expired:
        return None


def look_at(cluster: Objects, resource: Resource, namespace: str, name: str) -> Workload:
    """The workload as it is now. Raises Gone when it is not there."""
    workload = sight(cluster, resource, namespace, name).workload
    if workload is None:
        raise Gone(f'{resource.full_name} "{name}" not found in namespace "{namespace}"')
    return workload


def _one(cluster: Objects, resource: Resource, namespace: str, name: str, at: str | None) -> dict[str, Any]:
    return cluster.list_objects(resource, namespace, fields=by_name(name), at=at)


def _past(cluster: Objects, resource: Resource, namespace: str, name: str, at: str) -> dict[str, Any]:
    """Raises Expired also for a server that knows no resourceVersionMatch, and answers with the present."""
    listing = _one(cluster, resource, namespace, name, at)
    if listing["metadata"]["resourceVersion"] != at:
        raise Expired(f"the API server shows {resource.full_name} as they are, not as they were at {at}")
    return listing


def deployment_of(cluster: Objects, workload: Workload, at: str) -> Mapping[str, Any] | None:
    """The workload's own at that resource version; one that a deleted namesake left behind is none."""
    items = _one(cluster, DEPLOYMENT, workload.namespace, workload.name, at)["items"]
    return next(filter(workload.owns, items), None)


def resource_version(obj: Mapping[str, Any] | None) -> int:
    """That of an object; 0 without one."""
    return int(obj["metadata"]["resourceVersion"]) if obj else 0


def _typed(resource: Resource, item: Mapping[str, Any]) -> dict[str, Any]:
    """Items of a built-in list come without their kind."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **item}
