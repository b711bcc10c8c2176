"""The change cause that people annotate on a workload: of which revision it is. Pure.

It stays on the workload when the next change comes without one. So what was seen of it is noted on each
revision beside the cause itself, and when it was written decides: it is of the revision that was in force
then, as kubectl's are, and of the next one too when it was written nearer to that.
"""

from __future__ import annotations

from datetime import datetime

from kubectl_kagent.lifecycle.history.authors import written_by_owner
from kubectl_kagent.masking import masked
from kubectl_kagent.model.revision import CAUSE_SEEN, Revision, digest
from kubectl_kagent.model.workload import CHANGE_CAUSE, Workload

_LONGEST = 1024  # an annotation may have 256 KiB, but so may all of an object together


def of_new(workload: Workload, changed_at: datetime, before: Revision | None) -> dict[str, str]:
    """The annotations for a revision of that time, from the workload as it was at the end of it."""
    text, seen = _shown(workload)
    noted = {CAUSE_SEEN: seen} if seen else {}
    if before is None:
        return {**noted, CHANGE_CAUSE: text} if text else {}
    written = _written(workload) or changed_at
    nearer = written - before.changed_at >= changed_at - written
    if text and nearer and (seen != before.annotations.get(CAUSE_SEEN, "") or written < changed_at):
        noted[CHANGE_CAUSE] = text
    return noted


def of_before(workload: Workload, changed_at: datetime, before: Revision) -> dict[str, str]:
    """The annotations that the revision before lacks, in whose time the cause was written unseen."""
    written = _written(workload)
    if written is None or not before.changed_at <= written < changed_at:
        return {}
    return of_live(workload, before)


def of_live(workload: Workload, live: Revision) -> dict[str, str]:
    """The annotations that the revision in force lacks: the cause is mostly written after the change."""
    text, seen = _shown(workload)
    if seen == live.annotations.get(CAUSE_SEEN, ""):
        return {}
    return {CAUSE_SEEN: seen, CHANGE_CAUSE: text} if text else {CAUSE_SEEN: ""}


def _shown(workload: Workload) -> tuple[str, str]:
    """The cause as it is recorded, and a digest of it. More people may read revisions than agents."""
    text = masked(workload.annotations.get(CHANGE_CAUSE, ""))
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    return text, digest(text) if text else ""


def _written(workload: Workload) -> datetime | None:
    return written_by_owner(workload.obj, ("metadata", "annotations", CHANGE_CAUSE))
