"""What each verb may need to ask of the API server: the one table behind the ClusterRoles, docs and hints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    CRD,
    DEPLOYMENT,
    EVENT,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    POD,
    REMOTE_MCP_SERVER,
    REPLICA_SET,
    SCALED_OBJECT,
    SERVICE,
    WORKLOADS,
    Resource,
)

READING = ("get", "list", "watch")


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One verb on one resource (``pods/log`` is one of its own), as RBAC knows it."""

    group: str
    resource: str
    verb: str


@dataclass(frozen=True, slots=True)
class Need:
    """Rules that a verb of ours uses, and what for.

    ``without`` is what it does when they are missing; empty: it can't do its work. ``elsewhere`` names the
    namespaces when they are not (only) the object's own: then it takes a ClusterRoleBinding.
    """

    resource: Resource
    verbs: tuple[str, ...]
    why: str
    without: str = ""
    subresource: str = ""
    elsewhere: str = ""

    @property
    def resource_name(self) -> str:
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(Rule(self.resource.group, self.resource_name, verb) for verb in self.verbs)


def _each(resources: Iterable[Resource], verbs: tuple[str, ...], why: str) -> tuple[Need, ...]:
    return tuple(Need(resource, verbs, why) for resource in resources)


def _only_with(option: str, needs: Iterable[Need]) -> tuple[Need, ...]:
    return tuple(replace(need, why=f"{option}: {need.why}") for need in needs)


_ALL_NAMESPACES = "all namespaces"

_NAMED = _each(WORKLOADS, ("get",), "the object named")
_SELECTED = _each(WORKLOADS, ("list",), "-l, --all")
_COUNT = Need(DEPLOYMENT, ("get",), "the count of an object that has none of its own")

_AUTOSCALED = Need(HPA, ("list",), "refuse what an autoscaler decides", "goes on, and says so")
_KEDA = Need(SCALED_OBJECT, ("list",), "KEDA's limits", "the HPA that KEDA makes stands in for it")

_OVERVIEW = (
    Need(DEPLOYMENT, ("list",), "desired, ready and updated pods"),
    Need(MODEL_CONFIG, ("list",), "the model", "shows the ModelConfig's name"),
    Need(CONTROLLER_REVISION, ("list",), "the revision", "leaves it out"),
    Need(HPA, ("list",), "who decides the replicas", "leaves it out"),
    _KEDA,
)

# The effective config and its past, all read at one resource version, which only a list can ask for.
_PAST = (
    *_each(WORKLOADS, ("list",), "the object at one moment, now and before; MCPServers as tool servers too"),
    *_each((MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, SERVICE), ("list",), "what the config is made from"),
    Need(DEPLOYMENT, ("list",), "the config hash that it proves"),
    Need(CONTROLLER_REVISION, ("list",), "the revisions"),
)
_RECORDING = (
    Need(CONTROLLER_REVISION, ("create",), "record", "shows the live state, and records nothing"),
    Need(
        CONTROLLER_REVISION,
        ("patch",),
        "note config hash, image and time ready once they are known",
        "leaves the revision without them",
    ),
    Need(CONTROLLER_REVISION, ("delete",), "keep only the newest 20", "keeps them all"),
    Need(
        CONTROLLER_REVISION,
        ("get",),
        "see whether a name in the way belongs to a deleted object",
        "records nothing then",
    ),
)

_EXPLAINED = (
    Need(REPLICA_SET, ("list",), "pods that are refused (quota, admission)", "may not know the cause"),
    Need(POD, ("list",), "pods that do not start", "may not know the cause"),
    Need(EVENT, ("list",), "probes that fail, volumes that don't mount", "may not know the cause"),
    Need(POD, ("get",), "a crashed container's last lines", "leaves them out", subresource="log"),
    Need(
        DEPLOYMENT,
        ("list",),
        "whether the controller runs",
        "does not know it",
        elsewhere=f"{_ALL_NAMESPACES}, or the controller's",
    ),
)
_IDLE = (Need(HPA, ("list",), "who scaled it to 0", "leaves it out"), _KEDA)

_UNDO = (
    *_NAMED,
    *_PAST,
    *_each(WORKLOADS, ("patch",), "put the spec back"),
    *_each((MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP), ("get", "patch"), "--with-sources"),
    *_RECORDING,
    Need(
        AGENT,
        ("list",),
        "who else uses a tool server that differs",
        "names only those of its namespace",
        elsewhere=_ALL_NAMESPACES,
    ),
    *_only_with("--wait", (Need(DEPLOYMENT, ("get",), "how far it is"), *_EXPLAINED, *_IDLE)),
)

PERMISSIONS: Mapping[str, tuple[Need, ...]] = {
    "get agents|mcpservers": (
        *_each(WORKLOADS, ("get", "list"), "the objects"),
        *_OVERVIEW,
        *_each((*WORKLOADS, DEPLOYMENT), ("watch",), "-w"),
    ),
    "get modelconfigs|remotemcpservers": _each(
        (MODEL_CONFIG, REMOTE_MCP_SERVER), ("get", "list"), "the objects"
    ),
    "describe": (
        *_NAMED,
        *_SELECTED,
        *_OVERVIEW,
        Need(REMOTE_MCP_SERVER, ("get",), "the tools it offers", "says that they are not known"),
        Need(SERVICE, ("get",), "whether a tool server is there", "says that it is not known"),
        Need(POD, ("list",), "pods and their failures", "leaves them out"),
        Need(EVENT, ("list",), "events", "leaves them out"),
    ),
    "scale": (
        *_NAMED,
        *_SELECTED,
        *_each(WORKLOADS, ("patch",), "set replicas"),
        replace(_COUNT, why=f"{_COUNT.why}; --wait"),
        _AUTOSCALED,
        _KEDA,
        *_only_with("--wait", _EXPLAINED),
    ),
    "hibernate": (
        *_NAMED,
        *_SELECTED,
        *_each(WORKLOADS, ("patch",), "set replicas, note the old count"),
        _COUNT,
        _AUTOSCALED,
        _KEDA,
    ),
    "wake": (*_NAMED, *_SELECTED, *_each(WORKLOADS, ("patch",), "set replicas")),
    "autoscale": (
        Need(AGENT, ("get", "patch"), "hand its replicas to the HPA"),
        Need(HPA, ("list",), "is there one already?"),
        Need(HPA, ("create",), "create the HPA"),
        _KEDA,
    ),
    "rollout history": (
        *_NAMED,
        *_PAST,
        Need(REPLICA_SET, ("list",), "the pods of each config"),
        *_RECORDING,
    ),
    "rollout diff": (*_NAMED, *_PAST, *_RECORDING),
    "rollout undo, rollback": _UNDO,
    "rollout status": (
        *_NAMED,
        Need(DEPLOYMENT, ("get",), "how far it is"),
        *_EXPLAINED,
        *_IDLE,
        *_only_with("--revision", _PAST),
        Need(SERVICE, ("create",), "--smoke", subresource="proxy"),
    ),
    "rollout restart": (
        *_NAMED,
        *_SELECTED,
        Need(DEPLOYMENT, ("get", "patch"), "mark an agent's pods as restarted; --wait"),
        Need(MCP_SERVER, ("patch",), "mark an MCP server's pods as restarted"),
        *_only_with("--wait", _EXPLAINED),
    ),
    "record": (
        *_each(
            (*WORKLOADS, MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, SERVICE, DEPLOYMENT),
            ("list", "watch"),
            "every change of the config and of what it is made from",
        ),
        Need(CONTROLLER_REVISION, ("list", "create", "patch", "delete", "get"), "the revisions"),
    ),
    "version": (
        Need(CRD, ("get",), "which versions are served", "leaves them out", elsewhere="the cluster"),
        Need(SERVICE, ("list",), "find the controller", "leaves its version out", elsewhere=_ALL_NAMESPACES),
        Need(
            SERVICE,
            ("get",),
            "ask the controller",
            "leaves its version out",
            subresource="proxy",
            elsewhere="the controller's",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Role:
    """A ClusterRole that we ship. ``aggregate_to`` are Kubernetes' own roles that it adds to."""

    name: str
    purpose: str
    rules: frozenset[Rule]
    aggregate_to: tuple[str, ...] = ()


def _rules(*, recorder: bool) -> frozenset[Rule]:
    """All rules of the record verb, or of all others."""
    return frozenset(
        rule
        for verb, needs in PERMISSIONS.items()
        if (verb == "record") == recorder
        for need in needs
        for rule in need.rules
    )


def _is_recording(rule: Rule) -> bool:
    return rule.resource == CONTROLLER_REVISION.plural and rule.verb not in READING


def _is_looking(rule: Rule) -> bool:
    # a proxy reaches into every Service of the namespace: Kubernetes' own view has none either
    return rule.verb in READING and not rule.resource.endswith("/proxy")


# The smallest first. Recording is apart, because whoever may write ControllerRevisions may also forge the
# history of a StatefulSet or DaemonSet in that namespace, and Kubernetes lets not even admin do that.
ROLES = (
    Role(
        "kagent-view",
        "look: get, describe, rollout history, diff and status, version",
        frozenset(filter(_is_looking, _rules(recorder=False))),
        ("view", "edit", "admin"),
    ),
    Role(
        "kagent-edit",
        "change: also scale, hibernate, wake, autoscale, rollout restart and undo, without recording",
        frozenset(rule for rule in _rules(recorder=False) if not _is_recording(rule)),
        ("edit", "admin"),
    ),
    Role(
        "kagent-operate",
        "all verbs, and history is recorded",
        _rules(recorder=False) | _rules(recorder=True),
    ),
    Role("kagent-recorder", "what the recorder in the cluster needs", _rules(recorder=True)),
)


_REFUSED = re.compile(r' cannot (\w+) resource "([^"]+)" in API group "([^"]*)"')


def hint(message: str) -> str | None:
    """The smallest ClusterRole of ours that allows what ``message`` (the API server's) refuses, if any."""
    found = _REFUSED.search(message)
    if found is None:
        return None
    verb, resource, group = found.groups()
    for role in ROLES:
        if Rule(group, resource, verb) in role.rules:
            return f"ClusterRole {role.name} allows it (kubectl apply -k manifests/rbac)"
    return None
