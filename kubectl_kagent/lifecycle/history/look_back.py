"""The walk back from now through the moments before it.

All objects share one counter, so a workload and its sources read at one resource version are one moment.
Stepping to just before the newest write in it gives the moment before, and so on: no change that the API
server remembers is missed, whoever made it and whether or not anyone was watching.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kubectl_kagent.cluster import Objects
from kubectl_kagent.errors import Expired
from kubectl_kagent.lifecycle.history.authors import author, is_traceless
from kubectl_kagent.lifecycle.history.deletions import Deletions
from kubectl_kagent.lifecycle.history.last_seen import as_last_seen, counts_generations, is_last_seen
from kubectl_kagent.lifecycle.history.snapshots import (
    Gone,
    Observation,
    Sighting,
    observe,
    resource_version,
    sight,
)
from kubectl_kagent.model.resources import Resource
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.snapshot import ConfigSource
from kubectl_kagent.model.workload import with_replicas

# Far more than is kept of them; a look takes as long as its observations are many.
_MOST_MOMENTS = 300

_Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Moments oldest first. ``gap``: changes before the first one are no longer to be had."""

    observations: tuple[Observation, ...]
    gap: bool


@dataclass(frozen=True, slots=True)
class Write:
    """A write of ours to the spec of a workload: the resource version that it made, and on what it was made.

    That moment is recorded already, and all before it is known.
    """

    version: int
    made_on: Observation


def look_back(
    cluster: Objects,
    resource: Resource,
    namespace: str,
    name: str,
    *,
    known: Revision | None,
    since: int = 0,
    write: Write | None = None,
    now: Sighting | None = None,
) -> Timeline:
    """Every moment after the ``known`` revision until now, and none up to resource version ``since``.

    ``since`` is of an earlier look that had no gap. ``now`` is the workload as it was just seen. When a
    ``write`` is all that happened since the moment that it was made on, none between them is asked for. Of
    more than a few hundred observations only the newest. Raises Gone when the workload is not there now,
    Expired when the API server does not even remember the present.
    """
    where = (cluster, resource, namespace, name)
    floor = max(since, known.resource_version if known else 0)
    last = as_last_seen(known) if known else None
    recorded = (*known.sources, *last.sources) if known and last else ()
    found: list[Observation] = []
    deletions = Deletions(cluster)

    def told(base: Observation | None = None, *, gap: bool) -> Timeline:
        return Timeline(_authored(found, last, base, cluster.now()), gap=gap)

    while len(found) < _MOST_MOMENTS:
        at = str(found[-1].snapshot.resource_version - 1) if found else None
        try:
            seen = now if now and not found else sight(*where, at=at)
            moment = observe(cluster, seen, recorded)
        except Expired:
            if not found:
                raise
            return told(gap=_skipped(last, found[-1]))
        if moment is None and not found:
            raise Gone(f'{resource.full_name} "{name}" not found in namespace "{namespace}"')
        if moment is None:
            break  # not made yet, or another object of that name was deleted
        if is_known := last is not None and _is_known(moment, last):
            is_whole = True
        else:
            moment, is_whole = _with_deletion(deletions, moment, int(seen.at), floor, last)
        if is_known or (is_whole and moment.snapshot.resource_version <= floor):
            if found:
                return told(moment, gap=False)
            found.append(moment)  # without others it alone stands for now
            break
        found.append(moment)
        if write and write.made_on.is_just_before(moment, write.version):
            break
    else:
        return told(gap=True)
    return told(gap=False)


def _is_known(moment: Observation, last: Revision) -> bool:
    """Whether nothing happened since the revision was last seen.

    A Secret that was rotated there and back moves no generation, only the version of the source behind it; of
    a source that came and went only the status of the workload tells, in which its controller notes it.
    """
    pairs = zip(moment.snapshot.sources, moment.sources, strict=True)
    telling = [obj for source, obj in pairs if "secret" in (source.content or {})]
    if moment.missing:
        telling.append(moment.workload.obj)
    newest = max(map(resource_version, telling), default=0)
    return is_last_seen(moment.snapshot, last) and newest <= last.resource_version


def _with_deletion(
    deletions: Deletions, moment: Observation, at: int, floor: int, last: Revision | None
) -> tuple[Observation, bool]:
    """The moment, made by a deletion where that is its newest write; False: one of a source is forgotten."""
    absent = {source.reference for source in last.sources if source.content is None} if last else set()
    newest = max(moment.snapshot.resource_version, floor)
    versions = [
        deletions.deleted_at(reference, after=newest, by=at, absent_before=reference in absent)
        for reference in moment.missing
    ]
    deleted = max((version for version in versions if version), default=0)
    if deleted:
        snapshot = replace(moment.snapshot, resource_version=deleted)
        return replace(moment, snapshot=snapshot, written=None), True
    if None in versions:  # it may be newer than all that is there
        snapshot = replace(moment.snapshot, resource_version=newest)
        return replace(moment, snapshot=snapshot), False
    return moment, True


def _authored(
    newest_first: Sequence[Observation], last: Revision | None, base: Observation | None, now: datetime
) -> tuple[Observation, ...]:
    """The observations oldest first, each with the author that the moment before it proves.

    ``base`` is the moment before the oldest one. Who deletes a source, or only removes fields, leaves no name
    and no time: it was before the next moment.
    """
    result: list[Observation] = []
    for moment in reversed(newest_first):
        written, previous = moment.written, result[-1] if result else base
        known = last if previous is None and last and not is_last_seen(moment.snapshot, last) else None
        if known and written is not None:
            written = _written_since(known, moment)
        changed_by, changed_at = "", moment.snapshot.changed_at
        if written is not None:
            before = previous.version_of(written["metadata"]["uid"]) if previous else None
            before = _known_version(known, moment, written) if known else before
            if before and is_traceless(before, written, since=known.changed_at if known else None):
                written = None
            else:
                changed_by, changed_at = author(before, written)
        snapshot = replace(moment.snapshot, changed_by=changed_by, changed_at=changed_at)
        result.append(replace(moment, snapshot=snapshot, written=written))
    later = now
    for position, moment in reversed(list(enumerate(result))):
        if moment.written is None:
            later = max(later, moment.snapshot.changed_at)  # no clock tells it for sure
            result[position] = replace(moment, snapshot=replace(moment.snapshot, changed_at=later))
        later = result[position].snapshot.changed_at
    return tuple(result)


def _written_since(known: Revision, moment: Observation) -> _Object | None:
    """The newest object of which the config is not what the known revision holds, else the newest of all.

    Others may have been written since, and changed nothing of it: a status, a label. None: a source was
    deleted, and nothing else is another.
    """
    path, before = moment.workload.deployment_path, {source.reference: source for source in known.sources}
    pairs = zip(moment.snapshot.sources, moment.sources, strict=True)
    changed = [
        obj
        for source, obj in pairs
        if source.reference in before and source.content != before[source.reference].content
    ]
    if with_replicas(known.spec, path, None) != with_replicas(moment.workload.spec, path, None):
        changed.append(moment.workload.obj)
    return max(changed, key=resource_version) if changed else moment.written


def _known_version(known: Revision, moment: Observation, written: _Object) -> _Object | None:
    """What the known revision holds of the object that made ``moment``, as far as it is the object's own."""
    if written is moment.workload.obj:
        # whose the count is says nothing of the rest
        path, count = moment.workload.deployment_path, moment.workload.replicas
        return {"spec": with_replicas(known.spec, path, count)}
    for source in known.sources:
        content = source.content or {}
        if source.uid != written["metadata"]["uid"]:
            continue
        if "data" in content:  # perhaps of some keys only
            return {"data": {**(written.get("data") or {}), **content["data"]}}
        if "spec" in content:
            return {"spec": content["spec"]}
    return None


def _skipped(last: Revision | None, oldest: Observation) -> bool:
    """Whether there was more than one write between the revision as last seen and the oldest moment."""
    if last is None:
        return False
    before = {source.reference: source for source in last.sources}
    writes = oldest.workload.generation - last.generation
    for source, obj in zip(oldest.snapshot.sources, oldest.sources, strict=True):
        if source.reference in before:
            writes += _writes(before[source.reference], source)
        elif obj and _written(obj) > _written(oldest.workload.obj):
            writes += 1  # after the workload named it
    return writes > 1


def _writes(before: ConfigSource, after: ConfigSource) -> int:
    """How often a source was written, as far as its kind counts that."""
    if before.uid == after.uid:
        if counts_generations(after):
            moved, rotated = after.generation - before.generation, int(_secret(before) != _secret(after))
            # whoever names another Secret has changed both with one write
            return moved + rotated if _naming(before) == _naming(after) else max(moved, rotated)
        return int(before.content != after.content)
    if before.uid:
        return 2  # deleted, and who knows what was before that
    return after.generation if counts_generations(after) else 1


def _secret(source: ConfigSource) -> Any:
    """What tells that its Secret was rotated, which moves no generation."""
    return (source.content or {}).get("secret")


def _naming(source: ConfigSource) -> _Object:
    """The fields of its spec in which Secrets are named."""
    spec = (source.content or {}).get("spec") or {}
    return {key: value for key, value in spec.items() if "secret" in f"{key} {value}".lower()}


def _written(obj: _Object) -> tuple[Any, int]:
    """When its spec was written, in whole seconds, and the version, which tells apart those of one second."""
    return author(None, obj)[1], resource_version(obj)
