"""The workloads that a recorder watches: how looking at each of them went, and whose turn is next.

Who makes trouble is tried again later and later, and why is said once. Namespaces take turns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kubectl_kagent import clock
from kubectl_kagent.cluster.feed import Changed
from kubectl_kagent.lifecycle.history.remembered import SETTLE_SECONDS
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.source_users import Key, SourceUsers
from kubectl_kagent.lifecycle.history.tally import Tally
from kubectl_kagent.lifecycle.history.turn_queue import TurnQueue
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.resources import DEPLOYMENT, WORKLOADS
from kubectl_kagent.model.workload import Workload

_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 60.0  # well inside the five minutes that the API server remembers
# A change is looked at once what else happened at that moment has come, too.
HOLD_SECONDS = SETTLE_SECONDS + 0.2
AGAIN_SECONDS = 0.1


@dataclass(slots=True)
class Watched:
    """A workload, of which only its names are kept, and how looking at it went.

    ``waits`` is how often in a row a look was in vain, ``trouble`` why. ``seen`` is the newest version in
    what was last seen of it without a gap, ``past`` the version at which it was looked at from memory.
    ``newest`` is the version of the newest change, which came at ``came`` (in seconds of the monotonic
    clock), and ``waiting`` says since when a change was not looked at.
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


@dataclass(slots=True)
class WatchedWorkloads:
    """All of them; ``say`` is told what is wrong with one. Times are seconds of the monotonic clock."""

    say: Callable[[str], None]
    _known: dict[Key, Watched] = field(default_factory=dict)
    _users: SourceUsers = field(default_factory=SourceUsers)
    _queue: TurnQueue[Key] = field(default_factory=TurnQueue)

    def __getitem__(self, key: Key) -> Watched:
        return self._known[key]

    def copy(self) -> dict[Key, Watched]:
        """Those of now, in one step: any thread may ask."""
        return self._known.copy()

    def touched_by(self, key: Key) -> set[Key]:
        """Whose config or rollout a change of that object may change."""
        resource, namespace, name = key
        if resource is DEPLOYMENT:
            return {(each, namespace, name) for each in WORKLOADS} & self._known.keys()
        return {key, *self._users.of(key)} & self._known.keys()

    def keep(self, key: Key, workload: Workload) -> Workload | None:
        """Watch it, as it is now. Returns the one that had its name and is forgotten."""
        known, before = self._known.get(key), None
        if known is None or known.workload.uid != workload.uid:
            before = self.forget(key)
            metadata = {name: workload.obj["metadata"].get(name) for name in ("namespace", "name", "uid")}
            known = self._known[key] = Watched(Workload(workload.resource, {"metadata": metadata}))
        sources: set[Key] = set()
        try:
            sources = {(each.resource, each.namespace, each.name) for each in workload.references()}
        except Exception as error:
            self.retry(key, unforeseen(error))
        self._users.note(key, sources)
        return before

    def forget(self, key: Key) -> Workload | None:
        """Watch it no more. Returns what was watched."""
        if key not in self._known:
            return None
        self._users.note(key, ())
        self._queue.drop(key)
        return self._known.pop(key).workload

    def wake(self, key: Key, change: Changed) -> None:
        """Look soon; whoever makes trouble waits all the same, and keeps no change of others waiting."""
        known, now = self._known[key], clock.monotonic()
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

    def wake_all(self) -> None:
        """Look at what changed last first."""
        now = clock.monotonic()
        for key, known in sorted(self._known.items(), key=lambda item: item[1].newest, reverse=True):
            if not known.trouble:
                self._set_due(key, now)

    def take(self, moment: float, at_most: int) -> list[Key]:
        """Some of those that are due then, of as many namespaces as there are."""
        found: list[Key] = []
        while len(found) < at_most and (key := self._queue.take(moment)):
            found.append(key)
        return found

    def next_due(self) -> float:
        """When the first of them is due; infinite without one."""
        return self._queue.next_due()

    def was_looked_at(self, key: Key) -> bool:
        """Note that no change waits any more. Returns whether a later one does: then look again soon."""
        known = self._known[key]
        known.waiting = None
        if is_behind := 0 < known.past < known.newest:
            known.waiting = known.came
            due = max(known.came + HOLD_SECONDS, clock.monotonic() + AGAIN_SECONDS)
            self._set_due(key, due, news=True)
        return is_behind

    def settle(self, key: Key, past: History) -> None:
        """What is live is recorded; when it is not rendered yet, look again now and then."""
        known = self._known[key]
        if not past.gap:  # else each look has to find it, until there is a revision to note it on
            known.seen = past.now.snapshot.resource_version
        for note in past.notes:
            if note not in known.notes:
                self._tell(key, note.line)
        known.notes, known.trouble = frozenset(past.notes), ""
        if past.live and past.live.config_hash:
            known.waits = 0
        else:
            self._wait(key, self._queue.due(key))

    def retry(self, key: Key, reason: str) -> None:
        """Try again, later each time, and say why once."""
        self._wait(key, None)
        if self._known[key].trouble != reason:
            self._known[key].trouble = reason
            self._tell(key, reason)

    def _wait(self, key: Key, at_the_latest: float | None) -> None:
        known = self._known[key]
        due = clock.monotonic() + min(_RETRY_SECONDS * 2**known.waits, _LONGEST_RETRY_SECONDS)
        self._set_due(key, due if at_the_latest is None else min(due, at_the_latest))
        known.waits = min(known.waits + 1, 10)

    def _set_due(self, key: Key, due: float, *, news: bool = False) -> None:
        """News take turns with what is looked at again: after a start that is all there is."""
        self._queue.put(key, (key[1], news), due)

    def _tell(self, key: Key, text: str) -> None:
        self.say(f"{key[0].label(key[2])} in {key[1]}: {text}")


def unforeseen(error: Exception) -> str:
    """An error that nobody foresaw: its type and the beginning of what it says, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
