"""Command lines that together make every request the verbs can make, and what a refused one must look like.

The unit test runs them on the fake, the cluster test on the real API server with real roles.
"""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from click.testing import CliRunner

from kubectl_kagent.app import cli
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import Access, ClusterService
from kubectl_kagent.errors import AlreadyExists, Forbidden, NotFound
from kubectl_kagent.lifecycle.history.recorder import Recorder
from kubectl_kagent.model import revision
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    NAMESPACE,
    REMOTE_MCP_SERVER,
    SCALED_OBJECT,
    SERVICE,
    Resource,
)
from kubectl_kagent.model.revision import CONFIG_HASH, READY_AT, TEMPLATE_HASH, revision_name
from kubectl_kagent.model.workload import RESTARTED_AT, REVISION_HISTORY_LIMIT, Workload, dig
from kubectl_kagent.rbac import roles
from kubectl_kagent.rbac.permissions import PERMISSIONS
from kubectl_kagent.rbac.rules import Need, Rule
from tests import fake

Object = dict[str, Any]

IMAGE = "lab.local/byo-agent:lab"
_FAKE = str(Path(fake.__file__).parent)
FOREVER_SECONDS = 20.0
LIMIT_SECONDS = 60.0
TIMED_OUT = 4
_NOWHERE = {"lab.local/nowhere": "true"}
_SMALL = {"requests": {"cpu": "5m", "memory": "16Mi"}}


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """A rule as a request uses it: in the namespace of the object, or elsewhere. Names are left out."""

    rule: Rule
    elsewhere: bool = False


def uses(need: Need) -> set[Use]:
    return {Use(replace(rule, name=""), bool(need.elsewhere)) for rule in need.rules}


def table(verb: str) -> dict[Use, Need]:
    """What the table says that a verb uses; of two needs of one rule the one that can refuse it."""
    strictest_last = sorted(PERMISSIONS[verb], key=lambda need: not need.without)
    return {use: need for need in strictest_last for use in uses(need)}


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


@dataclass
class Recording:
    """A cluster that notes what it is asked, and refuses what is ``denied`` as RBAC does."""

    real: Cluster
    denied: frozenset[Use] = frozenset()
    after_write: Callable[[], None] = lambda: None
    used: set[Use] = field(default_factory=set)
    closed: bool = False

    @property
    def namespace(self) -> str:
        return self.real.namespace

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        self.ask("get", resource.group, resource.plural, namespace)
        return self.real.get(resource, namespace, name)

    def list_objects(self, resource: Resource, namespace: str | None = None, **how: Any) -> Object:
        self.ask("list", resource.group, resource.plural, namespace)
        return self.real.list_objects(resource, namespace, **how)

    def watch(self, resource: Resource, namespace: str | None, since: str, **how: Any) -> Iterator[Object]:
        self.ask("watch", resource.group, resource.plural, namespace)
        yield from self.real.watch(resource, namespace, since, **how)

    def create(self, resource: Resource, namespace: str, body: Mapping[str, Any], **how: Any) -> Object:
        self.ask("create", resource.group, resource.plural, namespace)
        return self._written(resource, self.real.create(resource, namespace, body, **how))

    def merge_patch(self, resource: Resource, namespace: str, name: str, patch: Any, **how: Any) -> Object:
        self.ask("patch", resource.group, resource.plural, namespace)
        return self._written(resource, self.real.merge_patch(resource, namespace, name, patch, **how))

    def json_patch(self, resource: Resource, namespace: str, name: str, patch: Any, **how: Any) -> Object:
        self.ask("patch", resource.group, resource.plural, namespace)
        return self._written(resource, self.real.json_patch(resource, namespace, name, patch, **how))

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        self.ask("delete", resource.group, resource.plural, namespace)
        self.real.delete(resource, namespace, name)

    def pod_log(self, namespace: str, pod: str, container: str, **how: Any) -> str:
        self.ask("get", "", "pods/log", namespace)
        return self.real.pod_log(namespace, pod, container, **how)

    def pod_log_stream(self, namespace: str, pod: str, container: str, **how: Any) -> Iterator[bytes]:
        self.ask("get", "", "pods/log", namespace)
        return self.real.pod_log_stream(namespace, pod, container, **how)

    def service(self, namespace: str, name: str) -> RecordedService:
        return RecordedService(self, self.real.service(namespace, name))

    def server_version(self) -> Object:
        return self.real.server_version()  # every user may ask

    def username(self) -> str:
        return self.real.username()  # every user may ask

    def ask(self, verb: str, group: str, resource: str, namespace: str | None, name: str = "") -> None:
        if self.closed:
            raise Forbidden("a thread that outlives its verb")
        use = Use(Rule(group, resource, verb), namespace != self.namespace)
        self.used.add(use)
        if use in self.denied:
            where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            what = f'services "{name}"' if name else f"{resource}.{group}"
            message = (
                f'{what} is forbidden: User "tester" cannot {verb} resource "{resource}" '
                f'in API group "{group}" {where}'
            )
            raise Forbidden(message, roles.hint(message))

    def _written(self, resource: Resource, obj: Object) -> Object:
        if resource is not CONTROLLER_REVISION:
            self.after_write()
        return obj


@dataclass(frozen=True, slots=True)
class RecordedService:
    """A Service, whose requests need a permission too."""

    recording: Recording
    real: ClusterService

    @property
    def namespace(self) -> str:
        return self.real.namespace

    @property
    def name(self) -> str:
        return self.real.name

    def call(self, method: str, path: str, *rest: Any, **how: Any) -> Object:
        self._ask({"GET": "get", "POST": "create", "DELETE": "delete"}[method])
        return self.real.call(method, path, *rest, **how)

    def stream(self, path: str, *rest: Any, **how: Any) -> Iterator[bytes]:
        self._ask("create")
        return self.real.stream(path, *rest, **how)

    def access(self, path: str) -> Access:
        self._ask("create")
        # sent past us by the client that is given this, at the end of a session
        other = self.namespace != self.recording.namespace
        self.recording.used.add(Use(Rule("", "services/proxy", "delete"), other))
        return self.real.access(path)

    def _ask(self, verb: str) -> None:
        self.recording.ask(verb, "", "services/proxy", self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


# With it among ``until`` nothing interrupts: what is refused ends by itself, a moment after it has asked.
NEVER = Use(Rule("", "never", "get"))


def run(cluster: Recording, words: list[str], *, until: frozenset[Use] = frozenset()) -> Done:
    """Run our program in this process. With ``until`` it runs for ever: until these have been used.

    What takes longer than it may is interrupted, and ends with 130.
    """
    over, heard = threading.Event(), threading.Event()

    def stop() -> None:
        deadline = time.monotonic() + (FOREVER_SECONDS if until else LIMIT_SECONDS)
        while not over.wait(0.02) and not heard.is_set():
            if (until and until <= cluster.used) or time.monotonic() > deadline:
                _thread.interrupt_main()

    def hear(_: int, frame: FrameType | None) -> None:
        if not must_wait(frame):
            heard.set()
            raise KeyboardInterrupt

    guard = threading.Thread(target=stop)
    before = signal.signal(signal.SIGINT, hear)
    guard.start()
    result = None
    try:
        result = CliRunner().invoke(
            cli, words, obj=lambda _: cluster, prog_name="kubectl kagent", catch_exceptions=False
        )
        over.set()
        guard.join()
    except KeyboardInterrupt:
        if result is None:  # else it had ended when the guard took action
            raise
    finally:
        over.set()
        guard.join()
        signal.signal(signal.SIGINT, before)
        cluster.closed = True
    return Done(result.exit_code, result.stdout, result.stderr)


def must_wait(frame: FrameType | None) -> bool:
    """Whether an interrupt would be lost, leave the fake's lock taken, or come before a look's end.

    What is raised where Python calls something because an object goes is lost (weak references call what is
    in their module). And between a lock's being taken and the block that gives it back nothing may be raised.
    A recorder tells after a look what it has left out.
    """
    while frame is not None:
        where, name = frame.f_code.co_filename, frame.f_code.co_name
        if name == "__del__" or where == weakref.__file__ or where.startswith(_FAKE):
            return True
        if frame.f_code is Recorder._record.__code__:
            return True
        frame = frame.f_back
    return False


# The objects


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


# What must be there before a command line


Step = Callable[[World], None]
_PATHS = {"agent": AGENT, "broken": AGENT, "server": MCP_SERVER, "idle": MCP_SERVER}


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


def count_of_its_own(world: World) -> None:
    _set_count(world, 1)


def awake(world: World) -> None:
    _set_replicas(world, 1)


def asleep(world: World) -> None:
    _set_replicas(world, 0)


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


@dataclass(frozen=True, slots=True)
class Case:
    """A command line of a verb. With ``until`` it runs for ever: these uses tell that it has done it all.

    ``harmless``: what only this line uses is not missed in the end, so that nothing has to be said.
    ``racing``: so it is when a real controller is quick, and whether it is quick enough is its to say.
    ``hurried``: on a real cluster these are only asked for within seconds of what was done before.
    """

    line: str
    before: Step = nothing
    after: Step = nothing
    until: frozenset[Use] = frozenset()
    harmless: bool = False
    racing: bool = False
    hurried: frozenset[Use] = frozenset()

    def words(self, world: World) -> list[str]:
        return [word.format(**world.values) for word in self.line.split()]


def watching(*resources: Resource) -> frozenset[Use]:
    return frozenset(Use(Rule(resource.group, resource.plural, "watch")) for resource in resources)


def _pods(verb: str) -> Use:
    return Use(Rule("", "pods", verb))


# Of each verb, in the order in which a rule is looked for: first where it can't do without.
CASES: dict[str, tuple[Case, ...]] = {
    "get agents|mcpservers": (
        Case("get agents"),
        Case("get agent agent"),
        Case("get mcpservers"),
        Case("get mcpserver server"),
        Case("get agents -w", until=watching(AGENT, DEPLOYMENT)),
        Case("get mcpservers -w", until=watching(MCP_SERVER, DEPLOYMENT)),
    ),
    "get modelconfigs|remotemcpservers": (
        Case("get modelconfigs"),
        Case("get modelconfig model"),
        Case("get remotemcpservers"),
        Case("get remotemcpserver remote"),
    ),
    "describe": (
        Case("describe mcpserver/server"),
        Case("describe agent/agent"),
        Case("describe agents -l only=this"),
        Case("describe mcpservers -l only=this"),
        Case("describe agents -l only=crowd", before=crowd, harmless=True),
    ),
    "logs": (
        Case("logs agent/broken"),
        Case("logs mcpserver/server"),
        Case("logs agents -l only=this --ignore-errors"),
        Case("logs mcpservers -l only=this"),
        Case("logs agent/broken -f", until=frozenset({_pods("watch"), _pods("get")})),
        Case("logs --controller --tail=1"),
        Case("logs mcpserver/server --loki=auto", before=with_loki, after=without_loki),
        Case("logs mcpserver/server --session=none"),
    ),
    "scale": (
        Case("scale agent/agent --replicas=0"),
        Case("scale mcpserver/server --replicas=1"),
        Case("scale agents -l only=this --replicas=0"),
        Case("scale mcpservers -l only=this --replicas=1 --dry-run=server"),
        Case("scale agent/echo --replicas=1 --dry-run=server"),
        Case("scale agent/broken --replicas=1 --timeout=3s"),
        Case("scale agent/agent --replicas=0 --timeout=15s"),
        Case("scale agent/agent --replicas=0 --timeout=1s", before=agent_forgotten, racing=True),
        Case("scale agents -l only=crowd --replicas=1 --dry-run=server", before=crowd, harmless=True),
    ),
    "hibernate": (
        Case("hibernate agent/agent"),
        Case("hibernate mcpserver/server --dry-run=server"),
        Case("hibernate agents -l only=this"),
        Case("hibernate mcpservers -l only=this --dry-run=server"),
        Case("hibernate agent/echo --dry-run=server"),
        Case("hibernate agents -l only=crowd --dry-run=server", before=crowd, harmless=True),
    ),
    "wake": (
        Case("wake agent/agent --dry-run=server"),
        Case("wake mcpserver/idle --dry-run=server"),
        Case("wake agent/echo --dry-run=server"),
        Case("wake agents -l only=this --dry-run=server"),
        Case("wake mcpservers -l only=this --dry-run=server"),
        Case("wake agents -l only=crowd --dry-run=server", before=crowd, harmless=True),
    ),
    "autoscale": (
        Case("autoscale agent/echo --max=3 --cpu=70%", before=count_of_its_own, after=without_autoscaler),
    ),
    "rollout history": (
        Case("rollout history agent/agent", before=edited),
        Case("rollout history agent/agent", before=unsettled),
        Case("rollout history mcpserver/server"),
        Case("rollout history agent/guest", before=guest, after=no_guest),
    ),
    "rollout diff": (
        Case("rollout diff agent/agent", before=edited),
        Case("rollout diff agent/agent", before=to_undo_late),
        Case("rollout diff mcpserver/server", before=to_undo_server),
        Case("rollout diff agent/guest", before=guest, after=no_guest),
    ),
    "rollout undo, rollback": (
        Case("rollout undo agent/agent", before=to_undo),
        Case("rollback agent/agent", before=to_undo_late),
        Case("rollout undo mcpserver/server", before=to_undo_server),
        Case("rollout undo agent/agent --to-revision={target} --with-sources", before=to_undo_with_sources),
        Case("rollout undo agent/broken --wait --timeout=10s", before=to_undo_broken),
        Case("rollout undo agent/agent --wait", before=to_undo),
        Case("rollout undo mcpserver/idle --wait", before=to_undo_idle),
        Case(
            "rollout undo agent/agent --wait",
            before=to_undo_with_an_edit,
            hurried=frozenset({Use(Rule("apps", "deployments", "list"), elsewhere=True)}),
        ),
        Case("rollout undo agent/guest", before=guest, after=no_guest),
    ),
    "rollout status": (
        Case("rollout status agent/agent --revision={live}", before=recorded),
        Case("rollout status mcpserver/idle --revision={live}", before=idle_recorded),
        Case("rollout status agent/agent"),
        Case("rollout status mcpserver/idle"),
        Case("rollout status agent/broken --timeout=3s"),
        Case("rollout status agent/echo --smoke hello"),
        Case("rollout status agent/agent --watch=false", before=agent_forgotten),
        Case(
            "rollout status agent/guest --revision=1 --watch=false",
            before=guest,
            after=no_guest,
            harmless=True,
        ),
    ),
    "rollout restart": (
        Case("rollout restart agent/echo --dry-run=server"),
        Case("rollout restart mcpserver/server --dry-run=server"),
        Case("rollout restart agents -l only=this"),
        Case("rollout restart mcpservers -l only=this --dry-run=server"),
        Case("rollout restart agent/broken --timeout=5s"),
        Case("rollout restart agent/agent --timeout=3s", before=awake, after=asleep),
        Case("rollout restart agent/echo --timeout=1s", before=echo_forgotten, racing=True),
        Case("rollout restart agents -l only=crowd --dry-run=server", before=crowd, harmless=True),
    ),
    "top": (Case("top"), Case("top models --prometheus=none")),
    "tools list": (
        Case("tools list"),
        Case("tools list agent"),
        Case("tools list mcpserver/server -o wide"),
    ),
    "tools call": (
        Case("tools call mcpserver/server get_time"),
        Case("tools call remotemcpserver/remote get_time"),
        Case("tools call service/web get_time"),
    ),
    "tools check": (
        Case("tools check agent"),
        Case("tools check --all"),
        Case("tools check agent --live"),
        Case("tools check crowd-one", before=crowd, harmless=True),
    ),
    "trace": (Case("trace agent/agent"),),
    "chat": (Case("chat echo hello"), Case("chat echo hello --continue", before=conversed)),
    "approvals list": (Case("approvals list", before=conversed),),
    "approvals approve|reject": (
        Case("approvals approve {task} --yes", before=conversed),
        Case("approvals reject {task} --yes", before=conversed),
    ),
    "sessions list|show|export": (
        Case("sessions list", before=conversed),
        Case("sessions show {session}", before=conversed),
        Case("sessions export {session}", before=conversed),
    ),
    "sessions delete": (Case("sessions delete {session}", before=conversed),),
    "record": (
        Case(
            "record",
            before=to_record_with_guest,
            after=no_guest,
            until=frozenset(table("record")),
            racing=True,  # it is ended with the last request, before it has told of what that left out
        ),
    ),
    "version": (Case("version"),),
}


# What must be true of a run without one rule


def judge(need: Need, use: Use, case: Case, full: Done, seen: Done, *, asked: bool, real: bool) -> None:
    """Refused with one clear line, or done as far as that goes and the loss said once.

    ``asked``: whether it came to the rule. Only where a real controller may be quicker it need not.
    """
    assert asked or real, (use, seen)
    said = f'cannot {use.rule.verb} resource "{use.rule.resource}"'
    lines = [line for line in (seen.out + seen.err).splitlines() if said in line]
    assert len(lines) == len(set(lines)), seen  # once of each object
    if not need.without:
        assert seen.code == 6, seen
        # the smoke test comes after the rollout, of which status tells first
        assert case.until or seen.out == "" or "--smoke" in case.line, seen
        line, hint = seen.err.splitlines()[-2:]
        assert line.startswith("Error from server (Forbidden): "), seen
        assert said in line, seen
        assert hint.startswith("hint: ClusterRole kagent-"), seen
        return
    # who does not know the cause of a failure can only wait for its end
    codes = {seen.code, full.code}
    raced = real and case.racing and codes <= {0, TIMED_OUT}
    assert len(codes) == 1 or codes <= {1, TIMED_OUT} or raced, (full, seen)
    # something else stands in: KEDA's own HPA, the place where charts put the controller
    replaced = need.resource is SCALED_OBJECT or (need.resource is SERVICE and bool(need.elsewhere))
    # and a server of tools ends by itself the session that nobody ends
    left = need.subresource == "proxy" and use.rule.verb == "delete"
    quiet = case.harmless or left or (replaced and use.rule.verb == "list")
    assert bool(lines) != (quiet or not asked) or (real and case.racing), seen


# of a revision, as soon as it is known: whoever looks first notes it
_NOTED = frozenset({CONFIG_HASH, TEMPLATE_HASH, revision.IMAGE, READY_AT})


def state(world: World, *, recording: bool) -> dict[str, Any]:
    """What people decide about the objects of the namespace; without ``recording`` the revisions too."""
    found: dict[str, Any] = {}
    kinds = (AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, HPA, DEPLOYMENT)
    for resource in (*kinds, *(() if recording else (CONTROLLER_REVISION,))):
        for item in world.admin.list_objects(resource, world.admin.namespace)["items"]:
            metadata = item["metadata"]
            found[resource.label(metadata["name"])] = (
                _deployed(item["spec"])
                if resource is DEPLOYMENT
                else {
                    "annotations": _decided(metadata.get("annotations") or {}),
                    "spec": item.get("spec"),
                    "data": item.get("data"),
                }
            )
    return found


def _deployed(spec: Object) -> Object:
    """Of a Deployment what our verbs may write: the controller may still be rendering what was before."""
    annotations = dig(spec, "template", "metadata", "annotations") or {}
    return {"replicas": spec.get("replicas"), RESTARTED_AT: annotations.get(RESTARTED_AT)}


def _decided(annotations: Mapping[str, str]) -> dict[str, str]:
    """Those that people and our verbs write."""
    return {key: value for key, value in annotations.items() if key not in _NOTED}
