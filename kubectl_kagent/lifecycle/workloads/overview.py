"""What ``get`` shows: each workload with the truth about its pods, from the Deployment and not from Ready.

Of revisions no more than the metadata is read, but where that does not say that the newest one is what runs:
with 20 of them an agent has as much in their content as in everything else that is read of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any, Literal, TypeVar

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, NotFound, ResourceMissing
from kubectl_kagent.lifecycle.workloads.autoscaler import Autoscaler, autoscalers
from kubectl_kagent.model.deployment import Counts, Deployment
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.paths import by_name
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MODEL_CONFIG,
    Resource,
)
from kubectl_kagent.model.revision import (
    CONFIG_HASH,
    LABEL_KIND,
    MalformedRevision,
    is_revision_of,
    number_in,
    owner_uid,
    read_revision,
    revision_name,
)
from kubectl_kagent.model.stage import status_of
from kubectl_kagent.model.workload import Workload, dig, without_replicas

T = TypeVar("T")
Part = Literal["autoscaler", "model", "revision"]
Warn = Callable[[Note], None]
Key = tuple[str, str]
_MOST_LATE = 64  # of more all Deployments, or revisions, are listed again
_PARTS: tuple[Part, ...] = ("model", "revision", "autoscaler")  # in the order in which they are told


@dataclass(frozen=True, slots=True)
class Overview:
    """One line of ``get``. ``counts`` is None without a Deployment; ``revision`` is empty if not recorded.

    ``unknown`` names what may not be read.
    """

    workload: Workload
    counts: Counts | None
    autoscaler: Autoscaler | None
    model: str
    tools: int
    revision: str
    config_hash: str
    image: str
    state: str
    created: datetime
    unknown: frozenset[Part]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around the workloads of a namespace: each kind from one list, by namespace and name.

    ``at`` is the resource version of the Deployments, of which anybody's may have a workload's name.
    ``revisions`` are ControllerRevisions of ours,
    oldest first by number; they may have nothing but their metadata.
    """

    at: int
    deployments: Mapping[Key, Deployment]
    models: Mapping[Key, Mapping[str, Any]]
    revisions: tuple[Mapping[str, Any], ...]
    scalers: Mapping[Key, Autoscaler]
    unknown: frozenset[Part]

    def doubtful(self, workloads: Iterable[Workload]) -> list[Mapping[str, Any]]:
        """The newest revision of each of which the metadata does not say that it is what runs."""
        workloads = list(workloads)
        newest = _newest(self.revisions, workloads)
        return [
            newest[workload.key]
            for workload in workloads
            if workload.key in newest
            and not _says_it_runs(newest[workload.key], _config_hash(workload, self._deployment(workload)))
        ]

    def overviews(self, workloads: Iterable[Workload]) -> list[Overview]:
        """One line of ``get`` for each. Pure."""
        workloads = list(workloads)
        newest = _newest(self.revisions, workloads)
        return [
            overview(
                workload,
                self._deployment(workload),
                self.scalers.get(workload.key),
                _model_name(workload, self.models),
                newest.get(workload.key),
                self.unknown,
            )
            for workload in workloads
        ]

    def _deployment(self, workload: Workload) -> Deployment | None:
        """The one that was made for it; of its name there may be another."""
        found = self.deployments.get(workload.key)
        return found if found and workload.owns(found.obj) else None


def overviews(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    read: Callable[[], Iterable[Mapping[str, Any]]],
    *,
    warn: Warn,
) -> list[Overview]:
    """Those of the workloads that are ``read``, of a namespace (None: of all), in their order.

    Raises what ``read`` raises, and Forbidden without Deployments; ``warn`` hears what else may not be read.
    All of it is read at the same time.
    """
    notes, labels = list[Note](), f"{LABEL_KIND}={resource.singular}"
    reads: tuple[Callable[[], Any], ...] = (
        read,
        lambda: surroundings(
            cluster,
            resource,
            namespace,
            lambda: cluster.list_metadata(CONTROLLER_REVISION, namespace, labels=labels)["items"],
            warn=notes.append,
        ),
    )
    found, around = side_by_side(_call, reads)
    workloads = [Workload(resource, item) for item in found]
    for note in notes:
        warn(note)
    around = _caught_up(cluster, around, workloads, namespace)
    return _read_whole(cluster, around, workloads, namespace, labels).overviews(workloads)


def _read_whole(
    cluster: Cluster, around: Surroundings, workloads: list[Workload], namespace: str | None, labels: str
) -> Surroundings:
    """With those revisions whole that may say something untrue: whoever writes them may write anything.

    Where one is none, an older one is the newest, as in ``history``: then all are read.
    """
    doubtful = around.doubtful(workloads)
    if len(doubtful) <= _MOST_LATE:
        names = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in doubtful]
        listings = side_by_side(
            lambda each: cluster.list_objects(CONTROLLER_REVISION, each[0], fields=by_name(each[1])), names
        )
        found = {name: readable(one["items"]) for name, one in zip(names, listings, strict=True)}
        if all(found.values()):
            known = (
                found.get((item["metadata"]["namespace"], item["metadata"]["name"]), (item,))
                for item in around.revisions
            )
            return replace(around, revisions=tuple(chain.from_iterable(known)))
    items = cluster.list_objects(CONTROLLER_REVISION, namespace, labels=labels)["items"]
    return replace(around, revisions=_by_number(readable(items)))


def readable(revisions: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Those that hold a revision of the number that their name has."""
    found = []
    for item in revisions:
        with suppress(MalformedRevision):
            if read_revision(item).number == number_in(item["metadata"]["name"]):
                found.append(item)
    return tuple(found)


def _caught_up(
    cluster: Cluster, around: Surroundings, workloads: list[Workload], namespace: str | None
) -> Surroundings:
    """With the Deployments read anew of workloads that were written after the list of Deployments.

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
        reads["model"] = lambda: _by_name(cluster, MODEL_CONFIG, namespace)
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


def _call(read: Callable[[], Any]) -> Any:
    return read()


def unless_forbidden(read: Callable[[], T]) -> T | Forbidden:
    """What is read, or the refusal, for who can do without."""
    try:
        return read()
    except Forbidden as error:
        return error


def overview(
    workload: Workload,
    deployment: Deployment | None,
    autoscaler: Autoscaler | None,
    model: str,
    revision: Mapping[str, Any] | None,
    unknown: frozenset[Part] = frozenset(),
) -> Overview:
    """Join what was read about one workload. Pure."""
    config_hash = _config_hash(workload, deployment)
    return Overview(
        workload=workload,
        counts=deployment.counts if deployment else None,
        autoscaler=autoscaler,
        model=model,
        tools=sum(len(tool.tools) for tool in workload.tools),
        revision=_revision(workload, revision, config_hash),
        config_hash=config_hash,
        image=deployment.image if deployment else "",
        state=status_of(workload, deployment).text,
        created=clock.parse_time(workload.obj["metadata"]["creationTimestamp"]),
        unknown=unknown,
    )


def _revision(workload: Workload, revision: Mapping[str, Any] | None, config_hash: str) -> str:
    """The newest revision's number; when something else runs than it recorded, what is known of that."""
    if revision is None:
        return ""
    number = str(number_in(revision["metadata"]["name"]) or "")
    if not _runs_another(revision, config_hash):
        return number
    # a source that was changed and not recorded yet can't be told from what no revision holds
    return f"{number}, rendered anew" if _has_spec_of(workload, revision) else "not recorded"


def _config_hash(workload: Workload, deployment: Deployment | None) -> str:
    return deployment.config_hash(workload) if deployment else ""


def _runs_another(revision: Mapping[str, Any], config_hash: str) -> bool:
    """Whether that hash is not the one that the revision had, as far as both are known."""
    noted = _noted_hash(revision)
    return bool(noted and config_hash) and noted != config_hash


def _says_it_runs(revision: Mapping[str, Any], config_hash: str) -> bool:
    return _noted_hash(revision) == config_hash != ""


def _noted_hash(revision: Mapping[str, Any]) -> str:
    return str(dig(revision, "metadata", "annotations", CONFIG_HASH) or "")


def _has_spec_of(workload: Workload, revision: Mapping[str, Any]) -> bool:
    """Whether the workload's spec, apart from its replica count, is the one that was recorded."""
    recorded = dig(revision, "data", "spec")
    if not isinstance(recorded, Mapping):
        return False
    resource = workload.resource
    return without_replicas(resource, workload.spec) == without_replicas(resource, recorded)


def _by_number(revisions: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(sorted(revisions, key=lambda item: number_in(item["metadata"]["name"])))


def _newest(
    revisions: Iterable[Mapping[str, Any]], workloads: Iterable[Workload]
) -> dict[Key, Mapping[str, Any]]:
    """Those that are revisions of one, whose name is what makes them one's."""
    by_uid = {workload.uid: workload for workload in workloads}
    found: dict[Key, Mapping[str, Any]] = {}
    for item in revisions:
        workload, name = by_uid.get(owner_uid(item)), item["metadata"]["name"]
        if workload and is_revision_of(item, workload) and name == revision_name(workload, number_in(name)):
            found[workload.key] = item
    return found


def _deployments(cluster: Cluster, namespace: str | None) -> tuple[int, dict[Key, Deployment]]:
    """By namespace and name, and of which resource version."""
    listing = cluster.list_objects(DEPLOYMENT, namespace)
    places = ((item["metadata"]["namespace"], item["metadata"]["name"], item) for item in listing["items"])
    found = {(namespace, name): Deployment(item) for namespace, name, item in places}
    return int(listing["metadata"]["resourceVersion"]), found


def _by_name(cluster: Cluster, resource: Resource, namespace: str | None) -> dict[Key, Mapping[str, Any]]:
    try:
        items = cluster.list_objects(resource, namespace)["items"]
    except (NotFound, ResourceMissing):
        return {}
    return {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in items}


def _model_name(workload: Workload, models: Mapping[Key, Mapping[str, Any]]) -> str:
    reference = workload.model_config
    if reference is None:
        return ""
    found = models.get((reference.namespace, reference.name))
    return str(dig(found, "spec", "model") or "") if found else f"{reference.name} (missing)"
