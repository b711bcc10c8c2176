"""What an undo would change, before any of it is done: the revision, its spec, sources that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import NotFound
from kubectl_kagent.lifecycle.history.config_sources import ReadSource, read_source
from kubectl_kagent.lifecycle.history.diff import FieldChange, source_changes
from kubectl_kagent.lifecycle.history.gitops import owner_warning
from kubectl_kagent.lifecycle.history.last_applied import only_in, paths
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.workloads.users import sessions_that_end, users
from kubectl_kagent.model.resources import (
    CONFIG_MAP,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
)
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.snapshot import ConfigSource, Snapshot, content_hash
from kubectl_kagent.model.workload import Workload, with_replicas, without_replicas, without_restart

# Sources that undo can restore: their recorded content is the whole of what was in them.
_RESTORABLE = (MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP)


@dataclass(frozen=True, slots=True)
class SharedSource:
    """A source whose live content differs from the target's, and the other agents that use it.

    ``obj`` is the object that the live content is of, None when there is none. ``note`` says why there
    may be more users. ``elsewhere``: it belongs to another namespace.
    """

    target: ConfigSource
    live: ConfigSource
    obj: Mapping[str, Any] | None
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
    """An undo before it is done. ``sources`` are the shared ones that differ from the target's.

    ``ending`` says which agents' sessions with a tool server end.
    """

    past: History
    target: Revision
    spec: Mapping[str, Any]
    sources: tuple[SharedSource, ...]
    with_sources: bool = False
    ending: tuple[str, ...] = ()

    @property
    def workload(self) -> Workload:
        """The object as it is before the undo."""
        return self.past.now.workload

    @property
    def spec_differs(self) -> bool:
        """Whether the restored spec differs from the live one, apart from the replica count."""
        workload = self.workload
        return without_replicas(workload.resource, self.spec) != without_replicas(
            workload.resource, workload.spec
        )

    @property
    def gained(self) -> dict[str, Any]:
        """The fields that the restored spec has and the live one does not, below ``spec``."""
        resource = self.workload.resource
        then, now = without_replicas(resource, self.spec), without_replicas(resource, self.workload.spec)
        return only_in({"spec": then}, {"spec": now})

    @property
    def restored(self) -> tuple[SharedSource, ...]:
        """The sources that are restored too."""
        return tuple(source for source in self.sources if self.with_sources and source.restorable)

    @property
    def left(self) -> tuple[SharedSource, ...]:
        """The sources that go on to differ."""
        return tuple(source for source in self.sources if not (self.with_sources and source.restorable))

    @property
    def changes_anything(self) -> bool:
        """Whether there is anything to write."""
        return self.spec_differs or bool(self.restored)

    @property
    def owner_warning(self) -> str | None:
        """Which tool will undo the undo of the spec, and what to do about it; None when there is none."""
        return owner_warning(self.workload, tuple(paths(self.gained))) if self.spec_differs else None

    @property
    def rolled_back_in(self) -> int | None:
        """The revision whose rollback left the target behind, if one did."""
        return rolled_back_from(self.past, self.target)

    @property
    def last_good(self) -> Revision | None:
        """A better target than one that was rolled back from."""
        return last_good(self.past, self.target)


def choose(past: History, to_revision: int) -> Revision:
    """The revision to return to: the one asked for, else the newest whose config is not the live one.

    That of before a restart is the live one: who restarts first, and then rolls back, means more than that.
    Raises NotFound when there is none.
    """
    if to_revision:
        return past.find(to_revision)
    for revision in reversed(past.revisions):
        if not _is_live(past, revision):
            return revision
    none = f"no rollout history found for {past.now.workload.label}"
    if not past.revisions:  # a note of ``past`` says why
        raise NotFound(f"{none}: nothing is recorded")
    if any(revision.hash != past.now.snapshot.hash for revision in past.revisions):
        raise NotFound(
            f"{none}: what is recorded differs from the live config by restarts only",
            hint="--to-revision goes back to one of them all the same",
        )
    raise NotFound(
        f"{none}: only the live config is recorded",
        hint="history starts with the first look; 'kubectl kagent record' keeps it from now on",
    )


def choose_good(past: History) -> Revision:
    """The newest revision that was ready and is not the live config, else what ``choose`` takes."""
    ready = [revision for revision in past.revisions if revision.ready_at and not _is_live(past, revision)]
    return ready[-1] if ready else choose(past, 0)


def last_good(past: History, target: Revision) -> Revision | None:
    """The newest revision that was ready and is neither live nor a config that was rolled back from."""
    bad: list[Revision | Snapshot] = [past.now.snapshot, target]
    bad += [before for before, after in pairwise(past.revisions) if after.is_undo]
    hashes = {_without_restart(past, config) for config in bad}
    for revision in reversed(past.revisions):
        if revision.ready_at and _without_restart(past, revision) not in hashes:
            return revision
    return None


def _is_live(past: History, revision: Revision) -> bool:
    """Whether its config is the live one, however often that was restarted."""
    return _without_restart(past, revision) == _without_restart(past, past.now.snapshot)


def _without_restart(past: History, config: Revision | Snapshot) -> str:
    path = Workload(past.now.workload.resource, {"spec": config.spec}).deployment_path
    return content_hash(without_restart(config.spec, path), config.sources, path)


def rolled_back_from(past: History, target: Revision) -> int | None:
    """The revision whose rollback left ``target`` behind, if one did."""
    for before, after in pairwise(past.revisions):
        if before.number == target.number and after.is_undo:
            return after.number
    return None


def plan(cluster: Cluster, past: History, target: Revision, *, with_sources: bool = False) -> UndoPlan:
    """What the undo would change: the spec with the live replica count, and the sources that differ."""
    workload = past.now.workload
    path = Workload(workload.resource, {"spec": target.spec}).deployment_path
    spec = with_replicas(target.spec, path, workload.replicas)
    shared = []
    differ = _differing(cluster, past, target)
    used = users(cluster, workload, [source.reference for source, _, _ in differ]) if differ else {}
    for source, found, changes in differ:
        elsewhere = source.reference.namespace != workload.namespace
        others, note = used[source.reference]
        for secret in (False, True):  # one may be restored and the other not
            part = tuple(change for change in changes if (change.path == "secret") == secret)
            if part:
                shared.append(SharedSource(source, found.source, found.obj, part, others, note, elsewhere))
    ending = sessions_that_end(cluster, [] if workload.is_agent else [workload])
    return UndoPlan(past, target, spec, tuple(shared), with_sources, tuple(ending))


def _named(workload: Workload, target: Revision) -> list[ConfigSource]:
    """The recorded sources that the recorded spec itself names: anything may stand beside it."""
    then = Workload(workload.resource, {**workload.obj, "spec": target.spec})
    return [source for source in target.sources if source.reference in then.references()]


def _differing(
    cluster: Cluster, past: History, target: Revision
) -> list[tuple[ConfigSource, ReadSource, Sequence[FieldChange]]]:
    """The target's sources whose live content is another: those that the live config uses were just read."""
    now = past.now
    live = {
        source.reference: ReadSource(source, obj)
        for source, obj in zip(now.snapshot.sources, now.sources, strict=True)
    }
    then = _named(now.workload, target)
    found = side_by_side(
        lambda source: live.get(source.reference) or read_source(cluster, now.workload, source.reference),
        then,
    )
    changes = [source_changes([each.source], [source]) for source, each in zip(then, found, strict=True)]
    return [differs for differs in zip(then, found, changes, strict=True) if differs[2]]
