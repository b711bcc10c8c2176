"""What a look at a rollout means: each cause with its object, words, and end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kubectl_kagent import clock
from kubectl_kagent.lifecycle.rollout.causes import Cause
from kubectl_kagent.lifecycle.rollout.inspection import ControllerStatus, View
from kubectl_kagent.lifecycle.rollout.wait import Progress, judge
from kubectl_kagent.lifecycle.workloads.autoscaler import Autoscaler
from kubectl_kagent.model.resources import SCALED_OBJECT
from tests.rollout_objects import (
    HASH,
    POD,
    SECOND_POD,
    agent,
    container,
    controller,
    deployment,
    ended,
    event,
    mcp_server,
    pod,
    replica_set,
    running,
    view,
    waiting,
)

LINE = 'agent "echo" rollout to finish: 0 of 1 updated replicas are available'
DESCRIBE = f"kubectl describe pod/{POD} -n default"
IMAGE_HINT = f"is the image there, and may the node pull it (imagePullSecrets)? {DESCRIBE}"
CONFIG_HINT = f"create it, or correct what names it (env, the ModelConfig's Secret): {DESCRIBE}"
PREVIOUS = f"kubectl logs {POD} -c kagent --previous -n default"
REFUSED_HINT = "correct the spec, or create what it names: the controller then tries again by itself"
MISSING_MODEL = 'failed to compile agent default/echo: ModelConfig.kagent.dev "missing" not found'
QUOTA = 'pods "echo-6f5bf9d845-x" is forbidden: exceeded quota: one-pod, requested: pods=1, used: pods=1'
NO_CLAIM = '0/1 nodes are available: persistentvolumeclaim "nope" not found.'
NO_NODE = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."


def failed(*causes: Cause, line: str = LINE) -> Progress:
    return Progress("failed", line, causes)


def held_up(*causes: Cause, line: str = LINE) -> Progress:
    return Progress("waiting", line, causes)


def on_pod(kind: str, text: str, hint: str, *log: str) -> Cause:
    return Cause(kind, f"pod/{POD}", text, hint, log)


AT = "2026-11-23T08:00:00Z"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def runs_since(seconds: int) -> dict[str, object]:
    """The state of a container that was started so long ago."""
    return {"running": {"startedAt": f"{NOW - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"}}


def wait_line(rest: str) -> str:
    return f'agent "echo" rollout to finish: {rest}'


COUNTS = {
    "not observed": (deployment(generation=4), "deployment spec update to be observed"),
    "new pods to make": (
        deployment(3, existing=3, updated=1, available=3),
        wait_line("1 out of 3 new replicas have been updated"),
    ),
    "old pods to end": (
        deployment(2, existing=3, updated=2, available=2),
        wait_line("1 old replicas are pending termination"),
    ),
    "pods to become available": (
        deployment(2, existing=2, updated=2, available=1),
        wait_line("1 of 2 updated replicas are available"),
    ),
    "scaled down, pods still there": (
        deployment(0, existing=1, updated=0),
        wait_line("1 old replicas are pending termination"),
    ),
}


@pytest.mark.parametrize(("found", "line"), COUNTS.values(), ids=COUNTS.keys())
def test_kubectls_lines(found: dict[str, object], line: str) -> None:
    progress = judge(view(deployment=found))
    assert (progress.state, progress.what) == ("waiting", line)


def test_no_deployment_yet() -> None:
    assert judge(view(deployment=None)) == Progress("waiting", 'deployment "echo" to be created')


def test_done_with_its_config_hash() -> None:
    done = deployment(2, existing=2, updated=2, available=2)
    assert judge(view(deployment=done)) == Progress(
        "done", f'agent "echo" successfully rolled out (config hash {HASH})'
    )


def test_an_mcp_server_has_its_own_hash_and_a_stale_ready_condition_means_nothing() -> None:
    done = deployment(available=1, annotation="kmcp.kagent.dev/mcpserver-config-hash")
    assert judge(view(mcp_server(), deployment=done)) == Progress(
        "done", f'mcpserver "echo" successfully rolled out (config hash {HASH})'
    )


def test_scaled_to_zero_is_said() -> None:
    idle = deployment(0, existing=0, updated=0)
    assert judge(view(deployment=idle)).message == (
        f'agent "echo" is scaled to 0: no pods to roll out (config hash {HASH})'
    )
    asleep = agent()
    asleep["metadata"]["annotations"] = {"kubectl-kagent/hibernated-replicas": "2"}
    assert judge(view(asleep, deployment=idle)).message == (
        f'agent "echo" is scaled to 0: no pods to roll out (hibernated from 2, config hash {HASH})'
    )
    keda = Autoscaler(SCALED_OBJECT, "echo", 0, 3, {})
    assert judge(view(deployment=idle, autoscaler=keda)) == Progress(
        "done",
        'agent "echo" is scaled to 0: no pods to roll out '
        f"(by scaledobject.keda.sh/echo, config hash {HASH})",
    )


def test_a_finished_deployment_is_not_believed_before_the_controller_saw_the_spec() -> None:
    done = deployment(available=1)
    for obj in (agent(generation=3), mcp_server(generation=2)):
        progress = judge(view(obj, deployment=done))
        line = f"{obj['kind'].lower()} spec update to be observed"
        assert progress == Progress("waiting", line)


def test_a_condition_about_an_older_spec_is_not_believed() -> None:
    stale = agent(generation=3, seen=2, accepted=MISSING_MODEL)
    assert judge(view(stale)).state == "waiting"


def unobserved(*deployments: dict[str, object]) -> View:
    return view(agent(generation=3), controllers=ControllerStatus("kagent", ("kagent",), deployments))


UNOBSERVED = "agent spec update to be observed"
DESCRIBE_CONTROLLER = "kubectl describe deployment/kagent-controller -n kagent"
WHERE = "deployment/kagent-controller in namespace kagent"


def test_controller_down() -> None:
    down = "0 of 1 replicas of the kagent controller are available"
    off = "the kagent controller is scaled to 0"
    for found, text in ((controller(0), down), (controller(0, wanted=0), off)):
        cause = Cause("ControllerDown", WHERE, text, DESCRIBE_CONTROLLER)
        assert judge(unobserved(found)) == failed(cause, line=UNOBSERVED)


def test_controller_that_is_nowhere_may_still_come() -> None:
    cause = Cause(
        "ControllerNotFound",
        "agent.kagent.dev/echo",
        "not observed yet, kagent controller not found in namespace kagent",
        "no change of agents is carried out until kagent runs",
    )
    assert judge(unobserved()) == held_up(cause, line=UNOBSERVED)


def test_kmcp_that_is_nowhere_may_be_a_process_elsewhere() -> None:
    gone = ControllerStatus("kmcp", ("kagent", "kmcp-system"))
    progress = judge(view(mcp_server(generation=2), controllers=gone))
    assert progress.state == "waiting"
    assert progress.causes[0].line == (
        "mcpserver.kagent.dev/echo: ControllerNotFound: not observed yet, kmcp controller not found in "
        "namespace kagent or kmcp-system"
    )


def test_controller_that_runs_and_does_not_look() -> None:
    progress = judge(unobserved(controller(0, name="old"), controller(1)))
    assert progress.state == "waiting"
    assert progress.causes[0].line == (
        f"{WHERE}: NotObserved: kagent runs, but has not looked at the newest agent.kagent.dev/echo"
    )


def test_refused_by_the_controller() -> None:
    cause = Cause("NotAccepted", "agent.kagent.dev/echo", MISSING_MODEL, REFUSED_HINT)
    # also when the Deployment of the spec before is as it should be
    progress = judge(view(agent(accepted=MISSING_MODEL), deployment=deployment(available=1)))
    assert progress == failed(cause, line='agent "echo" to be accepted')


def test_refused_by_kmcp() -> None:
    cause = Cause("NotAccepted", "mcpserver.kagent.dev/echo", "no permission", REFUSED_HINT)
    progress = judge(view(mcp_server(programmed="no permission")))
    assert progress == failed(cause, line='mcpserver "echo" to be accepted')


PULL = 'Back-off pulling image "lab.local/nope:1": ErrImagePull: not found'
NEVER = 'Container image "lab.local/nope:1" is not present with pull policy of Never'
EXEC = 'exec: "/nope": no such file or directory'
POD_CAUSES = {
    "first failing pull": (
        pod(waiting("ErrImagePull", "failed to pull: not found")),
        held_up(on_pod("ErrImagePull", "failed to pull: not found", IMAGE_HINT)),
    ),
    "pull given up": (
        pod(waiting("ImagePullBackOff", PULL)),
        failed(on_pod("ImagePullBackOff", PULL, IMAGE_HINT)),
    ),
    "image absent, policy Never": (
        pod(waiting("ErrImageNeverPull", NEVER)),
        failed(on_pod("ErrImageNeverPull", NEVER, IMAGE_HINT)),
    ),
    "image name": (
        pod(waiting("InvalidImageName", "couldn't parse")),
        failed(on_pod("InvalidImageName", "couldn't parse", IMAGE_HINT)),
    ),
    "missing secret": (
        pod(waiting("CreateContainerConfigError", 'secret "nope" not found')),
        failed(on_pod("CreateContainerConfigError", 'secret "nope" not found', CONFIG_HINT)),
    ),
    "other kubelet error": (
        pod(waiting("CreateContainerError", "name is reserved")),
        held_up(on_pod("CreateContainerError", "name is reserved", DESCRIBE)),
    ),
    "just starting": (pod(waiting("ContainerCreating")), held_up()),
    "init container image": (
        pod(waiting("PodInitializing"), init=waiting("ErrImageNeverPull", NEVER)),
        failed(on_pod("ErrImageNeverPull", NEVER, IMAGE_HINT)),
    ),
    "init container done after a restart": (
        pod(waiting("PodInitializing"), init=container({"terminated": ended(0, "Completed")}, restarts=1)),
        held_up(),
    ),
    "first exit": (
        pod(container({"terminated": ended(1)})),
        held_up(on_pod("Error", "container kagent exited with 1", PREVIOUS)),
    ),
    "held back": (
        pod(waiting("CrashLoopBackOff", "back-off 20s", restarts=2, last=ended(1))),
        held_up(
            replace(
                on_pod("CrashLoopBackOff", "container kagent exited with 1 (restarts: 2)", PREVIOUS),
                may_heal=True,
            )
        ),
    ),
    "held back again and again": (
        pod(waiting("CrashLoopBackOff", "back-off 40s", restarts=3, last=ended(1))),
        failed(on_pod("CrashLoopBackOff", "container kagent exited with 1 (restarts: 3)", PREVIOUS)),
    ),
    "out of memory": (
        pod(waiting("CrashLoopBackOff", restarts=1, last=ended(137, "OOMKilled")), memory="32Mi"),
        failed(
            on_pod(
                "CrashLoopBackOff",
                "container kagent was OOMKilled at its limit of 32Mi (restarts: 1)",
                "give it more with resources.limits.memory in the deployment settings of the spec",
            )
        ),
    ),
    "no such program": (
        pod(waiting("RunContainerError", last=ended(128, "StartError", EXEC))),
        held_up(on_pod("StartError", f"container kagent exited with 128: {EXEC}", PREVIOUS)),
    ),
    "crashing, and running at that moment": (
        pod(container(runs_since(4), restarts=4, last=ended(1, at=AT))),
        held_up(
            on_pod(
                "Error",
                f"container kagent exited with 1 (restarts: 4; ended {AT}, runs again)",
                PREVIOUS,
            )
        ),
    ),
    "out of memory, and running at that moment": (
        pod(container(runs_since(4), restarts=1, last=ended(137, "OOMKilled", at=AT)), memory="32Mi"),
        held_up(
            on_pod(
                "OOMKilled",
                f"container kagent was OOMKilled at its limit of 32Mi (restarts: 1; ended {AT}, runs again)",
                "give it more with resources.limits.memory in the deployment settings of the spec",
            )
        ),
    ),
    "lost, and running at that moment": (
        pod(container(runs_since(4), restarts=1, last=ended(137, "ContainerStatusUnknown", at=None))),
        held_up(
            on_pod(
                "ContainerStatusUnknown",
                "container kagent exited with 137 (restarts: 1; runs again)",
                PREVIOUS,
            )
        ),
    ),
    "old crash, running for longer than the kubelet remembers": (
        pod(container(runs_since(601), restarts=4, last=ended(1, at=AT))),
        held_up(),
    ),
    "old crash, ready beside one that is not": (
        pod(
            {**container(runs_since(4), restarts=1, last=ended(1, at=AT)), "ready": True},
            waiting("ContainerCreating"),
        ),
        held_up(),
    ),
    "unschedulable": (
        pod(unscheduled=NO_NODE),
        held_up(
            on_pod(
                "Unschedulable",
                NO_NODE,
                "it waits for a node that fits: kubectl describe nodes; or change its requests, "
                "nodeSelector or tolerations",
            )
        ),
    ),
    "a claim that is not there": (
        pod(unscheduled=NO_CLAIM),
        held_up(
            on_pod(
                "Unschedulable",
                NO_CLAIM,
                "it waits for a volume; those that there are: kubectl get persistentvolumeclaims -n default",
            )
        ),
    ),
    "ready": (pod(container({"running": {}}), ready=True), held_up()),
    "on its way out": (pod(waiting("ImagePullBackOff", PULL), leaving=True), held_up()),
}


@pytest.mark.parametrize(("found", "expected"), POD_CAUSES.values(), ids=POD_CAUSES.keys())
def test_pod_causes(found: dict[str, object], expected: Progress) -> None:
    assert judge(view(pods=(found,))) == expected


EVENT_CAUSES = {
    "failing readiness": (
        running(),
        event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503\n"),
        held_up(
            on_pod(
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 503",
                f"kubectl logs {POD} -n default",
            )
        ),
    ),
    "volume": (
        pod(waiting("ContainerCreating")),
        event("FailedMount", 'MountVolume.SetUp failed for volume "v" : secret "nope" not found'),
        held_up(
            on_pod(
                "FailedMount", 'MountVolume.SetUp failed for volume "v" : secret "nope" not found', DESCRIBE
            )
        ),
    ),
    "volume, before the kubelet has told of containers": (
        pod(),
        event("FailedMount", "not found"),
        held_up(on_pod("FailedMount", "not found", DESCRIBE)),
    ),
    "volume, of a pod with an init container": (
        pod(waiting("PodInitializing"), waiting("PodInitializing")),
        event("FailedMount", "not found"),
        held_up(on_pod("FailedMount", "not found", DESCRIBE)),
    ),
    "volume, healed while another container still starts": (
        pod(waiting("PodInitializing"), container({"terminated": {"exitCode": 0}})),
        event("FailedMount", "not found"),
        held_up(),
    ),
    "network": (
        pod(waiting("ContainerCreating")),
        event("FailedCreatePodSandBox", "no IP addresses available"),
        held_up(on_pod("FailedCreatePodSandBox", "no IP addresses available", DESCRIBE)),
    ),
    "volume, healed meanwhile": (running(), event("FailedMount", "not found"), held_up()),
    "another pod": (running(), event("Unhealthy", "failed", about=SECOND_POD), held_up()),
    "nothing wrong": (running(), event("Pulled", "already present"), held_up()),
}


@pytest.mark.parametrize(("found", "news", "expected"), EVENT_CAUSES.values(), ids=EVENT_CAUSES.keys())
def test_causes_that_only_events_tell(
    found: dict[str, object], news: dict[str, object], expected: Progress
) -> None:
    assert judge(view(pods=(found,), events=(news,))) == expected


def test_the_newest_event_counts() -> None:
    events = (
        event("Unhealthy", "connection refused", at="2026-11-23T08:00:05Z"),
        event("Unhealthy", "statuscode: 500", at="2026-11-23T08:00:09Z"),
    )
    assert judge(view(pods=(running(),), events=events)).causes[0].text == "statuscode: 500"
    assert judge(view(pods=(running(),), events=events[::-1])).causes[0].text == "statuscode: 500"


def test_log_lines_come_along_without_what_a_terminal_obeys() -> None:
    crashed = pod(waiting("CrashLoopBackOff", restarts=1, last=ended(1)))
    logs = {(POD, "kagent"): ("\x1b[31mTraceback", "\tboom\x07")}
    assert judge(view(pods=(crashed,), logs=logs)).causes[0].log == (" [31mTraceback", " boom ")


def test_quota() -> None:
    cause = Cause("FailedCreate", "replicaset/echo-6f5bf9d845", QUOTA, "kubectl describe quota -n default")
    assert judge(view(replica_sets=(replica_set(refused=QUOTA),))) == failed(cause)


def test_admission() -> None:
    message = 'pods "echo-x" is forbidden: violates PodSecurity "restricted:latest"'
    progress = judge(view(replica_sets=(replica_set(refused=message),)))
    assert progress.causes[0].hint == "kubectl describe replicaset/echo-6f5bf9d845 -n default"
    assert progress.state == "failed"


def test_what_an_older_replica_set_suffers_from_is_over() -> None:
    sets = (replica_set(), replica_set(revision="1", refused=QUOTA, name="echo-old"))
    assert judge(view(replica_sets=sets)) == held_up()


def test_progress_deadline_with_the_pods_cause_and_next_step() -> None:
    late = deployment(deadline=True)
    progress = judge(view(deployment=late, pods=(pod(unscheduled=NO_NODE),)))
    assert [cause.kind for cause in progress.causes] == ["ProgressDeadlineExceeded", "Unschedulable"]
    assert progress.causes[0] == Cause(
        "ProgressDeadlineExceeded", "deployment/echo", "no progress for 600s", ""
    )
    assert (progress.state, progress.causes[0].thresholds.exit_code) == ("failed", 1)


def test_a_cause_is_named_once_for_all_pods_and_final_ones_come_first() -> None:
    pods = (
        pod(unscheduled=NO_NODE, name="echo-1"),
        pod(waiting("ImagePullBackOff", PULL), name="echo-2"),
        pod(waiting("ImagePullBackOff", PULL), name="echo-3"),
    )
    progress = judge(view(pods=pods))
    assert [(cause.kind, cause.where) for cause in progress.causes] == [
        ("ImagePullBackOff", "pod/echo-2"),
        ("Unschedulable", "pod/echo-1"),
    ]
