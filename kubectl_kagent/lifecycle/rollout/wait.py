"""Judge a rollout and wait for it: what kubectl says about a Deployment, told about the workload."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import (
    Expired,
    KagentError,
    NotFound,
    OtherServerError,
    TimedOut,
    Unreachable,
)
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.rollout.causes import (
    Cause,
    causes_of_deployment,
    causes_refused,
    causes_stuck,
    causes_unobserved,
    causes_without_deployment,
)
from kubectl_kagent.lifecycle.rollout.inspection import View, look
from kubectl_kagent.model.deletion import deletion
from kubectl_kagent.model.deployment import Deployment
from kubectl_kagent.model.resources import DEPLOYMENT, Resource
from kubectl_kagent.model.stage import SETTLED, Stage, status_of
from kubectl_kagent.model.workload import HIBERNATED_REPLICAS, Workload

Say = Callable[[str], None]

_INTERVAL = 1.0
_OUTAGE = 30.0  # how long the API server may be away when no timeout says otherwise


class RolloutFailed(KagentError):
    """The rollout will not finish as it is."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rollout is: what has come of it, or what it waits for. Causes: the final ones first."""

    state: Literal["done", "waiting", "failed"]
    what: str
    causes: tuple[Cause, ...] = ()

    @property
    def message(self) -> str:
        """kubectl's line."""
        return self.what if self.state == "done" else f"Waiting for {self.what}..."


@dataclass(frozen=True, slots=True)
class Voice:
    """Where the waiting speaks: progress lines, and warnings, each with the lines that go below it."""

    say: Say
    warn: Callable[..., None]


def judge(view: View) -> Progress:
    """What a look means. Pure; a failure still has to last as long as its cause's thresholds say."""
    workload = view.workload
    deployment = Deployment(view.deployment) if view.deployment else None
    stage = status_of(workload, deployment).stage
    if stage is Stage.PENDING:
        line = f"{workload.resource.singular} spec update to be observed"
        return _unfinished(line, tuple(causes_unobserved(view)))
    if stage is Stage.NOT_ACCEPTED:
        line = f"{_quoted(workload)} to be accepted"
        return _unfinished(line, tuple(causes_refused(workload)))
    if deployment is None:
        line = f'deployment "{workload.name}" to be created'
        return _unfinished(line, tuple(causes_without_deployment(view)))
    if deletion(deployment.obj):
        line = f'deployment "{workload.name}" to be deleted and created again'
        return _unfinished(line, tuple(causes_of_deployment(view)))
    if view.unobserved:
        line = f"{', '.join(view.unobserved)} update to be observed"
        return _unfinished(line, tuple(causes_unobserved(view)))
    if not deployment.observed:
        line = "deployment spec update to be observed"
        return _unfinished(line, tuple(causes_of_deployment(view)))
    if stage in SETTLED:
        return Progress("done", _done(view, deployment))
    return _unfinished(_remaining(workload, deployment), (*causes_of_deployment(view), *causes_stuck(view)))


def _unfinished(line: str, causes: tuple[Cause, ...]) -> Progress:
    failed = any(cause.thresholds.tells_at_once for cause in causes)
    return Progress("failed" if failed else "waiting", line, causes)


def _remaining(workload: Workload, deployment: Deployment) -> str:
    """kubectl's line for what is missing."""
    counts = deployment.counts
    line = f"{_quoted(workload)} rollout to finish: "
    if counts.updated < counts.wanted:
        return f"{line}{counts.updated} out of {counts.wanted} new replicas have been updated"
    if counts.existing > counts.updated:
        return f"{line}{counts.existing - counts.updated} old replicas are pending termination"
    return f"{line}{counts.available} of {counts.updated} updated replicas are available"


def _done(view: View, deployment: Deployment) -> str:
    workload, wanted = view.workload, deployment.counts.wanted
    config = f"config hash {deployment.config_hash(workload) or 'unknown'}"
    if view.autoscaler:
        count = f"{wanted} replicas " if wanted else ""
        config = f"{count}by {view.autoscaler.label}, {config}"
    if wanted:
        return f"{_quoted(workload)} successfully rolled out ({config})"
    if not view.autoscaler and HIBERNATED_REPLICAS in workload.annotations:
        config = f"hibernated from {workload.annotations[HIBERNATED_REPLICAS]}, {config}"
    return f"{_quoted(workload)} is scaled to 0: no pods to roll out ({config})"


def _quoted(workload: Workload) -> str:
    return f'{workload.resource.singular} "{workload.name}"'


def show(cluster: Cluster, workload: Workload, voice: Voice, *, revision: int = 0) -> None:
    """One look without waiting: the line and its causes. Raises when the rollout has failed."""
    view = _look(cluster, workload, revision)
    progress = judge(view)
    for note in view.notes:
        voice.warn(note.line)
    voice.say(progress.message)
    if progress.state == "failed":
        final = next(cause for cause in progress.causes if cause.thresholds.tells_at_once)
        raise _failure(workload, progress, final)
    for cause in progress.causes:
        voice.warn(cause.line)


def follow(
    cluster: Cluster,
    workload: Workload,
    voice: Voice,
    *,
    timeout: float,
    revision: int = 0,
    smoke: Callable[[], str] | None = None,
    undo: Callable[[], str] | None = None,
) -> None:
    """Wait until the rollout is done, then let ``smoke`` ask the new pods; a failure calls ``undo``.

    ``smoke`` returns what they answered, and raises RolloutFailed when that is nothing; ``undo`` what came of
    it, in a few words.
    Raises what ``wait`` raises. Only RolloutFailed and TimedOut are undone: in other cases nobody would
    act on an undo, or it is not this rollout that failed.
    """
    try:
        pods = wait(cluster, workload, voice, timeout=timeout, revision=revision)
        if smoke:
            _require_pods(workload, pods)
            voice.say(f"smoke test answered: {smoke()}")
    except (RolloutFailed, TimedOut) as error:
        if undo is None:
            raise
        voice.warn("the rollout failed: rolling back")
        try:
            done = undo()
        except KagentError as second:
            message = f"{error.message}; the rollback failed too: {second.message}"
            raise RolloutFailed(message, second.hint) from second
        undone = f"kubectl kagent rollout diff {workload.typed} shows what was undone"
        hint = f"{undone}: correct it where it comes from, or the next apply brings it back"
        raise type(error)(f"{error.message} ({done})", hint) from error


def check_readable(cluster: Cluster, workloads: Iterable[Workload]) -> None:
    """Raise Forbidden before a change that ``follow`` is to wait for, and not after it.

    A look can do without all but these. Raises NotFound without a workload.
    """
    asked = [(resource, each) for each in workloads for resource in (each.resource, DEPLOYMENT)]

    def ask(place: tuple[Resource, Workload]) -> None:
        resource, each = place
        try:
            cluster.get(resource, each.namespace, each.name)
        except NotFound:
            if resource is not DEPLOYMENT:
                raise

    side_by_side(ask, asked)


def status_hint(workload: Workload) -> str:
    """Where to see how far a change is that nobody waits for any more."""
    return f"kubectl kagent rollout status {workload.typed} shows how far it is"


def wait(
    cluster: Cluster,
    workload: Workload,
    voice: Voice,
    *,
    timeout: float,
    revision: int = 0,
) -> int:
    """Look each second until the rollout is done; the number of pods wanted. ``timeout`` 0: no limit.

    Raises RolloutFailed, TimedOut, or what the API server answers with when it does not recover in time.
    """
    deadline = clock.monotonic() + timeout if timeout else math.inf
    telling = _Telling(voice)
    lost: float | None = None
    while True:
        now = clock.monotonic()
        try:
            view = _look(cluster, workload, revision)
        except (Unreachable, OtherServerError, Expired) as error:
            lost = now if lost is None else lost
            if now >= (deadline if timeout else lost + _OUTAGE):
                raise
            telling.once(f"{error.message}; trying again")
        else:
            lost = None
            progress = judge(view)
            if final := telling.final(view, progress, now):
                raise _failure(workload, progress, final)
            if progress.state == "done":
                return Deployment(view.deployment).counts.wanted if view.deployment else 0
            if now >= deadline:
                raise _timed_out(progress, timeout)
        clock.sleep(min(_INTERVAL, max(deadline - now, 0.0)))


class _Telling:
    """What was said already, and since when each cause has lasted."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._line = ""
        self._since: dict[tuple[str, str], float] = {}
        self._said: set[tuple[str, ...]] = set()

    def final(self, view: View, progress: Progress, now: float) -> Cause | None:
        """Say what is new; the cause that has lasted long enough to give up, if one has."""
        for note in view.notes:  # before the line: what was not checked is not to be read as success
            self.once(note.line)
        if progress.message != self._line:
            self._line = progress.message
            self._voice.say(self._line)
        keys = [(cause.kind, cause.where) for cause in progress.causes]
        self._since = {key: self._since.get(key, now) for key in keys}
        for cause, key in zip(progress.causes, keys, strict=True):
            lasted, thresholds = now - self._since[key], cause.thresholds
            if thresholds.final is not None and lasted >= thresholds.final:
                self._last_words(cause)
                return cause
            if lasted >= thresholds.named and key not in self._said:
                self._said.add(key)
                self._voice.warn(cause.line)
                self._last_words(cause)
        return None

    def once(self, text: str, *more: str) -> None:
        """Warn of ``text``, with ``more`` lines below it, unless just that was said before."""
        if (text, *more) not in self._said:
            self._said.add((text, *more))
            self._voice.warn(text, *more)

    def _last_words(self, cause: Cause) -> None:
        if cause.log:
            self.once(f"{cause.where}: the last lines of its log:", *(f"  {line}" for line in cause.log))


def _look(cluster: Cluster, workload: Workload, revision: int) -> View:
    """A look at this very object.

    Raises KagentError when it is gone or on its way out, or ``revision`` is not the live one.
    """
    try:
        if revision:
            _check_revision(cluster, workload, revision)
        view = look(cluster, workload.resource, workload.namespace, workload.name)
    except NotFound as error:
        raise KagentError(f"{workload.label} has been deleted") from error
    if view.workload.uid != workload.uid:
        raise KagentError(f"{workload.label} has been deleted and created again")
    if going := deletion(view.workload.obj):
        raise KagentError(f"{workload.label} is {going}")
    return view


def _check_revision(cluster: Cluster, workload: Workload, revision: int) -> None:
    live = history.update(cluster, workload, manager="", record=False).live
    if live is None or live.number != revision:
        running = live.number if live else "not recorded"
        raise KagentError(
            f"desired revision ({revision}) is different from the running revision ({running})",
            hint=f"kubectl kagent rollout history {workload.typed}",
        )


def _require_pods(workload: Workload, pods: int) -> None:
    if not pods:
        raise KagentError(
            f"{_quoted(workload)} is scaled to 0: there is no pod to ask",
            hint=f"kubectl kagent wake {workload.typed}",
        )


def _failure(workload: Workload, progress: Progress, final: Cause) -> KagentError:
    reasons, hint = _reasons(progress)
    if final.thresholds.exit_code == Unreachable.exit_code:
        return Unreachable(f"{_quoted(workload)} is not being rolled out: {reasons}", hint)
    return RolloutFailed(f"{_quoted(workload)} failed to roll out: {reasons}", hint)


def _timed_out(progress: Progress, timeout: float) -> TimedOut:
    reasons, hint = _reasons(progress)
    line = f"timed out after {timeout:g}s waiting for {progress.what}"
    return TimedOut(line + (f"; {reasons}" if reasons else ""), hint)


def _reasons(progress: Progress) -> tuple[str, str | None]:
    """The causes in one line, and the first next step."""
    hints = [cause.hint for cause in progress.causes if cause.hint]
    return "; ".join(cause.line for cause in progress.causes), hints[0] if hints else None
