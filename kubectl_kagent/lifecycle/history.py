"""Revisions of a workload: read them, and bring them up to date with what the cluster remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import AlreadyExists, Forbidden, NotFound, OtherServerError
from kubectl_kagent.lifecycle.observe import Moment, Timeline, look_back
from kubectl_kagent.lifecycle.plaintext import literal_secrets, plaintext_warning
from kubectl_kagent.lifecycle.rendering import rendered
from kubectl_kagent.model.resources import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    LISTABLE,
    SERVICE,
    Resource,
)
from kubectl_kagent.model.revision import (
    RECORDED_BY,
    ROLLBACK_OF,
    Revision,
    Snapshot,
    read_revision,
    revision_name,
    revision_object,
    selector,
    timestamp,
)
from kubectl_kagent.model.workload import CHANGE_CAUSE, REVISION_HISTORY_LIMIT, Workload, dig

DEFAULT_LIMIT = 20
_KINDS = {resource.kind: resource for resource in (*LISTABLE, CONFIG_MAP, SERVICE)}


@dataclass(frozen=True, slots=True)
class History:
    """All revisions, oldest first, and the live state.

    ``live`` is None when the live state could not be recorded; ``notes`` then says why. ``refused`` is the
    permission that was missing to write what should have been.
    """

    now: Moment
    revisions: tuple[Revision, ...]
    live: Revision | None
    notes: tuple[str, ...]
    refused: Forbidden | None = None

    def find(self, number: int) -> Revision:
        """The revision with that number; negative counts back from the live one (-1 is the one before)."""
        if number < 0:
            earlier = [r for r in self.revisions if self.live is None or r.number < self.live.number]
            if len(earlier) >= -number:
                return earlier[number]
        for revision in self.revisions:
            if revision.number == number:
                return revision
        raise NotFound(
            f"{self.now.workload.label} has no revision {number}",
            hint=f"kubectl kagent rollout history {self.now.workload.resource.singular}/"
            f"{self.now.workload.name} lists those there are",
        )


def revisions_of(cluster: Cluster, workload: Workload) -> list[Revision]:
    """The recorded revisions of this very object (not of a deleted one of the same name), oldest first."""
    labels = ",".join(f"{key}={value}" for key, value in selector(workload).items())
    listing = cluster.list_objects(CONTROLLER_REVISION, workload.namespace, labels=labels)
    owned = [item for item in listing["items"] if _owner(item) == workload.uid]
    return sorted((read_revision(item, _KINDS) for item in owned), key=lambda revision: revision.number)


def update(
    cluster: Cluster,
    workload: Workload,
    *,
    manager: str,
    cause: str = "",
    record: bool = True,
    since: int = 0,
) -> History:
    """Record every config since the newest revision, and return the history.

    With ``record`` false, or without permission to create, nothing is stored and ``notes`` says so.
    ``cause`` is noted on a revision made for the live state.
    """
    resource, namespace, name = workload.resource, workload.namespace, workload.name
    while True:
        revisions = revisions_of(cluster, workload)
        known = revisions[-1] if revisions else None
        timeline = look_back(cluster, resource, namespace, name, known=known, since=since)
        now = timeline.moments[-1]
        missing = _runs(timeline, known)
        if not record:
            live = _live(revisions, now)
            untold = () if live else ("the live config is not recorded (--no-record)",)
            return History(now, tuple(revisions), live, untold)
        try:
            revisions, notes = _store(cluster, now, revisions, missing, timeline.gap, manager, cause)
            return _tidied(cluster, now, revisions, [*notes, *_warn_of_secrets(missing)], manager)
        except _LookAgain:
            continue
        except (Forbidden, OtherServerError) as error:
            refused = error if isinstance(error, Forbidden) else None
            note = f"the live config is not recorded: {error.explained}"
            return History(now, tuple(revisions), _live(revisions, now), (note,), refused)


def _live(revisions: Sequence[Revision], now: Moment) -> Revision | None:
    """The newest revision, if it is what runs."""
    return revisions[-1] if revisions and revisions[-1].hash == now.snapshot.hash else None


def _tidied(
    cluster: Cluster, now: Moment, revisions: list[Revision], notes: list[str], manager: str
) -> History:
    """The history with the live revision settled and the oldest ones gone, as far as that is allowed."""
    live = _live(revisions, now)
    if live is None:
        return History(now, tuple(revisions), None, tuple(notes))
    refused: Forbidden | None = None
    try:
        revisions[-1] = live = settle(cluster, now, revisions, manager=manager)
    except NotFound as error:
        raise _LookAgain from error  # somebody else pruned it
    except Forbidden as error:
        notes.append(f"config hash, image and time ready are not noted: {error.explained}")
        refused = error
    try:
        revisions = _prune(cluster, now.workload, revisions)
    except Forbidden as error:
        notes.append(f"revisions past the newest {_limit(now.workload)} are kept: {error.explained}")
        refused = error
    return History(now, tuple(revisions), live, tuple(notes), refused)


def settle(cluster: Cluster, now: Moment, revisions: Sequence[Revision], *, manager: str) -> Revision:
    """Note on the live revision what shows only once kagent has rendered it: config hash, image, ready."""
    live = revisions[-1]
    before = revisions[-2] if len(revisions) > 1 else None
    found = rendered(now, live.generation, live.changed_at, before, until=clock.now())
    new = {key: value for key, value in found.items() if not live.annotations.get(key)}
    if not new:
        return live
    patched = cluster.merge_patch(
        CONTROLLER_REVISION,
        now.workload.namespace,
        live.name,
        {"metadata": {"annotations": new}},
        manager=manager,
    )
    return read_revision(patched, _KINDS)


def annotate(
    cluster: Cluster, workload: Workload, revision: Revision, annotations: Mapping[str, str], *, manager: str
) -> None:
    """Add annotations to a revision."""
    patch = {"metadata": {"annotations": dict(annotations)}}
    cluster.merge_patch(CONTROLLER_REVISION, workload.namespace, revision.name, patch, manager=manager)


class _LookAgain(Exception):
    """Somebody else recorded or pruned at the same time."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A config from the moment it came to the last moment it was in force, and when it ended."""

    first: Snapshot
    last: Moment
    until: datetime


def _runs(timeline: Timeline, known: Revision | None) -> list[_Run]:
    """The configs that came after the known one, in order."""
    found: list[_Run] = []
    previous = known.hash if known else ""
    for moment in timeline.moments:
        snapshot = moment.snapshot
        if snapshot.hash != previous:
            if found:
                found[-1] = replace(found[-1], until=snapshot.changed_at)
            found.append(_Run(snapshot, moment, clock.now()))
        elif found:
            found[-1] = replace(found[-1], last=moment)
        previous = snapshot.hash
    return found


def _store(
    cluster: Cluster,
    now: Moment,
    revisions: list[Revision],
    missing: Sequence[_Run],
    gap: bool,
    manager: str,
    cause: str,
) -> tuple[list[Revision], list[str]]:
    """The revisions with ``missing`` added, and what was left out. Raises _LookAgain for a taken number."""
    result, notes = list(revisions), list[str]()
    for run in missing:
        is_live = run is missing[-1]
        body = _body(now, run, result, manager, cause if is_live else "", gap=gap)
        try:
            created = cluster.create(CONTROLLER_REVISION, now.workload.namespace, body, manager=manager)
        except AlreadyExists as error:
            _clear_way(cluster, now.workload, int(body["revision"]))
            raise _LookAgain from error
        except OtherServerError as error:
            if not _too_large(error):
                raise
            which = "live config" if is_live else f"config of {timestamp(run.first.changed_at)}"
            notes.append(f"the {which} is not recorded: {error.explained}")
            gap = True  # those after it are recorded all the same
        else:
            gap = False
            result.append(read_revision(created, _KINDS))
    return result, notes


def _body(
    now: Moment, run: _Run, revisions: Sequence[Revision], manager: str, cause: str, *, gap: bool
) -> dict[str, Any]:
    before = revisions[-1] if revisions else None
    annotations = {RECORDED_BY: manager}
    earlier = [revision.number for revision in revisions if revision.hash == run.first.hash]
    if earlier:
        annotations[ROLLBACK_OF] = str(earlier[-1])
    if cause:
        annotations[CHANGE_CAUSE] = cause
    annotations |= rendered(run.last, run.first.generation, run.first.changed_at, before, until=run.until)
    number = (before.number if before else 0) + 1
    return revision_object(now.workload, run.first, number, annotations=annotations, gap_before=gap)


def _too_large(error: OtherServerError) -> bool:
    """The API server and etcd have a limit each, and words of their own for it."""
    return "too large" in error.message or "larger than max" in error.message


def _clear_way(cluster: Cluster, workload: Workload, number: int) -> None:
    """Delete a revision of that name whose owner is a deleted object, as garbage collection would."""
    try:
        name = revision_name(workload, number)
        blocker = cluster.get(CONTROLLER_REVISION, workload.namespace, name)
        if _owner(blocker) != workload.uid:
            cluster.delete(CONTROLLER_REVISION, workload.namespace, name)
    except NotFound:
        return


def _prune(cluster: Cluster, workload: Workload, revisions: list[Revision]) -> list[Revision]:
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
    text = workload.annotations.get(REVISION_HISTORY_LIMIT, "")
    return max(1, int(text)) if text.isdecimal() else DEFAULT_LIMIT


def _owner(item: Mapping[str, Any]) -> str:
    for owner in dig(item, "metadata", "ownerReferences") or ():
        if owner.get("controller"):
            return str(owner.get("uid", ""))
    return ""


def _warn_of_secrets(stored: Sequence[_Run]) -> list[str]:
    paths = literal_secrets(stored[-1].first) if stored else []
    return [plaintext_warning(paths)] if paths else []


def kind(name: str) -> Resource:
    """The resource of a source kind as it stands in a revision."""
    return _KINDS[name]
