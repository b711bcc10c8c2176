"""The objects that command lines are about, and what must be there before each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import AlreadyExists, NotFound
from kubectl_kagent.model.resources import (
    AGENT,
    BUNDLED,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    CRD,
    GRAFANA_DASHBOARD,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    NAMESPACE,
    PROMETHEUS_RULE,
    REMOTE_MCP_SERVER,
    SERVICE,
    Resource,
)
from kubectl_kagent.model.revision import CONFIG_HASH, revision_name
from kubectl_kagent.model.workload import HIBERNATED_RELEASED, REVISION_HISTORY_LIMIT, Workload
from kubectl_kagent.observe.bundle import BUNDLE, DEFAULT_NAMESPACE, PART_OF, SELECTOR
from tests.permissions.recording import Recording
from tests.permissions.running import run

Object = dict[str, Any]
IMAGE = "lab.local/byo-agent:lab"
_NOWHERE = {"lab.local/nowhere": "true"}
_SMALL = {"requests": {"cpu": "5m", "memory": "16Mi"}}


class World(Protocol):
    """A cluster with its controllers, as its administrator sees it; ``values`` fill in command lines."""

    values: dict[str, str]

    @property
    def admin(self) -> Cluster: ...

    def settle(self) -> None:
        """Return when the controllers have acted on every workload."""

    def forget(self, name: str) -> None:
        """Let the agent look as if its controller had not seen its newest spec."""

    def remember(self) -> None:
        """Undo ``forget``."""

    def meanwhile(self, action: Callable[[], None]) -> None:
        """Let ``action`` happen while the next revision is stored, in a world that can tell when."""

    def converse(self) -> tuple[str, str]:
        """A new session with ``echo``, and a task in it that waits for an approval: their ids."""


Step = Callable[[World], None]
_PATHS = {"agent": AGENT, "broken": AGENT, "echo": AGENT, "server": MCP_SERVER, "idle": MCP_SERVER}


def _object(resource: Resource, name: str, spec: Object, **metadata: Any) -> Object:
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }


def _tool(kind: str, name: str) -> Object:
    group = "" if kind == "Service" else "kagent.dev"
    server = {"kind": kind, "apiGroup": group, "name": name, "toolNames": ["get_time"]}
    return {"type": "McpServer", "mcpServer": server}


def _byo(name: str, **deployment: Any) -> Object:
    settings = {"image": IMAGE, "imagePullPolicy": "Never", "resources": _SMALL} | deployment
    return _object(AGENT, name, {"type": "BYO", "description": "a test", "byo": {"deployment": settings}})


def _mcp_server(name: str, replicas: int) -> Object:
    deployment = {"image": IMAGE, "imagePullPolicy": "Never", "port": 8080, "replicas": replicas}
    spec = {"transportType": "http", "httpTransport": {"targetPort": 8080}, "deployment": deployment}
    return _object(MCP_SERVER, name, spec, labels={"only": "this"})


def _service(name: str) -> Object:
    port = {"name": "mcp", "port": 80, "appProtocol": "kgateway.dev/mcp"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"clusterIP": "None", "ports": [port]},
    }


def objects(model_url: str) -> list[tuple[Resource, Object]]:
    """``agent`` has every kind of source and no pods, ``echo`` answers, ``broken`` crashes."""
    declarative = {
        "runtime": "python",
        "modelConfig": "model",
        "systemMessage": "Prompt 0.",
        "promptTemplate": {"dataSources": [{"kind": "ConfigMap", "name": "prompts", "alias": "prompts"}]},
        "deployment": {"replicas": 0, "nodeSelector": _NOWHERE},
        "tools": [
            _tool("RemoteMCPServer", "remote"),
            _tool("MCPServer", "server"),
            _tool("Service", "web"),
        ],
    }
    model = {
        "provider": "OpenAI",
        "model": "m0",
        "openAI": {"baseUrl": model_url},
        "apiKeySecret": "key",
        "apiKeySecretKey": "KEY",
    }
    agent = {"type": "Declarative", "description": "a test", "declarative": declarative}
    return [
        (MODEL_CONFIG, _object(MODEL_CONFIG, "model", model)),
        (
            REMOTE_MCP_SERVER,
            _object(REMOTE_MCP_SERVER, "remote", {"description": "0", "url": "http://127.0.0.1:9/mcp"}),
        ),
        (
            CONFIG_MAP,
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prompts"}, "data": {"a": "0"}},
        ),
        (SERVICE, _service("web")),
        (MCP_SERVER, _mcp_server("server", 1)),
        (MCP_SERVER, _mcp_server("idle", 0)),
        (AGENT, _object(AGENT, "agent", agent, labels={"only": "this"})),
        (AGENT, _byo("echo")),
        (AGENT, _byo("broken", replicas=1, env=[{"name": "CRASH", "value": "1"}])),
    ]


def look(world: World, name: str = "agent") -> None:
    """Let the administrator look, so that the live config is recorded."""
    kind = _PATHS[name].singular
    done = run(Recording(world.admin), ["rollout", "history", f"{kind}/{name}"])
    assert (done.code, done.err) == (0, ""), done


def edit(world: World, name: str = "agent") -> None:
    """Change a workload's config to one that was never there."""
    resource = _PATHS[name]
    world.values["edits"] = str(int(world.values.get("edits", "0")) + 1)
    text = f"edit {world.values['edits']}"
    spec: Object = {"description": text}
    if resource is MCP_SERVER:
        spec = {"deployment": {"env": {"EDIT": text}}}
    world.admin.merge_patch(resource, world.admin.namespace, name, {"spec": spec}, manager="admin")
    world.settle()


def _revisions(world: World, name: str) -> list[Object]:
    listing = world.admin.list_objects(
        CONTROLLER_REVISION, world.admin.namespace, labels=f"kubectl-kagent/name={name}"
    )
    return sorted(listing["items"], key=lambda item: int(item["revision"]))


def annotate(world: World, resource: Resource, name: str, key: str, value: str | None) -> None:
    patch = {"metadata": {"annotations": {key: value}}}
    world.admin.merge_patch(resource, world.admin.namespace, name, patch, manager="admin")


def recorded(world: World, name: str = "agent") -> None:
    """Two revisions, the newer one live and different in its spec; a third one would push the first out."""
    annotate(world, _PATHS[name], name, REVISION_HISTORY_LIMIT, "2")
    look(world, name)
    edit(world, name)
    look(world, name)
    found = _revisions(world, name)
    world.values |= {"target": str(found[-2]["revision"]), "live": str(found[-1]["revision"])}


def in_effect(world: World) -> None:
    """Agent ``echo``, whose newest revision is recorded and has been in effect for a while."""
    look(world, "echo")
    changed = clock.parse_time(_revisions(world, "echo")[-1]["data"]["changedAt"])
    while clock.now() < changed + timedelta(seconds=10):
        clock.sleep(0.5)


def blocked(world: World, name: str = "agent") -> None:
    """The next revision's name is taken by one of an object that is gone."""
    resource = _PATHS[name]
    obj = world.admin.get(resource, world.admin.namespace, name)
    number = int(_revisions(world, name)[-1]["revision"]) + 1
    other = world.admin.get(AGENT, world.admin.namespace, "echo")["metadata"]["uid"]
    owner = {"apiVersion": AGENT.api_version, "kind": "Agent", "name": "echo", "uid": other}
    body = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": revision_name(Workload(resource, obj), number),
            "ownerReferences": [{**owner, "controller": True}],
        },
        "revision": number,
        "data": {},
    }
    name = revision_name(Workload(resource, obj), number)
    with contextlib.suppress(NotFound):
        world.admin.delete(CONTROLLER_REVISION, world.admin.namespace, name)
    world.admin.create(CONTROLLER_REVISION, world.admin.namespace, body, manager="admin")


def unsettled(world: World, name: str = "agent") -> None:
    """The live revision lacks what is known of it by now."""
    look(world, name)
    annotate(world, CONTROLLER_REVISION, _revisions(world, name)[-1]["metadata"]["name"], CONFIG_HASH, None)


def edited(world: World) -> None:
    """A change that nobody has recorded, whose number is blocked."""
    recorded(world)
    blocked(world)
    edit(world)


def to_undo(world: World, name: str = "agent") -> None:
    recorded(world, name)
    blocked(world, name)


def to_undo_with_an_edit(world: World) -> None:
    """While the undo is recorded a tool server changes, and nothing shows that the controller has seen it."""
    to_undo(world)
    world.meanwhile(lambda: edit(world, "server"))


def to_undo_late(world: World) -> None:
    recorded(world)
    while CONFIG_HASH not in _revisions(world, "agent")[-1]["metadata"].get("annotations", {}):
        clock.sleep(0.5)  # a look is not sure yet that the controller has rendered the newest spec
        look(world)
    unsettled(world)


def to_undo_with_sources(world: World) -> None:
    """Every source differs from how revision ``target`` had it."""
    annotate(world, AGENT, "agent", REVISION_HISTORY_LIMIT, "9")
    look(world)
    world.values["target"] = str(_revisions(world, "agent")[-1]["revision"])
    edit(world)
    text = world.values["edits"]
    for resource, name, patch in (
        (MODEL_CONFIG, "model", {"spec": {"model": f"m{text}"}}),
        (REMOTE_MCP_SERVER, "remote", {"spec": {"description": text}}),
        (CONFIG_MAP, "prompts", {"data": {"a": text}}),
    ):
        world.admin.merge_patch(resource, world.admin.namespace, name, patch, manager="admin")
    world.settle()
    look(world)


def to_undo_broken(world: World) -> None:
    recorded(world, "broken")


def to_undo_server(world: World) -> None:
    recorded(world, "server")


def to_undo_idle(world: World) -> None:
    recorded(world, "idle")


def to_record(world: World) -> None:
    """Something to create, to delete and to get for one agent, to patch for the other."""
    unsettled(world, "broken")
    edited(world)


def guest(world: World) -> None:
    """An agent with a tool server of another namespace, which lets it in by the labels of its own."""
    admin = world.admin
    guests = int(world.values.get("guests", "0")) + 1
    elsewhere = f"{admin.namespace}-tools-{guests}"  # a namespace that is deleted takes its time
    world.values |= {"guests": str(guests), "elsewhere": elsewhere}
    for name in (elsewhere, admin.namespace):
        with contextlib.suppress(AlreadyExists):  # the fake has none
            body = _object(NAMESPACE, name, {}, labels={"kubectl-kagent-test": admin.namespace})
            admin.create(NAMESPACE, "", body, manager="admin")
    spec = {"description": "0", "url": "http://127.0.0.1:9/mcp"}
    rule = {"allowedNamespaces": {"from": "Selector", "selector": {}}}
    server = _object(REMOTE_MCP_SERVER, "tools", spec | rule)
    admin.create(REMOTE_MCP_SERVER, elsewhere, server, manager="admin")
    named = _tool("RemoteMCPServer", "tools")
    named["mcpServer"]["namespace"] = elsewhere
    settings = {"systemMessage": "Prompt.", "deployment": {"replicas": 0, "nodeSelector": _NOWHERE}}
    declarative = {"runtime": "python", "modelConfig": "model", "tools": [named], **settings}
    declared = {"type": "Declarative", "description": "a test", "declarative": declarative}
    admin.create(AGENT, admin.namespace, _object(AGENT, "guest", declared), manager="admin")
    world.settle()


def no_guest(world: World) -> None:
    elsewhere = world.values["elsewhere"]
    world.admin.delete(AGENT, world.admin.namespace, "guest")
    world.admin.delete(REMOTE_MCP_SERVER, elsewhere, "tools")
    world.admin.delete(NAMESPACE, "", elsewhere)
    world.settle()


def crowd(world: World) -> None:
    """Two agents without a count of their own that name two tool servers of each kind; they stay."""
    admin = world.admin
    spec = {"description": "0", "url": "http://127.0.0.1:9/mcp"}
    named = [
        _tool(kind, name)
        for kind, names in (
            ("RemoteMCPServer", ("remote", "second-remote")),
            ("MCPServer", ("server", "idle")),
            ("Service", ("web", "second-web")),
        )
        for name in names
    ]
    settings = {"systemMessage": "Prompt.", "deployment": {"nodeSelector": _NOWHERE}}
    declarative = {"runtime": "python", "modelConfig": "model", "tools": named, **settings}
    declared = {"type": "Declarative", "description": "a test", "declarative": declarative}
    for resource, body in (
        (REMOTE_MCP_SERVER, _object(REMOTE_MCP_SERVER, "second-remote", spec)),
        (SERVICE, _service("second-web")),
        (AGENT, _object(AGENT, "crowd-one", declared, labels={"only": "crowd"})),
        (AGENT, _object(AGENT, "crowd-two", declared, labels={"only": "crowd"})),
    ):
        with contextlib.suppress(AlreadyExists):
            admin.create(resource, admin.namespace, body, manager="admin")
    world.settle()


def no_crowd(world: World) -> None:
    """As before it, whether it is there or not."""
    for resource, name in (
        (AGENT, "crowd-one"),
        (AGENT, "crowd-two"),
        (REMOTE_MCP_SERVER, "second-remote"),
        (SERVICE, "second-web"),
    ):
        with contextlib.suppress(NotFound):
            world.admin.delete(resource, world.admin.namespace, name)


def to_record_with_guest(world: World) -> None:
    to_record(world)
    guest(world)


def idle_recorded(world: World) -> None:
    look(world, "idle")
    world.values["live"] = str(_revisions(world, "idle")[-1]["revision"])


def conversed(world: World) -> None:
    world.values["session"], world.values["task"] = world.converse()


def agent_forgotten(world: World) -> None:
    world.forget("agent")


def echo_forgotten(world: World) -> None:
    world.forget("echo")


def nothing(world: World) -> None:
    """All is there."""


def with_loki(world: World) -> None:
    """A Service that looks like Loki's, with nothing behind it."""
    without_loki(world)
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "loki-of-a-test", "labels": {"app.kubernetes.io/name": "loki"}},
        "spec": {"ports": [{"port": 3100}]},
    }
    world.admin.create(SERVICE, "kagent", body, manager="admin")


def without_loki(world: World) -> None:
    with contextlib.suppress(NotFound):
        world.admin.delete(SERVICE, "kagent", "loki-of-a-test")


def with_tempo(world: World) -> None:
    """A Service that looks like Tempo's, with nothing behind it."""
    without_tempo(world)
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "tempo-of-a-test", "labels": {"app.kubernetes.io/name": "tempo"}},
        "spec": {"ports": [{"port": 3200}]},
    }
    world.admin.create(SERVICE, "kagent", body, manager="admin")


def without_tempo(world: World) -> None:
    with contextlib.suppress(NotFound):
        world.admin.delete(SERVICE, "kagent", "tempo-of-a-test")


def with_prometheus(world: World) -> None:
    """A Service that looks like Prometheus's, with nothing behind it."""
    without_prometheus(world)
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _PROMETHEUS, "labels": {"app.kubernetes.io/name": "prometheus"}},
        "spec": {"ports": [{"port": 9090}]},
    }
    world.admin.create(SERVICE, "kagent", body, manager="admin")


def without_prometheus(world: World) -> None:
    with contextlib.suppress(NotFound):
        world.admin.delete(SERVICE, "kagent", _PROMETHEUS)


_PROMETHEUS = "prometheus-of-a-test"


def count_of_its_own(world: World) -> None:
    _set_count(world, 1)


def awake(world: World) -> None:
    _set_replicas(world, 1)


def asleep(world: World) -> None:
    _set_replicas(world, 0)


def released_before(world: World) -> None:
    """The agent sleeps, and nothing in its spec decided its count before."""
    _note_released(world, "true")


def released_by_nobody(world: World) -> None:
    _note_released(world, None)


def _note_released(world: World, value: str | None) -> None:
    note = {"metadata": {"annotations": {HIBERNATED_RELEASED: value}}}
    world.admin.merge_patch(AGENT, world.admin.namespace, "agent", note, manager="admin")


def _set_replicas(world: World, replicas: int) -> None:
    spec = {"declarative": {"deployment": {"replicas": replicas}}}
    world.admin.merge_patch(AGENT, world.admin.namespace, "agent", {"spec": spec}, manager="admin")
    world.settle()


def without_autoscaler(world: World) -> None:
    with contextlib.suppress(NotFound):
        world.admin.delete(HPA, world.admin.namespace, "echo")
    _set_count(world, None)


def _set_count(world: World, replicas: int | None) -> None:
    spec = {"byo": {"deployment": {"replicas": replicas}}}
    world.admin.merge_patch(AGENT, world.admin.namespace, "echo", {"spec": spec}, manager="admin")
    world.settle()


def bundles_namespace(world: World) -> None:
    """The namespace is the bundle's own, and nothing else of the bundle is there yet."""
    metadata = {"name": DEFAULT_NAMESPACE, "labels": {PART_OF: BUNDLE}}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    world.admin.apply(NAMESPACE, "", body, manager="kubectl-kagent")


ROUTED = "--grafana-url=https://grafana.example.org"
_TOLD_BY = (PROMETHEUS_RULE, GRAFANA_DASHBOARD)


def with_operators(world: World) -> None:
    """And the namespace is the bundle's own."""
    bundles_namespace(world)
    for resource in _TOLD_BY:
        body = {"apiVersion": CRD.api_version, "kind": CRD.kind, "metadata": {"name": resource.full_name}}
        world.admin.apply(CRD, "", body, manager="test")


def with_bundle(world: World, *more: str) -> None:
    with_operators(world)
    done = run(Recording(world.admin), ["observe", "install", "--operator", ROUTED, *more])
    assert done.code == 0, done


def without_bundle(world: World) -> None:
    for resource in _TOLD_BY:
        with contextlib.suppress(NotFound):
            world.admin.delete(CRD, "", resource.full_name)
    for resource in BUNDLED:
        for item in world.admin.list_objects(resource, labels=SELECTOR)["items"]:
            metadata = item["metadata"]
            world.admin.delete(resource, metadata.get("namespace") or "", metadata["name"])


def with_older_bundle(world: World) -> None:
    """Of each kind there is one that a later version has no more."""
    with_bundle(world)
    for resource in BUNDLED:
        if resource is NAMESPACE:
            continue
        newest = world.admin.list_objects(resource, labels=SELECTOR)["items"][0]
        given = {key: newest[key] for key in newest if key not in ("metadata", "status")}
        metadata = {
            key: newest["metadata"][key] for key in ("namespace", "labels") if key in newest["metadata"]
        }
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            **given,
            "metadata": {**metadata, "name": "older"},
        }
        namespace = metadata.get("namespace", "")
        world.admin.apply(resource, namespace, body, manager="kubectl-kagent")
