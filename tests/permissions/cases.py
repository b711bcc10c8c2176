"""Command lines that together make every request the verbs can make.

The unit test runs them on the fake, the cluster test on the real API server with real roles.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubectl_kagent.model.resources import (
    AGENT,
    DEPLOYMENT,
    MCP_SERVER,
    Resource,
)
from kubectl_kagent.rbac.rules import Rule
from tests.lab.layout import CHECKOUT
from tests.permissions.recording import Use, table
from tests.permissions.scenes import (
    ROUTED,
    Step,
    World,
    agent_forgotten,
    asleep,
    awake,
    conversed,
    count_of_its_own,
    crowd,
    echo_forgotten,
    edited,
    guest,
    idle_recorded,
    in_effect,
    no_crowd,
    no_guest,
    nothing,
    recorded,
    released_before,
    released_by_nobody,
    to_record_with_guest,
    to_undo,
    to_undo_broken,
    to_undo_idle,
    to_undo_late,
    to_undo_server,
    to_undo_with_an_edit,
    to_undo_with_sources,
    unsettled,
    with_bundle,
    with_loki,
    with_older_bundle,
    with_operators,
    with_prometheus,
    with_tempo,
    without_autoscaler,
    without_bundle,
    without_loki,
    without_prometheus,
    without_tempo,
)


@dataclass(frozen=True, slots=True)
class Case:
    """A command line of a verb. With ``until`` it runs for ever: these uses tell that it has done it all.

    ``harmless``: what only this line uses is not missed in the end, so that nothing has to be said.
    ``racing``: so it is when a real controller is quick, and whether it is quick enough is its to say.
    ``hurried``: on a real cluster these are only asked for within seconds of what was done before, or where
    kagent is installed so.
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


# Asked for when a controller has not acted yet.
_CONTROLLER = frozenset({Use(Rule(DEPLOYMENT.group, DEPLOYMENT.plural, "list"), elsewhere=True)})


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
        Case("scale agent/agent --release --dry-run=server"),
        Case("scale agent/agent --replicas=0"),
        Case("scale agents -l only=this --replicas=0"),
        Case("scale mcpserver/server --replicas=1"),
        Case("scale mcpserver/server --replicas=0 --dry-run=server"),
        Case("scale mcpservers -l only=this --replicas=1 --dry-run=server"),
        Case("scale agent/echo --replicas=1 --dry-run=server"),
        Case("scale agent/broken --replicas=1 --timeout=3s"),
        Case("scale agent/agent --replicas=0 --timeout=15s"),
        Case(
            "scale agent/agent --replicas=0 --timeout=1s",
            before=agent_forgotten,
            racing=True,
            hurried=_CONTROLLER,
        ),
        Case("scale agent/agent --replicas=0 --drain", before=awake),
        Case("scale agents -l only=crowd --replicas=1 --dry-run=server", before=crowd, harmless=True),
    ),
    "hibernate": (
        Case("hibernate agent/agent"),
        Case("hibernate agents -l only=this"),
        Case("hibernate mcpserver/server --dry-run=server"),
        Case("hibernate mcpservers -l only=this --dry-run=server"),
        Case("hibernate agent/echo --dry-run=server"),
        Case("hibernate agent/agent --drain"),
        Case("hibernate agents -l only=crowd --dry-run=server", before=crowd, harmless=True),
    ),
    "wake": (
        Case("wake agent/agent --dry-run=server"),
        Case("wake agent/agent --dry-run=server", before=released_before, after=released_by_nobody),
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
        Case("rollout history agent/echo --impact", before=in_effect),
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
        Case("rollout undo agent/agent --drain", before=to_undo),
        Case("rollout undo mcpserver/idle --wait", before=to_undo_idle),
        Case(
            "rollout undo agent/agent --wait",
            before=to_undo_with_an_edit,
            hurried=_CONTROLLER,
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
        Case("rollout restart agents -l only=this"),
        Case("rollout restart mcpserver/server --dry-run=server"),
        Case("rollout restart mcpservers -l only=this --dry-run=server"),
        Case("rollout restart agent/broken --timeout=5s"),
        Case("rollout restart agent/agent --timeout=3s", before=awake, after=asleep),
        Case(
            "rollout restart agent/echo --timeout=1s", before=echo_forgotten, racing=True, hurried=_CONTROLLER
        ),
        Case("rollout restart agent/echo --drain"),
        Case("rollout restart agents -l only=crowd --dry-run=server", before=crowd, harmless=True),
    ),
    "top": (Case("top"), Case("top models --prometheus=none")),
    "top --by=revision": (Case("top --by=revision", before=in_effect),),
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
    "trace export": (
        # nobody takes the spans there: what it asked before is all that matters
        Case("trace export {session} --otlp=http://127.0.0.1:9", before=conversed),
    ),
    "chat": (
        Case("chat echo hello"),
        Case("chat echo hello --continue", before=conversed),
        Case("chat agent/agent hello"),  # it sleeps
    ),
    "approvals list": (
        Case("approvals list", before=conversed),
        Case("approvals list --all-users", before=with_tempo, after=without_tempo),
    ),
    "approvals approve|reject": (
        Case("approvals approve {task} --yes", before=conversed),
        Case("approvals reject {task} --yes", before=conversed),
    ),
    "sessions list|show|export": (
        Case("sessions list", before=conversed),
        Case("sessions list --all-users", before=with_tempo, after=without_tempo),
        Case("sessions show {session}", before=conversed),
        Case("sessions export {session}", before=conversed),
    ),
    "sessions delete": (Case("sessions delete {session}", before=conversed),),
    "observe export": (Case("observe export", before=with_operators, after=without_bundle),),
    "observe install|diff": (
        Case(f"observe install --operator {ROUTED}", before=with_operators, after=without_bundle),
        Case(f"observe diff {ROUTED}", before=with_bundle, after=without_bundle),
        Case("observe install", after=without_bundle),
        Case(f"observe install --operator {ROUTED}", before=with_older_bundle, after=without_bundle),
    ),
    "observe uninstall": (Case("observe uninstall --yes", before=with_bundle, after=without_bundle),),
    "observe status": (Case("observe status", before=with_prometheus, after=without_prometheus),),
    "record": (
        Case(
            "record",
            before=to_record_with_guest,
            after=no_guest,
            until=frozenset(table("record")),
            racing=True,  # it is ended with the last request, before it has told of what that left out
        ),
    ),
    "check": (
        Case(
            "check",
            before=no_crowd,  # where several servers of a kind are named, they are listed
            hurried=frozenset({Use(Rule("", "configmaps", "list"), elsewhere=True)}),
        ),
        Case("check", before=crowd, after=no_crowd, harmless=True),
    ),
    "completion install|uninstall": (),  # they ask no cluster
    "report": (
        Case(
            "report --file=-",
            before=no_crowd,
            hurried=frozenset({Use(Rule("", "configmaps", "list"), elsewhere=True)}),
        ),
        Case("report agent/agent --file=-"),
        Case("report --file=-", before=crowd, after=no_crowd, harmless=True),
    ),
    "lint": (Case(f"lint -f {CHECKOUT}/manifests/examples/datetime-agent/base"),),
    "version": (Case("version"),),
}
