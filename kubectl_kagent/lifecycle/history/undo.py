"""Undo: put a recorded config back into the CR, and say only what was seen to be true."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from types import FrameType
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import (
    Conflict,
    Done,
    Forbidden,
    Incomplete,
    KagentError,
    NotFound,
    done_so_far,
)
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.config_sources import read_source
from kubectl_kagent.lifecycle.history.diff import FieldChange, source_changes
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    Resource,
)
from kubectl_kagent.model.revision import ROLLBACK_OF, ConfigSource, Revision
from kubectl_kagent.model.workload import CHANGE_CAUSE, Workload, with_replicas

# Sources that undo can restore: their recorded content is the whole of what was in them.
_RESTORABLE = (MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP)
_TRIES = 5  # kubectl's: a controller may write the status a few times meanwhile
_HELD = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass(frozen=True, slots=True)
class SharedSource:
    """A source whose live content differs from the target's, and the other agents that use it.

    ``note`` says why there may be more of them. ``elsewhere``: it belongs to another namespace.
    """

    target: ConfigSource
    live: ConfigSource
    changes: tuple[FieldChange, ...]
    other_agents: tuple[str, ...]
    note: str = ""
    elsewhere: bool = False

    @property
    def label(self) -> str:
        return self.target.reference.resource.label(self.target.reference.name)

    @property
    def restorable(self) -> bool:
        """Secrets are not recorded, and what was deleted may have had more in it than was in use.

        What belongs to another namespace is not put back from here: whoever writes in this one may have
        written the record.
        """
        if self.elsewhere or self.target.reference.resource not in _RESTORABLE:
            return False
        return not {"", "secret"} & {change.path for change in self.changes}


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """An undo before it is done."""

    workload: Workload
    target: Revision
    spec: Mapping[str, Any]
    sources: tuple[SharedSource, ...]

    @property
    def spec_differs(self) -> bool:
        """Whether the object itself would be another one; no replicas and no place for them are the same."""
        workload = self.workload
        return _bare(workload.resource, self.spec) != _bare(workload.resource, workload.spec)


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did. ``recorded`` is the new revision, None when not stored (``notes`` says why)."""

    obj: Mapping[str, Any]
    recorded: Revision | None
    restored_sources: tuple[SharedSource, ...]
    notes: tuple[str, ...]


def choose(past: History, to_revision: int) -> Revision:
    """The revision to return to: the one asked for, else the newest whose config is not the live one.

    Raises NotFound when there is none.
    """
    if to_revision:
        return past.find(to_revision)
    live = past.now.snapshot.hash
    for revision in reversed(past.revisions):
        if revision.hash != live:
            return revision
    workload = past.now.workload
    raise NotFound(
        f"no rollout history found for {workload.label}: only the live config is recorded",
        hint="history starts with the first look; 'kubectl kagent record' keeps it from now on",
    )


def choose_good(past: History) -> Revision:
    """The newest revision that was ready and is not the live config, else what ``choose`` takes."""
    live = past.now.snapshot.hash
    ready = [revision for revision in past.revisions if revision.ready_at and revision.hash != live]
    return ready[-1] if ready else choose(past, 0)


def last_good(past: History, target: Revision) -> Revision | None:
    """The newest revision that was ready and is neither live nor a config that was rolled back from."""
    bad = {past.now.snapshot.hash, target.hash}
    bad |= {before.hash for before, after in pairwise(past.revisions) if after.rollback_of}
    for revision in reversed(past.revisions):
        if revision.ready_at and revision.hash not in bad:
            return revision
    return None


def rolled_back_from(past: History, target: Revision) -> int | None:
    """The revision whose rollback left ``target`` behind, if one did."""
    for before, after in pairwise(past.revisions):
        if before.number == target.number and after.rollback_of:
            return after.number
    return None


def plan(cluster: Cluster, past: History, target: Revision) -> UndoPlan:
    """What the undo would change: the spec with the live replica count, and the sources that differ."""
    workload = past.now.workload
    path = _replicas_path(workload.resource, target.spec)
    spec = with_replicas(target.spec, path, workload.replicas)
    live = {source.reference: source for source in past.now.snapshot.sources}
    shared = []
    for source in _named(workload, target):
        elsewhere = source.reference.namespace != workload.namespace
        now = live.get(source.reference) or read_source(cluster, workload, source.reference).source
        changes = source_changes([now], [source])
        users, note = _users(cluster, workload, source) if changes else ((), "")
        for secret in (False, True):  # one may be restored and the other not
            part = tuple(change for change in changes if (change.path == "secret") == secret)
            if part:
                shared.append(SharedSource(source, now, part, users, note, elsewhere))
    return UndoPlan(workload, target, spec, tuple(shared))


def _replicas_path(resource: Resource, spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Where ``spec`` keeps its deployment settings, which depends on its type."""
    return Workload(resource, {"spec": spec}).deployment_path


def _bare(resource: Resource, spec: Mapping[str, Any]) -> dict[str, Any]:
    return with_replicas(spec, _replicas_path(resource, spec), None)


def _named(workload: Workload, target: Revision) -> list[ConfigSource]:
    """The recorded sources that the recorded spec itself names: anything may stand beside it."""
    then = Workload(workload.resource, {**workload.obj, "spec": target.spec})
    return [source for source in target.sources if source.reference in then.references()]


def _users(cluster: Cluster, workload: Workload, source: ConfigSource) -> tuple[tuple[str, ...], str]:
    """Other agents that use the same source, and a note when those elsewhere may not be listed."""
    reference, note = source.reference, ""
    if reference.resource in (MODEL_CONFIG, CONFIG_MAP):
        items = cluster.list_objects(AGENT, reference.namespace)["items"]  # used from nowhere else
    else:
        try:
            items = cluster.list_objects(AGENT)["items"]
        except Forbidden as error:
            items = cluster.list_objects(AGENT, reference.namespace)["items"]
            note = f"agents of other namespaces may use it too: {error.explained}"
    same = (reference.resource, reference.namespace, reference.name)
    users = [
        agent.name if agent.namespace == workload.namespace else f"{agent.namespace}/{agent.name}"
        for agent in (Workload(AGENT, item) for item in items)
        if agent.uid != workload.uid
        and any((r.resource, r.namespace, r.name) == same for r in agent.references())
    ]
    return tuple(sorted(users)), note


def undo(cluster: Cluster, planned: UndoPlan, *, with_sources: bool, manager: str, cause: str) -> Undone:
    """Carry out the plan. An interrupt (Ctrl-C, a closed terminal) waits until that is done and recorded.

    The object comes first: it is what proves that the plan still holds. Raises Conflict when it changed since
    the plan was made, Incomplete for what fails after it is restored.
    """
    with done_so_far() as done, _uninterrupted():
        if with_sources:
            try_out(
                cluster, planned, with_sources=True
            )  # what is refused is refused before any of it is done
        obj = _replace_spec(cluster, planned, dry_run=False, manager=manager)
        say_restored(done, planned)
        restored = _restore_sources(cluster, planned, done, manager=manager) if with_sources else ()
        past = history.update(cluster, Workload(planned.workload.resource, obj), manager=manager, cause=cause)
        recorded, notes = past.live, list(past.notes)
        if recorded and recorded.number > planned.target.number:
            # a recorder may have been quicker: what only the verb knows is added
            marks = {ROLLBACK_OF: str(planned.target.number)} if recorded.hash == planned.target.hash else {}
            if cause and not recorded.change_cause:
                marks[CHANGE_CAUSE] = cause
            notes += _mark(cluster, planned.workload, recorded, marks, manager=manager)
        return Undone(obj, recorded, restored, tuple(notes))


def say_restored(done: Done, planned: UndoPlan, sources: Sequence[SharedSource] = ()) -> None:
    """Note that the patch is in, and these sources are restored."""
    too = f" (restored too: {_labels(sources)})" if sources else ""
    done.text = f"the spec of revision {planned.target.number} is in {planned.workload.label}{too}"
    done.hint = f"kubectl kagent rollout status {planned.workload.typed} shows how far it is"


def _mark(
    cluster: Cluster, workload: Workload, recorded: Revision, marks: Mapping[str, str], *, manager: str
) -> list[str]:
    """Annotate the revision with what it has not yet; a note when that is not allowed."""
    new = {key: value for key, value in marks.items() if recorded.annotations.get(key) != value}
    try:
        if new:
            history.annotate(cluster, workload, recorded, new, manager=manager)
    except Forbidden as error:
        return [f"revision {recorded.number} is not marked as a rollback: {error.explained}"]
    return []


def try_out(cluster: Cluster, planned: UndoPlan, *, with_sources: bool) -> Mapping[str, Any]:
    """Let the server check the undo without storing it: the object as it would be."""
    obj = _replace_spec(cluster, planned, dry_run=True, manager="")
    for shared in _restorable(planned) if with_sources else ():
        _restore_source(cluster, shared, dry_run=True, manager="")
    return obj


def _restorable(planned: UndoPlan) -> tuple[SharedSource, ...]:
    return tuple(shared for shared in planned.sources if shared.restorable)


def _restore_sources(
    cluster: Cluster, planned: UndoPlan, done: Done, *, manager: str
) -> tuple[SharedSource, ...]:
    """Restore one after the other. Raises Incomplete that names those which are left."""
    sources = _restorable(planned)
    for number, shared in enumerate(sources):
        try:
            _restore_source(cluster, shared, dry_run=False, manager=manager)
        except KagentError as error:
            again = (
                f"kubectl kagent rollout undo {planned.workload.typed} --to-revision={planned.target.number}"
            )
            raise Incomplete.because(
                f"{done.text}, but not restored: {_labels(sources[number:])}:",
                error,
                f"{again} --with-sources restores the rest",
            ) from error
        say_restored(done, planned, sources[: number + 1])
    return sources


def _labels(sources: Sequence[SharedSource]) -> str:
    return ", ".join(source.label for source in sources)


def _replace_spec(cluster: Cluster, planned: UndoPlan, *, dry_run: bool, manager: str) -> dict[str, Any]:
    workload = planned.workload
    place = (workload.resource, workload.namespace, workload.name)
    version = workload.resource_version
    for _ in range(_TRIES):
        patch: list[dict[str, Any]] = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": "/spec", "value": dict(planned.spec)},
        ]
        try:
            return cluster.json_patch(*place, patch, dry_run=dry_run, manager=manager)
        except Conflict as error:
            conflict = error
        now = Workload(workload.resource, cluster.get(*place))
        if (now.uid, now.generation) != (workload.uid, workload.generation):
            break
        version = now.resource_version  # only its status went on
    raise Conflict(
        f"{workload.label} was changed by somebody else just now; nothing was rolled back",
        hint=f"look at it with kubectl kagent rollout history {planned.workload.typed}, then try again",
    ) from conflict


def _restore_source(cluster: Cluster, shared: SharedSource, *, dry_run: bool, manager: str) -> None:
    """Raises Conflict when the source is not any more as the plan saw it."""
    reference = shared.target.reference
    place = (reference.resource, reference.namespace, reference.name)
    for _ in range(_TRIES):
        now = cluster.get(*place)
        if _config(ConfigSource.of(reference, now)) != _config(shared.live):
            break
        try:
            cluster.json_patch(*place, _restoring(shared.target, now), dry_run=dry_run, manager=manager)
        except Conflict:  # perhaps only its status went on
            continue
        return
    raise Conflict(f"{shared.label} was changed by somebody else just now")


def _config(source: ConfigSource) -> dict[str, Any]:
    """The content that a person writes: a Secret may change meanwhile."""
    return {key: value for key, value in (source.content or {}).items() if key != "secret"}


def _restoring(target: ConfigSource, now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The patch that gives the object as it is now the recorded content."""
    content = target.content or {}
    version = now["metadata"]["resourceVersion"]
    if target.reference.resource is CONFIG_MAP:
        others = now.get("data") or {} if target.reference.keys else {}
        data = {key: text for key, text in (others | content["data"]).items() if text is not None}
        change = {"op": "add", "path": "/data", "value": data}
    else:
        change = {"op": "replace", "path": "/spec", "value": content["spec"]}
    return [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}, change]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back what would end us until the block is done, then let it have its way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        pending.append(number)

    held = [getattr(signal, name) for name in _HELD if hasattr(signal, name)]  # Windows has no SIGHUP
    before = {number: signal.signal(number, note) for number in held}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if pending:
            signal.raise_signal(pending[0])
