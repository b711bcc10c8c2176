"""What stands around workloads: Deployments, models, revisions and autoscalers, each kind from one list.

Of revisions ``get`` reads no more than the metadata, but where that does not say that the newest one is what
runs: with 20 of them an agent has as much in their content as in everything else that is read of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal, TypeVar

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, NotFound, ResourceMissing
from kubectl_kagent.lifecycle.workloads.autoscaler import Autoscaler, autoscalers
from kubectl_kagent.model.deployment import Deployment
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.paths import by_name
from kubectl_kagent.model.place import Place, by_place, place_of
from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION, DEPLOYMENT, MODEL_CONFIG, Resource
from kubectl_kagent.model.revision import (
    MalformedRevision,
    is_revision_of,
    noted_config_hash,
    number_in,
    owner_uid,
    read_revision,
    revision_name,
)
from kubectl_kagent.model.workload import Workload

T = TypeVar("T")
Part = Literal["autoscaler", "model", "revision"]
Warn = Callable[[Note], None]
_MOST_LATE = 64  # of more all Deployments, or revisions, are listed again
_PARTS: tuple[Part, ...] = ("model", "revision", "autoscaler")  # in the order in which they are told


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around the workloads of a namespace: each kind from one list, by namespace and name.

    ``at`` is the resource version of the Deployments, of which anybody's may have a workload's name.
    ``revisions`` are ControllerRevisions of ours, oldest first by number; they may have nothing but their
    metadata. ``unknown`` names what may not be read.
    """

    at: int
    deployments: Mapping[Place, Deployment]
    models: Mapping[Place, Mapping[str, Any]]
    revisions: tuple[Mapping[str, Any], ...]
    scalers: Mapping[Place, Autoscaler]
    unknown: frozenset[Part]

    def deployment(self, workload: Workload) -> Deployment | None:
        """The one that was made for it; of its name there may be another."""
        found = self.deployments.get(workload.key)
        return found if found and workload.owns(found.obj) else None

    def newest_revisions(self, workloads: Iterable[Workload]) -> dict[Place, Mapping[str, Any]]:
        """By their workload's place, those that are revisions of one, whose name is what makes them one's."""
        by_uid = {workload.uid: workload for workload in workloads}
        found: dict[Place, Mapping[str, Any]] = {}
        for item in self.revisions:
            owner, name = by_uid.get(owner_uid(item)), item["metadata"]["name"]
            if owner and is_revision_of(item, owner) and name == revision_name(owner, number_in(name)):
                found[owner.key] = item
        return found

    def doubtful_revisions(self, workloads: Iterable[Workload]) -> list[Mapping[str, Any]]:
        """The newest revision of each of which the metadata does not say that it is what runs."""
        workloads = list(workloads)
        newest = self.newest_revisions(workloads)
        return [
            newest[workload.key]
            for workload in workloads
            if workload.key in newest and not self._runs(workload, newest[workload.key])
        ]

    def _runs(self, workload: Workload, revision: Mapping[str, Any]) -> bool:
        """Whether the Deployment has the config hash that is noted on the revision."""
        found = self.deployment(workload)
        return found is not None and noted_config_hash(revision) == found.config_hash(workload) != ""


def surroundings(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    revisions: Callable[[], Iterable[Mapping[str, Any]]],
    *,
    warn: Warn,
) -> Surroundings:
    """With the ``revisions`` that are read so; ``warn`` is told what may not be read.

    Raises Forbidden without Deployments.
    """
    reads: dict[Part | None, Callable[[], Any]] = {
        None: lambda: _deployments(cluster, namespace),
        "revision": revisions,
        "autoscaler": lambda: autoscalers(cluster, namespace),
    }
    if resource is AGENT:
        reads["model"] = lambda: _by_place(cluster, MODEL_CONFIG, namespace)
    answers = dict(zip(reads, side_by_side(unless_forbidden, reads.values()), strict=True))
    if isinstance(answers[None], Forbidden):
        raise answers[None]
    unknown: set[Part] = set()
    for part in _PARTS:
        if isinstance(refused := answers.get(part), Forbidden):
            warn(Note(f"{part} unknown", refused.explained))
            unknown.add(part)
    known = {part: {} if isinstance(found, Forbidden) else found for part, found in answers.items()}
    at, deployments = known[None]
    return Surroundings(
        at=at,
        deployments=deployments,
        models=known.get("model", {}),
        revisions=_by_number(known["revision"]),
        scalers=known["autoscaler"],
        unknown=frozenset(unknown),
    )


def unless_forbidden(read: Callable[[], T]) -> T | Forbidden:
    """What is read, or the refusal, for who can do without."""
    try:
        return read()
    except Forbidden as error:
        return error


def with_newer_deployments(
    cluster: Cluster, around: Surroundings, workloads: list[Workload], namespace: str | None
) -> Surroundings:
    """``around`` with the Deployments read anew of workloads that were written after their list.

    A Deployment that is older than what its workload's status tells proves nothing. All objects share one
    counter, so it is seen which may be.
    """
    late = [workload for workload in workloads if int(workload.resource_version or 0) > around.at]
    if not late:
        return around
    if len(late) > _MOST_LATE:
        at, deployments = _deployments(cluster, namespace)
        return replace(around, at=at, deployments=deployments)
    listings = side_by_side(
        lambda each: cluster.list_objects(DEPLOYMENT, each.namespace, fields=by_name(each.name)), late
    )
    items = ((each.key, item) for each, one in zip(late, listings, strict=True) for item in one["items"])
    newer = {key: Deployment(item) for key, item in items}
    older = {key: item for key, item in around.deployments.items() if key not in {each.key for each in late}}
    return replace(around, deployments=older | newer)


def with_whole_revisions(
    cluster: Cluster, around: Surroundings, workloads: list[Workload], namespace: str | None, labels: str
) -> Surroundings:
    """``around`` with those revisions whole that may say something untrue: anything may be written in them.

    Where one is none, an older one is the newest, as in ``history``: then all are read.
    """
    doubtful = around.doubtful_revisions(workloads)
    if len(doubtful) <= _MOST_LATE:
        places = [place_of(item) for item in doubtful]
        listings = side_by_side(
            lambda each: cluster.list_objects(CONTROLLER_REVISION, each[0], fields=by_name(each[1])), places
        )
        found = {place: _readable(one["items"]) for place, one in zip(places, listings, strict=True)}
        if all(found.values()):
            known = (found.get(place_of(item), (item,)) for item in around.revisions)
            return replace(around, revisions=tuple(chain.from_iterable(known)))
    items = cluster.list_objects(CONTROLLER_REVISION, namespace, labels=labels)["items"]
    return replace(around, revisions=_by_number(_readable(items)))


def _readable(revisions: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Those that hold a revision of the number that their name has."""
    found = []
    for item in revisions:
        with suppress(MalformedRevision):
            if read_revision(item).number == number_in(item["metadata"]["name"]):
                found.append(item)
    return tuple(found)


def _by_number(revisions: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(sorted(revisions, key=lambda item: number_in(item["metadata"]["name"])))


def _deployments(cluster: Cluster, namespace: str | None) -> tuple[int, dict[Place, Deployment]]:
    """By namespace and name, and of which resource version."""
    listing = cluster.list_objects(DEPLOYMENT, namespace)
    found = {place: Deployment(item) for place, item in by_place(listing["items"]).items()}
    return int(listing["metadata"]["resourceVersion"]), found


def _by_place(cluster: Cluster, resource: Resource, namespace: str | None) -> dict[Place, Mapping[str, Any]]:
    try:
        return by_place(cluster.list_objects(resource, namespace)["items"])
    except (NotFound, ResourceMissing):
        return {}
