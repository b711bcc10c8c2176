"""Where the pods of agents, MCP servers and controllers are, and which of their containers is meant."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, KagentError
from kubectl_kagent.model.controllers import KAGENT, KMCP
from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.resources import POD, Resource
from kubectl_kagent.model.workload import Workload, pod_selector


@dataclass(frozen=True, slots=True)
class PodSelector:
    """Which pods: a label selector in a namespace, or in all.

    ``workloads`` are those whose pods are meant, where the labels select those of namesakes too; None: all.
    """

    namespace: str | None
    labels: str
    workloads: tuple[Workload, ...] | None = None

    def chooses(self, pod: Pod) -> bool:
        """Whether one of the pods that the labels select is meant."""
        if self.workloads is None:
            return True
        return any(each.namespace == pod.namespace and each.selects(pod.obj) for each in self.workloads)


def of_workloads(cluster: Cluster, workloads: Iterable[Workload]) -> tuple[PodSelector, ...]:
    """Where the workloads' pods are: one selector a kind, in all namespaces when they are in several.

    One a namespace and kind for a user who may not list pods in all namespaces.
    """
    groups: dict[tuple[str, Resource], list[Workload]] = {}
    kinds: dict[Resource, list[Workload]] = {}
    for workload in workloads:
        groups.setdefault((workload.namespace, workload.resource), []).append(workload)
        kinds.setdefault(workload.resource, []).append(workload)
    if len(groups) > len(kinds):
        everywhere = tuple(
            PodSelector(None, pod_selector(resource, _names(group)), tuple(group))
            for resource, group in kinds.items()
        )
        with suppress(Forbidden):
            find_pods(cluster, everywhere)
            return everywhere
    return tuple(
        PodSelector(namespace, pod_selector(resource, _names(group)))
        for (namespace, resource), group in groups.items()
    )


def _names(workloads: Iterable[Workload]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(workload.name for workload in workloads))


def of_controllers(cluster: Cluster) -> tuple[PodSelector, ...]:
    """kagent's and kmcp's, wherever they are; or where charts put them, for who may not look everywhere."""
    everywhere = tuple(PodSelector(None, controller.labels) for controller in (KAGENT, KMCP))
    try:
        find_pods(cluster, everywhere)
    except Forbidden:
        return tuple(
            PodSelector(namespace, controller.labels)
            for controller in (KAGENT, KMCP)
            for namespace in controller.namespaces
        )
    return everywhere


def find_pods(cluster: Cluster, places: Iterable[PodSelector]) -> list[Pod]:
    """The pods, each once, in the order of their names."""
    places = tuple(places)
    listings = side_by_side(
        lambda place: cluster.list_objects(POD, place.namespace, labels=place.labels), places
    )
    pods = (
        (place, Pod(item))
        for place, listing in zip(places, listings, strict=True)
        for item in listing["items"]
    )
    found = {(pod.namespace, pod.name): pod for place, pod in pods if place.chooses(pod)}
    return [found[key] for key in sorted(found)]


def started_pods(cluster: Cluster, places: Iterable[PodSelector], timeout: float) -> list[Pod]:
    """The pods, once a container of one has started, there are none, or ``timeout`` seconds have passed."""
    places = tuple(places)
    deadline = clock.monotonic() + timeout
    while True:
        pods = find_pods(cluster, places)
        started = any(pod.run(container).started for pod in pods for container in pod.containers)
        if started or not pods or clock.monotonic() >= deadline:
            return pods
        clock.sleep(0.5)


@dataclass(frozen=True, slots=True)
class Containers:
    """``-c`` and ``--all-containers``."""

    name: str | None = None
    all_: bool = False

    def of(self, pod: Pod) -> tuple[str, ...]:
        """Those of ``pod``; none when it has no container of that name."""
        if self.all_:
            return pod.containers
        name = self.name or pod.default_container
        return (name,) if name in pod.containers else ()

    def names(self, pods: Iterable[Pod]) -> tuple[str, ...]:
        """The names that are meant; empty: all, also where there is no pod to tell the usual one."""
        if self.name:
            return (self.name,)
        return () if self.all_ else tuple(sorted({name for pod in pods for name in self.of(pod)}))

    def check(self, pods: Iterable[Pod]) -> None:
        """Raises KagentError when no pod has the container."""
        pods = tuple(pods)
        if self.name and pods and not any(self.name in pod.containers for pod in pods):
            raise KagentError(
                f"container {self.name} is not valid for pod {pods[0].name}",
                hint=f"it has: {', '.join(pods[0].containers)}",
            )
