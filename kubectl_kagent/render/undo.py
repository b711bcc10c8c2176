"""What undo tells a person: before, instead of, and after. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kubectl_kagent.lifecycle.history.diff import FieldChange
from kubectl_kagent.lifecycle.history.rendered import unrecorded
from kubectl_kagent.lifecycle.history.undo import Restored, Undone
from kubectl_kagent.lifecycle.history.undo_plan import SharedSource, UndoPlan
from kubectl_kagent.model.deployment import Deployment
from kubectl_kagent.model.revision import Revision

_DIFFER = "shared sources still differ"


def describe(source: SharedSource) -> str:
    """A shared source: what of it differs, and who else uses it."""
    fields = ", ".join(map(_what, source.changes))
    users = f", also used by {', '.join(source.other_agents)}" if source.other_agents else ""
    return f"{source.label} ({fields}{users})"


def _what(change: FieldChange) -> str:
    """One change from the live source to the target's."""
    if change.path == "secret":
        return "its Secret has another value now"
    if change.path:
        return change.path
    return "it was deleted since" if change.old is None else "it was not there then"


def restore_hint(planned: UndoPlan) -> str:
    """The command that restores the shared sources too, as far as they can be."""
    if any(source.restorable for source in planned.sources):
        revision = f"--to-revision={planned.target.number}"
        return f"kubectl kagent rollout undo {planned.workload.typed} {revision} --with-sources"
    if all(change.path == "secret" for source in planned.sources for change in source.changes):
        return "no value of a Secret is recorded: put the old one back by hand"
    return (
        "put it back by hand; what it was: "
        f"kubectl kagent rollout history {planned.workload.typed} --revision={planned.target.number} -o yaml"
    )


def announcement(planned: UndoPlan) -> Iterator[str]:
    """Lines for stderr before an undo: who else writes the object, a bad target, shared sources."""
    if planned.owner_warning:
        yield f"Warning: {planned.owner_warning}"
    if planned.rolled_back_in:
        text = f"revision {planned.target.number} was itself rolled back from"
        good = f"; the last good one is {planned.last_good.number}" if planned.last_good else ""
        yield f"Warning: {text} (in revision {planned.rolled_back_in}){good}"
    if planned.changes_anything:
        yield from (f"Warning: {line}" for line in planned.ending)
    for source in planned.sources:
        yield f"{'Warning: not restored' if source in planned.left else 'restoring'}: {describe(source)}"
    for note in dict.fromkeys(source.note for source in planned.sources if source.note):
        yield f"Warning: {note}"
    if any(source.restorable for source in planned.left):
        yield f"hint: {restore_hint(planned)}"


def reached(planned: UndoPlan) -> Revision:
    """The target as far as the undo gets to it: sources that are not restored are as they are."""
    restored = {source.target.reference for source in planned.restored}
    sources = tuple(source for source in planned.target.sources if source.reference in restored)
    return replace(planned.target, sources=sources)


def foreseen(planned: UndoPlan) -> str:
    """What the undo would come to, as far as that is known before."""
    number = planned.target.number
    return (
        f"spec restored from revision {number}, but {_DIFFER}"
        if planned.left
        else f"rolled back to revision {number}"
    )


def outcome(done: Undone) -> str:
    """What is true after the undo: rolled back only when the old config hash is back."""
    planned, seen = done.planned, done.seen
    number, recorded = planned.target.number, _recorded(done.restored)
    if seen.is_back:
        found = f"(config hash {seen.config_hash} is back, {recorded})"
        if _paused(done):
            held_by = f"deployment/{done.workload.name} is paused"
            return f"spec restored from revision {number}, but {held_by} {found}"
        return f"rolled back to revision {number} {found}"
    # a source leaves no mark when it is rendered: only after a change of the spec the hash is known to be new
    found = f"config hash {seen.config_hash}, " if planned.spec_differs else ""
    if planned.left:
        return f"spec restored from revision {number}, but {_DIFFER} ({found}{recorded})"
    if seen.expected:
        return (
            f"spec restored from revision {number} ({found}{recorded}; the config hash is not the "
            f"{seen.expected} it had, because of what no revision holds: {unrecorded(planned.workload)})"
        )
    return (
        f"spec restored from revision {number} ({found}{recorded}; that revision was never seen running, "
        "so there is no config hash to compare with)"
    )


def held_back(done: Undone) -> str:
    """Why no pod has what was restored, and the command that changes that; empty when that is not so."""
    paused = _paused(done)
    return f"its pods stay as they are until the Deployment is resumed: {paused.resuming}" if paused else ""


def _paused(done: Undone) -> Deployment | None:
    """The Deployment if it is paused after the controller has rendered the config; kagent ends a pause."""
    found = Deployment(done.seen.deployment) if done.seen.deployment else None
    return found if found and found.paused else None


def in_short(done: Undone) -> str:
    """The same in a few words, for the end of an error."""
    if _paused(done):
        return "its spec is restored, but its Deployment is paused"
    if done.seen.is_back:
        return "rolled back"
    if done.planned.left:
        return "not all of its config is rolled back"
    if done.seen.expected:
        return "its spec is restored, but its config hash is not back"
    return "its spec is restored; there is no config hash to compare with"


def _recorded(restored: Restored) -> str:
    if restored.recorded is None:
        return "not recorded"
    number = restored.recorded.number
    return f"now revision {number}" if restored.is_live else f"revision {number}, and changed again since"
