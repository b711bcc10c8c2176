"""Undo: put a recorded config back into the CR, and say only what was seen to be true."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Forbidden, KagentError, done_so_far
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.look_back import Write
from kubectl_kagent.lifecycle.history.recording import ChangeCause
from kubectl_kagent.lifecycle.history.rendered import proof
from kubectl_kagent.lifecycle.history.restoring import (
    replace_spec,
    restore_sources,
    say_restored,
    server_dry_run,
)
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.snapshots import Observation
from kubectl_kagent.lifecycle.history.undo_plan import SharedSource, UndoPlan
from kubectl_kagent.lifecycle.history.verification import Verified, expected_hash, verify
from kubectl_kagent.model.deployment import config_hash
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.revision import ROLLBACK_OF, UNDO_TO, Revision
from kubectl_kagent.model.workload import CHANGE_CAUSE, Workload

_HELD = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass(frozen=True, slots=True)
class Restored:
    """What an undo wrote. ``recorded`` is its revision, None when not stored (``notes`` says why).

    ``now`` is the object as it was seen right after; by then somebody may have changed it again.
    """

    obj: Mapping[str, Any]
    now: Observation
    recorded: Revision | None
    sources: tuple[SharedSource, ...]
    notes: tuple[Note, ...]

    @property
    def is_live(self) -> bool:
        """Whether what was recorded was still in force when it was seen."""
        return self.recorded is not None and self.recorded.hash == self.now.snapshot.hash


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did, and what its controller was then seen to make of it."""

    planned: UndoPlan
    restored: Restored
    seen: Verified

    @property
    def workload(self) -> Workload:
        """The object as the undo left it."""
        return Workload(self.planned.workload.resource, self.restored.obj)


def roll_back(cluster: Cluster, planned: UndoPlan, *, manager: str, tell: Callable[..., None]) -> Undone:
    """Carry out the plan, and wait until the controller has rendered it.

    ``tell`` gets what could not be recorded, at once: the wait may fail. Raises what ``restore`` and
    ``verify`` raise, as Incomplete once the object is restored.
    """
    done = restore(cluster, planned, manager=manager, cause=change_cause(planned))
    tell(*done.notes)
    workload = Workload(planned.workload.resource, done.obj)
    with done_so_far() as so_far:
        say_restored(so_far, planned, done.sources)
        expected = "" if planned.left else expected_hash(planned.past, planned.target)
        seen = verify(
            cluster,
            workload,
            planned.target,
            expected=expected,
            now=done.now,
            with_sources_since=_config_hash_before(planned) if planned.restored else None,
        )
        tell(*_note_what_was_seen(cluster, planned, done, seen, manager=manager))
        return Undone(planned, done, seen)


def _config_hash_before(planned: UndoPlan) -> str:
    return config_hash(planned.past.now.deployment, planned.workload)


def change_cause(planned: UndoPlan) -> str:
    """kubectl's change-cause convention: the command, with the revision it chose."""
    workload = planned.workload
    command = f"kubectl kagent rollout undo {workload.resource.singular}/{workload.name}"
    with_sources = " --with-sources" if planned.with_sources else ""
    return f"{command} --to-revision={planned.target.number}{with_sources}"


def restore(cluster: Cluster, planned: UndoPlan, *, manager: str, cause: str) -> Restored:
    """Write what was planned. An interrupt (Ctrl-C, a closed terminal) waits until that is done and recorded.

    The object comes first: it is what proves that the plan still holds. Raises Conflict when it changed since
    the plan was made, Incomplete for what fails after it is restored.
    """
    past = planned.past
    with done_so_far() as done, _uninterrupted():
        if planned.restored:
            server_dry_run(cluster, planned)  # what is refused is refused before any of it is done
        obj = replace_spec(cluster, planned, dry_run=False, manager=manager)
        say_restored(done, planned)
        written = restore_sources(cluster, planned, done, manager=manager)
        workload = Workload(planned.workload.resource, obj)
        written = max(written, int(workload.resource_version))
        # when the state before is not recorded, or not all before it is known, it has to be looked at again
        write = None
        if past.live and not past.gap:
            write = Write(int(workload.resource_version), past.now)
        why = ChangeCause(cause, written)
        after = history.update(cluster, workload, manager=manager, cause=why, write=write)
        recorded = _made_by(written, workload, after, since=past)
        notes = (*after.notes, *_mark(cluster, planned, recorded, cause, manager=manager))
        return Restored(obj, after.now, recorded, planned.restored, notes)


def _made_by(written: int, workload: Workload, after: History, *, since: History) -> Revision | None:
    """The revision of what the write of that resource version made. A later one is somebody else's."""
    known = since.revisions[-1].number if since.revisions else 0
    new = [revision for revision in after.revisions if revision.number > known]
    begun = [revision for revision in new if revision.resource_version <= written]
    if begun or not new:
        return begun[-1] if begun else after.live
    # it may have been seen only after later writes of its status
    return new[0] if new[0].generation <= workload.generation else None


def _mark(
    cluster: Cluster, planned: UndoPlan, recorded: Revision | None, cause: str, *, manager: str
) -> tuple[Note, ...]:
    """Add to the new revision what only the verb knows: a recorder may have been quicker.

    A note when that is not allowed.
    """
    if recorded is None or recorded.number <= planned.target.number:
        return ()
    number = str(planned.target.number)
    marks = {ROLLBACK_OF: number, UNDO_TO: number} if recorded.hash == planned.target.hash else {}
    if cause and not recorded.change_cause:
        marks[CHANGE_CAUSE] = cause
    new = {key: value for key, value in marks.items() if recorded.annotations.get(key) != value}
    try:
        if new:
            history.annotate(cluster, planned.workload, recorded, new, manager=manager)
    except Forbidden as error:
        return (Note(f"revision {recorded.number} is not marked as a rollback", error.explained),)
    return ()


def _note_what_was_seen(
    cluster: Cluster, planned: UndoPlan, done: Restored, seen: Verified, *, manager: str
) -> tuple[Note, ...]:
    """Note config hash, image and time ready on the new revision, as a later look would too.

    The hash that the target had proves that its very content is rendered. Without that, or when something
    else is in force by now, it takes another look.
    """
    recorded = done.recorded
    if recorded is None:
        return ()
    workload = Workload(planned.workload.resource, done.obj)
    try:
        is_target = recorded.hash == planned.target.hash and done.is_live
        if not (seen.is_back and seen.deployment and is_target):
            return history.update(cluster, workload, manager=manager).notes
        proven = proof(workload, seen.deployment, at=cluster.now())
        if new := {key: value for key, value in proven.items() if not recorded.annotations.get(key)}:
            history.annotate(cluster, workload, recorded, new, manager=manager)
    except KagentError as error:
        return (Note(history.NOT_NOTED, error.explained),)
    return ()


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
