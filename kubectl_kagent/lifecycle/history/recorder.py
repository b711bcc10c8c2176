"""Record every change of every workload's effective config, whoever makes it.

Any number of recorders and verbs may work at once: a revision's name claims its number, and what
happened between two revisions is read from the API server's memory, so all of them come to the same list.

What is recorded belongs to people who don't know each other: the trouble that one of them makes is said and
tried again later and later, and namespaces take turns.

What it knows may be read meanwhile from another thread (``memory``), which ``recorder_metrics`` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.feed import Changed, Feed
from kubectl_kagent.errors import Forbidden, KagentError
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.diff import difference, summary
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.snapshots import Gone
from kubectl_kagent.lifecycle.history.tally import Tally, updated
from kubectl_kagent.model.note import Note
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
    Resource,
)
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.rbac.roles import refused_by_rbac

WATCHED = (AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, SERVICE, DEPLOYMENT)
_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 60.0  # well inside the five minutes that the API server remembers
# After so many changes it is the turn of what is due, and after so many seconds that of the next changes.
_CHANGES_AT_ONCE = 1000
_TURN_SECONDS = 5.0
_STUCK_SECONDS = 300.0  # five requests that nobody answers (cluster/http.py)

Key = tuple[Resource, str, str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A revision that was not there before; ``change`` says what changed, in a few words."""

    workload: Workload
    revision: Revision
    change: str


@dataclass(slots=True)
class _Watched:
    """A workload as it was last given, and how looking at it went.

    ``due`` is when to look next (None: when something happens), ``waits`` how often in a row that was in
    vain, ``trouble`` why; ``seen`` is the resource version up to which it was looked at. ``waiting`` is when
    the oldest change came that was not looked at, in seconds of the monotonic clock.
    """

    workload: Workload
    sources: frozenset[Key] = frozenset()
    due: float | None = None
    waits: int = 0
    trouble: str = ""
    notes: frozenset[Note] = frozenset()
    seen: int = 0
    waiting: float | None = None
    tally: Tally = field(default_factory=Tally)


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
    """The recorder's memory: the workloads, which of them to look at, and how far each was looked at."""

    cluster: Cluster
    manager: str
    say: Callable[[str], None]
    _watched: dict[Key, _Watched] = field(default_factory=dict)
    _users: dict[Key, set[Key]] = field(default_factory=dict)  # of a source
    _turns: dict[str, int] = field(default_factory=dict)  # of a namespace, the newest is the highest
    _gaps: int = 0
    _began: float = field(default_factory=lambda: clock.now().timestamp())
    _turned: float = field(default_factory=lambda: clock.monotonic())  # when it last got on with its work

    def memory(self) -> Memory:
        """What is known now; any thread may ask while another one records."""
        known = self._watched.copy()  # in one step
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
        while True:
            self._turned = clock.monotonic()
            change = feed.next(timeout=self._patience())
            for _ in range(_CHANGES_AT_ONCE):
                if change is None:
                    break
                self.note(change)
                change = feed.next(timeout=0)
            yield from self.record_due()

    def note(self, change: Changed) -> None:
        """Mark the workloads that ``change`` touches as due."""
        metadata = change.obj["metadata"]
        place = str(metadata.get("namespace", "")), str(metadata["name"])
        key = (change.resource, *place)
        if change.resource in WORKLOADS:
            if change.gone:
                self._forget(key)
            else:
                self._remember(key, Workload(change.resource, dict(change.obj)))
        if change.resource is DEPLOYMENT:
            touched = {(resource, *place) for resource in WORKLOADS}
        else:
            touched = {key, *self._users.get(key, ())}
        for each in touched & self._watched.keys():
            self._wake(self._watched[each], change.at)

    def record_due(self) -> Iterator[Recorded]:
        """Look at the workloads that are due, for some seconds at most, and yield what was recorded."""
        began = clock.monotonic()
        while clock.monotonic() - began <= _TURN_SECONDS and (key := self._next(began)):
            self._turned = clock.monotonic()
            yield from self._record(key)

    def _next(self, moment: float) -> Key | None:
        """Of the workloads that are due one of the namespace that had no turn for the longest time."""
        due = [
            (self._turns.get(key[1], 0), each.due, key)
            for key, each in self._watched.items()
            if each.due is not None and each.due <= moment
        ]
        if not due:
            return None
        key = min(due, key=lambda item: item[:2])[2]
        self._turns[key[1]] = max(self._turns.values(), default=0) + 1
        return key

    def _patience(self) -> float:
        times = [each.due for each in self._watched.values() if each.due is not None]
        return min(1.0, max(0.0, min(times) - clock.monotonic())) if times else 1.0

    def _remember(self, key: Key, workload: Workload) -> None:
        known = self._watched.get(key)
        if known is None or known.workload.uid != workload.uid:
            self._forget(key)
            known = self._watched[key] = _Watched(workload)
        known.workload = workload
        sources: frozenset[Key] = frozenset()
        try:
            sources = frozenset((r.resource, r.namespace, r.name) for r in workload.references())
        except Exception as error:
            self._retry(key, known, _words(error))
        self._watch_sources(key, sources)

    def _watch_sources(self, key: Key, sources: frozenset[Key]) -> None:
        known = self._watched[key]
        for source in known.sources - sources:
            self._users[source].discard(key)
            if not self._users[source]:
                del self._users[source]
        for source in sources - known.sources:
            self._users.setdefault(source, set()).add(key)
        known.sources = sources

    def _forget(self, key: Key) -> None:
        if key in self._watched:
            self._watch_sources(key, frozenset())
            del self._watched[key]

    def _wake(self, known: _Watched, came: float | None) -> None:
        """Look now; whoever makes trouble waits all the same, and keeps no change of others waiting."""
        now = clock.monotonic()
        if known.waiting is None and not known.trouble:
            known.waiting = came
        if known.due is None or not known.trouble:
            known.due = now if known.due is None else min(known.due, now)
            known.waits = known.waits if known.trouble else 0

    def _record(self, key: Key) -> list[Recorded]:
        known = self._watched[key]
        known.due = None
        try:
            return self._look(key, known)
        except Gone:
            self._forget(key)  # gone; another of that name comes with an event of its own
        except Forbidden as error:
            if _is_ours_to_have(error):
                raise
            self._retry(key, known, error.explained)
        except KagentError as error:
            self._retry(key, known, error.explained)
        except Exception as error:  # whatever is in it: it must not be the end for the others
            self._retry(key, known, _words(error))
        finally:
            known.waiting = None
        return []

    def _look(self, key: Key, known: _Watched) -> list[Recorded]:
        workload = known.workload
        past = history.update(self.cluster, workload, manager=self.manager, since=known.seen)
        if past.refused and _is_ours_to_have(past.refused):
            raise past.refused
        if past.live is None:
            self._retry(key, known, "; ".join(note.line for note in past.notes) or "it changes as we look")
        else:
            self._settle(key, known, past)
        self._count(known, past)
        return [
            Recorded(workload, new, summary(difference(workload, old, new)) if old else "first recorded")
            for old, new in zip((None, *past.revisions), past.revisions, strict=False)
            if new.name in past.created
        ]

    def _count(self, known: _Watched, past: History) -> None:
        before = known.tally.gaps
        known.tally = updated(known.tally, known.workload, past.revisions, past.live, began=self._began)
        self._gaps += known.tally.gaps - before

    def _settle(self, key: Key, known: _Watched, past: History) -> None:
        """What is live is recorded; when it is not rendered yet, look again now and then."""
        known.seen = past.now.snapshot.resource_version
        for note in past.notes:
            if note not in known.notes:
                self._tell(key, note.line)
        known.notes, known.trouble = frozenset(past.notes), ""
        if past.live and past.live.config_hash:
            known.waits = 0
        else:
            self._wait(known)

    def _retry(self, key: Key, known: _Watched, reason: str) -> None:
        """Try again, later each time, and say why once."""
        self._wait(known)
        if known.trouble != reason:
            known.trouble = reason
            self._tell(key, reason)

    def _wait(self, known: _Watched) -> None:
        known.due = clock.monotonic() + min(_RETRY_SECONDS * 2**known.waits, _LONGEST_RETRY_SECONDS)
        known.waits = min(known.waits + 1, 10)

    def _tell(self, key: Key, text: str) -> None:
        self.say(f"{key[0].label(key[2])} in {key[1]}: {text}")


def _is_ours_to_have(error: Forbidden) -> bool:
    """Whether a rule for revisions is missing: that is everybody's trouble. A quota is one namespace's."""
    return refused_by_rbac(error.message) and CONTROLLER_REVISION.full_name in error.message


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
