"""Record every change of every workload's effective config, whoever makes it.

Any number of recorders and verbs may work at once: a revision's name claims its number, and what
happened between two revisions is read from the API server's memory, so all of them come to the same list.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.feed import Changed, Feed
from kubectl_kagent.errors import Forbidden, KagentError, NotFound
from kubectl_kagent.lifecycle import history
from kubectl_kagent.lifecycle.diff import difference, summary
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    DEPLOYMENT,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    SERVICE,
    WORKLOADS,
    Resource,
)
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import Workload

WATCHED = (AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, SERVICE, DEPLOYMENT)
_RETRY_SECONDS = 1.0

Key = tuple[Resource, str, str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A revision that was not there before; ``change`` says what changed, in a few words."""

    workload: Workload
    revision: Revision
    change: str


@dataclass(slots=True)
class Recorder:
    """The recorder's memory: the workloads, which of them to look at, and how far each was looked at."""

    cluster: Cluster
    manager: str
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _workloads: dict[Key, Workload] = field(default_factory=dict)
    _due: dict[Key, float] = field(default_factory=dict)
    _seen: dict[Key, int] = field(default_factory=dict)
    _said: dict[Key, str] = field(default_factory=dict)

    def run(self, feed: Feed) -> Iterator[Recorded]:
        """Record for ever; yields each new revision. Raises Forbidden when a permission is missing."""
        while True:
            change = feed.next(timeout=self._patience())
            while change is not None:
                self.note(change)
                change = feed.next(timeout=0)
            yield from self.record_due()

    def note(self, change: Changed) -> None:
        """Mark the workloads that ``change`` touches as due."""
        metadata = change.obj["metadata"]
        key = (change.resource, str(metadata["namespace"]), str(metadata["name"]))
        now = self.clock()
        if change.resource in WORKLOADS:
            if change.gone:
                for memory in (self._workloads, self._due, self._seen, self._said):
                    memory.pop(key, None)
            else:
                self._workloads[key] = Workload(change.resource, dict(change.obj))
                self._due.setdefault(key, now)
        if change.resource is DEPLOYMENT:
            for resource in WORKLOADS:
                owner = (resource, key[1], key[2])
                if owner in self._workloads:
                    self._due.setdefault(owner, now)
            return
        for user, workload in self._workloads.items():
            if any((r.resource, r.namespace, r.name) == key for r in workload.references()):
                self._due.setdefault(user, now)

    def record_due(self) -> Iterator[Recorded]:
        """Look at every workload that is due, and yield what was recorded."""
        now = self.clock()
        for key in [key for key, moment in self._due.items() if moment <= now]:
            del self._due[key]
            yield from self._record(key)

    def _patience(self) -> float:
        if not self._due:
            return 1.0
        return min(1.0, max(0.0, min(self._due.values()) - self.clock()))

    def _record(self, key: Key) -> Iterator[Recorded]:
        workload = self._workloads[key]
        before: set[str] | None = None
        try:
            before = {revision.name for revision in history.revisions_of(self.cluster, workload)}
            past = history.update(self.cluster, workload, manager=self.manager, since=self._seen.get(key, 0))
        except NotFound:
            return  # deleted: its own event clears the memory
        except KagentError as error:
            if before is None and isinstance(error, Forbidden):
                raise
            self._retry(key, error.explained)  # a source in a namespace that is closed to us, for one
            return
        if past.refused:
            raise past.refused
        if past.live is None:
            self._retry(key, "; ".join(past.notes) or "it changes as we look")
            return
        self._seen[key] = past.now.snapshot.resource_version
        self._said.pop(key, None)
        if not past.live.config_hash:
            self._due.setdefault(key, self.clock() + _RETRY_SECONDS)  # not rendered yet: look again
        previous: Revision | None = None
        for revision in past.revisions:
            if revision.name not in before and revision.recorded_by == self.manager:
                change = summary(difference(workload, previous, revision)) if previous else "first recorded"
                yield Recorded(workload, revision, change)
            previous = revision

    def _retry(self, key: Key, reason: str) -> None:
        """Try again soon, and say why once."""
        self._due[key] = self.clock() + _RETRY_SECONDS
        if self._said.get(key) != reason:
            self._said[key] = reason
            self.say(f"{key[0].label(key[2])} in {key[1]}: {reason}")
