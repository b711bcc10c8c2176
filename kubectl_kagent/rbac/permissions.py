"""What each verb may need to ask of the API server: the one table behind the ClusterRoles, docs and hints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kubectl_kagent.model.resources import (
    AGENT,
    BUNDLED,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    CRD,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    GRAFANA_DASHBOARD,
    HPA,
    LEASE,
    MCP_SERVER,
    MODEL_CONFIG,
    NAMESPACE,
    POD,
    PROMETHEUS,
    PROMETHEUS_RULE,
    REMOTE_MCP_SERVER,
    REPLICA_SET,
    SCALED_OBJECT,
    SERVICE,
    WORKLOADS,
    Resource,
)
from kubectl_kagent.rbac.rules import Need


def _each(resources: Iterable[Resource], verbs: tuple[str, ...], why: str) -> tuple[Need, ...]:
    return tuple(Need(resource, verbs, why) for resource in resources)


def _only_with(option: str, needs: Iterable[Need]) -> tuple[Need, ...]:
    return tuple(replace(need, option=option) for need in needs)


_ALL_NAMESPACES = "all namespaces"

_NAMED = _each(WORKLOADS, ("get",), "the object named")
_SELECTED = _only_with("-l, --all", _each(WORKLOADS, ("list",), "the objects"))
_ONE_BY_ONE = "asks for each by its name"
_COUNT = Need(DEPLOYMENT, ("get",), "the count of an object that has none of its own")
_COUNTS = Need(DEPLOYMENT, ("list",), "the counts of several at once", _ONE_BY_ONE)

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
_ELSEWHERE = (
    Need(REMOTE_MCP_SERVER, ("list",), "a tool server of another namespace", elsewhere="that server's"),
    Need(
        NAMESPACE,
        ("get",),
        "whether that server lets agents of this namespace use it, where it says so by labels",
        "keeps only its uid and generation",
        elsewhere="the cluster",
    ),
)
_PAST = (
    *_each(WORKLOADS, ("list",), "the object at one moment, now and before; MCPServers as tool servers too"),
    *_each((MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, SERVICE), ("list",), "what the config is made from"),
    *_ELSEWHERE,
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
_SOURCES = _each(
    (MODEL_CONFIG, REMOTE_MCP_SERVER, MCP_SERVER, CONFIG_MAP, SERVICE),
    ("list",),
    "whether the newest of what the config is made from is rolled out",
)
_SOURCES = tuple(replace(need, without="says that it is not checked") for need in _SOURCES)
_IDLE = (Need(HPA, ("list",), "who scaled it to 0", "leaves it out"), _KEDA)

# As it stands in the URL of the API server's proxy, when kagent's release is called kagent.
CONTROLLER_SERVICE = "kagent-controller:8083"


def _controller(why: Mapping[str, str]) -> tuple[Need, ...]:
    """Find the controller, and ask it with these verbs."""
    find = Need(
        SERVICE,
        ("list",),
        "find the controller",
        "expects it where its chart puts it",
        elsewhere=_ALL_NAMESPACES,
    )
    place: dict[str, str] = {"subresource": "proxy", "elsewhere": "the controller's"}
    return (
        find,
        *(Need(SERVICE, (verb,), text, name=CONTROLLER_SERVICE, **place) for verb, text in why.items()),
    )


# Prometheus, and the controller's records.
_TURNS = (
    Need(
        SERVICE,
        ("list",),
        "find Prometheus and the controller",
        "leaves Prometheus out, and expects the controller where its chart puts it",
        elsewhere=_ALL_NAMESPACES,
    ),
    Need(SERVICE, ("get",), "ask them", subresource="proxy", elsewhere="the controller's and Prometheus's"),
)

_SERVERS_TOGETHER = tuple(
    Need(resource, ("list",), "several of the servers that agents name at once", _ONE_BY_ONE)
    for resource in (MCP_SERVER, REMOTE_MCP_SERVER, SERVICE)
)
_SERVERS_NAMED = _each((MCP_SERVER, REMOTE_MCP_SERVER, SERVICE), ("get",), "the servers that agents name")
_OFFERED = tuple(
    replace(need, without=need.without or "says that it is not known")
    for need in _controller({"get": "what MCPServers and Services offer"})
)
_SESSION_END = Need(
    SERVICE, ("delete",), "end the session with a server", "leaves that to the server", subresource="proxy"
)
_ASKED = (
    Need(SERVICE, ("create",), "ask the servers", "says that it is not known", subresource="proxy"),
    _SESSION_END,
)

_UNDO = (
    *_PAST,
    *_each(WORKLOADS, ("patch",), "put the spec back"),
    *_only_with(
        "--with-sources",
        _each((MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP), ("patch",), "put shared sources back"),
    ),
    *_RECORDING,
    Need(
        AGENT,
        ("list",),
        "who else uses a tool server that differs",
        "names only those of its namespace",
        elsewhere=_ALL_NAMESPACES,
    ),
    *_only_with("--wait", (*_NAMED, Need(DEPLOYMENT, ("get",), "how far it is"), *_EXPLAINED, *_IDLE)),
)

_SURROUNDINGS = (
    Need(CRD, ("get",), "whether the operators of Prometheus and Grafana are there", elsewhere="the cluster"),
    Need(
        PROMETHEUS,
        ("list",),
        "the labels by which Prometheus takes up rules and monitors",
        "leaves them out, and says so",
        elsewhere=_ALL_NAMESPACES,
    ),
    Need(
        SERVICE,
        ("list",),
        "find Tempo, Jaeger and Loki",
        "expects them where charts put them, and says so",
        elsewhere=_ALL_NAMESPACES,
    ),
)


def _of_bundle(
    verbs: tuple[str, ...], why: str, where: str = "the bundle's, and kagent's"
) -> tuple[Need, ...]:
    return tuple(
        Need(resource, verbs, why, elsewhere=where if resource.namespaced else "the cluster")
        for resource in BUNDLED
    )


_UNCHECKED = "says that it is not checked"
_CHECKED = tuple(
    replace(need, without=need.without or _UNCHECKED)
    for need in (
        *_SERVERS_TOGETHER,
        Need(CRD, ("get",), "whether they are there, in the versions that we speak", elsewhere="the cluster"),
        Need(DEPLOYMENT, ("list",), "desired and ready pods"),
        *_EXPLAINED,
        *_each((*WORKLOADS, MODEL_CONFIG, REMOTE_MCP_SERVER), ("list",), "the objects"),
        *_SERVERS_NAMED,
        *_controller({"get": "kagent's version, and what MCPServers and Services offer"}),
        *(
            Need(resource, ("list",), why, elsewhere=where)
            for resource, why, where in (
                (SERVICE, "find the collector", _ALL_NAMESPACES),
                (DEPLOYMENT, "what the controller and agents are told of tracing", _ALL_NAMESPACES),
                (POD, "whether agents trace", _ALL_NAMESPACES),
                (ENDPOINT_SLICE, "whether the collector has a ready pod", "the bundle's"),
                (CONFIG_MAP, "the controller's settings", "kagent's"),
            )
        ),
    )
)

_LEFT_OUT = "leaves it out, and says so"
_REPORTED = (
    *_only_with("NAME", _NAMED[:1]),
    *(
        replace(need, without=need.without or _LEFT_OUT)
        for need in (
            *_CHECKED,
            *_OVERVIEW,
            *_each((CONFIG_MAP, MODEL_CONFIG), ("get",), "what the config is made from"),
            Need(
                POD, ("list",), "the controllers' pods", elsewhere=f"{_ALL_NAMESPACES}, or the controller's"
            ),
            Need(POD, ("get",), "logs of the pods", subresource="log"),
            Need(POD, ("get",), "the controllers' logs", subresource="log", elsewhere="the controller's"),
        )
    ),
)

PERMISSIONS: Mapping[str, tuple[Need, ...]] = {
    "get agents|mcpservers": (
        *_each(WORKLOADS, ("get", "list"), "the objects"),
        *_OVERVIEW,
        *_only_with("-w", _each((*WORKLOADS, DEPLOYMENT), ("watch",), "what changes")),
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
        *_SERVERS_TOGETHER[1:],
        Need(POD, ("list",), "pods and their failures", "leaves them out"),
        Need(EVENT, ("list",), "events", "leaves them out"),
    ),
    "logs": (
        *_NAMED,
        *_SELECTED,
        Need(POD, ("list",), "the pods"),
        Need(POD, ("get",), "their logs", subresource="log"),
        Need(POD, ("watch",), "pods that join", option="-f"),
        Need(POD, ("get",), "what became of a container whose log has ended", option="-f"),
        *_only_with(
            "--controller",
            (
                Need(POD, ("list",), "its pods", elsewhere=f"{_ALL_NAMESPACES}, or the controller's"),
                Need(POD, ("get",), "its log", subresource="log", elsewhere="the controller's"),
            ),
        ),
        *_only_with(
            "--task, --session",
            (
                Need(
                    SERVICE,
                    ("list",),
                    "find the controller",
                    "looks where charts put it",
                    elsewhere=_ALL_NAMESPACES,
                ),
                Need(
                    SERVICE,
                    ("get",),
                    "when it was",
                    "shows only lines that name it",
                    subresource="proxy",
                    elsewhere="the controller's",
                ),
            ),
        ),
        *_only_with(
            "--loki=auto",
            (
                Need(SERVICE, ("list",), "find it", elsewhere=_ALL_NAMESPACES),
                Need(SERVICE, ("get",), "ask it", subresource="proxy", elsewhere="Loki's"),
            ),
        ),
    ),
    "scale": (
        *_NAMED,
        *_SELECTED,
        *_each(WORKLOADS, ("patch",), "set replicas"),
        replace(_COUNT, why=f"{_COUNT.why}; --wait"),
        _COUNTS,
        _AUTOSCALED,
        _KEDA,
        *_only_with("--wait", (*_EXPLAINED, *_SOURCES)),
    ),
    "hibernate": (
        *_NAMED,
        *_SELECTED,
        *_each(WORKLOADS, ("patch",), "set replicas, note the old count"),
        _COUNT,
        _COUNTS,
        _AUTOSCALED,
        _KEDA,
    ),
    "wake": (*_NAMED, *_SELECTED, *_each(WORKLOADS, ("patch",), "set replicas"), _COUNT, _COUNTS),
    "autoscale": (
        Need(AGENT, ("get", "patch"), "hand its replicas to the HPA"),
        Need(DEPLOYMENT, ("get",), "whether it is the agent's, and not scaled to 0"),
        Need(HPA, ("list",), "is there one already?"),
        Need(HPA, ("create",), "create the HPA"),
        _KEDA,
    ),
    "rollout history": (
        *_PAST,
        Need(REPLICA_SET, ("list",), "the pods of each config"),
        *_RECORDING,
        *_only_with("--impact", _TURNS),
    ),
    "rollout diff": (*_PAST, *_RECORDING),
    "rollout undo, rollback": _UNDO,
    "rollout status": (
        *_NAMED,
        Need(DEPLOYMENT, ("get",), "how far it is"),
        *_EXPLAINED,
        *_SOURCES,
        *_IDLE,
        *_only_with("--revision", _PAST),
        Need(SERVICE, ("create",), "ask the new pods", subresource="proxy", option="--smoke"),
    ),
    "rollout restart": (
        *_NAMED,
        *_SELECTED,
        Need(DEPLOYMENT, ("get", "patch"), "mark an agent's pods as restarted; --wait"),
        Need(DEPLOYMENT, ("list",), "several at once", _ONE_BY_ONE),
        Need(MCP_SERVER, ("patch",), "mark an MCP server's pods as restarted"),
        *_only_with("--wait", (*_EXPLAINED, *_SOURCES)),
    ),
    "top": (
        *_TURNS,
        Need(AGENT, ("list",), "tools that need approval, models", "says that they are not known"),
        Need(MODEL_CONFIG, ("list",), "models that records leave out", "says that they are not known"),
    ),
    "top --by=revision": (
        Need(AGENT, ("list",), "the agents"),
        Need(CONTROLLER_REVISION, ("list",), "their revisions"),
        Need(REPLICA_SET, ("list",), "when their configs ran"),
        *_TURNS,
    ),
    "tools list": (
        *_each((AGENT,), ("get", "list"), "the agents"),
        *_each((MCP_SERVER, REMOTE_MCP_SERVER, SERVICE), ("list",), "servers that no agent names"),
        *(replace(need, without="says that it is not known") for need in _SERVERS_NAMED),
        *_OFFERED,
        *_only_with("-o", _ASKED),
    ),
    "tools call": (
        *_each((MCP_SERVER, REMOTE_MCP_SERVER, SERVICE), ("get",), "the server named"),
        Need(SERVICE, ("create",), "ask the server", subresource="proxy"),
        _SESSION_END,
    ),
    "tools check": (
        *_each((AGENT,), ("get", "list"), "the agents"),
        *_SERVERS_NAMED,
        *_SERVERS_TOGETHER,
        *_OFFERED,
        *_only_with("--live", _ASKED),
    ),
    "trace": (
        Need(
            SERVICE,
            ("list",),
            "find Tempo, Jaeger and the controller",
            "leaves Tempo and Jaeger out, and expects the controller where its chart puts it",
            elsewhere=_ALL_NAMESPACES,
        ),
        Need(
            SERVICE,
            ("get",),
            "ask them",
            subresource="proxy",
            elsewhere="the controller's, Tempo's and Jaeger's",
        ),
        Need(AGENT, ("get",), "whether an agent without turns is there", "says that it is not known"),
    ),
    "chat": (
        Need(AGENT, ("get",), "the agent named"),
        *_controller({"create": "talk to the agent"}),
        *_only_with(
            "--continue, a decision",
            _controller({"get": "its newest session; whether the session asked for anything since"})[1:],
        ),
    ),
    "approvals list": _controller({"get": "what waits"}),
    "approvals approve|reject": _controller({"get": "what waits", "create": "answer the agent"}),
    "sessions list|show|export": _controller({"get": "the sessions"}),
    "sessions delete": _controller({"get": "whether the session is there", "delete": "delete it"}),
    "observe export": _SURROUNDINGS,
    "observe install|diff": (
        *_SURROUNDINGS,
        *_of_bundle(("get",), "whether it is there, and as it should be"),
        *_of_bundle(("create", "patch"), "try it on the server, apply it"),
        *_of_bundle(("list",), "what an earlier version installed", _ALL_NAMESPACES),
        *(need for need in _of_bundle(("delete",), "delete it") if need.resource is not NAMESPACE),
    ),
    "observe uninstall": (
        *_of_bundle(("list",), "what is ours, and what else is in the namespace", _ALL_NAMESPACES),
        *_of_bundle(("delete",), "delete it"),
    ),
    "observe status": (
        Need(
            SERVICE,
            ("list",),
            "find Prometheus, Tempo, Jaeger, Loki, Alertmanager and the collector",
            "says that they are not looked for",
            elsewhere=_ALL_NAMESPACES,
        ),
        Need(
            SERVICE,
            ("get",),
            "ask them",
            "says so, and tells what the API server knows",
            subresource="proxy",
            elsewhere="Prometheus's, Tempo's or Jaeger's, Loki's and Alertmanager's",
        ),
        *(
            Need(resource, ("list",), why, "says that it is not known", elsewhere=where)
            for resource, why, where in (
                (DEPLOYMENT, "what the controller and agents are told of tracing", _ALL_NAMESPACES),
                (POD, "whether agents trace, and the bundle's pods are ready", _ALL_NAMESPACES),
                (ENDPOINT_SLICE, "whether the collector has a ready pod", "the bundle's"),
                (CONFIG_MAP, "dashboards, and the controller's settings", "the bundle's, and kagent's"),
                (PROMETHEUS_RULE, "whether rules are the operator's", "the bundle's"),
                (GRAFANA_DASHBOARD, "whether dashboards are the operator's, too", "the bundle's"),
                (LEASE, "the clocks of nodes", "kube-node-lease"),
            )
        ),
    ),
    "record": (
        *_each(
            (*WORKLOADS, MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, SERVICE, DEPLOYMENT),
            ("list", "watch"),
            "every change of the config and of what it is made from",
        ),
        *(replace(need, without=need.without or "says so, and records the others") for need in _ELSEWHERE),
        Need(CONTROLLER_REVISION, ("list", "create", "patch", "delete", "get"), "the revisions"),
    ),
    "check": _CHECKED,
    "completion install|uninstall": (),
    "report": _REPORTED,
    "lint": (),  # asks nobody
    "version": (
        Need(CRD, ("get",), "which versions are served", "leaves them out", elsewhere="the cluster"),
        Need(
            SERVICE,
            ("list",),
            "find the controller",
            "expects it where its chart puts it",
            elsewhere=_ALL_NAMESPACES,
        ),
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
