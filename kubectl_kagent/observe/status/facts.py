"""What the API server says of the bundle and of what sends to it, as far as the user may look."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, ResourceMissing
from kubectl_kagent.model.controllers import KAGENT
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.resources import (
    CONFIG_MAP,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    GRAFANA_DASHBOARD,
    LEASE,
    POD,
    PROMETHEUS_RULE,
    SERVICE,
    Resource,
)
from kubectl_kagent.model.workload import dig
from kubectl_kagent.observe import install_options
from kubectl_kagent.observe.bundle import DEFAULT_NAMESPACE, SELECTOR
from kubectl_kagent.observe.status import senders
from kubectl_kagent.observe.status.senders import Points, Tracing
from kubectl_kagent.observe.status.signals import Remedy

Object = Mapping[str, Any]
Objects = Sequence[Object]

NAME = "app.kubernetes.io/name"
AGENT = "kagent"  # the label of an agent's Deployment and pods that has its name
_AGENTS = f"app=kagent,{AGENT}"
_SCRAPED = (
    *("kagent-collector", "kagent-logs", "kagent-state-metrics", "kagent-recorder"),
    *("kmcp", "kagent-tools"),
)
CONFIG_UNKNOWN = "not known: the settings of kagent's controller"
_NODES = "kube-node-lease"  # where each kubelet renews a lease every ten seconds


@dataclass(frozen=True, slots=True)
class Facts:
    """Lists of objects; None where they may not be listed, of which there is a note.

    ``config`` has the ConfigMaps that the controller's environment comes from, by name; ``is_service``
    whether a Service is there that an endpoint names.
    """

    namespace: str
    services: Objects | None
    slices: Objects | None
    controllers: Objects | None
    agents: Objects | None
    agent_pods: Objects | None
    pods: Objects | None
    gateways: Objects | None
    config_maps: Objects | None
    rules: Objects | None
    dashboards: Objects | None
    leases: Objects | None
    config: Mapping[str, Object]
    is_service: Mapping[tuple[str, str], bool]
    notes: tuple[Note, ...]

    @property
    def operated(self) -> bool:
        """Whether the bundle is there as objects of the prometheus-operator."""
        return bool(self.rules)

    @property
    def collector(self) -> Points | None:
        if self.services is None or self.slices is None:
            return None
        return senders.points(senders.NAME, self.namespace, self.services, self.slices)

    @property
    def controller(self) -> Object | None:
        """The Deployment of kagent's controller, if there is one to be seen."""
        return next(iter(self.controllers or ()), None)

    def tracing_of(self, pod_spec: Object) -> Tracing:
        return senders.tracing(senders.environment(pod_spec, self.config))

    def pods_of(self, job: str) -> list[Pod] | None:
        """The pods that a job scrapes, those that are going left out; None where they are not known."""
        if job == "agentgateway":
            found = self.gateways
        elif job == "kagent-controller":
            return None
        else:
            found = self.pods
        if found is None:
            return None
        pods = [Pod(item) for item in found if job == "agentgateway" or _label(item, NAME) == job]
        if job == "agentgateway":
            pods = [pod for pod in pods if _has_gateway(pod)]
        return [pod for pod in pods if not pod.leaving and not pod.ended]

    def command(self, verb: str, *options: str) -> str:
        """``kubectl kagent observe VERB`` with the last install's options, of which these replace some."""
        before = install_options.recorded(self.config_map(install_options.HOLDER))
        words = (*install_options.left_out(before, options), *options)
        return install_options.command(verb, self.namespace, DEFAULT_NAMESPACE, words)

    @property
    def install(self) -> Remedy:
        return Remedy("install the bundle", (self.command("install"),))

    def config_map(self, name: str) -> Object | None:
        return next((item for item in self.config_maps or () if item["metadata"]["name"] == name), None)


def _has_gateway(pod: Pod) -> bool:
    """Whether kmcp put one into it, as it does before a program that speaks over stdin: see scrape.yaml."""
    containers = dig(pod.obj, "spec", "initContainers") or ()
    return any(container["name"] == "copy-binary" for container in containers)


def _label(item: Object, name: str) -> str:
    return str((item["metadata"].get("labels") or {}).get(name) or "")


# what the way of spans to the collector is told from
WIRING = ("services", "slices", "controllers", "agents", "agent_pods")


def look(cluster: Cluster, namespace: str, only: Collection[str] = ()) -> Facts:
    """The lists, side by side, and then what they name. Raises what ``Cluster`` raises, but for Forbidden.

    Of lists that are not among ``only`` nothing is known; without any names it is all of them.
    """
    asked: dict[str, tuple[Resource, str | None, str | None, str]] = {
        "services": (SERVICE, None, SELECTOR, ""),
        "slices": (ENDPOINT_SLICE, namespace, None, "whether the collector has a ready pod"),
        "controllers": (DEPLOYMENT, None, KAGENT.labels, "what kagent is told of tracing"),
        "agents": (DEPLOYMENT, None, _AGENTS, "what agents are told of tracing"),
        "agent_pods": (POD, None, _AGENTS, "which agents trace"),
        "pods": (POD, None, f"{NAME} in ({','.join(_SCRAPED)})", "whether pods of the bundle are ready"),
        "gateways": (POD, None, "app.kubernetes.io/managed-by=kmcp", "whether there are gateways"),
        "config_maps": (CONFIG_MAP, namespace, None, "dashboards, rules, tenant and options of the bundle"),
        "rules": (PROMETHEUS_RULE, namespace, None, "whether there are PrometheusRules"),
        "dashboards": (GRAFANA_DASHBOARD, namespace, None, "whether there are GrafanaDashboards"),
        "leases": (LEASE, _NODES, None, "the clocks of nodes"),
    }
    notes: dict[str, Note] = {}

    def listed(name: str) -> Objects | None:
        resource, where, labels, about = asked[name]
        try:
            found: Objects = cluster.list_objects(resource, where, labels=labels)["items"]
        except Forbidden as error:
            notes[name] = Note(f"not known: {about}", error.explained) if about else _HIDDEN
            return None
        except ResourceMissing:
            return ()
        return found

    names = [name for name in asked if name in only or not only]
    found = dict.fromkeys(asked) | dict(zip(names, side_by_side(listed, names), strict=True))
    if found["services"] is not None:
        found["services"] = [item for item in found["services"] if item["metadata"]["namespace"] == namespace]
    specs = [dig(item, "spec", "template", "spec") or {} for item in found["controllers"] or ()]
    places = [str(item["metadata"]["namespace"]) for item in found["controllers"] or ()]
    config = _config(cluster, dict(zip(places, specs, strict=True)), notes)
    named = _named([senders.tracing(senders.environment(spec, config)) for spec in specs], places)
    return Facts(
        namespace=namespace,
        **found,
        config=config,
        is_service=_which_exist(cluster, named - {(namespace, senders.NAME)}),
        notes=tuple(notes[name] for name in sorted(notes)),
    )


# find_service looks in all namespaces, too
_HIDDEN = Note(
    "Services may not be listed: Prometheus, Tempo, Jaeger, Loki and Alertmanager are not looked for"
)


def _config(cluster: Cluster, specs: Mapping[str, Object], notes: dict[str, Note]) -> dict[str, Object]:
    """The ConfigMaps that these pods take their environment from, by name; of one namespace in all charts."""
    wanted = [(place, name) for place, spec in specs.items() for name in sorted(senders.sources(spec))]
    found: dict[str, Object] = {}
    for place, name in wanted:
        try:
            items = cluster.list_objects(CONFIG_MAP, place, fields=f"metadata.name={name}")["items"]
        except Forbidden as error:
            notes["config"] = Note(CONFIG_UNKNOWN, error.explained)
            continue
        found.update((name, item) for item in items)
    return found


def _named(settings: Sequence[Tracing], places: Sequence[str]) -> set[tuple[str, str]]:
    hosts = [(one.address[0], place) for one, place in zip(settings, places, strict=True) if one.endpoint]
    return {found for host, place in hosts if (found := senders.service_of(host, place))}


def _which_exist(cluster: Cluster, services: set[tuple[str, str]]) -> dict[tuple[str, str], bool]:
    found = {}
    for namespace, name in sorted(services):
        try:
            items = cluster.list_objects(SERVICE, namespace, fields=f"metadata.name={name}")["items"]
            found[namespace, name] = bool(items)
        except Forbidden:
            continue  # it is said of all Services
    return found
