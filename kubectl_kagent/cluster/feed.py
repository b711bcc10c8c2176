"""A feed of changed objects: one watch per kind, in threads, that mends itself.

Losing an event does no harm to a reader that looks at the whole object: everything is given again
after each break and once a minute.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Expired, Forbidden, KagentError, ResourceMissing, Unreachable
from kubectl_kagent.model.resources import Resource

# A minute is well inside the five minutes that etcd remembers.
WATCH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Changed:
    """An object as it is now; ``gone`` when it was deleted.

    ``at`` is when it came, in seconds of the monotonic clock; None when it is only given again.
    """

    resource: Resource
    obj: Mapping[str, Any]
    gone: bool
    at: float | None = None


class Feed:
    """Changes of ``resources``, in one queue.

    ``say`` is told of kinds that are not installed, ``lost`` once of each break, whatever broke: ``retry``
    seconds later, and after a watch that has ended as it should, the feed looks again.
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
        self._lock = threading.Lock()
        self._changes: queue.SimpleQueue[Changed | Forbidden] = queue.SimpleQueue()
        self._stopped = threading.Event()
        for resource in resources:
            threading.Thread(target=self._follow, args=(resource,), daemon=True, name=resource.plural).start()

    def next(self, timeout: float) -> Changed | None:
        """The next change, or None when none comes within ``timeout`` seconds.

        Raises Forbidden when a kind may not be watched: a feed that is blind to one would look whole.
        """
        try:
            change = self._changes.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(change, Forbidden):
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
        while not self._stopped.is_set():
            try:
                self._follow_once(resource)
                self._stopped.wait(self._retry)  # something on the way may end each watch at once
            except Expired:
                continue
            except Forbidden as error:
                self._changes.put(error)
                return
            except ResourceMissing as error:
                self._say(f"not watching {resource.full_name}: {error.message}")
                self._unseen.discard(resource)
                return
            except Unreachable as error:
                self._try_again(resource, error.message)
            except KagentError as error:
                self._try_again(resource, f"watching {resource.full_name}: {error.message}")
            except Exception as error:  # a thread that dies leaves a feed that looks whole
                what = f"an answer that makes no sense ({type(error).__name__}: {error})"
                self._try_again(resource, f"watching {resource.full_name}: {what}")

    def _try_again(self, resource: Resource, trouble: str) -> None:
        """Wait, and say why unless it was said: an API server that is away is away for every kind."""
        with self._lock:
            known = trouble in self._troubles.values()
            self._troubles[resource] = trouble
            self._unseen.add(resource)
        if not known:
            self._lost(trouble)
        self._stopped.wait(self._retry)

    def _follow_once(self, resource: Resource) -> None:
        listing = self._cluster.list_objects(resource, self._namespace, labels=self._labels)
        for item in listing["items"]:
            self._give(resource, item)
        since = str(listing["metadata"]["resourceVersion"])
        self._given[resource] = int(since)
        self._unseen.discard(resource)
        events = self._cluster.watch(
            resource, self._namespace, since, seconds=WATCH_SECONDS, labels=self._labels
        )
        for event in events:
            if self._stopped.is_set():
                return
            self._troubles.pop(resource, None)
            if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                self._given[resource] = self._give(resource, event["object"], gone=event["type"] == "DELETED")

    def _give(self, resource: Resource, obj: Mapping[str, Any], *, gone: bool = False) -> int:
        """Its resource version. Raises LookupError, TypeError or ValueError for what has no name or no
        version: here that is the trouble of one kind only.
        """
        metadata = obj["metadata"]
        if not (isinstance(metadata["name"], str) and isinstance(metadata.get("namespace", ""), str)):
            raise TypeError("an object without a name")
        version = int(metadata["resourceVersion"])
        is_news = version > self._given.get(resource, 0)
        self._changes.put(Changed(resource, obj, gone, clock.monotonic() if is_news else None))
        return version
