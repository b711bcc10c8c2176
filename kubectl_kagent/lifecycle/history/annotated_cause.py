"""The change cause that people annotate on a workload: of which revision it is. Pure.

It stays on the workload when the next change comes without one. So what was seen of it is noted on each
revision beside the cause itself, and when it was written decides: it is of the revision that was in force
then, as kubectl's are, and of the next one too when it was written nearer to that.

Looks may come in another order than what they look at: what was seen of an older version of the workload
takes the place of no newer one's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from kubectl_kagent.lifecycle.history.authors import written_by_owner
from kubectl_kagent.masking import masked
from kubectl_kagent.model.revision import CAUSE_SEEN, Revision
from kubectl_kagent.model.snapshot import digest
from kubectl_kagent.model.workload import CHANGE_CAUSE, Workload, dig

_LONGEST = 1024  # an annotation may have 256 KiB, but so may all of an object together


def of_new(workload: Workload, changed_at: datetime, before: Revision | None) -> dict[str, str]:
    """The annotations for a revision of that time, from the workload as it was at the end of it."""
    text, seen = _shown(workload)
    noted = {CAUSE_SEEN: _seen_in(workload, seen)} if seen else {}
    if before is None:
        return {**noted, CHANGE_CAUSE: text} if text else {}
    written = _written(workload) or changed_at
    nearer = written - before.changed_at >= changed_at - written
    if text and nearer and (seen != _noted(before)[0] or written < changed_at):
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
    noted, version = _noted(live)
    if seen == noted or _version(workload) < version:
        return {}
    marks = {CAUSE_SEEN: _seen_in(workload, seen)}
    return marks | {CHANGE_CAUSE: text} if text else marks


def precondition(revision: Revision, annotations: Mapping[str, str]) -> dict[str, str]:
    """What a patch with these has to hold beside them: a cause is noted only beside what was read there."""
    return {"resourceVersion": revision.stored_version} if CAUSE_SEEN in annotations else {}


def _seen_in(workload: Workload, seen: str) -> str:
    return f"{seen}@{_version(workload)}"


def _noted(revision: Revision) -> tuple[str, int]:
    """The digest of what was seen, and in which version of the workload. Anybody may have written it."""
    seen, _, version = revision.annotations.get(CAUSE_SEEN, "").partition("@")
    return seen, int(version) if re.fullmatch("[0-9]{1,19}", version, re.ASCII) else 0


def _version(workload: Workload) -> int:
    return int(dig(workload.obj, "metadata", "resourceVersion") or 0)


def _shown(workload: Workload) -> tuple[str, str]:
    """The cause as it is recorded, and a digest of it. More people may read revisions than agents."""
    text = masked(workload.annotations.get(CHANGE_CAUSE, ""))
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    return text, digest(text) if text else ""


def _written(workload: Workload) -> datetime | None:
    return written_by_owner(workload.obj, ("metadata", "annotations", CHANGE_CAUSE))
