"""Which workloads use an object: whose config changes with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from kubectl_kagent.model.resources import Resource

Key = tuple[Resource, str, str]  # with namespace and name


@dataclass(slots=True)
class SourceUsers:
    """The sources of each workload, and the workloads of each source."""

    _sources: dict[Key, frozenset[Key]] = field(default_factory=dict)
    _users: dict[Key, set[Key]] = field(default_factory=dict)

    def of(self, source: Key) -> Set[Key]:
        """The workloads that use it."""
        return self._users.get(source, set())

    def note(self, workload: Key, sources: Iterable[Key]) -> None:
        """These are the workload's sources from now on; without any it is forgotten."""
        before, now = self._sources.pop(workload, frozenset()), frozenset(sources)
        for source in before - now:
            self._users[source].discard(workload)
            if not self._users[source]:
                del self._users[source]
        for source in now - before:
            self._users.setdefault(source, set()).add(workload)
        if now:
            self._sources[workload] = now
