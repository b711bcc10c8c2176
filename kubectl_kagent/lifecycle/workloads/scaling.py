"""Scale a workload through its own spec: the Deployment's count is rewritten by the controller."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Conflict, Forbidden, KagentError, NotFound, TimedOut, done_so_far
from kubectl_kagent.lifecycle.workloads.autoscaler import (
    Autoscaler,
    autoscalers,
    count_patch,
    must_have,
    release,
)
from kubectl_kagent.lifecycle.workloads.deployment import own_deployments
from kubectl_kagent.model.merge_patch import merged
from kubectl_kagent.model.resources import SCALED_OBJECT
from kubectl_kagent.model.workload import (
    HIBERNATED_RELEASED,
    HIBERNATED_REPLICAS,
    Workload,
    dig,
    whole_number,
)

Warn = Callable[[str], None]

_RENDER_TIMEOUT = 30.0
_LOOKS = 5  # a controller writes an object's status a few times after each change of its spec


@dataclass(frozen=True, slots=True)
class Expect:
    """Preconditions of a scale. None means: any."""

    replicas: int | None = None
    resource_version: str | None = None


@dataclass(frozen=True, slots=True)
class Scaled:
    """A scale that was done (or tried with dry run), and the count in the CR before and after it."""

    obj: Mapping[str, Any]
    before: int | None
    after: int | None

    @property
    def changed(self) -> bool:
        return self.before != self.after


def current_replicas(workload: Workload, deployment: Mapping[str, Any] | NotFound | None) -> int:
    """The count that the CR asks for, else what its Deployment has, else 1 (kagent's default). Pure."""
    if workload.replicas is not None:
        return workload.replicas
    if deployment is None or isinstance(deployment, NotFound):
        return 1
    return int(dig(deployment, "spec", "replicas") or 0)


def current_counts(cluster: Cluster, workloads: Iterable[Workload]) -> dict[tuple[str, str], int]:
    """``current_replicas`` of each, by namespace and name. Only those without one are asked about."""
    workloads = tuple(workloads)
    found = own_deployments(cluster, (each for each in workloads if each.replicas is None))
    return {each.key: current_replicas(each, found.get(each.key)) for each in workloads}


def known_autoscalers(
    cluster: Cluster, namespace: str, *, warn: Warn
) -> Mapping[tuple[str, str], Autoscaler] | None:
    """The autoscalers of a namespace; None when they may not be listed (``warn`` is told)."""
    try:
        return autoscalers(cluster, namespace)
    except Forbidden as error:
        warn(f"could not check for an autoscaler: {error.message}")
        return None


def scaler_of(workload: Workload, scalers: Mapping[tuple[str, str], Autoscaler] | None) -> Autoscaler | None:
    """The one of these autoscalers that targets its Deployment. Pure."""
    return scalers.get(workload.key) if scalers else None


def check_not_autoscaled(workload: Workload, scaler: Autoscaler, *, force: bool, warn: Warn) -> None:
    """Raise KagentError because the autoscaler owns the count, unless ``force`` (then warn)."""
    limits = f"{scaler.label} keeps it between {scaler.minimum} and {scaler.maximum}"
    if not force:
        raise KagentError(
            f"{workload.label} is scaled by an autoscaler: {limits}",
            hint=f"change the autoscaler, or set the count all the same with --force "
            f"(it fights the autoscaler until 'kubectl kagent scale {workload.typed} --release')",
        )
    warn(f"{limits}; the two will fight until --release gives the count back")


def check_stays_asleep(workload: Workload, scaler: Autoscaler, *, force: bool, warn: Warn) -> None:
    """Raise KagentError when the autoscaler would wake it at once, unless ``force`` (then warn)."""
    is_keda = scaler.resource is SCALED_OBJECT
    if scaler.leaves_zero:
        why = (
            "is paused, and leaves it at 0"
            if is_keda
            else "leaves it at 0, and decides again once it is woken"
        )
        warn(f"{scaler.label} {why}")
        return
    woken = f"{scaler.label} scales it up again as soon as there is work"
    if not force:
        pause = ""
        if is_keda:
            pause = (
                f"pause it first: kubectl annotate --overwrite {scaler.label} -n {workload.namespace} "
                "autoscaling.keda.sh/paused-replicas=0; or "
            )
        raise KagentError(
            f"{workload.label} would not stay asleep: {woken}",
            hint=f"{pause}hibernate all the same with --force",
        )
    warn(woken)


def scale(
    cluster: Cluster,
    workload: Workload,
    replicas: int,
    *,
    before: int,
    expect: Expect,
    dry_run: str,
    manager: str,
    remember: bool = False,
) -> Scaled:
    """Set the replica count in the CR, which is ``before`` now. ``remember`` notes the old one for wake.

    Raises Conflict when a precondition does not hold, KagentError when the server keeps another count. An
    object that changes in between is looked at again, as kubectl scale does, unless the caller expects a
    resource version.
    """
    looks = 1
    while True:
        body = _patch(workload, before, replicas, expect, remember=remember)
        if dry_run == "client":
            return Scaled(merged(workload.obj, body), workload.replicas, replicas)
        where = (workload.resource, workload.namespace, workload.name)
        try:
            obj = cluster.merge_patch(*where, body, dry_run=dry_run == "server", manager=manager)
        except Conflict:
            if expect.resource_version or looks == _LOOKS:
                raise
            looks += 1
            workload = Workload(workload.resource, cluster.get(*where))
            before = current_counts(cluster, [workload])[workload.key]
            continue
        must_have(workload, obj, replicas)
        return Scaled(obj, workload.replicas, replicas)


def _patch(
    workload: Workload, before: int, replicas: int, expect: Expect, *, remember: bool
) -> dict[str, Any]:
    """The merge patch that sets the count, of an object that is as the caller expects."""
    _check(workload, before, expect)
    body: dict[str, Any] = {**count_patch(workload, replicas), "metadata": {}}
    notes = _notes_for_wake(workload, before) if remember else _void_notes(workload)
    # a note is of the count that is taken: it may be another by now
    if expect.replicas is not None or expect.resource_version or (remember and notes):
        body["metadata"]["resourceVersion"] = workload.resource_version
    if notes:
        body["metadata"]["annotations"] = notes
    return body


def _notes_for_wake(workload: Workload, before: int) -> dict[str, str | None]:
    """The count, if there is one to go back to, and whether something else decided it."""
    released = "true" if workload.is_agent and workload.replicas is None else None
    if before:
        return {HIBERNATED_REPLICAS: str(before), HIBERNATED_RELEASED: released}
    return {HIBERNATED_RELEASED: released} if released else {}  # asleep already: nothing is forgotten


def _void_notes(workload: Workload) -> dict[str, str | None]:
    """Those that a count set by hand takes away."""
    notes = (HIBERNATED_REPLICAS, HIBERNATED_RELEASED)
    return dict.fromkeys(notes) if workload.annotations.keys() & set(notes) else {}


def _check(workload: Workload, replicas: int, expect: Expect) -> None:
    if expect.replicas is not None and expect.replicas != replicas:
        raise Conflict(f"{workload.label}: expected replicas to be {expect.replicas}, was {replicas}")
    if expect.resource_version and expect.resource_version != workload.resource_version:
        raise Conflict(
            f"{workload.label}: expected resource version to be {expect.resource_version}, "
            f"was {workload.resource_version}"
        )


def wake_replicas(workload: Workload) -> int:
    """The count to wake to: what hibernate noted, else 1."""
    return whole_number(workload.annotations.get(HIBERNATED_REPLICAS)) or 1


def sleeps_released(workload: Workload) -> bool:
    """Whether something else decided its count before it was hibernated."""
    return not workload.replicas and HIBERNATED_RELEASED in workload.annotations


def wake_released(
    cluster: Cluster, workload: Workload, replicas: int, *, dry_run: str, manager: str
) -> Mapping[str, Any]:
    """Give the Deployment that many pods through the CR, and take the count out of it again.

    An HPA leaves a Deployment at 0, and kagent puts any count but the CR's back. Raises Incomplete when the
    count could not be released.
    """
    if dry_run != "none":
        return _foreseen_released(cluster, workload, dry_run=dry_run, manager=manager)
    expect = Expect(replicas=0)
    done = scale(cluster, workload, replicas, before=0, expect=expect, dry_run=dry_run, manager=manager)
    again = f"kubectl kagent scale {workload.typed} --release"
    with done_so_far(f"{workload.label} is woken to {replicas}, its count not released yet", again):
        _await_pods_wanted(cluster, Workload(workload.resource, done.obj))
        return release(cluster, workload, dry_run=False, manager=manager)


def _foreseen_released(
    cluster: Cluster, workload: Workload, *, dry_run: str, manager: str
) -> Mapping[str, Any]:
    """What both writes make of it, in one."""
    body = count_patch(workload, None)
    if notes := _void_notes(workload):
        body["metadata"] = {"annotations": notes}
    if dry_run == "client":
        return merged(workload.obj, body)
    where = (workload.resource, workload.namespace, workload.name)
    foreseen = cluster.merge_patch(*where, body, dry_run=True, manager=manager)
    must_have(workload, foreseen, None)
    return foreseen


def _await_pods_wanted(cluster: Cluster, workload: Workload) -> None:
    deadline = clock.monotonic() + _RENDER_TIMEOUT
    while True:
        deployment = own_deployments(cluster, [workload])[workload.key]
        if not isinstance(deployment, NotFound) and dig(deployment, "spec", "replicas"):
            return
        if clock.monotonic() >= deadline:
            raise TimedOut(f"its controller has not taken it up within {_RENDER_TIMEOUT:g}s")
        clock.sleep(0.2)


def release_replicas(
    cluster: Cluster,
    workload: Workload,
    *,
    before: int,
    scalers: Mapping[tuple[str, str], Autoscaler] | None,
    dry_run: str,
    manager: str,
    warn: Warn,
) -> Scaled:
    """Take the replica count out of the CR, so that an autoscaler or ``kubectl scale deploy`` decides.

    Raises KagentError for an MCPServer, whose count kmcp writes again.
    """
    if not workload.is_agent:
        raise KagentError(
            f"{workload.label} can't be released: kmcp rewrites its replicas at each reconcile",
        )
    if scalers is not None and workload.key not in scalers:
        warn(f"no autoscaler targets deployment/{workload.name}: it stays at {before} until it is scaled")
    if workload.replicas is None:
        return Scaled(workload.obj, None, None)
    if dry_run == "client":
        return Scaled(merged(workload.obj, count_patch(workload, None)), workload.replicas, None)
    released = release(cluster, workload, dry_run=dry_run == "server", manager=manager)
    return Scaled(released, workload.replicas, None)
