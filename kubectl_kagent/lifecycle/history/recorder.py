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

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.feed import Changed, Feed
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, KagentError
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.diff import difference, summary
from kubectl_kagent.lifecycle.history.remembered import SETTLE_SECONDS, Remembered
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.snapshots import Gone
from kubectl_kagent.lifecycle.history.source_users import Key, SourceUsers
from kubectl_kagent.lifecycle.history.tally import Tally, updated
from kubectl_kagent.lifecycle.history.turn_queue import TurnQueue
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
)
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.rbac.roles import refused_by_rbac

WATCHED = (AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, SERVICE, DEPLOYMENT)
_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 60.0  # well inside the five minutes that the API server remembers
# After so many changes it is the turn of what is due, and after so many seconds that of the next changes.
_CHANGES_AT_ONCE = 1000
_TURN_SECONDS = 1.0
LOOKS_AT_ONCE = 64
_STUCK_SECONDS = 300.0  # five requests that nobody answers (cluster/http.py)
# A change is looked at once what else happened at that moment has come, too.
HOLD_SECONDS = SETTLE_SECONDS + 0.2
_AGAIN_SECONDS = 0.1
# So long the lists of a start may take before it goes on without those that are missing.
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A revision that was not there before; ``change`` says what changed, in a few words."""

    workload: Workload
    revision: Revision
    change: str


@dataclass(slots=True)
class _Watched:
    """A workload, of which only its names are kept, and how looking at it went.

    ``waits`` is how often in a row a look was in vain, ``trouble`` why. ``seen`` is the newest version in
    what was last seen of it, ``past`` the version at which it was looked at from memory. ``newest`` is the
    version of the newest change, which came at ``came`` (in seconds of the monotonic clock), and ``waiting``
    says since when a change was not looked at.
    """

    workload: Workload
    past: int = 0
    newest: int = 0
    came: float = 0.0
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
    namespace: str | None = None
    _watched: dict[Key, _Watched] = field(default_factory=dict)
    _users: SourceUsers = field(default_factory=SourceUsers)
    _queue: TurnQueue[Key] = field(default_factory=TurnQueue)
    _gaps: int = 0
    _began: float = field(default_factory=lambda: clock.now().timestamp())
    _turned: float = field(default_factory=lambda: clock.monotonic())  # when it last got on with its work
    _remembered: Remembered = field(init=False)
    _loading: threading.Thread | None = None
    _refused: Forbidden | None = None  # to load

    def __post_init__(self) -> None:
        self._remembered = Remembered(self.cluster, self.namespace)

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
            self._take_in(feed, _AGAIN_SECONDS)
        now = clock.monotonic()
        for key, known in sorted(self._watched.items(), key=lambda item: item[1].newest, reverse=True):
            if not known.trouble:
                self._set_due(key, now)

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
        metadata = change.obj["metadata"]
        place = str(metadata.get("namespace", "")), str(metadata["name"])
        key = (change.resource, *place)
        if change.resource in WORKLOADS:
            if change.gone:
                self._forget(key)
            else:
                self._remember(key, Workload(change.resource, dict(change.obj)))
        if change.resource is DEPLOYMENT:
            touched = {(resource, *place) for resource in WORKLOADS} & self._watched.keys()
        else:
            touched = {key, *self._users.of(key)} & self._watched.keys()
        self._remembered.note(change, keep=bool(touched))
        for each in touched:
            self._wake(each, change)

    def record_due(self) -> Iterator[Recorded]:
        """Look at the workloads that are due, for some seconds at most, and yield what was recorded."""
        began = clock.monotonic()
        while clock.monotonic() - began <= _TURN_SECONDS and (keys := self._next(began)):
            self._turned = clock.monotonic()
            for key, outcome in zip(keys, side_by_side(self._outcome, keys), strict=True):
                yield from self._record(key, outcome)

    def _next(self, moment: float) -> list[Key]:
        """Some of the workloads that are due, of as many namespaces as there are."""
        found: list[Key] = []
        while len(found) < LOOKS_AT_ONCE and (key := self._queue.take(moment)):
            found.append(key)
        return found

    def _patience(self) -> float:
        return min(1.0, max(0.0, self._queue.next_due() - clock.monotonic()))

    def _set_due(self, key: Key, due: float, *, news: bool = False) -> None:
        """News take turns with what is looked at again: after a start that is all there is."""
        self._queue.put(key, (key[1], news), due)

    def _remember(self, key: Key, workload: Workload) -> None:
        known = self._watched.get(key)
        if known is None or known.workload.uid != workload.uid:
            self._forget(key)
            metadata = {name: workload.obj["metadata"].get(name) for name in ("namespace", "name", "uid")}
            known = self._watched[key] = _Watched(Workload(workload.resource, {"metadata": metadata}))
        sources: set[Key] = set()
        try:
            sources = {(each.resource, each.namespace, each.name) for each in workload.references()}
        except Exception as error:
            self._retry(key, known, _words(error))
        self._users.note(key, sources)

    def _forget(self, key: Key) -> None:
        if key in self._watched:
            self._users.note(key, ())
            self._queue.drop(key)
            self._remembered.drop(self._watched.pop(key).workload)

    def _wake(self, key: Key, change: Changed) -> None:
        """Look soon; whoever makes trouble waits all the same, and keeps no change of others waiting."""
        known, now = self._watched[key], clock.monotonic()
        version = int(change.obj["metadata"]["resourceVersion"])
        if change.at is not None and version <= known.past and change.resource is not DEPLOYMENT:
            label = change.resource.label(change.obj["metadata"]["name"])
            self._tell(key, f"a change of {label} was told too late: the revision after it may lack it")
        known.newest, known.came = max(known.newest, version), now
        if known.waiting is None and not known.trouble:
            known.waiting = change.at
        known_due = self._queue.due(key)
        if known_due is None or not known.trouble:
            due = now if change.at is None else now + HOLD_SECONDS
            news = change.at is not None and not change.listed
            self._set_due(key, due if known_due is None else min(known_due, due), news=news)
            known.waits = known.waits if known.trouble else 0

    def _outcome(self, key: Key) -> History | Exception:
        """In a thread of its own."""
        self._turned, known = clock.monotonic(), self._watched[key]
        try:
            return self._look(known)
        except Exception as error:  # whatever is in it: it must not be the end for the others
            return error

    def _look(self, known: _Watched) -> History:
        workload = known.workload
        at = self._remembered.settled()
        known.past = at = at if at >= known.seen else 0
        if not at:
            self._remembered.forget(workload)
        return history.update(self._remembered, workload, manager=self.manager, since=known.seen, at=at)

    def _record(self, key: Key, outcome: History | Exception) -> list[Recorded]:
        known = self._watched[key]
        known.waiting = None
        if is_behind := 0 < known.past < known.newest:
            known.waiting = known.came
            due = max(known.came + HOLD_SECONDS, clock.monotonic() + _AGAIN_SECONDS)
            self._set_due(key, due, news=True)
        if isinstance(outcome, Gone):
            if not is_behind:
                self._forget(key)  # gone; another of that name comes with an event of its own
        elif isinstance(outcome, Forbidden) and _is_ours_to_have(outcome):
            raise outcome
        elif isinstance(outcome, KagentError):
            self._retry(key, known, outcome.explained)
        elif isinstance(outcome, Exception):
            self._retry(key, known, _words(outcome))
        else:
            return self._recorded(key, known, outcome)
        return []

    def _recorded(self, key: Key, known: _Watched, past: History) -> list[Recorded]:
        workload = past.now.workload
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
        known.tally = updated(known.tally, past.now.workload, past.revisions, past.live, began=self._began)
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
            self._wait(key, known, self._queue.due(key))

    def _retry(self, key: Key, known: _Watched, reason: str) -> None:
        """Try again, later each time, and say why once."""
        self._wait(key, known, None)
        if known.trouble != reason:
            known.trouble = reason
            self._tell(key, reason)

    def _wait(self, key: Key, known: _Watched, at_the_latest: float | None) -> None:
        due = clock.monotonic() + min(_RETRY_SECONDS * 2**known.waits, _LONGEST_RETRY_SECONDS)
        self._set_due(key, due if at_the_latest is None else min(due, at_the_latest))
        known.waits = min(known.waits + 1, 10)

    def _tell(self, key: Key, text: str) -> None:
        self.say(f"{key[0].label(key[2])} in {key[1]}: {text}")


def _is_ours_to_have(error: Forbidden) -> bool:
    """Whether a rule for revisions is missing: that is everybody's trouble. A quota is one namespace's."""
    return refused_by_rbac(error.message) and CONTROLLER_REVISION.full_name in error.message


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
