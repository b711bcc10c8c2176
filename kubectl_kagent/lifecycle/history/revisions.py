"""Revisions of a workload: read them, and bring them up to date with what the cluster remembers.

They are listed by their labels, without a version to begin from. The API server still compares the labels of
all revisions of the namespace, but sends only those that are asked for, and since Kubernetes 1.31 it does so
in its watch cache, without reading or decoding anything from etcd. The other ways are no better:
``resourceVersion=0`` may be of a moment ago, in which a number is still free that is taken by now; and which
names there are is not known, because revisions are pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from kubectl_kagent.cluster import Objects
from kubectl_kagent.cluster.kinds import not_there
from kubectl_kagent.cluster.side_by_side import both
from kubectl_kagent.errors import (
    Conflict,
    Expired,
    Forbidden,
    KagentError,
    NotFound,
    OtherServerError,
    Unreadable,
)
from kubectl_kagent.lifecycle.history import annotated_cause, last_seen
from kubectl_kagent.lifecycle.history.literal_secrets import literal_secrets, plaintext_warning
from kubectl_kagent.lifecycle.history.look_back import Write, look_back
from kubectl_kagent.lifecycle.history.recording import ChangeCause, LookAgain, Recording, Run, proven, runs
from kubectl_kagent.lifecycle.history.snapshots import Gone, Observation, Sighting, sight
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.resources import CONTROLLER_REVISION
from kubectl_kagent.model.revision import (
    MalformedRevision,
    Revision,
    is_revision_of,
    label_selector,
    read_revision,
    revision_name,
    selector,
)
from kubectl_kagent.model.workload import REVISION_HISTORY_LIMIT, Workload, whole_number

DEFAULT_LIMIT = 20
_LOOKS = 10  # each time others record or prune meanwhile
NOT_NOTED = "config hash, image and time ready are not noted"
_NOT_RECORDED = "the live config is not recorded"


@dataclass(frozen=True, slots=True)
class History:
    """All revisions, oldest first, and the live state.

    ``live`` is None when the live state could not be recorded; ``notes`` then says why. ``refused`` is the
    permission that was missing to write what should have been. ``gap``: what happened since the newest
    revision is no longer to be had. ``created`` are the names of those that this very look has stored.
    """

    now: Observation
    revisions: tuple[Revision, ...]
    live: Revision | None
    notes: tuple[Note, ...]
    refused: Forbidden | None = None
    gap: bool = False
    created: frozenset[str] = field(default=frozenset(), compare=False)

    def find(self, number: int) -> Revision:
        """The revision with that number; negative counts back from the live one (-1 is the one before).

        Raises NotFound.
        """
        if number < 0:
            earlier = [r for r in self.revisions if self.live is None or r.number < self.live.number]
            if len(earlier) >= -number:
                return earlier[number]
        for revision in self.revisions:
            if revision.number == number:
                return revision
        raise NotFound(
            f"{self.now.workload.label} has no revision {number}",
            hint=f"kubectl kagent rollout history {self.now.workload.typed} lists its revisions",
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """What is labelled as a revision of a workload, and the workload itself."""

    listed: list[dict[str, Any]]
    seen: Sighting


def begin(cluster: Objects, workload: Workload) -> Reading:
    """What ``update`` reads first, in the time of one request. Raises Forbidden."""
    where = workload.resource, workload.namespace, workload.name
    return Reading(*both(partial(_listed, cluster, workload), partial(sight, cluster, *where)))


def revisions_of(cluster: Objects, workload: Workload) -> list[Revision]:
    """The recorded revisions of this very object, oldest first."""
    return read_revisions(_listed(cluster, workload), workload)


def _listed(cluster: Objects, workload: Workload) -> list[dict[str, Any]]:
    """The objects that are labelled as revisions of what has the workload's name."""
    labels = label_selector(selector(workload))
    return list(cluster.list_objects(CONTROLLER_REVISION, workload.namespace, labels=labels)["items"])


def read_revisions(
    items: Iterable[Mapping[str, Any]], workload: Workload, *, warn: Callable[[str], None] = lambda _: None
) -> list[Revision]:
    """Those of ControllerRevisions that are this very object's, and no deleted namesake's; oldest first.

    ``warn`` is told of those that can't be read: whoever may write them may write anything into them.
    """
    found = []
    for item in items:
        if is_revision_of(item, workload):
            try:
                revision = read_revision(item)
            except MalformedRevision as error:
                warn(f"{error.message}; it is left out")
                continue
            if revision.name == revision_name(workload, revision.number):
                found.append(revision)
            else:  # the name is what makes a number one revision's
                label = CONTROLLER_REVISION.label(revision.name)
                warn(f"{label} claims to be revision {revision.number} under another name; it is left out")
    return sorted(found, key=lambda revision: revision.number)


def update(
    cluster: Objects,
    workload: Workload,
    *,
    manager: str,
    cause: ChangeCause | None = None,
    record: bool = True,
    since: int = 0,
    write: Write | None = None,
    at: int = 0,
    begun: Reading | None = None,
) -> History:
    """Record every config since the newest revision, and return the history.

    A workload that is only ``named`` is the one that has the name now; NotFound is raised without one. With
    ``record`` false, without permission to create, or while others keep changing the revisions, nothing is
    stored and ``notes`` says so. ``cause`` is noted on the revision that it is of. Nobody looks at what was
    up to ``since``, which is of a look without a gap, nor at what was before a ``write`` of ours. With ``at``
    the present is that resource version, unless somebody has recorded a later one or it is forgotten.
    ``begun`` is what ``begin`` has just read. Raises Gone when that very object is gone, Unreadable when
    something in its config can't be kept.
    """
    recording = Recording(cluster, workload, manager, cause)
    try:
        past = _update(recording, since, write, at, begun, record=record)
        return replace(past, created=frozenset(recording.created))
    except Unreadable:
        raise Unreadable(f"{workload.label}, or what it is made from,") from None


def _update(
    recording: Recording, since: int, write: Write | None, at: int, begun: Reading | None, *, record: bool
) -> History:
    cluster, workload = recording.cluster, recording.workload
    for _ in range(_LOOKS):
        try:
            reading, begun = begun or _read(cluster, workload, at), None
            return _look(recording, since, write, at, reading, record=record)
        except LookAgain:
            at = 0
        except Expired:
            if not at:
                raise
            at = 0
    past = _look(recording, since, write, 0, _read(cluster, workload, 0), record=False)
    workload = recording.workload
    what = NOT_NOTED if past.live else _NOT_RECORDED
    note = Note(what, f"somebody else keeps changing the revisions of {workload.label}; try again")
    others = [other for other in past.notes if other.about != _NOT_RECORDED]
    return replace(past, notes=tuple(dict.fromkeys((*others, *recording.notes, note))))


def _read(cluster: Objects, workload: Workload, at: int) -> Reading:
    """The revisions first: of what is recorded meanwhile the number is taken."""
    listed = _listed(cluster, workload)
    where = workload.resource, workload.namespace, workload.name
    return Reading(listed, sight(cluster, *where, at=str(at) if at else None))


def _look(
    recording: Recording, since: int, write: Write | None, at: int, reading: Reading, *, record: bool
) -> History:
    """Raises LookAgain when somebody else records or prunes at the same time."""
    cluster, workload, seen = recording.cluster, recording.workload, reading.seen
    where = workload.resource, workload.namespace, workload.name
    if not workload.uid:
        if seen.workload is None:
            raise not_there(cluster, workload.resource, workload.namespace, workload.name)
        recording.workload = workload = seen.workload
    unread: list[Note] = []
    revisions = read_revisions(reading.listed, workload, warn=lambda line: unread.append(Note(line)))
    if _newest(revisions) > int(seen.at):
        if at:
            raise LookAgain
        seen = sight(cluster, *where)  # what came after the first one is recorded already
        for revision in [each for each in revisions if each.resource_version > int(seen.at)]:
            revisions.remove(revision)
            recording.skip(revision.number)
            label = CONTROLLER_REVISION.label(revision.name)
            unread.append(Note(f"{label} claims to be of a moment that has not come; it is left out"))
    # whoever may write revisions may write any moment: what an earlier one has seen is seen
    known = replace(revisions[-1], resource_version=_newest(revisions)) if revisions else None
    timeline = look_back(cluster, *where, known=known, since=since, write=write, now=seen)
    now = timeline.observations[-1]
    if now.workload.uid != workload.uid:
        raise Gone(f"{workload.label} has been deleted and created again")
    missing = runs(timeline, known, until=cluster.now())
    notes = [*unread, *now.notes]
    if not record:
        live = _live(revisions, now)
        untold = () if live else (Note(_NOT_RECORDED, "--no-record"),)
        return History(now, tuple(revisions), live, (*notes, *untold), gap=timeline.gap)
    gap = timeline.gap and not missing  # else it is told by the revision after it
    try:
        revisions = recording.store(revisions, missing, gap=timeline.gap)
        notes += [*dict.fromkeys(recording.notes), *_warn_of_secrets(missing)]
        return _tidied(cluster, now, revisions, notes, recording.manager, gap=gap)
    except (Forbidden, OtherServerError) as error:
        refused = error if isinstance(error, Forbidden) else None
        note = Note(_NOT_RECORDED, error.explained)
        return History(now, tuple(revisions), _live(revisions, now), (*notes, note), refused, timeline.gap)


def _newest(revisions: Sequence[Revision]) -> int:
    """The newest moment of them; 0 without any."""
    return max((revision.resource_version for revision in revisions), default=0)


def _live(revisions: Sequence[Revision], now: Observation) -> Revision | None:
    """The newest revision, if it is what runs."""
    return revisions[-1] if revisions and revisions[-1].hash == now.snapshot.hash else None


def _tidied(
    cluster: Objects,
    now: Observation,
    revisions: list[Revision],
    notes: list[Note],
    manager: str,
    *,
    gap: bool,
) -> History:
    """The history with the live revision settled and the oldest ones gone, as far as that is allowed."""
    live = _live(revisions, now)
    if live is None:
        return History(now, tuple(revisions), None, tuple(notes), gap=gap)
    refused: Forbidden | None = None
    try:
        revisions[-1] = live = annotate_live(cluster, now, revisions, manager=manager, gap=gap)
    except (NotFound, Conflict) as error:
        raise LookAgain from error  # somebody else pruned it, or noted a cause
    except (Forbidden, OtherServerError) as error:
        notes.append(Note(NOT_NOTED, error.explained))
        refused = error if isinstance(error, Forbidden) else None
    try:
        revisions = _prune(cluster, now.workload, revisions)
    except (Forbidden, OtherServerError) as error:
        notes.append(Note(f"revisions past the newest {_limit(now.workload)} are kept", error.explained))
        refused = error if isinstance(error, Forbidden) else refused
    return History(now, tuple(revisions), live, tuple(notes), refused, gap)


def annotate_live(
    cluster: Objects, now: Observation, revisions: Sequence[Revision], *, manager: str, gap: bool
) -> Revision:
    """Note on the live revision what shows only later: config hash, image, time ready; its change cause.

    The first three once kagent has rendered it; people write the cause after the change, as kubectl's are.
    Beside them how far everything was seen, if it was (no ``gap``); that only saves looks, so nobody is told
    when it can't be noted.
    """
    live = revisions[-1]
    new = annotated_cause.of_live(now.workload, live)
    if not (live.config_hash and live.ready_at):
        found = proven(cluster, now, until=cluster.now())
        new |= {key: value for key, value in found.items() if not live.annotations.get(key)}
    seen = {} if gap else last_seen.of_live(now.snapshot, live)
    if not (new or seen):
        return live
    precondition = (
        {"resourceVersion": live.stored_version} if seen else annotated_cause.precondition(live, new)
    )
    metadata = {"annotations": new | seen, **precondition}
    where = (CONTROLLER_REVISION, now.workload.namespace, live.name)
    try:
        return read_revision(cluster.merge_patch(*where, {"metadata": metadata}, manager=manager))
    except (NotFound, Conflict):
        raise
    except KagentError:
        if new:
            raise
        return live


def annotate(
    cluster: Objects, workload: Workload, revision: Revision, annotations: Mapping[str, str], *, manager: str
) -> None:
    """Add annotations to a revision. Raises Forbidden, and NotFound when it was deleted meanwhile."""
    patch = {"metadata": {"annotations": dict(annotations)}}
    cluster.merge_patch(CONTROLLER_REVISION, workload.namespace, revision.name, patch, manager=manager)


def _prune(cluster: Objects, workload: Workload, revisions: list[Revision]) -> list[Revision]:
    """Delete what is past the limit, but never the live revision or the newest one that was ready."""
    limit = _limit(workload)
    ready = [revision for revision in revisions if revision.ready_at]
    kept = [*revisions[-limit:], *ready[-1:]]
    for revision in revisions:
        if revision not in kept:
            with suppress(NotFound):
                cluster.delete(CONTROLLER_REVISION, workload.namespace, revision.name)
    return [revision for revision in revisions if revision in kept]


def _limit(workload: Workload) -> int:
    limit = whole_number(workload.annotations.get(REVISION_HISTORY_LIMIT))
    return DEFAULT_LIMIT if limit is None else max(1, limit)


def _warn_of_secrets(stored: Sequence[Run]) -> list[Note]:
    paths = literal_secrets(stored[-1].first) if stored else []
    return [Note(plaintext_warning(paths))] if paths else []
