"""When a source was deleted: that is a write, too, but no object is left that tells its resource version."""

from __future__ import annotations

from dataclasses import dataclass

from kubectl_kagent.cluster import Objects
from kubectl_kagent.errors import Expired
from kubectl_kagent.lifecycle.history.config_sources import find_source
from kubectl_kagent.model.workload import Reference


@dataclass(slots=True)
class Deletions:
    """Looks for them in one walk back: where the API server's memory ends is found out once."""

    cluster: Objects
    _forgotten: int = 0

    def deleted_at(self, reference: Reference, *, after: int, by: int, absent_before: bool) -> int | None:
        """The resource version of the deletion that made the source be missing at ``by``.

        0: it was missing at ``after`` already, or as far back as anybody knows and ``absent_before`` that.
        None: it was deleted at a version that the API server has forgotten. A source that came and went again
        between two of the versions that are asked about is not found.
        """
        was_there = self._is_there(reference, after)
        if was_there is False or (was_there is None and absent_before):
            return 0
        low, high = after, by
        if was_there is None:
            low = max(after, self._forgotten)
            if high - low > 1 and self._is_there(reference, low + 1) is False:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            is_there = self._is_there(reference, middle)
            if is_there is False:
                high = middle
            else:
                low, was_there = middle, is_there
        return high if was_there else None

    def _is_there(self, reference: Reference, at: int) -> bool | None:
        """None: that is forgotten."""
        if at <= self._forgotten:
            return None
        try:
            return find_source(self.cluster, reference, at=str(at)) is not None
        except Expired:
            self._forgotten = at
            return None
