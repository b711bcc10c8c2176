"""What several verbs need alike: each is one idea, and rows of the table are made of them."""

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
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    NAMESPACE,
    POD,
    PROMETHEUS,
    REMOTE_MCP_SERVER,
    REPLICA_SET,
    SCALED_OBJECT,
    SERVICE,
    WORKLOADS,
    Resource,
)
from kubectl_kagent.rbac.rules import Need


def each(resources: Iterable[Resource], verbs: tuple[str, ...], why: str) -> tuple[Need, ...]:
    """The same of several kinds."""
    return tuple(Need(resource, verbs, why) for resource in resources)


def only_with(option: str, needs: Iterable[Need]) -> tuple[Need, ...]:
    """The same needs, of a verb that has them with this option only."""
    return tuple(replace(need, option=option) for need in needs)


ALL_NAMESPACES = "all namespaces"

NAMED = each(WORKLOADS, ("get",), "the object named")
SELECTED = only_with("-l, --all", each(WORKLOADS, ("list",), "the objects"))
ONE_BY_ONE = "asks for each by its name"
COUNT = Need(DEPLOYMENT, ("get",), "the count of an object that has none of its own")
COUNTS = Need(DEPLOYMENT, ("list",), "the counts of several at once", ONE_BY_ONE)

AUTOSCALED = Need(HPA, ("list",), "refuse what an autoscaler decides", "goes on, and says so")
KEDA = Need(SCALED_OBJECT, ("list",), "KEDA's limits", "the HPA that KEDA makes stands in for it")

OVERVIEW = (
    Need(DEPLOYMENT, ("list",), "desired, ready and updated pods"),
    Need(MODEL_CONFIG, ("list",), "the model", "shows the ModelConfig's name"),
    Need(CONTROLLER_REVISION, ("list",), "the revision", "leaves it out"),
    Need(HPA, ("list",), "who decides the replicas", "leaves it out"),
    KEDA,
)

# The effective config and its past, all read at one resource version, which only a list can ask for.
ELSEWHERE = (
    Need(REMOTE_MCP_SERVER, ("list",), "a tool server of another namespace", elsewhere="that server's"),
    Need(
        NAMESPACE,
        ("get",),
        "whether that server lets agents of this namespace use it, where it says so by labels",
        "keeps only its uid and generation",
        elsewhere="the cluster",
    ),
)
PAST = (
    *each(WORKLOADS, ("list",), "the object at one moment, now and before; MCPServers as tool servers too"),
    *each((MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, SERVICE), ("list",), "what the config is made from"),
    *ELSEWHERE,
    Need(DEPLOYMENT, ("list",), "the config hash that it proves"),
    Need(CONTROLLER_REVISION, ("list",), "the revisions"),
)
RECORDING = (
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

EXPLAINED = (
    Need(REPLICA_SET, ("list",), "pods that are refused (quota, admission)", "may not know the cause"),
    Need(POD, ("list",), "pods that do not start", "may not know the cause"),
    Need(EVENT, ("list",), "probes that fail, volumes that don't mount", "may not know the cause"),
    Need(POD, ("get",), "a crashed container's last lines", "leaves them out", subresource="log"),
    Need(
        DEPLOYMENT,
        ("list",),
        "whether the controller runs",
        "does not know it",
        elsewhere=f"{ALL_NAMESPACES}, or the controller's",
    ),
)
SOURCES = each(
    (MODEL_CONFIG, REMOTE_MCP_SERVER, MCP_SERVER, CONFIG_MAP, SERVICE),
    ("list",),
    "whether the newest of what the config is made from is rolled out",
)
SOURCES = tuple(replace(need, without="says that it is not checked") for need in SOURCES)
IDLE = (Need(HPA, ("list",), "who scaled it to 0", "leaves it out"), KEDA)

USERS = Need(
    AGENT,
    ("list",),
    "the agents whose sessions with an MCP server end",
    "says that they are not known",
)

# As it stands in the URL of the API server's proxy, when kagent's release is called kagent.
CONTROLLER_SERVICE = "kagent-controller:8083"


def controller(why: Mapping[str, str]) -> tuple[Need, ...]:
    """Find the controller, and ask it with these verbs."""
    find = Need(
        SERVICE,
        ("list",),
        "find the controller",
        "expects it where its chart puts it",
        elsewhere=ALL_NAMESPACES,
    )
    place: dict[str, str] = {"subresource": "proxy", "elsewhere": "the controller's"}
    return (
        find,
        *(Need(SERVICE, (verb,), text, name=CONTROLLER_SERVICE, **place) for verb, text in why.items()),
    )


VERSION = (
    Need(
        SERVICE,
        ("list",),
        "find the controller",
        "expects it where its chart puts it",
        elsewhere=ALL_NAMESPACES,
    ),
    Need(
        SERVICE,
        ("get",),
        "whether this kagent leaves the count alone",
        "goes on, and says so",
        name=CONTROLLER_SERVICE,
        subresource="proxy",
        elsewhere="the controller's",
    ),
)

EVERYBODY = Need(
    SERVICE,
    ("get",),
    "the users whom traces name",
    subresource="proxy",
    elsewhere="Tempo's",
    option="--all-users",
)

DRAINED = only_with(
    "--drain",
    (
        Need(
            POD, ("list",), "since when its pods run", "also waits for what is recorded of pods that are gone"
        ),
        *controller({"get": "its tasks at work"}),
    ),
)

# Prometheus, and the controller's records.
TURNS = (
    Need(
        SERVICE,
        ("list",),
        "find Prometheus and the controller",
        "leaves Prometheus out, and expects the controller where its chart puts it",
        elsewhere=ALL_NAMESPACES,
    ),
    Need(SERVICE, ("get",), "ask them", subresource="proxy", elsewhere="the controller's and Prometheus's"),
)

SERVERS_TOGETHER = tuple(
    Need(resource, ("list",), "several of the servers that agents name at once", ONE_BY_ONE)
    for resource in (MCP_SERVER, REMOTE_MCP_SERVER, SERVICE)
)
SERVERS_NAMED = each((MCP_SERVER, REMOTE_MCP_SERVER, SERVICE), ("get",), "the servers that agents name")
OFFERED = tuple(
    replace(need, without=need.without or "says that it is not known")
    for need in controller({"get": "what MCPServers and Services offer"})
)
SESSION_END = Need(
    SERVICE, ("delete",), "end the session with a server", "leaves that to the server", subresource="proxy"
)
ASKED = (
    Need(SERVICE, ("create",), "ask the servers", "says that it is not known", subresource="proxy"),
    SESSION_END,
)

UNDO = (
    *PAST,
    *each(WORKLOADS, ("patch",), "put the spec back"),
    *only_with(
        "--with-sources",
        each((MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP), ("patch",), "put shared sources back"),
    ),
    *RECORDING,
    Need(
        AGENT,
        ("list",),
        "who else uses a tool server that differs",
        "names only those of its namespace",
        elsewhere=ALL_NAMESPACES,
    ),
    *only_with("--wait", (*NAMED, Need(DEPLOYMENT, ("get",), "how far it is"), *EXPLAINED, *IDLE)),
    *DRAINED,
)

SURROUNDINGS = (
    Need(CRD, ("get",), "whether the operators of Prometheus and Grafana are there", elsewhere="the cluster"),
    Need(
        PROMETHEUS,
        ("list",),
        "the labels by which Prometheus takes up rules and monitors",
        "leaves them out, and says so",
        elsewhere=ALL_NAMESPACES,
    ),
    Need(
        SERVICE,
        ("list",),
        "find Tempo, Jaeger and Loki",
        "expects them where charts put them, and says so",
        elsewhere=ALL_NAMESPACES,
    ),
)


def of_bundle(
    verbs: tuple[str, ...], why: str, where: str = "the bundle's, and kagent's"
) -> tuple[Need, ...]:
    """What the bundle is made of, in its namespaces."""
    return tuple(
        Need(resource, verbs, why, elsewhere=where if resource.namespaced else "the cluster")
        for resource in BUNDLED
    )


UNCHECKED = "says that it is not checked"
EMPTY_UNCHECKED = "says of an empty one that it is not checked"
CHECKED = tuple(
    replace(need, without=need.without or UNCHECKED)
    for need in (
        *SERVERS_TOGETHER,
        Need(CRD, ("get",), "whether they are there, in the versions that we speak", elsewhere="the cluster"),
        Need(NAMESPACE, ("get",), "whether it is there", EMPTY_UNCHECKED, elsewhere="the cluster"),
        Need(DEPLOYMENT, ("list",), "desired and ready pods"),
        *EXPLAINED,
        *each((*WORKLOADS, MODEL_CONFIG, REMOTE_MCP_SERVER), ("list",), "the objects"),
        *SERVERS_NAMED,
        *controller({"get": "kagent's version, and what MCPServers and Services offer"}),
        *(
            Need(resource, ("list",), why, elsewhere=where)
            for resource, why, where in (
                (SERVICE, "find the collector", ALL_NAMESPACES),
                (DEPLOYMENT, "what the controller and agents are told of tracing", ALL_NAMESPACES),
                (POD, "whether agents trace", ALL_NAMESPACES),
                (ENDPOINT_SLICE, "whether the collector has a ready pod", "the bundle's"),
                (CONFIG_MAP, "the controller's settings", "kagent's"),
            )
        ),
    )
)

LEFT_OUT = "leaves it out, and says so"
REPORTED = (
    *only_with("NAME", NAMED[:1]),
    *(
        replace(need, without=need.without or LEFT_OUT)
        for need in (
            *CHECKED,
            *OVERVIEW,
            *each((CONFIG_MAP, MODEL_CONFIG), ("get",), "what the config is made from"),
            Need(POD, ("list",), "the controllers' pods", elsewhere=f"{ALL_NAMESPACES}, or the controller's"),
            Need(POD, ("get",), "logs of the pods", subresource="log"),
            Need(POD, ("get",), "the controllers' logs", subresource="log", elsewhere="the controller's"),
        )
    ),
)
