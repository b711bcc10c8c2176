"""What the API server holds, kept current by a list and a watch per kind."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TypeAlias

import httpx

from tests.lab.standin.kinds import WATCHED, Key, Kind, Object, key_of
from tests.lab.standin.kube import Kube, KubeError
from tests.lab.standin.sources import NotFound

_LOG = logging.getLogger("cache")
_FIRST_DELAY, _LAST_DELAY = 0.1, 1.0
_MISSING_KIND_DELAY = 5.0

# (kind, what it was, what it is): no "was" for a new object, no "is" for a deleted one.
OnChange: TypeAlias = Callable[[Kind, Object | None, Object | None], None]


class Cache:
    def __init__(self, kube: Kube, on_change: OnChange) -> None:
        self._kube = kube
        self._on_change = on_change
        self._objects: dict[Kind, dict[Key, Object]] = {kind: {} for kind in WATCHED}
        self._listed = {kind: asyncio.Event() for kind in WATCHED}

    def get(self, kind: Kind, key: Key) -> Object:
        try:
            return self._objects[kind][key]
        except KeyError:
            raise NotFound(kind, key.name) from None

    def all(self, kind: Kind) -> Iterable[Object]:
        return list(self._objects[kind].values())

    async def wait_until_listed(self) -> None:
        for listed in self._listed.values():
            await listed.wait()

    async def follow(self, kind: Kind) -> None:
        """Never returns: survives restarts of the API server, and kinds that are not installed yet."""
        delay = _FIRST_DELAY
        while True:
            try:
                version = await self._list(kind)
                delay = _FIRST_DELAY
                await self._watch(kind, version)
            except (httpx.HTTPError, KubeError, ValueError) as error:
                missing = isinstance(error, KubeError) and error.code == 404
                if missing:
                    self._listed[kind].set()
                _LOG.info("list and watch again", extra={"kind": kind.name, "error": repr(error)})
                await asyncio.sleep(_MISSING_KIND_DELAY if missing else delay)
                delay = min(delay * 2, _LAST_DELAY)

    async def _list(self, kind: Kind) -> str:
        items, version = await self._kube.list(kind)
        current = {key_of(item): self._typed(kind, item) for item in items}
        for key in self._objects[kind].keys() - current.keys():
            self._replace(kind, key, None)
        for key, item in current.items():
            self._replace(kind, key, item)
        self._listed[kind].set()
        return version

    async def _watch(self, kind: Kind, version: str) -> None:
        while True:
            async for event in self._kube.watch(kind, version):
                changed = event["object"]
                version = changed["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    gone = event["type"] == "DELETED"
                    self._replace(kind, key_of(changed), None if gone else self._typed(kind, changed))

    def _typed(self, kind: Kind, item: Object) -> Object:
        """Items of a list come without their kind."""
        return {"apiVersion": kind.api_version, "kind": kind.name} | item

    def _replace(self, kind: Kind, key: Key, new: Object | None) -> None:
        old = self._objects[kind].pop(key, None)
        if new is not None:
            self._objects[kind][key] = new
            if old and old["metadata"]["resourceVersion"] == new["metadata"]["resourceVersion"]:
                return
        self._on_change(kind, old, new)
