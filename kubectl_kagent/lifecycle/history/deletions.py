"""When a source was deleted: that is a write, too, but no object is left that tells its resource version."""

from __future__ import annotations

from kubectl_kagent.cluster import Objects
from kubectl_kagent.errors import Expired
from kubectl_kagent.lifecycle.history.config_sources import find_source
from kubectl_kagent.model.workload import Reference


def deleted_at(
    cluster: Objects, reference: Reference, *, after: int, by: int, absent_before: bool
) -> int | None:
    """The resource version of the deletion that made the source be missing at ``by``.

    0: it was missing at ``after`` already, or as far back as anybody knows and ``absent_before`` that. None:
    it was deleted at a version that the API server has forgotten. A source that came and went again between
    two of the versions that are asked about is not found.
    """
    was_there = _is_there(cluster, reference, after)
    if was_there is False or (was_there is None and absent_before):
        return 0
    low, high = after, by
    while high - low > 1:
        middle = (low + high) // 2
        is_there = _is_there(cluster, reference, middle)
        if is_there is False:
            high = middle
        else:
            low, was_there = middle, is_there
    return high if was_there else None


def _is_there(cluster: Objects, reference: Reference, at: int) -> bool | None:
    """None: that is forgotten."""
    try:
        return find_source(cluster, reference, at=str(at)) is not None
    except Expired:
        return None
