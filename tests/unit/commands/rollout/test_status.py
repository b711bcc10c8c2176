"""Waiting for a rollout: what is said when, on which stream, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest

from kubectl_kagent import clock
from kubectl_kagent.errors import (
    Expired,
    Forbidden,
    KagentError,
    NotFound,
    OtherServerError,
    ServerError,
    TimedOut,
    Unreachable,
)
from kubectl_kagent.lifecycle.rollout.causes import causes_stuck
from kubectl_kagent.lifecycle.rollout.inspection import look
from kubectl_kagent.lifecycle.rollout.wait import RolloutFailed, Voice, follow
from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, EVENT, POD, REPLICA_SET
from kubectl_kagent.model.workload import Workload
from tests import rollout_objects as objects
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.rollout_objects import HASH, Object, ended, waiting

LINE = 'out: Waiting for agent "echo" rollout to finish: 0 of 1 updated replicas are available...'
DONE = f'out: agent "echo" successfully rolled out (config hash {HASH})'
UNOBSERVED = "out: Waiting for agent spec update to be observed..."
WHERE = f"pod/{objects.POD}"
GONE = Unreachable("the connection to the server lab was refused")


class Stage:
    """A cluster whose objects change at set times, and everything that the waiting says."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.screen: list[str] = []
        self.elapsed = 0.0
        self._acts: list[tuple[float, Callable[[], object]]] = []

    def at(self, second: float, act: Callable[[], object]) -> None:
        self._acts.append((second, act))

    def follow(self, workload: Workload, *, timeout: float = 0, **more: Any) -> None:
        voice = Voice(
            lambda text: self.screen.append(f"out: {text}"),
            lambda *lines: self.screen.append("err: " + "\n".join(lines)),
        )
        follow(self.cluster, workload, voice, timeout=timeout, **more)

    def sleep(self, seconds: float) -> None:
        assert self.elapsed < 1000, f"still waiting: {self.screen}"
        self.elapsed += seconds
        due = [act for second, act in self._acts if second <= self.elapsed]
        self._acts = [(second, act) for second, act in self._acts if second > self.elapsed]
        for act in due:
            act()

    def lose(self, first: float, last: float) -> None:
        """Let the API server refuse to answer between those two moments."""

        def refuse() -> None:
            if self.elapsed < last:
                self.cluster.before("get", AGENT, refuse)
                raise GONE

        self.at(first, lambda: self.cluster.before("get", AGENT, refuse))

    # The objects

    def agent(self, **kwargs: Any) -> Workload:
        return Workload(AGENT, self._put(AGENT, objects.agent(generation=1, **{"seen": 1} | kwargs)))

    def rolling(self, pod: Object | None = None, **kwargs: Any) -> Workload:
        """An agent, its Deployment and the new ReplicaSet, with one new pod that is not ready."""
        workload = self.agent()
        deployment = objects.deployment(generation=1, seen=1, **kwargs)
        self._put(DEPLOYMENT, deployment, workload.uid)
        created = self.cluster.read(DEPLOYMENT, "echo")
        self._put(REPLICA_SET, objects.replica_set(), created["metadata"]["uid"])
        if pod:
            self.pod(pod)
        return workload

    def pod(self, obj: Object) -> None:
        parent = self.cluster.read(REPLICA_SET, "echo-6f5bf9d845")["metadata"]["uid"]
        self._put(POD, obj, parent)

    def event(self, obj: Object) -> None:
        obj["involvedObject"]["uid"] = self.cluster.read(POD, objects.POD)["metadata"]["uid"]
        self._put(EVENT, obj)

    def finish(self) -> None:
        status = objects.deployment(available=1, generation=1, seen=1)["status"]
        self.cluster.set_status(DEPLOYMENT, "echo", status)

    def observe(self) -> None:
        self.cluster.set_status(AGENT, "echo", objects.agent(seen=1)["status"])

    def _put(self, resource: Any, obj: Object, owner: str = "") -> Object:
        for reference in obj["metadata"].get("ownerReferences", ()):
            reference["uid"] = owner
        return self.cluster.add(resource, obj)


@pytest.fixture
def stage(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = Stage(cluster)
    monkeypatch.setattr(clock, "monotonic", lambda: found.elapsed)
    monkeypatch.setattr(clock, "sleep", found.sleep)
    return found


def test_good_rollout(stage: Stage) -> None:
    workload = stage.agent(seen=0)
    stage.at(2, stage.observe)
    stage.at(4, lambda: stage._put(DEPLOYMENT, objects.deployment(generation=1, seen=0), workload.uid))
    stage.at(6, lambda: stage.cluster.set_status(DEPLOYMENT, "echo", objects.deployment(seen=1)["status"]))
    stage.at(8, stage.finish)
    stage.follow(workload)
    assert stage.screen == [
        UNOBSERVED,
        'out: Waiting for deployment "echo" to be created...',
        "out: Waiting for deployment spec update to be observed...",
        LINE,
        DONE,
    ]
    assert stage.elapsed == 8


def test_a_deployment_left_by_a_deleted_namesake_is_not_believed(stage: Stage) -> None:
    workload = stage.agent()
    stage._put(DEPLOYMENT, objects.deployment(generation=1, seen=1, available=1), "uid-of-another")
    with pytest.raises(TimedOut):
        stage.follow(workload, timeout=2)
    assert stage.screen == ['out: Waiting for deployment "echo" to be created...']


def test_crash_loop_with_its_last_words(stage: Stage) -> None:
    workload = stage.rolling(objects.pod(objects.container({"terminated": ended(1)})))
    stage.cluster.logs[objects.POD, "kagent"] = "boot\n\x1b[31mcrashing\x1b[0m because CRASH=1 is set\n"
    crash_until(stage, 3)
    with pytest.raises(RolloutFailed) as failure:
        stage.follow(workload)
    assert failure.value.line == (
        f'error: agent "echo" failed to roll out: {WHERE}: CrashLoopBackOff: '
        "container kagent exited with 1 (restarts: 3)"
    )
    assert failure.value.hint == f"kubectl logs {objects.POD} -c kagent --previous -n default"
    assert stage.screen == [
        LINE,
        f"err: {WHERE}: Error: container kagent exited with 1",
        f"err: {WHERE}: the last lines of its log:\n  boot\n  crashing because CRASH=1 is set",
        f"err: {WHERE}: CrashLoopBackOff: container kagent exited with 1 (restarts: 1)",
    ]
    assert (failure.value.exit_code, stage.elapsed) == (1, 33)


def test_a_crash_that_heals_is_said_and_waited_for(stage: Stage) -> None:
    """Its tool server comes later: it must not be undone for that."""
    workload = stage.rolling(objects.pod(objects.container({"terminated": ended(1)})))
    crash_until(stage, 2)
    stage.at(39, stage.finish)
    undo = Mock()
    stage.follow(workload, undo=undo)
    assert stage.screen == [
        LINE,
        f"err: {WHERE}: Error: container kagent exited with 1",
        f"err: {WHERE}: CrashLoopBackOff: container kagent exited with 1 (restarts: 1)",
        DONE,
    ]
    undo.assert_not_called()


def crash_until(stage: Stage, restarts: int) -> None:
    """As the kubelet restarts a program that fails at once: after no time, 10 seconds, 20, 40."""
    for number, second in enumerate((3, 13, 33)[:restarts], start=1):
        status = objects.pod(waiting("CrashLoopBackOff", restarts=number, last=ended(1)))["status"]
        stage.at(second, partial(stage.cluster.set_status, POD, objects.POD, status))


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (OtherServerError("BadRequest", "previous terminated container not found"), []),
        (NotFound('pods "echo" not found'), []),
        (
            OtherServerError("InternalError", "the kubelet is away"),
            ["err: what a crashed container said is unknown: the kubelet is away"],
        ),
    ],
    ids=lambda given: given.reason if isinstance(given, ServerError) else "",
)
def test_a_log_that_cannot_be_read_is_told_but_not_one_that_is_not_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, refusal: ServerError, told: list[str]
) -> None:
    workload = stage.rolling(objects.pod(waiting("CrashLoopBackOff", restarts=3, last=ended(1))))
    monkeypatch.setattr(stage.cluster, "pod_log", Mock(side_effect=refusal))
    with pytest.raises(RolloutFailed):
        stage.follow(workload)
    assert stage.screen == [*told, LINE]


def test_unready_is_named_after_half_a_minute_and_waited_for(stage: Stage) -> None:
    workload = stage.rolling(objects.running())
    stage.event(objects.event("Unhealthy", "Readiness probe failed: connection refused"))
    stage.at(31, stage.finish)
    stage.follow(workload)
    assert stage.screen == [
        LINE,
        f"err: {WHERE}: Unhealthy: Readiness probe failed: connection refused",
        DONE,
    ]


def test_a_probe_that_fails_only_at_the_start_is_not_named(stage: Stage) -> None:
    workload = stage.rolling(objects.running())
    stage.event(objects.event("Unhealthy", "Readiness probe failed: connection refused"))
    stage.at(29, stage.finish)
    stage.follow(workload)
    assert stage.screen == [LINE, DONE]


def test_timeout_repeats_the_cause(stage: Stage) -> None:
    workload = stage.rolling(objects.pod(unscheduled="0/1 nodes are available"))
    with pytest.raises(TimedOut) as failure:
        stage.follow(workload, timeout=90)
    assert failure.value.line == (
        'error: timed out after 90s waiting for agent "echo" rollout to finish: 0 of 1 updated replicas are '
        f"available; {WHERE}: Unschedulable: 0/1 nodes are available"
    )
    assert stage.screen == [LINE, f"err: {WHERE}: Unschedulable: 0/1 nodes are available"]
    assert (failure.value.exit_code, stage.elapsed) == (4, 90)


def test_refusal_ends_after_three_seconds(stage: Stage) -> None:
    workload = stage.agent(accepted="ModelConfig missing not found")
    with pytest.raises(RolloutFailed) as failure:
        stage.follow(workload)
    assert failure.value.line == (
        'error: agent "echo" failed to roll out: agent.kagent.dev/echo: NotAccepted: '
        "ModelConfig missing not found"
    )
    assert stage.screen == ['out: Waiting for agent "echo" to be accepted...']
    assert stage.elapsed == 3


def test_refusal_that_an_apply_in_another_order_heals(stage: Stage) -> None:
    workload = stage.rolling()
    refused = objects.agent(seen=1, accepted="ModelConfig missing not found")
    stage.cluster.set_status(AGENT, "echo", refused["status"])
    stage.at(2, stage.observe)
    stage.at(4, stage.finish)
    stage.follow(workload)
    assert stage.screen == ['out: Waiting for agent "echo" to be accepted...', LINE, DONE]


def test_controller_down_for_ten_seconds(stage: Stage) -> None:
    workload = stage.agent(seen=0)
    stage._put(DEPLOYMENT, objects.controller(0))
    with pytest.raises(Unreachable) as failure:
        stage.follow(workload)
    cause = (
        "deployment/kagent-controller in namespace kagent: ControllerDown: "
        "0 of 1 replicas of the kagent controller are available"
    )
    assert failure.value.line == f'error: agent "echo" is not being rolled out: {cause}'
    assert stage.screen == [UNOBSERVED, f"err: {cause}"]
    assert (failure.value.exit_code, stage.elapsed) == (5, 10)


@pytest.mark.parametrize("found", [True, False])
def test_controller_that_does_nothing_for_five_minutes(stage: Stage, *, found: bool) -> None:
    """Ready all the time, and stopped: without a timeout it would be waited for without end."""
    workload = stage.agent(seen=0)
    cause = "not observed yet, kagent controller not found in namespace kagent"
    if found:
        stage._put(DEPLOYMENT, objects.controller(1))
        cause = "kagent runs, but has not looked at the newest agent.kagent.dev/echo"
    with pytest.raises(Unreachable, match=f'agent "echo" is not being rolled out: .*{cause}') as failure:
        stage.follow(workload)
    assert (failure.value.exit_code, stage.elapsed) == (5, 300)
    again = "kubectl rollout restart deployment/kagent-controller -n kagent"
    assert (again in str(failure.value.hint)) == found


@pytest.mark.parametrize("found", [True, False])
def test_a_deployment_that_nobody_makes(stage: Stage, *, found: bool) -> None:
    """Deleted while the controller hangs: kubectl's own rollout status would not even begin."""
    workload = stage.agent()
    where, cause = (
        "agent.kagent.dev/echo",
        "ControllerNotFound: no Deployment yet, kagent controller not found",
    )
    cause += " in namespace kagent"
    if found:
        stage._put(DEPLOYMENT, objects.controller(1))
        where = "deployment/kagent-controller in namespace kagent"
        cause = "NoDeployment: kagent runs, but has made no Deployment for agent.kagent.dev/echo"
    undo = Undo()
    with pytest.raises(Unreachable) as failure:
        stage.follow(workload, undo=undo)
    assert failure.value.line == f'error: agent "echo" is not being rolled out: {where}: {cause}'
    assert (failure.value.exit_code, stage.elapsed, undo.calls) == (5, 300, 0)
    line = 'out: Waiting for deployment "echo" to be created...'
    assert stage.screen == [line, f"err: {where}: {cause}"]


def test_a_deployment_that_waits_for_a_controller_that_is_down(stage: Stage) -> None:
    workload = stage.agent()
    stage._put(DEPLOYMENT, objects.controller(0))
    with pytest.raises(Unreachable, match="ControllerDown: 0 of 1 replicas of the kagent controller"):
        stage.follow(workload)
    assert stage.elapsed == 10


def test_a_deployment_that_the_cluster_does_not_look_at(stage: Stage) -> None:
    workload = stage.agent()
    stage._put(DEPLOYMENT, objects.deployment(generation=1, seen=0), workload.uid)
    cause = "deployment/echo: DeploymentNotObserved: the cluster has not looked at its newest spec"
    with pytest.raises(Unreachable) as failure:
        stage.follow(workload)
    assert failure.value.line == f'error: agent "echo" is not being rolled out: {cause}'
    assert failure.value.hint == "does kube-controller-manager run? kubectl get pods -n kube-system"
    assert (failure.value.exit_code, stage.elapsed) == (5, 300)
    assert stage.screen == ["out: Waiting for deployment spec update to be observed...", f"err: {cause}"]


def test_a_change_that_waits_for_a_paused_deployment(stage: Stage) -> None:
    workload = stage.rolling(updated=0, available=1)
    edited = stage.cluster.edit(DEPLOYMENT, "echo", {"spec": {"paused": True}})
    status = {**edited["status"], "observedGeneration": edited["metadata"]["generation"]}
    stage.cluster.set_status(DEPLOYMENT, "echo", status)
    with pytest.raises(TimedOut) as failure:
        stage.follow(workload, timeout=60)
    line = 'agent "echo" rollout to finish: 0 out of 1 new replicas have been updated'
    cause = "deployment/echo: DeploymentPaused: changes of its template wait until it is resumed"
    assert stage.screen == [f"out: Waiting for {line}...", f"err: {cause}"]
    assert failure.value.line == f"error: timed out after 60s waiting for {line}; {cause}"
    assert failure.value.hint == "kubectl rollout resume deployment/echo -n default"


def test_controller_that_acts_late(stage: Stage) -> None:
    workload = stage.rolling()
    stage.cluster.set_status(AGENT, "echo", objects.agent(seen=0)["status"])
    stage._put(DEPLOYMENT, objects.controller(1))
    stage.at(299, stage.observe)
    stage.at(301, stage.finish)
    stage.follow(workload)
    assert stage.screen[-1] == DONE


def test_controller_that_comes_back(stage: Stage) -> None:
    workload = stage.rolling()
    stage.cluster.set_status(AGENT, "echo", objects.agent(seen=0)["status"])
    stage._put(DEPLOYMENT, objects.controller(0))
    stage.at(9, stage.observe)
    stage.at(20, stage.finish)
    stage.follow(workload)
    assert stage.screen[-2:] == [LINE, DONE]


def test_controller_is_looked_for_at_home_by_who_may_not_look_everywhere(stage: Stage) -> None:
    workload = stage.agent(seen=0)
    deny_everywhere(stage.cluster)
    with pytest.raises(TimedOut) as failure:
        stage.follow(workload, timeout=6)
    missing = (
        "agent.kagent.dev/echo: ControllerNotFound: not observed yet, "
        "kagent controller not found in namespace kagent"
    )
    assert failure.value.line == (
        f"error: timed out after 6s waiting for agent spec update to be observed; {missing}"
    )
    assert stage.screen == [UNOBSERVED, f"err: {missing}"]


def deny_everywhere(cluster: FakeCluster) -> None:
    """Forbid Deployments of all namespaces at once, as a namespaced role does."""
    listing = cluster.list_objects

    def list_objects(resource: Any, namespace: str | None = None, **selectors: Any) -> Object:
        if resource is DEPLOYMENT and namespace is None:
            cluster.deny("list", DEPLOYMENT)
            try:
                return listing(resource, namespace, **selectors)
            finally:
                cluster._denied.clear()
        return listing(resource, namespace, **selectors)

    cluster.list_objects = list_objects  # type: ignore[method-assign]


def test_without_permission_to_look_at_pods_it_still_waits(stage: Stage) -> None:
    workload = stage.rolling(objects.pod(waiting("ImagePullBackOff")))
    stage.cluster.deny("list", POD)
    stage.at(5, stage.finish)
    stage.follow(workload)
    assert stage.screen == [
        'err: what holds a rollout up may stay unexplained: pods is forbidden: User "tester" cannot list '
        'resource "pods" in API group "" in the namespace "default"; '
        "ClusterRole kagent-view allows it, by a RoleBinding in namespace default "
        "(https://github.com/kubectl-kagent/kubectl-kagent/blob/main/docs/permissions.md)",
        LINE,
        DONE,
    ]


def test_api_server_restart_is_survived_and_said_once(stage: Stage) -> None:
    workload = stage.rolling()
    stage.lose(2, 20)
    stage.at(25, stage.finish)
    stage.follow(workload)
    assert stage.screen == [
        LINE,
        "err: the connection to the server lab was refused; trying again",
        DONE,
    ]


@pytest.mark.parametrize(("timeout", "end"), [(0, 32), (60, 60), (10, 10)])
def test_api_server_that_stays_away(stage: Stage, timeout: float, end: float) -> None:
    workload = stage.rolling()
    stage.lose(2, 200)
    with pytest.raises(Unreachable):
        stage.follow(workload, timeout=timeout)
    assert stage.elapsed == end


@pytest.mark.parametrize(
    "error",
    [
        OtherServerError("TooManyRequests", "the server has received too many requests"),
        OtherServerError("InternalError", "etcdserver: leader changed"),
        Expired("the resource version is too old"),
    ],
    ids=lambda error: str(error.reason),
)
@pytest.mark.parametrize("first", [0, 2])
def test_what_passes_is_waited_out(stage: Stage, error: KagentError, first: float) -> None:
    """From the first look on."""
    workload = stage.rolling()

    def refuse() -> None:
        if stage.elapsed < 20:
            stage.cluster.before("get", AGENT, refuse)
            raise error

    if first:
        stage.at(first, lambda: stage.cluster.before("get", AGENT, refuse))
    else:
        stage.cluster.before("get", AGENT, refuse)
    stage.at(25, stage.finish)
    stage.follow(workload)
    assert [line for line in stage.screen if line != LINE] == [f"err: {error.message}; trying again", DONE]


def test_a_missing_permission_does_not_pass(stage: Stage) -> None:
    workload = stage.rolling()
    stage.at(2, lambda: stage.cluster.deny("get", DEPLOYMENT))
    with pytest.raises(Forbidden):
        stage.follow(workload)
    assert stage.elapsed == 2


LEAVING = {"metadata": {"deletionTimestamp": "2026-11-23T08:00:00Z", "finalizers": ["example.com/wait"]}}


@pytest.mark.parametrize("ahead", [-3600, 3600])
@pytest.mark.parametrize(("seconds", "kinds"), [(60, ["Error"]), (1200, [])])
def test_how_long_a_container_runs_again_is_told_by_the_api_servers_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, ahead: float, seconds: float, kinds: list[str]
) -> None:
    began = clock.timestamp(stage.cluster.now() - timedelta(seconds=seconds))
    container = objects.container({"running": {"startedAt": began}})
    container["lastState"] = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": began}}
    workload = stage.rolling(objects.pod({**container, "restartCount": 9, "ready": False}))
    monkeypatch.setattr(clock, "now", lambda: stage.cluster.clock() + timedelta(seconds=ahead))
    view = look(stage.cluster, AGENT, workload.namespace, workload.name)
    assert [cause.kind for cause in causes_stuck(view)] == kinds


@pytest.mark.parametrize("before", [0, 2])
def test_what_is_being_deleted_is_neither_rolled_out_nor_undone(stage: Stage, before: float) -> None:
    """Its pods are on their way out, or as they were until a finalizer is done: kagent rolls nothing out."""
    workload = stage.rolling(available=0 if before else 1)
    stage.at(before, lambda: stage.cluster.edit(AGENT, "echo", LEAVING))
    if not before:
        stage.sleep(0)
    undo = Undo()
    with pytest.raises(KagentError) as failure:
        stage.follow(workload, undo=undo)
    assert failure.value.line == (
        "error: agent.kagent.dev/echo is being deleted: finalizers example.com/wait"
    )
    assert (failure.value.exit_code, stage.elapsed, undo.calls) == (1, before, 0)
    assert stage.screen == [LINE] * bool(before)


def test_a_deployment_that_is_being_deleted_is_waited_for(stage: Stage) -> None:
    """By somebody, as with --cascade=foreground: the controller makes it anew."""
    workload = stage.rolling(available=1)
    stage.cluster.edit(DEPLOYMENT, "echo", LEAVING)

    def made_anew() -> None:
        stage.cluster.remove(DEPLOYMENT, "echo")
        stage._put(DEPLOYMENT, objects.deployment(generation=1, seen=1, available=1), workload.uid)

    stage.at(40, made_anew)
    stage.follow(workload)
    assert stage.screen == [
        'out: Waiting for deployment "echo" to be deleted and created again...',
        "err: deployment/echo: DeploymentTerminating: it is being deleted: finalizers example.com/wait",
        DONE,
    ]


def test_deleted_meanwhile(stage: Stage) -> None:
    workload = stage.rolling()
    stage.at(2, lambda: stage.cluster.remove(AGENT, "echo"))
    with pytest.raises(KagentError, match=r"^agent.kagent.dev/echo has been deleted$"):
        stage.follow(workload)


def test_deleted_and_made_anew_is_another_agent(stage: Stage) -> None:
    workload = stage.rolling()
    stage.at(2, lambda: (stage.cluster.remove(AGENT, "echo"), stage.agent()))
    with pytest.raises(KagentError, match="created again"):
        stage.follow(workload)


# The smoke test and the way back


class Undo:
    """One that brings everything back, and how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        return "rolled back"


def test_smoke(stage: Stage) -> None:
    workload = stage.rolling(available=1)
    stage.follow(workload, smoke=lambda: "It is noon.")
    assert stage.screen == [DONE, "out: smoke test answered: It is noon."]


def test_a_smoke_test_that_fails_is_a_failure_of_the_rollout(stage: Stage) -> None:
    workload = stage.rolling(available=1)
    undo = Undo()

    def ask() -> str:
        raise RolloutFailed("the task is failed")

    with pytest.raises(RolloutFailed) as failure:
        stage.follow(workload, smoke=ask, undo=undo)
    assert failure.value.message == "the task is failed (rolled back)"
    assert undo.calls == 1


def test_nobody_is_asked_when_it_sleeps(stage: Stage) -> None:
    workload = stage.rolling(wanted=0, existing=0, updated=0)
    undo = Undo()
    with pytest.raises(KagentError, match="scaled to 0: there is no pod to ask"):
        stage.follow(workload, smoke=lambda: "hello", undo=undo)
    assert undo.calls == 0


def test_undo_on_failure(stage: Stage) -> None:
    workload = stage.rolling(objects.pod(waiting("ImagePullBackOff", "not found")))
    undo = Undo()
    with pytest.raises(RolloutFailed) as failure:
        stage.follow(workload, undo=undo)
    assert failure.value.message == (
        f'agent "echo" failed to roll out: {WHERE}: ImagePullBackOff: not found (rolled back)'
    )
    assert failure.value.hint == (
        "kubectl kagent rollout diff agent/echo -n default shows what was undone: correct it where it "
        "comes from, or the next apply brings it back"
    )
    assert stage.screen == [LINE, "err: the rollout failed: rolling back"]
    assert undo.calls == 1


def test_undo_that_fails_too(stage: Stage) -> None:
    workload = stage.rolling(objects.pod(waiting("ImagePullBackOff", "not found")))

    def undo() -> str:
        raise KagentError("nothing to return to", hint="look at the history")

    with pytest.raises(RolloutFailed) as failure:
        stage.follow(workload, undo=undo)
    assert failure.value.message.endswith("not found; the rollback failed too: nothing to return to")
    assert failure.value.hint == "look at the history"


def test_nothing_is_undone_when_the_controller_is_away(stage: Stage) -> None:
    workload = stage.agent(seen=0)
    stage._put(DEPLOYMENT, objects.controller(0))
    undo = Undo()
    with pytest.raises(Unreachable):
        stage.follow(workload, undo=undo)
    assert undo.calls == 0


# The command


def test_the_command_waits_and_says_it_is_done(stage: Stage, kagent: Kagent) -> None:
    stage.rolling(available=1)
    expected = (0, DONE.removeprefix("out: ") + "\n", "")
    assert kagent("rollout", "status", "agent/echo") == expected
    assert kagent("rollout", "status", "echo", "--watch=true", "--timeout=1m") == expected


def test_one_look(stage: Stage, kagent: Kagent) -> None:
    stage.rolling(objects.pod(unscheduled="0/1 nodes are available"))
    line = LINE.removeprefix("out: ") + "\n"
    warning = f"Warning: {WHERE}: Unschedulable: 0/1 nodes are available\n"
    assert kagent("rollout", "status", "echo", "--watch=false") == (0, line, warning)


def test_one_look_at_a_failure(stage: Stage, kagent: Kagent) -> None:
    stage.rolling(objects.pod(waiting("CreateContainerConfigError", 'secret "nope" not found')))
    code, out, err = kagent("rollout", "status", "echo", "--watch=false")
    assert (code, out) == (1, LINE.removeprefix("out: ") + "\n")
    assert err == (
        f'error: agent "echo" failed to roll out: {WHERE}: CreateContainerConfigError: '
        'secret "nope" not found\n'
        "hint: create it, or correct what names it (env, the ModelConfig's Secret): "
        f"kubectl describe {WHERE} -n default\n"
    )


def test_pinned_to_a_revision(stage: Stage, kagent: Kagent) -> None:
    stage.rolling(available=1)
    unrecorded = kagent("rollout", "status", "echo", "--revision=1")
    assert unrecorded == (
        1,
        "",
        "error: desired revision (1) is different from the running revision (not recorded)\n"
        "hint: kubectl kagent rollout history agent/echo -n default\n",
    )
    assert kagent("rollout", "history", "echo")[0] == 0
    assert kagent("rollout", "status", "echo", "--revision=1")[0] == 0
    assert kagent("rollout", "status", "echo", "--revision=2")[0] == 1


@pytest.mark.parametrize(
    ("args", "code", "err"),
    [
        (
            ["agent/nope"],
            1,
            (
                'Error from server (NotFound): agents.kagent.dev "nope" not found\n'
                "hint: kubectl kagent get agents -A lists all agents\n"
            ),
        ),
        ([], 2, "error: name exactly one object\nhint: for example agent/NAME\n"),
        (
            ["echo", "--watch=false", "--smoke=hi"],
            2,
            "error: --smoke and --on-failure can't be used with --watch=false\n",
        ),
    ],
)
def test_bad_input(stage: Stage, kagent: Kagent, args: list[str], code: int, err: str) -> None:
    stage.rolling(available=1)
    assert kagent("rollout", "status", *args) == (code, "", err)
