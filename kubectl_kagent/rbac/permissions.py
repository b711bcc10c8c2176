"""What each verb may need to ask of the API server: the one table behind the ClusterRoles, docs and hints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from kubectl_kagent.model.resources import (
    AGENT,
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
    PROMETHEUS_RULE,
    REMOTE_MCP_SERVER,
    REPLICA_SET,
    SERVICE,
    WORKLOADS,
)
from kubectl_kagent.rbac import needs
from kubectl_kagent.rbac.rules import Need

PERMISSIONS: Mapping[str, tuple[Need, ...]] = {
    "get agents|mcpservers": (
        *needs.each(WORKLOADS, ("get", "list"), "the objects"),
        *needs.OVERVIEW,
        *needs.only_with("-w", needs.each((*WORKLOADS, DEPLOYMENT), ("watch",), "what changes")),
    ),
    "get modelconfigs|remotemcpservers": needs.each(
        (MODEL_CONFIG, REMOTE_MCP_SERVER), ("get", "list"), "the objects"
    ),
    "describe": (
        *needs.NAMED,
        *needs.SELECTED,
        *needs.OVERVIEW,
        Need(REMOTE_MCP_SERVER, ("get",), "the tools it offers", "says that they are not known"),
        Need(SERVICE, ("get",), "whether a tool server is there", "says that it is not known"),
        *needs.SERVERS_TOGETHER[1:],
        Need(POD, ("list",), "pods and their failures", "leaves them out"),
        Need(EVENT, ("list",), "events", "leaves them out"),
    ),
    "logs": (
        *needs.NAMED,
        *needs.SELECTED,
        Need(POD, ("list",), "the pods"),
        Need(POD, ("get",), "their logs", subresource="log"),
        Need(POD, ("watch",), "pods that join", option="-f"),
        Need(POD, ("get",), "what became of a container whose log has ended", option="-f"),
        *needs.only_with(
            "--controller",
            (
                Need(POD, ("list",), "its pods", elsewhere=f"{needs.ALL_NAMESPACES}, or the controller's"),
                Need(POD, ("get",), "its log", subresource="log", elsewhere="the controller's"),
            ),
        ),
        *needs.only_with(
            "--task, --session",
            (
                Need(
                    SERVICE,
                    ("list",),
                    "find the controller",
                    "looks where charts put it",
                    elsewhere=needs.ALL_NAMESPACES,
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
        *needs.only_with(
            "--loki=auto",
            (
                Need(SERVICE, ("list",), "find it", elsewhere=needs.ALL_NAMESPACES),
                Need(SERVICE, ("get",), "ask it", subresource="proxy", elsewhere="Loki's"),
            ),
        ),
    ),
    "scale": (
        *needs.NAMED,
        *needs.SELECTED,
        *needs.each(WORKLOADS, ("patch",), "set replicas"),
        replace(needs.COUNT, why=f"{needs.COUNT.why}; --wait"),
        needs.COUNTS,
        needs.AUTOSCALED,
        needs.KEDA,
        needs.USERS,
        *needs.only_with("--release", needs.VERSION),
        *needs.only_with("--wait", (*needs.EXPLAINED, *needs.SOURCES)),
        *needs.DRAINED,
    ),
    "hibernate": (
        *needs.NAMED,
        *needs.SELECTED,
        *needs.each(WORKLOADS, ("patch",), "set replicas, note the old count"),
        needs.USERS,
        needs.COUNT,
        needs.COUNTS,
        needs.AUTOSCALED,
        needs.KEDA,
        *needs.DRAINED,
    ),
    "wake": (
        *needs.NAMED,
        *needs.SELECTED,
        *needs.each(WORKLOADS, ("patch",), "set replicas"),
        needs.COUNT,
        needs.COUNTS,
        needs.AUTOSCALED,
        needs.KEDA,
    ),
    "autoscale": (
        Need(AGENT, ("get", "patch"), "hand its replicas to the HPA"),
        Need(DEPLOYMENT, ("get",), "whether it is the agent's, and not scaled to 0"),
        Need(HPA, ("list",), "is there one already?"),
        Need(HPA, ("create",), "create the HPA"),
        needs.KEDA,
        *needs.VERSION,
    ),
    "rollout history": (
        *needs.PAST,
        Need(REPLICA_SET, ("list",), "the pods of each config"),
        *needs.RECORDING,
        *needs.only_with("--impact", needs.TURNS),
    ),
    "rollout diff": (*needs.PAST, *needs.RECORDING),
    "rollout undo, rollback": needs.UNDO,
    "rollout status": (
        *needs.NAMED,
        Need(DEPLOYMENT, ("get",), "how far it is"),
        *needs.EXPLAINED,
        *needs.SOURCES,
        *needs.IDLE,
        *needs.only_with("--revision", needs.PAST),
        Need(SERVICE, ("create",), "ask the new pods", subresource="proxy", option="--smoke"),
    ),
    "rollout restart": (
        *needs.NAMED,
        *needs.SELECTED,
        Need(DEPLOYMENT, ("get", "patch"), "mark an agent's pods as restarted; is it paused? --wait"),
        Need(DEPLOYMENT, ("list",), "several at once", needs.ONE_BY_ONE),
        Need(MCP_SERVER, ("patch",), "mark an MCP server's pods as restarted"),
        needs.USERS,
        *needs.only_with("--wait", (*needs.EXPLAINED, *needs.SOURCES)),
        *needs.DRAINED,
    ),
    "top": (
        *needs.TURNS,
        Need(AGENT, ("list",), "tools that need approval, models", "says that they are not known"),
        Need(MODEL_CONFIG, ("list",), "models that records leave out", "says that they are not known"),
    ),
    "top --by=revision": (
        Need(AGENT, ("list",), "the agents"),
        Need(CONTROLLER_REVISION, ("list",), "their revisions"),
        Need(REPLICA_SET, ("list",), "when their configs ran"),
        *needs.TURNS,
    ),
    "tools list": (
        *needs.each((AGENT,), ("get", "list"), "the agents"),
        *needs.each((MCP_SERVER, REMOTE_MCP_SERVER, SERVICE), ("list",), "servers that no agent names"),
        *(replace(need, without="says that it is not known") for need in needs.SERVERS_NAMED),
        *needs.OFFERED,
        *needs.only_with("-o", needs.ASKED),
    ),
    "tools call": (
        *needs.each((MCP_SERVER, REMOTE_MCP_SERVER, SERVICE), ("get",), "the server named"),
        Need(SERVICE, ("create",), "ask the server", subresource="proxy"),
        needs.SESSION_END,
    ),
    "tools check": (
        *needs.each((AGENT,), ("get", "list"), "the agents"),
        *needs.SERVERS_NAMED,
        *needs.SERVERS_TOGETHER,
        *needs.OFFERED,
        *needs.only_with("--live", needs.ASKED),
    ),
    "trace": (
        Need(
            SERVICE,
            ("list",),
            "find Tempo, Jaeger and the controller",
            "leaves Tempo and Jaeger out, and expects the controller where its chart puts it",
            elsewhere=needs.ALL_NAMESPACES,
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
    "trace export": (
        *needs.controller({"get": "the sessions"}),
        Need(AGENT, ("list",), "models that records leave out", "says that they are not known"),
        Need(MODEL_CONFIG, ("list",), "models that records leave out", "says that they are not known"),
    ),
    "chat": (
        Need(AGENT, ("get",), "the agent named"),
        *needs.controller({"create": "talk to the agent"}),
        Need(
            DEPLOYMENT,
            ("get",),
            "whether an agent that does not answer has pods",
            "says that it is not known",
        ),
        *needs.only_with(
            "--session",
            (
                replace(need, without="says that it is not known")
                for need in needs.controller({"get": "whether it is there, and which it is"})[1:]
            ),
        ),
        *needs.only_with(
            "--continue, a decision",
            needs.controller({"get": "its newest session; whether the session asked for anything since"})[1:],
        ),
    ),
    "approvals list": (*needs.controller({"get": "what waits"}), needs.EVERYBODY),
    "approvals approve|reject": needs.controller({"get": "what waits", "create": "answer the agent"}),
    "sessions list|show|export": (*needs.controller({"get": "the sessions"}), needs.EVERYBODY),
    "sessions delete": needs.controller({"get": "whether the session is there", "delete": "delete it"}),
    "observe export": needs.SURROUNDINGS,
    "observe install|diff": (
        *needs.SURROUNDINGS,
        *needs.of_bundle(("get",), "whether it is there, and as it should be"),
        *needs.of_bundle(("create", "patch"), "try it on the server, apply it"),
        *needs.of_bundle(("list",), "what an earlier version installed", needs.ALL_NAMESPACES),
        *(need for need in needs.of_bundle(("delete",), "delete it") if need.resource is not NAMESPACE),
    ),
    "observe uninstall": (
        *needs.of_bundle(("list",), "what is ours, and what else is in the namespace", needs.ALL_NAMESPACES),
        *needs.of_bundle(("delete",), "delete it"),
    ),
    "observe status": (
        Need(
            SERVICE,
            ("list",),
            "find Prometheus, Tempo, Jaeger, Loki, Alertmanager and the collector",
            "says that they are not looked for",
            elsewhere=needs.ALL_NAMESPACES,
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
                (DEPLOYMENT, "what the controller and agents are told of tracing", needs.ALL_NAMESPACES),
                (POD, "whether agents trace, and the bundle's pods are ready", needs.ALL_NAMESPACES),
                (ENDPOINT_SLICE, "whether the collector has a ready pod", "the bundle's"),
                (CONFIG_MAP, "dashboards, and the controller's settings", "the bundle's, and kagent's"),
                (PROMETHEUS_RULE, "whether rules are the operator's", "the bundle's"),
                (GRAFANA_DASHBOARD, "whether dashboards are the operator's, too", "the bundle's"),
                (LEASE, "the clocks of nodes", "kube-node-lease"),
            )
        ),
    ),
    "record": (
        *needs.each(
            (*WORKLOADS, MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, SERVICE, DEPLOYMENT),
            ("list", "watch"),
            "every change of the config and of what it is made from",
        ),
        *(
            replace(need, without=need.without or "says so, and records the others")
            for need in needs.ELSEWHERE
        ),
        Need(CONTROLLER_REVISION, ("list", "create", "patch", "delete", "get"), "the revisions"),
    ),
    "check": needs.CHECKED,
    "completion install|uninstall": (),
    "report": needs.REPORTED,
    "lint": (),  # asks nobody
    "version": (
        Need(CRD, ("get",), "which versions are served", "leaves them out", elsewhere="the cluster"),
        Need(
            SERVICE,
            ("list",),
            "find the controller",
            "expects it where its chart puts it",
            elsewhere=needs.ALL_NAMESPACES,
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


def verbs_of(row: str) -> list[tuple[str, ...]]:
    """The words of each verb that a row of the table is about.

    ``rollout undo, rollback`` are two, and so are ``get agents|mcpservers``.
    """
    spelled = ([word.split("|") for word in verb.split()] for verb in row.split(", "))
    return [words for choices in spelled for words in product(*choices)]
