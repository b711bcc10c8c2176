"""A feed of changed objects: one watch per kind, in threads, that mends itself.

A watch gives every version, and the next one goes on where it ended. Losing an event in a break does no harm
to a reader that looks at the whole object: everything is given again after it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import (
    Expired,
    Forbidden,
    KagentError,
    ResourceMissing,
    Unauthorized,
    Unreachable,
)
from kubectl_kagent.model.place import place_of
from kubectl_kagent.model.resources import Resource

# A minute is well inside the five minutes that etcd remembers.
WATCH_SECONDS = 60
# A token file is read again each minute: who is refused for longer has no token that counts.
REFUSED_SECONDS = 150.0
_PAUSE_SECONDS = 0.5
_Identity = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Changed:
    """An object as it is now; ``gone`` when it was deleted.

    ``at`` is when it came, in seconds of the monotonic clock; None when it is only given again. ``listed``:
    its versions before this one were not given, if there were any. Of what went away in a break there is only
    metadata: its namespace, name, uid and last known labels, and the version of the list without it.
    """

    resource: Resource
    obj: Mapping[str, Any]
    gone: bool
    at: float | None = None
    listed: bool = False


class Feed:
    """Changes of ``resources``, in one queue.

    ``say`` is told of kinds that are not installed, ``lost`` once of each break, whatever broke: ``retry``
    seconds later the feed looks at everything again.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str | None,
        resources: tuple[Resource, ...],
        *,
        labels: str | None = None,
        say: Callable[[str], None],
        lost: Callable[[str], None],
        retry: float = 1.0,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._labels = labels
        self._say = say
        self._lost = lost
        self._retry = retry
        self._troubles: dict[Resource, str] = {}
        self._unseen = set(resources)
        self._given: dict[Resource, int] = {}  # up to which resource version
        self._there: dict[Resource, dict[tuple[str, str], _Identity]] = {}
        self._lock = threading.Lock()
        self._refused_since: dict[Resource, float] = {}
        self._changes: queue.SimpleQueue[Changed | KagentError] = queue.SimpleQueue()
        self._stopped = threading.Event()
        for resource in resources:
            threading.Thread(target=self._follow, args=(resource,), daemon=True, name=resource.plural).start()

    def next(self, timeout: float) -> Changed | None:
        """The next change, or None when none comes within ``timeout`` seconds.

        Raises Forbidden when a kind may not be watched, and Unauthorized when the credentials stay refused: a
        feed that is blind to a kind would look whole.
        """
        try:
            change = self._changes.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(change, KagentError):
            raise change
        return change

    @property
    def is_whole(self) -> bool:
        """Whether every kind that is installed has been listed, and is followed without a break since."""
        return not self._unseen

    def close(self) -> None:
        """Follow no more; a watch that is open ends with its next event, or by itself."""
        self._stopped.set()

    def _follow(self, resource: Resource) -> None:
        since = ""
        while not self._stopped.is_set():
            began = clock.monotonic()
            try:
                since = since or self._list(resource)
                since = self._watch(resource, since)
                self._pause(began)
                continue
            except Expired:
                self._unseen.add(resource)
                self._pause(began)
            except Forbidden as error:
                self._changes.put(error)
                return
            except ResourceMissing as error:
                self._say(f"not watching {resource.full_name}: {error.message}")
                self._unseen.discard(resource)
                return
            except Unauthorized as error:
                since_when = self._refused_since.setdefault(resource, clock.monotonic())
                if clock.monotonic() - since_when > REFUSED_SECONDS:
                    self._changes.put(error)
                    return
                self._try_again(resource, error.message)
            except Unreachable as error:
                self._try_again(resource, error.message)
            except KagentError as error:
                self._try_again(resource, f"watching {resource.full_name}: {error.message}")
            except Exception as error:  # a thread that dies leaves a feed that looks whole
                what = f"an answer that makes no sense ({type(error).__name__}: {error})"
                self._try_again(resource, f"watching {resource.full_name}: {what}")
            since = ""

    def _pause(self, began: float) -> None:
        """Something on the way may end each watch at once; what is given meanwhile must not come too late."""
        lasted = clock.monotonic() - began
        self._stopped.wait(max(0.0, min(self._retry, _PAUSE_SECONDS) - lasted))

    def _try_again(self, resource: Resource, trouble: str) -> None:
        """Wait, and say why unless it was said: an API server that is away is away for every kind."""
        with self._lock:
            known = trouble in self._troubles.values()
            self._troubles[resource] = trouble
            self._unseen.add(resource)
        if not known:
            self._lost(trouble)
        self._stopped.wait(self._retry)

    def _list(self, resource: Resource) -> str:
        """Give all that is there, and what is not there any more; the version of the list."""
        since, there = "", dict[tuple[str, str], _Identity]()
        for page in self._cluster.pages(resource, self._namespace, labels=self._labels):
            since = str(page["metadata"]["resourceVersion"])
            for item in page["items"]:
                self._give(resource, item, listed=True)
                there[place_of(item)] = _identity(item)
        for place, identity in self._there.get(resource, {}).items():
            if place not in there:
                namespace, name = place
                metadata = {"namespace": namespace, "name": name, **identity, "resourceVersion": since}
                self._give(resource, {"metadata": metadata}, gone=True, listed=True)
        self._there[resource] = there
        self._refused_since.pop(resource, None)
        self._given[resource] = int(since)
        self._unseen.discard(resource)
        return since

    def _watch(self, resource: Resource, since: str) -> str:
        """Give what happens after that version until the watch ends; up to which version that was."""
        there = self._there[resource]
        events = self._cluster.watch(
            resource, self._namespace, since, seconds=WATCH_SECONDS, labels=self._labels
        )
        for event in events:
            if self._stopped.is_set():
                break
            self._troubles.pop(resource, None)
            type_, obj = event["type"], event["object"]
            if type_ in ("ADDED", "MODIFIED", "DELETED"):
                gone = type_ == "DELETED"
                self._given[resource] = self._give(resource, obj, gone=gone)
                if gone:
                    there.pop(place_of(obj), None)
                else:
                    there[place_of(obj)] = _identity(obj)
            elif type_ == "BOOKMARK":
                self._given[resource] = int(obj["metadata"]["resourceVersion"])
        return str(self._given[resource])

    def _give(
        self, resource: Resource, obj: Mapping[str, Any], *, gone: bool = False, listed: bool = False
    ) -> int:
        """Its resource version. Raises LookupError, TypeError or ValueError for what has no name or no
        version: here that is the trouble of one kind only.
        """
        if not all(isinstance(part, str) for part in place_of(obj)):
            raise TypeError("an object without a name")
        version = int(obj["metadata"]["resourceVersion"])
        is_news = version > self._given.get(resource, 0)
        self._changes.put(Changed(resource, obj, gone, clock.monotonic() if is_news else None, listed))
        return version


def _identity(obj: Mapping[str, Any]) -> _Identity:
    """What its reader knows it by; all of it would be too much to keep of each object."""
    return {key: value for key, value in obj["metadata"].items() if key in ("uid", "labels")}
