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

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Expired, Forbidden, KagentError, ResourceMissing, Unreachable
from kubectl_kagent.model.resources import Resource

# A minute is well inside the five minutes that etcd remembers.
WATCH_SECONDS = 60
_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Changed:
    """An object as it is now; ``gone`` when it was deleted."""

    resource: Resource
    obj: Mapping[str, Any]
    gone: bool


class Feed:
    """Changes of ``resources``, in one queue. ``say`` is told of breaks and of kinds not installed."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str | None,
        resources: tuple[Resource, ...],
        *,
        say: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._say = say
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

    def stop(self) -> None:
        self._stopped.set()

    def _follow(self, resource: Resource) -> None:
        while not self._stopped.is_set():
            try:
                self._follow_once(resource)
            except Expired:
                continue
            except Forbidden as error:
                self._changes.put(error)
                return
            except ResourceMissing as error:
                self._say(f"not watching {resource.full_name}: {error.message}")
                return
            except Unreachable as error:
                self._say(f"{error.message}; trying again")
                self._stopped.wait(_RETRY_SECONDS)
            except KagentError as error:
                self._say(f"watching {resource.full_name}: {error.message}; trying again")
                self._stopped.wait(_RETRY_SECONDS)

    def _follow_once(self, resource: Resource) -> None:
        listing = self._cluster.list_objects(resource, self._namespace)
        for item in listing["items"]:
            self._changes.put(Changed(resource, item, gone=False))
        since = str(listing["metadata"]["resourceVersion"])
        for event in self._cluster.watch(resource, self._namespace, since, seconds=WATCH_SECONDS):
            if self._stopped.is_set():
                return
            if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                self._changes.put(Changed(resource, event["object"], gone=event["type"] == "DELETED"))
