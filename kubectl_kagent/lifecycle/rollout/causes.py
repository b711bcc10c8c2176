"""Why a rollout does not go on: each cause with the object it was seen on and the next step. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubectl_kagent.lifecycle.rollout.controllers import available
from kubectl_kagent.lifecycle.rollout.inspection import (
    Manifest,
    View,
    exited,
    is_starting,
)
from kubectl_kagent.model.conditions import condition
from kubectl_kagent.model.deletion import deletion
from kubectl_kagent.model.deployment import PROGRESS_DEADLINE_EXCEEDED, Deployment
from kubectl_kagent.model.kubernetes_event import last_seen
from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.stage import refusal
from kubectl_kagent.model.workload import Workload, dig


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Seconds that a cause must last before it is named, and before it is final (None: it may heal)."""

    named: float = 0
    final: float | None = None
    exit_code: int = 1

    @property
    def tells_at_once(self) -> bool:
        """Whether one look, or some seconds of it, is enough to say that the rollout has failed."""
        return self.final is not None and self.final <= _SECONDS_OF_A_LOOK


_SECONDS_OF_A_LOOK = 10
# A controller that has not acted by then hangs, or looks elsewhere; one with thousands of agents is slow.
_HANGS = 300

# The kinds are the kubelet's, the scheduler's and the controllers' own reasons where they have one.
_THRESHOLDS = {
    "ErrImageNeverPull": Thresholds(final=0),
    "ImagePullBackOff": Thresholds(final=0),
    "InvalidImageName": Thresholds(final=0),
    "CreateContainerConfigError": Thresholds(final=0),
    "CrashLoopBackOff": Thresholds(final=0),
    PROGRESS_DEADLINE_EXCEEDED: Thresholds(final=0),
    # an apply in another order, or an old pod that still counts, heals these at once
    "NotAccepted": Thresholds(named=3, final=3),
    "FailedCreate": Thresholds(named=3, final=3),
    "ReplicaSetCreateError": Thresholds(named=3, final=3),
    # kagent's agents are probed each second from the first one on, and answer once Python has loaded them
    "Unhealthy": Thresholds(named=30),
    # a pod that just starts shows these for a moment
    "FailedMount": Thresholds(named=3),
    "FailedCreatePodSandBox": Thresholds(named=3),
    "ControllerDown": Thresholds(final=10, exit_code=5),
    "ControllerNotFound": Thresholds(named=5, final=_HANGS, exit_code=5),
    "NotObserved": Thresholds(named=5, final=_HANGS, exit_code=5),
    "NoDeployment": Thresholds(named=5, final=_HANGS, exit_code=5),
    "DeploymentNotObserved": Thresholds(named=5, final=_HANGS, exit_code=5),
    # longer than it takes to be sure of a change that renders to the same as before
    "SourceNotObserved": Thresholds(named=15, final=_HANGS, exit_code=5),
}


_RESTARTS_THAT_HEAL = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """What holds a rollout up. ``where`` is the object, like ``pod/NAME``; ``log`` its last words.

    ``may_heal``: it is too early to say that it stays, whatever its kind.
    """

    kind: str
    where: str
    text: str
    hint: str
    log: tuple[str, ...] = ()
    may_heal: bool = False

    @property
    def line(self) -> str:
        return f"{self.where}: {self.kind}: {self.text}"

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds() if self.may_heal else _THRESHOLDS.get(self.kind, Thresholds())


def causes_unobserved(view: View) -> Iterator[Cause]:
    """Why the controller has not acted on the newest spec or sources, as far as its Deployment tells."""
    newest = ", ".join(view.unobserved) or view.workload.label
    kind = "SourceNotObserved" if view.unobserved else "NotObserved"
    yield from _idle(view, kind, newest, "not observed yet", f"has not looked at the newest {newest}")


def causes_without_deployment(view: View) -> Iterator[Cause]:
    """Why the controller has made no Deployment of a spec that it has observed, as far as its own tells."""
    label = view.workload.label
    yield from _idle(view, "NoDeployment", label, "no Deployment yet", f"has made no Deployment for {label}")


def _idle(view: View, kind: str, what: str, state: str, undone: str) -> Iterator[Cause]:
    """What is to be seen of a controller that leaves something undone."""
    workload, controllers = view.workload, view.controllers
    if controllers is None:
        return
    if controllers.refused:
        yield Cause(
            kind,
            what,
            f"cannot check whether the {controllers.name} controller runs: {controllers.refused}",
            "",
        )
        return
    best = controllers.best
    if best is None:
        yield Cause(
            "ControllerNotFound",
            what,
            f"{state}, {controllers.name} controller not found in namespace "
            + " or ".join(controllers.namespaces),
            f"no change of {workload.resource.plural} is carried out until {controllers.name} runs",
        )
        return
    metadata = best["metadata"]
    where = f"deployment/{metadata['name']} in namespace {metadata['namespace']}"
    if available(best):
        yield Cause(
            kind,
            where,
            f"{controllers.name} runs, but {undone}",
            f"does it watch namespace {workload.namespace}? its log says: "
            f"kubectl logs deployment/{metadata['name']} -n {metadata['namespace']}; if it hangs: "
            f"kubectl rollout restart deployment/{metadata['name']} -n {metadata['namespace']}",
        )
        return
    wanted = Deployment(best).counts.wanted
    yield Cause(
        "ControllerDown",
        where,
        f"0 of {wanted} replicas of the {controllers.name} controller are available"
        if wanted
        else f"the {controllers.name} controller is scaled to 0",
        f"kubectl describe deployment/{metadata['name']} -n {metadata['namespace']}",
    )


def causes_refused(workload: Workload) -> Iterator[Cause]:
    """The controller's own no: a spec that it can't make a Deployment from."""
    if refused := refusal(workload):
        yield Cause(
            "NotAccepted",
            workload.label,
            _clean(refused.message),
            "correct the spec, or create what it names: the controller then tries again by itself",
        )


def causes_stuck(view: View) -> Iterator[Cause]:
    """Why the newest pods are not all there and available; final ones first, each kind once."""
    found: dict[str, Cause] = {}
    for cause in (*_replica_failures(view), *_pod_causes(view)):
        found.setdefault(cause.kind, cause)
    yield from sorted(found.values(), key=lambda cause: cause.thresholds.final is None)


def causes_of_deployment(view: View) -> Iterator[Cause]:
    """What the Deployment itself says: it goes, nobody looked at it, it is paused, or sees no progress."""
    if view.deployment is None:
        return
    deployment = Deployment(view.deployment)
    where = f"deployment/{view.workload.name}"
    if going := deletion(view.deployment):
        hint = f"kubectl describe {where} -n {view.workload.namespace}"
        yield Cause("DeploymentTerminating", where, f"it is {going}", hint)
        return
    if not deployment.observed:
        hint = "does kube-controller-manager run? kubectl get pods -n kube-system"
        yield Cause("DeploymentNotObserved", where, "the cluster has not looked at its newest spec", hint)
        return
    if deployment.paused:
        text = "changes of its template wait until it is resumed"
        yield Cause("DeploymentPaused", where, text, deployment.resuming)
    stuck = deployment.condition("Progressing", "False")
    if stuck and stuck.reason == PROGRESS_DEADLINE_EXCEEDED:  # the pods' causes have the next step
        yield Cause(stuck.reason, where, f"no progress for {deployment.progress_deadline}s", "")
    elif stuck:
        hint = f"kubectl describe {where} -n {view.workload.namespace}"
        yield Cause(stuck.reason or "NotProgressing", where, _clean(stuck.text), hint)


def _replica_failures(view: View) -> Iterator[Cause]:
    """Pods that the API server refuses: quota, admission, a missing service account."""
    newest = view.newest
    failure = condition(newest, "ReplicaFailure", "True")
    if newest is None or failure is None:
        return
    message, namespace, name = _clean(failure.message), view.workload.namespace, newest["metadata"]["name"]
    yield Cause(
        failure.reason or "FailedCreate",
        f"replicaset/{name}",
        message,
        f"kubectl describe quota -n {namespace}"
        if "exceeded quota" in message
        else f"kubectl describe replicaset/{name} -n {namespace}",
    )


def _pod_causes(view: View) -> Iterator[Cause]:
    for pod in view.pods:
        if not is_starting(pod):
            continue
        yield from _unscheduled(pod)
        for status in Pod(pod).container_statuses:
            yield from _container(pod, status, view)
        yield from _from_events(pod, view)


def _unscheduled(pod: Manifest) -> Iterator[Cause]:
    if unscheduled := condition(pod, "PodScheduled", "False"):
        hint = (
            "it waits for a volume; those that there are: "
            f"kubectl get persistentvolumeclaims -n {pod['metadata']['namespace']}"
            if "persistentvolumeclaim" in unscheduled.message
            else "it waits for a node that fits: kubectl describe nodes; or change its requests, "
            "nodeSelector or tolerations"
        )
        reason = unscheduled.reason or "Unschedulable"
        yield Cause(reason, _where(pod), _clean(unscheduled.message), hint)


def _container(pod: Manifest, status: Manifest, view: View) -> Iterator[Cause]:
    reason = str(dig(status, "state", "waiting", "reason") or "")
    ended = exited(status, view.now)
    if ended is not None:
        yield _crash(pod, status, ended, view)
    elif reason and reason not in ("ContainerCreating", "PodInitializing"):
        message = str(dig(status, "state", "waiting", "message") or "")
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        hint = f"kubectl describe pod/{name} -n {namespace}"
        if "Image" in reason:
            hint = f"is the image there, and may the node pull it (imagePullSecrets)? {hint}"
        elif reason == "CreateContainerConfigError":
            hint = f"create it, or correct what names it (env, the ModelConfig's Secret): {hint}"
        yield Cause(reason, _where(pod), _clean(message) or f"container {status['name']}", hint)


def _crash(pod: Manifest, status: Manifest, ended: Manifest, view: View) -> Cause:
    """A container that ended: final once the kubelet holds it back after four runs, unless memory was short.

    It waits 10 and 20 seconds before the third and the fourth: an agent whose tool server comes half a minute
    later heals, and one that can't start is known before a minute is over.
    """
    name, container = pod["metadata"]["name"], status["name"]
    restarts = int(status.get("restartCount", 0))
    looping = dig(status, "state", "waiting", "reason") == "CrashLoopBackOff"
    text = f"container {container} exited with {ended.get('exitCode')}"
    hint = f"kubectl logs {name} -c {container} --previous -n {pod['metadata']['namespace']}"
    if ended.get("reason") == "OOMKilled":
        text = f"container {container} was OOMKilled{_memory_limit(pod, container)}"
        hint = "give it more with resources.limits.memory in the deployment settings of the spec"
    if start_error := _clean(str(ended.get("message") or "")):
        text += f": {start_error}"
    told = [f"restarts: {restarts}"] if restarts else []
    if dig(status, "state", "running") is not None:
        at = ended.get("finishedAt")  # the kubelet may have lost it
        told.append(f"ended {at}, runs again" if at else "runs again")
    if told:
        text += f" ({'; '.join(told)})"
    return Cause(
        "CrashLoopBackOff" if looping else str(ended.get("reason") or "Error"),
        _where(pod),
        text,
        hint,
        tuple(_printable(line) for line in view.logs.get((name, container), ())),
        may_heal=looping and restarts < _RESTARTS_THAT_HEAL and ended.get("reason") != "OOMKilled",
    )


def _memory_limit(pod: Manifest, container: str) -> str:
    for item in dig(pod, "spec", "containers") or ():
        limit = dig(item, "resources", "limits", "memory")
        if item.get("name") == container and limit:
            return f" at its limit of {limit}"
    return ""


def _from_events(pod: Manifest, view: View) -> Iterator[Cause]:
    """What only events tell: a failing probe, a volume that does not mount, a sandbox without network."""
    metadata = pod["metadata"]
    states = [status.get("state") or {} for status in Pod(pod).container_statuses]
    waits = [dig(state, "waiting", "reason") for state in states]
    # where an init container comes first, all wait for that; and the kubelet tells of containers up to
    # 10 s after it has told of the volume
    starting = "ContainerCreating" in waits or all(reason == "PodInitializing" for reason in waits)
    running = any("running" in state for state in states)
    latest = {
        str(event.get("reason")): event
        for event in sorted(view.events, key=last_seen)
        if dig(event, "involvedObject", "uid") == metadata.get("uid")
    }
    for reason, event in latest.items():
        hint = f"kubectl describe pod/{metadata['name']} -n {metadata['namespace']}"
        if reason == "Unhealthy" and running:
            hint = f"kubectl logs {metadata['name']} -n {metadata['namespace']}"
        elif not (reason in ("FailedMount", "FailedCreatePodSandBox") and starting):
            continue
        yield Cause(reason, _where(pod), _clean(str(event.get("message", ""))), hint)


def _where(pod: Manifest) -> str:
    return f"pod/{pod['metadata']['name']}"


def _clean(text: str) -> str:
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    """Without what a terminal would obey: texts come from images and their programs."""
    return "".join(char if char.isprintable() else " " for char in text)
