"""What the API server and the controller say, as far as the user may look; each refusal in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kubectl_kagent.backends.controller import Controller
from kubectl_kagent.backends.versions import kagent_version
from kubectl_kagent.check.rights import Places, Right, Uses, needed
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.kinds import newer
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import KagentError, ResourceMissing
from kubectl_kagent.lifecycle.rollout.controllers import ControllerStatus, available, controller_status
from kubectl_kagent.lifecycle.rollout.inspection import View, explain
from kubectl_kagent.model.controllers import CONTROLLERS, KAGENT
from kubectl_kagent.model.deployment import Deployment
from kubectl_kagent.model.place import Place, by_place
from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.resources import (
    AGENT,
    CRD,
    DEPLOYMENT,
    EVENT,
    LISTABLE,
    NAMESPACE,
    POD,
    SERVICE,
    WORKLOADS,
    Resource,
)
from kubectl_kagent.model.stage import SETTLED, status_of
from kubectl_kagent.model.workload import Reference, Workload, named
from kubectl_kagent.observe.bundle import DEFAULT_NAMESPACE, SELECTOR
from kubectl_kagent.observe.status import facts as wiring
from kubectl_kagent.rbac.rules import Rule
from kubectl_kagent.tools.catalog import Servers, Use, uses

T = TypeVar("T")
Object = Mapping[str, Any]
Objects = Sequence[Object]


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """Each answer, or the error instead of it. ``namespace`` is None for all namespaces.

    ``own`` is that namespace itself.
    ``stuck`` has what explains each workload that is not ready, ``down`` the same of each controller.
    """

    namespace: str | None
    own: Object | KagentError | None
    kubernetes: str
    newer: str
    crds: Mapping[Resource, Object | KagentError]
    controllers: Mapping[Resource, ControllerStatus]
    down: Mapping[Resource, View]
    version: str | KagentError
    objects: Mapping[Resource, Objects | KagentError]
    deployments: Mapping[Place, Deployment] | KagentError
    stuck: Mapping[Reference, View | KagentError]
    uses: Sequence[Use] | KagentError
    needed: Uses
    rights: Mapping[Right, bool | KagentError]
    wiring: wiring.Facts | KagentError

    def workloads(self, resource: Resource) -> list[Workload] | KagentError:
        found = self.objects[resource]
        return found if isinstance(found, KagentError) else [Workload(resource, item) for item in found]

    def deployment(self, workload: Workload) -> Deployment | None:
        return _own(workload, self.deployments)


def look(cluster: Cluster, namespace: str | None, controller: Callable[[], Controller]) -> CheckFacts:
    """Look at everything once. Raises what the API server's version ends with, and nothing else of it."""
    kubernetes = str(cluster.server_version().get("gitVersion", ""))
    kagent = newer(cluster)  # before agents are read: else it would be said there
    controllers = {resource: _controllers(cluster, resource) for resource in WORKLOADS}
    crds = _each(lambda resource: cluster.get(CRD, None, resource.full_name), LISTABLE)
    objects = _each(lambda resource: _items(cluster, resource, namespace), LISTABLE)
    deployments = _or_error(lambda: _deployments(cluster, namespace))
    workloads = [
        Workload(resource, item)
        for resource in WORKLOADS
        if not isinstance(found := objects[resource], KagentError)
        for item in found
    ]
    stuck = {
        Reference(item.resource, *item.key): item
        for item in workloads
        if not isinstance(deployments, KagentError)
        and status_of(item, _own(item, deployments)).stage not in SETTLED
    }
    bundle = _or_error(lambda: _bundle(cluster))
    place = bundle if isinstance(bundle, str) else DEFAULT_NAMESPACE
    best = controllers[AGENT].best
    home = str(best["metadata"]["namespace"]) if best else KAGENT.namespaces[0]
    wanted = needed(Places(namespace or "", home, place))
    return CheckFacts(
        namespace=namespace,
        own=_or_error(lambda: cluster.get(NAMESPACE, None, namespace)) if namespace else None,
        kubernetes=kubernetes,
        newer=kagent,
        crds=crds,
        controllers=controllers,
        down={kind: _around(cluster, kind, found) for kind, found in controllers.items() if _is_short(found)},
        version=_or_error(lambda: kagent_version(controller())),
        objects=objects,
        deployments=deployments,
        stuck=_each(lambda ref: _explained(cluster, stuck[ref], deployments, controllers), stuck),
        uses=_or_error(lambda: _uses(cluster, workloads, controller)),
        needed=wanted,
        rights=_rights(cluster, wanted),
        wiring=(
            bundle
            if isinstance(bundle, KagentError)
            else _or_error(lambda: wiring.look(cluster, place, wiring.WIRING))
        ),
    )


# as kubectl auth can-i '*' '*' asks, of a cluster-admin
_EVERYTHING = Rule("*", "*", "*")


def _rights(cluster: Cluster, wanted: Uses) -> dict[Right, bool | KagentError]:
    """Who may do everything is not asked for each right, nor who gets no answer to that."""
    everything = _or_error(lambda: cluster.allows(_EVERYTHING, None))
    if everything:
        return dict.fromkeys(wanted, everything)
    return _each(lambda right: cluster.allows(right.rule, right.namespace or None), wanted)


def _or_error(read: Callable[[], T]) -> T | KagentError:
    try:
        return read()
    except KagentError as error:
        return error


def _each(read: Callable[[Any], T], keys: Iterable[Any]) -> dict[Any, T | KagentError]:
    """The answer for each key, side by side."""
    keys = list(keys)
    return dict(zip(keys, side_by_side(lambda key: _or_error(lambda: read(key)), keys), strict=True))


def _controllers(cluster: Cluster, resource: Resource) -> ControllerStatus:
    try:
        return controller_status(cluster, resource)
    except KagentError as error:
        wanted = CONTROLLERS[resource]
        return ControllerStatus(wanted.name, wanted.namespaces, refused=error.explained)


def _items(cluster: Cluster, resource: Resource, namespace: str | None) -> Objects:
    try:
        found: Objects = cluster.list_objects(resource, namespace)["items"]
    except ResourceMissing:  # which the CRDs tell
        return ()
    return found


def _deployments(cluster: Cluster, namespace: str | None) -> dict[Place, Deployment]:
    items = by_place(cluster.list_objects(DEPLOYMENT, namespace)["items"])
    return {place: Deployment(item) for place, item in items.items()}


def _own(workload: Workload, deployments: Mapping[Place, Deployment] | KagentError) -> Deployment | None:
    found = None if isinstance(deployments, KagentError) else deployments.get(workload.key)
    return found if found and workload.owns(found.obj) else None


def _uses(cluster: Cluster, workloads: Iterable[Workload], controller: Callable[[], Controller]) -> list[Use]:
    """A controller that can't be asked is told of with its version."""
    agents = [workload for workload in workloads if workload.is_agent]
    return uses(Servers(cluster, controller, lambda _line: None), agents)


def _explained(
    cluster: Cluster,
    workload: Workload,
    deployments: Mapping[Place, Deployment] | KagentError,
    controllers: Mapping[Resource, ControllerStatus],
) -> View:
    """What ``rollout status`` would look at, of what was not read yet."""
    if not workload.observed:
        return View(workload, controllers=controllers[workload.resource])
    deployment = _own(workload, deployments)
    return explain(cluster, workload, deployment.obj, []) if deployment else View(workload)


def _bundle(cluster: Cluster) -> str:
    """The namespace of the observability bundle's collector, or where it would be installed."""
    items = cluster.list_objects(SERVICE, None, labels=SELECTOR)["items"]
    return next((str(item["metadata"]["namespace"]) for item in items), DEFAULT_NAMESPACE)


def _is_short(found: ControllerStatus) -> bool:
    return found.best is not None and not available(found.best)


def _around(cluster: Cluster, resource: Resource, found: ControllerStatus) -> View:
    """What explains that no pod of a controller is available, as far as it may be seen."""
    best = found.best or {}
    namespace, name = str(best["metadata"]["namespace"]), str(best["metadata"]["name"])
    selector = (best.get("spec") or {}).get("selector") or {}
    labels = ",".join(f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items())
    pods, events = (
        () if isinstance(answer, KagentError) else tuple(answer["items"])
        for answer in side_by_side(
            _or_error,
            (
                lambda: cluster.list_objects(POD, namespace, labels=labels or None),
                lambda: cluster.list_objects(EVENT, namespace),
            ),
        )
    )
    there = tuple(pod for pod in pods if not Pod(pod).leaving and not Pod(pod).ended)
    return View(named(DEPLOYMENT, namespace, name), best, pods=there if labels else (), events=events)
