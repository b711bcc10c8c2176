"""Store what a look back found: one ControllerRevision for each config, whose name claims its number."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Objects
from kubectl_kagent.errors import AlreadyExists, Conflict, Forbidden, NotFound, OtherServerError
from kubectl_kagent.lifecycle.history import annotated_cause
from kubectl_kagent.lifecycle.history.look_back import Timeline
from kubectl_kagent.lifecycle.history.rendered import rendered
from kubectl_kagent.lifecycle.history.snapshots import Observation, look_at, observe_then
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.resources import CONTROLLER_REVISION
from kubectl_kagent.model.revision import (
    LAST_NUMBER,
    RECORDED_BY,
    ROLLBACK_OF,
    UNDO_TO,
    MalformedRevision,
    Revision,
    is_owned_by_a,
    is_revision_of,
    number_in,
    owner_uid,
    read_revision,
    revision_name,
    revision_object,
)
from kubectl_kagent.model.snapshot import ConfigSource, Snapshot
from kubectl_kagent.model.workload import CHANGE_CAUSE, Reference, Workload


class LookAgain(Exception):
    """Somebody else recorded or pruned at the same time."""


@dataclass(frozen=True, slots=True)
class Run:
    """A config from the moment it came to the last moment it was in force, and when it ended."""

    first: Snapshot
    last: Observation
    until: datetime


def runs(timeline: Timeline, known: Revision | None, *, until: datetime) -> list[Run]:
    """The configs that came after the known one, in order; the last one is in force ``until`` now.

    One in which a source is missing that comes back is none: the controller goes on with what it had. What
    it says of a Secret when it has read it is so from the beginning of the object that names it.
    """
    found: list[Run] = []
    previous = known.hash if known else ""
    back = _come_back(timeline.observations)
    snapshots = _with_secrets([moment.snapshot for moment in timeline.observations], known)
    for moment, snapshot, returning in zip(timeline.observations, snapshots, back, strict=True):
        if returning & moment.missing:
            continue
        if snapshot.hash != previous:
            if found:
                found[-1] = replace(found[-1], until=snapshot.changed_at)
            found.append(Run(snapshot, moment, until))
        elif found:
            found[-1] = replace(found[-1], last=moment)
        previous = snapshot.hash
    return found


def _with_secrets(snapshots: Sequence[Snapshot], known: Revision | None) -> list[Snapshot]:
    """Each as it is once its sources' Secrets are read for the first time: kagent notes that a bit later."""
    read = {(source.reference, source.uid) for source in known.sources if _secret(source)} if known else set()
    first: dict[tuple[Reference, str, int], ConfigSource] = {}
    for snapshot in snapshots:
        for source in filter(_secret, snapshot.sources):
            if (source.reference, source.uid) not in read:
                read.add((source.reference, source.uid))
                first[source.key] = source
    found = list[Snapshot]()
    for snapshot in snapshots:
        unread = [source for source in snapshot.sources if not _secret(source) and source.key in first]
        sources = tuple(first[source.key] if source in unread else source for source in snapshot.sources)
        found.append(replace(snapshot, sources=sources) if unread else snapshot)
        for source in filter(_secret, snapshot.sources):
            first.pop(source.key, None)
    return found


def _secret(source: ConfigSource) -> Any:
    return (source.content or {}).get("secret")


def _come_back(observations: Sequence[Observation]) -> list[set[Reference]]:
    """For each moment the sources that are there at a later one."""
    found: list[set[Reference]] = []
    later: set[Reference] = set()
    for moment in reversed(observations):
        found.insert(0, set(later))
        later |= {source.reference for source in moment.snapshot.sources} - moment.missing
    return found


def proven(cluster: Objects, moment: Observation, *, until: datetime) -> dict[str, str]:
    """What ``rendered`` tells of the config of which ``moment`` is the last one."""
    return rendered(moment, lambda: observe_then(cluster, moment.workload, moment.sources), until=until)


@dataclass(frozen=True, slots=True)
class ChangeCause:
    """Why an undo brought a config: it is the one that the write of that resource version made."""

    text: str
    version: int

    def of(self, missing: Sequence[Run], known: Revision | None) -> Run | None:
        """Its run among those that came after the known one; None when that is recorded already."""
        begun = [run for run in missing if run.first.resource_version <= self.version]
        if begun:
            return begun[-1]
        # a look that need not go back sees it only as it is now, with later writes of its status
        is_new = known is None or known.resource_version < self.version
        return missing[0] if missing and is_new else None


@dataclass(slots=True)
class Recording:
    """Stores the configs of one workload. ``created`` are their names, ``notes`` say what was left out."""

    cluster: Objects
    workload: Workload
    manager: str
    cause: ChangeCause | None
    notes: list[Note] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    _taken: int = 0  # the highest number that a revision has which is left out

    def skip(self, number: int) -> None:
        """It is that of a revision which is left out, and is not given again."""
        self._taken = max(self._taken, number)

    def store(self, revisions: Sequence[Revision], missing: Sequence[Run], *, gap: bool) -> list[Revision]:
        """The revisions with ``missing`` added. Raises LookAgain for a number that is taken."""
        result = list(revisions)
        caused = self.cause and self.cause.of(missing, result[-1] if result else None)
        if missing and result:
            result[-1] = self._explain(result[-1], missing[0])
        for run in missing:
            number = max([self._taken, *(revision.number for revision in result)]) + 1
            if number > LAST_NUMBER:
                self._leave_out(run, missing, self._no_number())
                continue
            body = self._body(run, result, number, self.cause if run is caused else None, gap=gap)
            try:
                created = self.cluster.create(
                    CONTROLLER_REVISION, self.workload.namespace, body, manager=self.manager
                )
            except AlreadyExists as error:
                self._clear_way(number)
                raise LookAgain from error
            except OtherServerError as error:
                if not _too_large(error):
                    raise
                self._leave_out(run, missing, error.explained)
                gap = True  # those after it are recorded all the same
            else:
                gap = False
                result.append(read_revision(created))
                self.created.append(result[-1].name)
        return result

    def _leave_out(self, run: Run, missing: Sequence[Run], reason: str) -> None:
        which = "live config" if run is missing[-1] else f"config of {clock.timestamp(run.first.changed_at)}"
        self.notes.append(Note(f"the {which} is not recorded", reason))

    def _no_number(self) -> str:
        last = revision_name(self.workload, LAST_NUMBER)
        return (
            f"there is no number after that of {CONTROLLER_REVISION.label(last)}; "
            f"kubectl delete {CONTROLLER_REVISION.singular} {last} -n {self.workload.namespace} makes room"
        )

    def _explain(self, before: Revision, first: Run) -> Revision:
        """Note on the newest revision the cause that was written after the last look at it."""
        new = annotated_cause.of_before(first.last.workload, first.first.changed_at, before)
        if not new:
            return before
        where = (CONTROLLER_REVISION, self.workload.namespace, before.name)
        with suppress(Forbidden, NotFound):  # what comes after it is recorded all the same
            metadata = {"annotations": new, **annotated_cause.precondition(before, new)}
            try:
                patched = self.cluster.merge_patch(*where, {"metadata": metadata}, manager=self.manager)
            except Conflict as error:
                raise LookAgain from error
            return read_revision(patched)
        return before

    def _body(
        self, run: Run, revisions: Sequence[Revision], number: int, cause: ChangeCause | None, *, gap: bool
    ) -> dict[str, Any]:
        before = revisions[-1] if revisions else None
        workload, changed_at = run.last.workload, run.first.changed_at
        annotations = {RECORDED_BY: self.manager, **annotated_cause.of_new(workload, changed_at, before)}
        earlier = [revision.number for revision in revisions if revision.hash == run.first.hash]
        if earlier:
            annotations[ROLLBACK_OF] = str(earlier[-1])
        if cause:
            annotations |= {CHANGE_CAUSE: cause.text} if cause.text else {}
            annotations |= {UNDO_TO: str(earlier[-1])} if earlier else {}
        annotations |= proven(self.cluster, run.last, until=run.until)
        return revision_object(self.workload, run.first, number, annotations=annotations, gap_before=gap)

    def _clear_way(self, number: int) -> None:
        """Delete a revision of that name whose owner is a deleted namesake, as garbage collection would.

        Any other that is not in the history stays, and its number is not used.
        """
        namespace, name = self.workload.namespace, revision_name(self.workload, number)
        try:
            blocker = self.cluster.get(CONTROLLER_REVISION, namespace, name)
            uid = owner_uid(blocker)
            if uid != self.workload.uid and is_owned_by_a(self.workload.resource, blocker):
                if uid != self._live_uid():
                    self.cluster.delete(CONTROLLER_REVISION, namespace, name)
            elif not self._is_listed(blocker, number):
                self._taken = self._highest(number)
                self.notes.append(
                    Note(
                        f"controllerrevision.apps/{name} has lost its owner, its labels or its content",
                        f"it is left out, and the next revision is {self._taken + 1}",
                    )
                )
        except NotFound:
            return

    def _is_listed(self, blocker: dict[str, Any], number: int) -> bool:
        """Whether the next look finds it: then somebody else was only quicker."""
        try:
            return is_revision_of(blocker, self.workload) and read_revision(blocker).number == number
        except MalformedRevision:
            return False

    def _highest(self, number: int) -> int:
        """The highest number that any object of the namespace claims by its name for this workload."""
        items = self.cluster.list_objects(CONTROLLER_REVISION, self.workload.namespace)["items"]
        names = [item["metadata"]["name"] for item in items]
        ours = [name for name in names if name == revision_name(self.workload, number_in(name))]
        return max([number, *map(number_in, ours)])

    def _live_uid(self) -> str:
        return look_at(self.cluster, self.workload.resource, self.workload.namespace, self.workload.name).uid


def _too_large(error: OtherServerError) -> bool:
    """The API server and etcd have a limit each, and words of their own for it."""
    return "too large" in error.message or "larger than max" in error.message
