"""Every verb with each of its outputs, sources and options that ask something else of a server.

A form that changes something says how the change is seen in the world, whatever the program says of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.model.resources import (
    AGENT,
    BUNDLED,
    CONFIG_MAP,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    NAMESPACE,
    OPERATORS,
    REMOTE_MCP_SERVER,
)
from kubectl_kagent.model.workload import RESTARTED_AT, Workload, dig
from kubectl_kagent.observe.bundle import SELECTOR
from tests.fake.records import GO_SESSION, GO_TASK, HITL_SESSION, JAEGER_TRACE, TEMPO_TRACE
from tests.lab.layout import CHECKOUT
from tests.permissions import recording, running, scenes
from tests.permissions.scenes import nothing
from tests.soak.services import WAITING_SESSION as SESSION
from tests.soak.services import WAITING_TASK as TASK
from tests.soak.world import AGENT_WITH_RECORDS as RECORDS
from tests.soak.world import Step, World

Done = Callable[[World], bool]


@dataclass(frozen=True, slots=True)
class Form:
    """A command line; ``{...}`` in it are the world's values.

    ``done``: whether what exit code 0 claims is so; without it the form may change nothing.
    ``shown``: a kubectl kagent command can show whether it is so.
    ``enough``: it has no end, and is interrupted after so many requests.
    ``fails``: it ends with another code than 0 though nothing disturbs it.
    """

    line: str
    before: Step = nothing
    done: Done | None = None
    enough: int = 0
    stdin: str | None = None
    shown: bool = True
    fails: bool = False

    def words(self, world: World) -> list[str]:
        return [word.format(**world.values) for word in self.line.split()]


# Whether it is done


def _replicas(count: int | None, *names: str, resource: Any = AGENT) -> Done:
    def done(world: World) -> bool:
        found = [Workload(resource, world.admin.read(resource, name)) for name in names]
        return all(workload.replicas == count for workload in found)

    return done


def _restarted(*names: str) -> Done:
    def done(world: World) -> bool:
        path = ("spec", "template", "metadata", "annotations", RESTARTED_AT)
        return all(dig(world.deployed(name), *path) for name in names)

    return done


def _server_restarted(world: World) -> bool:
    return "restarted" in str(world.admin.read(MCP_SERVER, "server")["spec"])


def _autoscaled(name: str) -> Done:
    def done(world: World) -> bool:
        released = Workload(AGENT, world.admin.read(AGENT, name)).replicas is None
        return released and name in [item["metadata"]["name"] for item in world.admin.read_all(HPA)]

    return done


_SOURCES = ((MODEL_CONFIG, "model"), (REMOTE_MCP_SERVER, "remote"), (CONFIG_MAP, "prompts"))


def _spec_is_back(name: str, resource: Any = AGENT) -> Done:
    def done(world: World) -> bool:
        return bool(world.spec(name, resource) == world.wanted[name])

    return done


def _sources_are_back(world: World) -> bool:
    now = [world.admin.read(resource, name) for resource, name in _SOURCES]
    same = [item.get("spec") or item["data"] for item in now] == world.wanted["sources"]
    return same and world.spec("agent") == world.wanted["agent"]


def _gone(*sessions: str) -> Done:
    return lambda world: not set(sessions) & set(world.services.kept.sessions)


def _told(agent: str, text: str) -> Done:
    return lambda world: any(to == agent and text in str(what) for to, what in world.services.kept.said)


def _decided(decision: str) -> Done:
    def done(world: World) -> bool:
        told = [what for _, what in world.services.kept.said if what.get("taskId") == TASK]
        return any(decision in str(what["parts"]) for what in told)

    return done


def _called(world: World) -> bool:
    return "get_time" in world.services.kept.called


def _exported(world: World) -> bool:
    return world.services.kept.exported > 0


def _answered(world: World) -> bool:
    return any(to.startswith("echo:8080") for to, _ in world.services.kept.said)


def _installed(world: World) -> bool:
    """Its namespace was there before."""
    kinds = [resource for resource in BUNDLED if resource not in (*OPERATORS, NAMESPACE)]
    return all(world.admin.list_objects(kind, None, labels=SELECTOR)["items"] for kind in kinds)


def _uninstalled(world: World) -> bool:
    """But for the namespace, which has other objects in it."""
    kinds = [resource for resource in BUNDLED if resource is not NAMESPACE]
    return not any(world.admin.list_objects(kind, None, labels=SELECTOR)["items"] for kind in kinds)


def _never(_: World) -> bool:
    """What exit code 0 would claim is not so, whatever is done."""
    return False


# What was before


def _remember(world: World, *names: str, resource: Any = AGENT) -> None:
    for name in names:
        world.wanted[name] = world.spec(name, resource)


def _to_undo(world: World) -> None:
    _remember(world, "agent")
    scenes.recorded(world)


def _to_undo_server(world: World) -> None:
    _remember(world, "server", resource=MCP_SERVER)
    scenes.recorded(world, "server")


def _to_undo_broken(world: World) -> None:
    _remember(world, "broken")
    scenes.recorded(world, "broken")


def _to_undo_with_sources(world: World) -> None:
    _remember(world, "agent")
    now = [world.admin.read(resource, name) for resource, name in _SOURCES]
    world.wanted["sources"] = [item.get("spec") or item["data"] for item in now]
    scenes.to_undo_with_sources(world)


def _with_bundle(world: World) -> None:
    scenes.with_bundle(world, "-n", "default")


def _hibernated(world: World) -> None:
    done = running.run(recording.Recording(world.admin), ["hibernate", f"agent/{RECORDS}"])
    assert done.code == 0, done
    world.settle()


_UNDO = "rollout undo agent/agent"
_AT = "--kagent-url=http://service.test"
_OTLP = "--otlp=http://service.test:4318"

FORMS: tuple[Form, ...] = (
    # get
    Form("get agents"),
    Form("get agents -A -o wide"),
    Form("get agents -o json"),
    Form("get agents --sort-by=.metadata.name --show-labels --no-headers --field-selector=metadata.name!=x"),
    Form("get agents -l only=this -o yaml"),
    Form("get agent agent"),
    Form("get agents agent echo -o name"),
    Form("get agents -w", enough=60),
    Form("get mcpservers"),
    Form("get modelconfigs"),
    Form("get remotemcpserver remote"),
    # describe
    Form("describe agent/agent"),
    Form("describe agent/broken"),
    Form("describe mcpserver/server"),
    Form("describe agents -l only=this"),
    # observe
    Form("observe export -n default"),
    Form("observe install -n default --plain", done=_installed),
    Form("observe install -n default --dry-run=server"),
    Form(f"observe diff -n default --operator {scenes.ROUTED}", before=_with_bundle),
    Form("observe status -n default", fails=True),
    Form("observe status -n default --prometheus=http://service.test -o json", fails=True),
    Form("observe uninstall -n default --yes", before=_with_bundle, done=_uninstalled),
    # logs
    Form(f"logs agent/{RECORDS}"),
    Form("logs agent/broken --previous"),
    Form("logs agents --all-namespaces -l only!=this --all-containers -o json"),
    Form(f"logs agent/{RECORDS} -f", enough=60),
    Form("logs --controller --tail=1"),
    Form(f"logs agent/{RECORDS} --loki=auto --since=12h"),
    Form(f"logs agent/{RECORDS} --task={GO_TASK}"),
    Form(f"logs agent/{RECORDS} --session={GO_SESSION}"),
    # scale, hibernate, wake
    Form("scale agent/agent --replicas=3", done=_replicas(3, "agent")),
    Form("scale agent/echo --replicas=2 --current-replicas=1 -o json", done=_replicas(2, "echo")),
    Form("scale agent/echo --replicas=2 --wait", done=_replicas(2, "echo")),
    Form("scale mcpserver/server --replicas=2", done=_replicas(2, "server", resource=MCP_SERVER)),
    Form("scale agents agent echo --replicas=2", done=_replicas(2, "agent", "echo")),
    Form("scale agents -l only=this --replicas=3", done=_replicas(3, "agent")),
    Form(f"scale agent/{RECORDS} --release", done=_replicas(None, RECORDS)),
    Form("scale agent/agent --replicas=3 --dry-run=server"),
    Form(f"hibernate agent/{RECORDS}", done=_replicas(0, RECORDS)),
    Form(f"hibernate agent/{RECORDS} --drain", done=_replicas(0, RECORDS)),
    Form("hibernate agents --all", done=_replicas(0, "agent", "echo", "broken", RECORDS)),
    Form(f"wake agent/{RECORDS}", before=_hibernated, done=_replicas(2, RECORDS)),
    Form("wake mcpserver/idle", done=_replicas(1, "idle", resource=MCP_SERVER)),
    # autoscale
    Form(f"autoscale agent/{RECORDS} --max=3 --cpu=70%", done=_autoscaled(RECORDS)),
    Form("autoscale agent/echo --max=3 --memory=70%", done=_autoscaled("echo")),
    Form("autoscale agent/echo --max=3 --cpu=70% --dry-run=server"),
    # rollout
    Form("rollout history agent/agent", before=scenes.recorded),
    Form("rollout history agent/agent -o json", before=scenes.recorded),
    Form("rollout history agent/agent --revision={target}", before=scenes.recorded),
    Form("rollout history mcpserver/server"),
    Form("rollout history agent/agent --impact --prometheus=none", before=scenes.recorded),
    Form(f"rollout history agent/{RECORDS} --impact"),
    Form(f"rollout history agent/{RECORDS} --impact --prometheus=http://service.test -o wide"),
    Form("rollout diff agent/agent", before=scenes.recorded),
    Form("rollout diff agent/agent {target} {live} --no-record", before=scenes.recorded),
    Form("rollout status agent/agent"),
    Form("rollout status mcpserver/idle"),
    Form("rollout status agent/broken --timeout=3s", done=_never, fails=True),
    Form(f"rollout status agent/{RECORDS} --watch=false"),
    Form("rollout status agent/echo --smoke hello", done=_answered, shown=False),
    Form(
        "rollout status agent/broken --timeout=3s --on-failure=undo",
        before=_to_undo_broken,
        done=_never,
        fails=True,
    ),
    Form("rollout restart agent/echo", done=_restarted("echo")),
    Form("rollout restart agent/echo --drain", done=_restarted("echo")),
    Form("rollout restart mcpserver/server", done=_server_restarted),
    Form(f"rollout restart agents echo {RECORDS} --wait", done=_restarted("echo", RECORDS)),
    Form(_UNDO, before=_to_undo, done=_spec_is_back("agent")),
    Form(f"{_UNDO} --to-revision={{target}} -o json", before=_to_undo, done=_spec_is_back("agent")),
    Form(f"{_UNDO} --wait", before=_to_undo, done=_spec_is_back("agent")),
    Form(f"{_UNDO} --dry-run=server", before=_to_undo),
    Form(
        f"{_UNDO} --to-revision={{target}} --with-sources",
        before=_to_undo_with_sources,
        done=_sources_are_back,
    ),
    Form(
        f"{_UNDO} --to-revision={{target}}",
        before=_to_undo_with_sources,
        done=_spec_is_back("agent"),
    ),
    Form("rollout undo mcpserver/server", before=_to_undo_server, done=_spec_is_back("server", MCP_SERVER)),
    Form("rollback agent/agent", before=_to_undo, done=_spec_is_back("agent")),
    # record
    Form("record", before=scenes.edited, enough=150),
    Form("record -A", enough=150),
    # chat, approvals, sessions
    Form("chat echo hello", done=_told("echo", "hello")),
    Form("chat echo hello -o json", done=_told("echo", "hello")),
    Form(f"chat {RECORDS} hello --continue", done=_told(RECORDS, "hello")),
    Form("chat echo dangerous", done=_told("echo", "dangerous"), fails=True),
    Form(f"chat echo {_AT} -f -", stdin="hello", done=_told("echo", "hello")),
    Form("chat echo hello --otlp-endpoint=http://service.test:4318", done=_told("echo", "hello")),
    Form("approvals list -A"),
    Form("approvals list -o json"),
    Form(f"approvals approve {TASK[:8]} --yes", done=_decided("approve")),
    Form(f"approvals reject {TASK} --yes -o json", done=_decided("reject")),
    Form("sessions list"),
    Form("sessions list --all-users"),
    Form(f"sessions list -A {_AT} -o json"),
    Form(f"sessions show {GO_SESSION}"),
    Form(f"sessions export {HITL_SESSION}"),
    Form(f"sessions export {HITL_SESSION} -o md"),
    Form(f"sessions delete {GO_SESSION}", done=_gone(GO_SESSION)),
    Form(f"sessions delete {GO_SESSION} {SESSION}", done=_gone(GO_SESSION, SESSION)),
    # trace, top
    Form(f"trace {RECORDS}"),
    Form(f"trace {RECORDS} --tempo=none"),
    Form(f"trace {RECORDS} --tempo=none --jaeger=none -o json"),
    Form(f"trace {RECORDS} --tempo=http://service.test --tool=get_time"),
    Form(f"trace show {TEMPO_TRACE}"),
    Form(f"trace show {JAEGER_TRACE} --jaeger=http://service.test"),
    Form(f"trace show {GO_TASK} --tempo=none --jaeger=none"),
    Form(f"trace show {HITL_SESSION} --tempo=none --jaeger=none --waterfall"),
    Form(f"trace -f {RECORDS}", enough=12),
    Form(f"trace export {GO_SESSION} {_OTLP}", done=_exported, shown=False),
    Form(
        f"trace export --since=168h {_OTLP}"
    ),  # of no sessions, or of those that are gone, none is the truth
    Form("top -n test-29590623"),
    Form("top tools -A -o wide"),
    Form("top models --prometheus=http://service.test -A -o json"),
    Form("top agents --prometheus=none --since=24h"),
    Form("top --by=revision --prometheus=none --since=24h"),
    Form("top --by=revision -A --prometheus=http://service.test"),
    # tools
    Form("tools list"),
    Form("tools list agent -o json"),
    Form("tools list mcpserver/server -o wide"),
    Form("tools check agent"),
    Form("tools check --all --live"),
    Form("tools call mcpserver/server get_time", done=_called, shown=False),
    Form("tools call remotemcpserver/remote get_time -o json", done=_called, shown=False),
    Form("tools call service/web get_time --arg timezone=UTC", done=_called, shown=False),
    # check, completion, lint, report, version
    Form("check", fails=True),
    Form("check -A -o json", fails=True),
    Form("completion install -h"),  # it asks nobody, and works on this machine
    Form("completion uninstall -h"),
    Form("report --file=-"),
    Form(f"report {RECORDS} --file=- --include-messages"),
    Form(f"lint -f {CHECKOUT}/manifests/examples/datetime-agent/base"),
    Form("version"),
    Form("version -o json"),
)


def find(line: str) -> Form:
    """The form with that line."""
    return next(form for form in FORMS if form.line == line)
