"""What a rollout is judged by: the workload, its Deployment and what stands around them, at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, KagentError, NotFound, ResourceMissing, ServerError
from kubectl_kagent.lifecycle.rollout.controllers import ControllerStatus, controller_status
from kubectl_kagent.lifecycle.rollout.uptake import had_time, noted_at, shown
from kubectl_kagent.lifecycle.workloads.autoscaler import Autoscaler, autoscalers
from kubectl_kagent.lifecycle.workloads.deployment import own_deployment
from kubectl_kagent.masking.colours import without_colours
from kubectl_kagent.model.conditions import condition
from kubectl_kagent.model.deployment import REVISION, Deployment
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.paths import by_name
from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.resources import EVENT, POD, REPLICA_SET, Resource
from kubectl_kagent.model.workload import Reference, Workload, dig

Manifest = Mapping[str, Any]

_EXPLAINED_PODS = 5  # one broken template breaks all pods alike; five tell as much as fifty
_LOG_LINES = 5
_FORGOTTEN = timedelta(minutes=10)  # of running: the kubelet begins to count anew
_NO_LOG = ("BadRequest", "NotFound")  # that run has none, or none yet; the pod is gone


@dataclass(frozen=True, slots=True)
class View:
    """One look. What explains a delay is only read when there is one.

    ``pods`` are those of the newest ReplicaSet; ``logs`` is keyed by pod and container; ``controllers`` is
    None when they were not looked for; ``unobserved`` are the labels of sources whose newest content the
    controller has not taken up yet; ``notes`` say what may not be read. ``now`` is the API server's time.
    """

    workload: Workload
    deployment: Manifest | None = None
    replica_sets: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    events: tuple[Manifest, ...] = ()
    logs: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    controllers: ControllerStatus | None = None
    unobserved: tuple[str, ...] = ()
    autoscaler: Autoscaler | None = None
    notes: tuple[Note, ...] = ()
    now: datetime = field(default_factory=lambda: clock.now())

    @property
    def newest(self) -> Manifest | None:
        """The ReplicaSet of the Deployment's current template."""
        return newest_replica_set(self.deployment, self.replica_sets)


def newest_replica_set(deployment: Manifest | None, replica_sets: tuple[Manifest, ...]) -> Manifest | None:
    """The ReplicaSet with the Deployment's own revision, which its controller moves with the template."""
    revision = dig(deployment, "metadata", "annotations", REVISION)
    for item in replica_sets:
        if revision and dig(item, "metadata", "annotations", REVISION) == revision:
            return item
    return None


def look(cluster: Cluster, resource: Resource, namespace: str, name: str) -> View:
    """Read it all. Raises NotFound without the workload, Forbidden without it or its Deployment."""
    workload = Workload(resource, cluster.get(resource, namespace, name))
    if not workload.observed:
        return View(workload, controllers=controller_status(cluster, resource))
    deployment = _deployment(cluster, workload)
    if deployment is None:
        return View(workload, controllers=controller_status(cluster, resource))
    notes: list[Note] = []
    controllers, unobserved = _sources(cluster, workload, deployment, notes)
    if unobserved:
        return View(workload, deployment, controllers=controllers, unobserved=unobserved, notes=tuple(notes))
    if Deployment(deployment).rolled_out:
        idle = Deployment(deployment).counts.wanted == 0
        autoscaler = _autoscaler(cluster, workload, notes) if idle or workload.replicas is None else None
        return View(workload, deployment, autoscaler=autoscaler, notes=tuple(notes))
    return explain(cluster, workload, deployment, notes)


def _deployment(cluster: Cluster, workload: Workload) -> Manifest | None:
    try:
        return own_deployment(cluster, workload)
    except NotFound:
        return None


def _sources(
    cluster: Cluster, workload: Workload, deployment: Manifest, notes: list[Note]
) -> tuple[ControllerStatus | None, tuple[str, ...]]:
    """The controller, when it had to be looked for, and the sources that it has not taken up."""
    doubtful: dict[str, Manifest | None] = {}
    references = {_source_label(ref, workload): ref for ref in workload.references()}
    answers = side_by_side(lambda reference: _listed(cluster, reference), references.values())
    now = cluster.now()
    for label, found in zip(references, answers, strict=True):
        if isinstance(found, Forbidden):
            notes.append(Note(f"cannot check whether the newest {label} is rolled out", found.explained))
            continue
        if found is None or not (shown(found, deployment, workload) or had_time(found, noted_at(found), now)):
            doubtful[label] = found
    if not doubtful:
        return None, ()
    controllers = controller_status(cluster, workload.resource)
    since = controllers.available_since
    if not controllers.deployments:  # it may run all the same: time passes, and it is said
        since = datetime.fromtimestamp(0, UTC)
    unobserved = tuple(label for label, source in doubtful.items() if not had_time(source, since, now))
    if not controllers.deployments and not unobserved:
        why = controllers.refused or f"no {controllers.name} controller found"
        notes.append(Note(f"cannot check whether the newest {', '.join(doubtful)} is rolled out", why))
    return controllers, unobserved


def _listed(cluster: Cluster, reference: Reference) -> Manifest | Forbidden | None:
    """The source, from a list as history reads it: no other permission is needed."""
    if not reference.can_exist:
        return None
    where = (reference.resource, reference.namespace)
    try:
        found = cluster.list_objects(*where, fields=by_name(reference.name))["items"]
    except ResourceMissing:
        return None
    except Forbidden as error:
        return error
    return next(iter(found), None)


def _source_label(reference: Reference, workload: Workload) -> str:
    label = reference.resource.label(reference.name)
    elsewhere = reference.namespace != workload.namespace
    return f"{label} in namespace {reference.namespace}" if elsewhere else label


def explain(cluster: Cluster, workload: Workload, deployment: Manifest, notes: list[Note]) -> View:
    """What explains a Deployment that is not all ready; ``notes`` gets what may not be read."""
    own = {"labels": workload.pod_selector}
    found, there = _items(cluster, workload, notes, ((REPLICA_SET, own), (POD, own)))
    sets = tuple(item for item in found if _owned_by(item, deployment))
    newest = newest_replica_set(deployment, sets)
    pods = tuple(pod for pod in there if newest is not None and _owned_by(pod, newest))
    waiting = [pod for pod in pods if is_starting(pod)][:_EXPLAINED_PODS]
    of_pods = [(EVENT, {"fields": f"involvedObject.uid={pod['metadata']['uid']}"}) for pod in waiting]
    events = [event for some in _items(cluster, workload, notes, of_pods) for event in some]
    now = cluster.now()
    crashed = [
        (pod, status) for pod in waiting for status in Pod(pod).container_statuses if exited(status, now)
    ]
    logs = {
        (pod["metadata"]["name"], status["name"]): _last_lines(cluster, pod, status, notes)
        for pod, status in crashed[:1]
    }
    told = tuple(dict.fromkeys(notes))
    return View(workload, deployment, sets, pods, tuple(events), logs, notes=told, now=now)


def is_starting(pod: Manifest) -> bool:
    """Whether the pod is neither ready nor on its way out."""
    return condition(pod, "Ready", "True") is None and not pod["metadata"].get("deletionTimestamp")


def exited(status: Manifest, now: datetime) -> Manifest | None:
    """How the container's last run ended, when that was a failure and no run in its place got ready."""
    held_back = dig(status, "state", "waiting", "reason") in ("CrashLoopBackOff", "RunContainerError")
    if held_back or _runs_again(status, now):
        ended: Manifest | None = dig(status, "lastState", "terminated")
        return ended
    ended = dig(status, "state", "terminated")
    return ended if ended and ended.get("exitCode") else None


def _runs_again(status: Manifest, now: datetime) -> bool:
    """Whether the container runs for the moment: a crash loop mostly does where its program dies late."""
    running = dig(status, "state", "running")
    if running is None or status.get("ready"):
        return False
    began = clock.parse_or_none(running.get("startedAt"))
    return began is None or now - began < _FORGOTTEN


def _last_lines(cluster: Cluster, pod: Manifest, status: Manifest, notes: list[Note]) -> tuple[str, ...]:
    metadata = pod["metadata"]
    previous = dig(status, "state", "terminated") is None
    try:
        text = cluster.pod_log(
            metadata["namespace"], metadata["name"], status["name"], previous=previous, tail=_LOG_LINES
        )
    except KagentError as error:
        if not (isinstance(error, ServerError) and error.reason in _NO_LOG):
            notes.append(Note("what a crashed container said is unknown", error.explained))
        return ()
    return tuple(line for line in without_colours(text).splitlines() if line.strip())


def _autoscaler(cluster: Cluster, workload: Workload, notes: list[Note]) -> Autoscaler | None:
    try:
        return autoscalers(cluster, workload.namespace).get(workload.key)
    except Forbidden as error:
        notes.append(Note("autoscaler unknown", error.explained))
        return None


def _items(
    cluster: Cluster,
    workload: Workload,
    notes: list[Note],
    asked: Sequence[tuple[Resource, Mapping[str, str]]],
) -> list[list[Manifest]]:
    """The objects of each list, by kind and selector. What may not be listed is noted."""

    def read(of: tuple[Resource, Mapping[str, str]]) -> list[Manifest] | Forbidden:
        resource, selector = of
        try:
            return list(cluster.list_objects(resource, workload.namespace, **selector)["items"])
        except Forbidden as error:
            return error

    answers = side_by_side(read, asked)
    notes += [
        Note("what holds a rollout up may stay unexplained", answer.explained)
        for answer in answers
        if isinstance(answer, Forbidden)
    ]
    return [[] if isinstance(answer, Forbidden) else answer for answer in answers]


def _owned_by(item: Manifest, owner: Manifest) -> bool:
    uid = owner["metadata"]["uid"]
    return any(ref.get("uid") == uid for ref in dig(item, "metadata", "ownerReferences") or ())
