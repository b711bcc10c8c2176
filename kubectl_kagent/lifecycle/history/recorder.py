"""Record every change of every workload's effective config, whoever makes it.

Any number of recorders and verbs may work at once: a revision's name claims its number, and what
happened between two revisions is read from the API server's memory, so all of them come to the same list.
What the watches gave is such a memory, too (``remembered``), and asking it costs nothing.

What is recorded belongs to people who don't know each other: the trouble that one of them makes is said and
tried again later and later, and namespaces take turns.

At its start it first takes in what there is, and then looks at what changed last: that is what happened while
no recorder was there. Before the lists are whole each look would ask the API server for what is on its way.

What it knows may be read meanwhile from another thread (``memory``), which ``recorder_metrics`` tells.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.feed import Changed, Feed
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, KagentError
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.diff import difference, summary
from kubectl_kagent.lifecycle.history.remembered import Remembered
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.snapshots import Gone
from kubectl_kagent.lifecycle.history.source_users import Key
from kubectl_kagent.lifecycle.history.tally import Tally, updated
from kubectl_kagent.lifecycle.history.watched import AGAIN_SECONDS, Watched, WatchedWorkloads, unforeseen
from kubectl_kagent.model.place import place_of
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    SERVICE,
    WORKLOADS,
)
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.rbac.roles import refused_by_rbac

WATCHED = (AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, SERVICE, DEPLOYMENT)
# After so many changes it is the turn of what is due, and after so many seconds that of the next changes.
_CHANGES_AT_ONCE = 1000
_TURN_SECONDS = 1.0
LOOKS_AT_ONCE = 64
_STUCK_SECONDS = 300.0  # five requests that nobody answers (cluster/http.py)
# So long the lists of a start may take before it goes on without those that are missing.
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A revision that was not there before; ``change`` says what changed, in a few words."""

    workload: Workload
    revision: Revision
    change: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What a recorder knows at one moment.

    ``tallies`` and ``troubled`` (those that can't be recorded) go by kind, namespace and name; ``lag`` is the
    age in seconds of the oldest change that was not looked at; ``gaps`` are of deleted workloads, too.
    """

    tallies: Mapping[Key, Tally]
    troubled: frozenset[Key]
    lag: float
    gaps: int


@dataclass(slots=True)
class Recorder:
    """What records: it takes in what the watches give and looks at the workloads whose turn it is."""

    cluster: Cluster
    manager: str
    say: Callable[[str], None]
    namespace: str | None = None
    _watched: WatchedWorkloads = field(init=False)
    _gaps: int = 0
    _began: float = field(default_factory=lambda: clock.now().timestamp())
    _turned: float = field(default_factory=lambda: clock.monotonic())  # when it last got on with its work
    _remembered: Remembered = field(init=False)
    _loading: threading.Thread | None = None
    _refused: Forbidden | None = None  # to load

    def __post_init__(self) -> None:
        self._watched = WatchedWorkloads(self.say)
        self._remembered = Remembered(self.cluster, self.namespace)

    def memory(self) -> Memory:
        """What is known now; any thread may ask while another one records."""
        known = self._watched.copy()
        waiting = [each.waiting for each in known.values()]
        now = clock.monotonic()
        return Memory(
            tallies={key: each.tally for key, each in known.items()},
            troubled=frozenset(key for key, each in known.items() if each.trouble),
            lag=max([0.0, *(now - since for since in waiting if since is not None)]),
            gaps=self._gaps,
        )

    @property
    def is_alive(self) -> bool:
        """Whether it gets on with its work; a look at one workload may take some requests' time."""
        return clock.monotonic() - self._turned < _STUCK_SECONDS

    def run(self, feed: Feed) -> Iterator[Recorded]:
        """Yield each new revision, without end. Raises Forbidden when a permission is missing."""
        self._load_aside()
        self._take_stock(feed)
        while True:
            if self._take_in(feed, self._patience()):
                self._load_aside()
            yield from self.record_due()

    def _take_stock(self, feed: Feed) -> None:
        """Note all that is there; what changed last is the first to be looked at."""
        began = clock.monotonic()
        while not self._remembered.settled() and clock.monotonic() - began < START_SECONDS:
            self._take_in(feed, AGAIN_SECONDS)
        self._watched.wake_all()

    def _take_in(self, feed: Feed, patience: float) -> bool:
        """Note what comes within ``patience`` seconds, and what else is there.

        Returns whether the watches give all that happens anew, and all that they gave until now is noted.
        """
        if self._refused:
            raise self._refused
        self._turned = clock.monotonic()
        whole = feed.is_whole
        change, noted = feed.next(timeout=patience), 0
        while change is not None:
            self.note(change)
            noted += 1
            change = feed.next(timeout=0) if noted < _CHANGES_AT_ONCE else None
        return (not whole or noted < _CHANGES_AT_ONCE) and self._remembered.trust(
            whole=whole and feed.is_whole
        )

    def _load_aside(self) -> None:
        """Read all revisions once, in a thread; of who is looked at before that they are asked for."""
        if self._remembered.has_revisions:
            return
        if self._loading is None or not self._loading.is_alive():
            self._loading = threading.Thread(target=self._load, daemon=True)
            self._loading.start()

    def _load(self) -> None:
        try:
            self._remembered.load_revisions()
        except Forbidden as error:
            self._refused = error
        except Exception:  # whatever it was: each workload's are asked for when it is looked at
            return

    def note(self, change: Changed) -> None:
        """Mark the workloads that ``change`` touches as due."""
        key: Key = (change.resource, *place_of(change.obj))
        if change.resource in WORKLOADS:
            workload = Workload(change.resource, dict(change.obj))
            self._drop(self._watched.forget(key) if change.gone else self._watched.keep(key, workload))
        touched = self._watched.touched_by(key)
        self._remembered.note(change, keep=bool(touched))
        for each in touched:
            self._watched.wake(each, change)

    def _drop(self, forgotten: Workload | None) -> None:
        if forgotten is not None:
            self._remembered.drop(forgotten)

    def record_due(self) -> Iterator[Recorded]:
        """Look at the workloads that are due, for some seconds at most, and yield what was recorded."""
        began = clock.monotonic()
        take = partial(self._watched.take, began, LOOKS_AT_ONCE)
        while clock.monotonic() - began <= _TURN_SECONDS and (keys := take()):
            self._turned = clock.monotonic()
            for key, outcome in zip(keys, side_by_side(self._outcome, keys), strict=True):
                yield from self._record(key, outcome)

    def _patience(self) -> float:
        return min(1.0, max(0.0, self._watched.next_due() - clock.monotonic()))

    def _outcome(self, key: Key) -> History | Exception:
        """In a thread of its own."""
        self._turned, known = clock.monotonic(), self._watched[key]
        try:
            return self._look(known)
        except Exception as error:  # whatever is in it: it must not be the end for the others
            return error

    def _look(self, known: Watched) -> History:
        workload = known.workload
        at = self._remembered.settled()
        known.past = at = at if at >= known.seen else 0
        if not at:
            self._remembered.forget(workload)
        return history.update(self._remembered, workload, manager=self.manager, since=known.seen, at=at)

    def _record(self, key: Key, outcome: History | Exception) -> list[Recorded]:
        is_behind = self._watched.was_looked_at(key)
        if isinstance(outcome, Gone):
            if not is_behind:
                self._drop(self._watched.forget(key))  # another of that name comes with an event of its own
        elif isinstance(outcome, Forbidden) and _is_ours_to_have(outcome):
            raise outcome
        elif isinstance(outcome, KagentError):
            self._watched.retry(key, outcome.explained)
        elif isinstance(outcome, Exception):
            self._watched.retry(key, unforeseen(outcome))
        else:
            return self._recorded(key, outcome)
        return []

    def _recorded(self, key: Key, past: History) -> list[Recorded]:
        workload = past.now.workload
        if past.refused and _is_ours_to_have(past.refused):
            raise past.refused
        if past.live is None:
            reason = "; ".join(note.line for note in past.notes) or "it changes as we look"
            self._watched.retry(key, reason)
        else:
            self._watched.settle(key, past)
        self._count(self._watched[key], past)
        return [
            Recorded(workload, new, summary(difference(workload, old, new)) if old else "first recorded")
            for old, new in zip((None, *past.revisions), past.revisions, strict=False)
            if new.name in past.created
        ]

    def _count(self, known: Watched, past: History) -> None:
        before = known.tally.gaps
        known.tally = updated(known.tally, past.now.workload, past.revisions, past.live, began=self._began)
        self._gaps += known.tally.gaps - before


def _is_ours_to_have(error: Forbidden) -> bool:
    """Whether a rule for revisions is missing: that is everybody's trouble. A quota is one namespace's."""
    return refused_by_rbac(error.message) and CONTROLLER_REVISION.full_name in error.message
