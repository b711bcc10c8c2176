"""What watches gave, kept for a while: the past that looks ask for, without asking the API server for it.

Only what is certain is answered from here: a version up to which every watch has given what happened, of an
object whose versions are known without a break. Anything else is asked of the API server, so that what is
thrown away here costs a request and nothing else.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.feed import Changed
from kubectl_kagent.errors import Expired
from kubectl_kagent.model.paths import named
from kubectl_kagent.model.resources import CONTROLLER_REVISION, Resource
from kubectl_kagent.model.revision import LABEL_NAME, label_selector, revision_name, selector
from kubectl_kagent.model.workload import Workload

Object = dict[str, Any]

# The watches of one API server are milliseconds apart; whoever waits as long has seen what they all gave.
SETTLE_SECONDS = 0.8
_KEPT_SECONDS = 60.0  # a version after the next one has come

_Key = tuple[Resource, str, str]  # with namespace and name
_NOT_KEPT = b""


@dataclass(frozen=True, slots=True)
class _Version:
    """``content`` is the packed object, None where there was none; ``came`` is in monotonic seconds."""

    number: int
    content: bytes | None
    came: float


class Remembered:
    """``cluster.Objects``, with the past answered from memory where it is certain.

    Revisions are remembered until somebody else turns out to have written one; ``forget`` them to look anew.
    Safe to use from several threads.
    """

    def __init__(self, cluster: Cluster, namespace: str | None) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._lock = threading.Lock()
        self._versions: dict[_Key, list[_Version]] = {}
        self._came: deque[tuple[float, int]] = deque()
        self._passing: deque[tuple[float, _Key]] = deque()
        self._settled = 0
        self._newest = 0
        self._is_whole = False
        self._kinds: set[Resource] = set()
        self._whole_since = 0
        self._compacted = 0
        # by namespace and labels; None: to be asked
        self._revisions: dict[tuple[str, str], bytes | None] = {}
        self._families: dict[tuple[str, str], str] = {}
        self._loaded = False

    # What comes

    def note(self, change: Changed, *, keep: bool) -> None:
        """Remember a version; without ``keep`` only that there is one, until somebody asks for it."""
        metadata = change.obj["metadata"]
        key = change.resource, str(metadata.get("namespace", "")), str(metadata["name"])
        number, now = int(metadata["resourceVersion"]), clock.monotonic()
        content = None if change.gone else _packed(change.obj) if keep else _NOT_KEPT
        with self._lock:
            self._newest = max(self._newest, number)
            versions = self._versions.get(key)
            if versions and versions[-1].number >= number:
                return  # it is given again
            version = _Version(number, content, now)
            self._kinds.add(change.resource)
            if versions is None and self._is_whole and not change.listed:
                self._versions[key] = [_Version(self._whole_since, None, now), version]
            elif versions is None or change.listed:
                self._versions[key] = [version]
            else:
                versions.append(version)
            self._passing.append((now, key))

    def _sweep(self, before: float) -> None:
        """Forget the versions that another one has followed since then, and the objects that are gone."""
        while self._passing and self._passing[0][0] < before:
            _, key = self._passing.popleft()
            versions = self._versions.get(key, [])
            while len(versions) > 1 and versions[1].came < before:
                del versions[0]
            if len(versions) == 1 and versions[0].content is None:
                self._whole_since = max(self._whole_since, versions[0].number)
                del self._versions[key]

    def trust(self, *, whole: bool) -> bool:
        """``whole``: every watch gives what happens, and all that has come so far has been noted.

        Then what was not noted is not there, and what had come some time ago is settled. Returns whether it
        is so anew.
        """
        now = clock.monotonic()
        with self._lock:
            anew = whole and not self._is_whole
            self._is_whole = whole
            if anew:
                self._came.clear()
                self._whole_since = max(self._whole_since, self._newest)
            while whole and self._came and self._came[0][0] <= now - SETTLE_SECONDS:
                self._settled = max(self._settled, self._came.popleft()[1])
            if whole and (not self._came or self._came[-1][1] < self._newest):
                self._came.append((now, self._newest))
            self._sweep(now - _KEPT_SECONDS)
            return anew

    def settled(self) -> int:
        """The version up to which all that happened has been noted; 0 while that is not certain."""
        with self._lock:
            return self._settled if self._is_whole else 0

    # What is asked, in the ways of ``cluster.Cluster``

    def list_objects(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
        at: str | None = None,
    ) -> Object:
        if resource is CONTROLLER_REVISION and namespace and labels and not (fields or at):
            return {"metadata": {}, "items": self._revisions_of(namespace, labels)}
        if not (at and fields and namespace):
            return self._cluster.list_objects(resource, namespace, labels=labels, fields=fields, at=at)
        key = (resource, namespace, named(fields))
        version = self._version(key, int(at))
        if version and version.content != _NOT_KEPT:
            items = [] if version.content is None else [_unpacked(version.content)]
            return {"metadata": {"resourceVersion": at}, "items": items}
        if int(at) <= self._compacted:
            raise Expired(f"the API server has forgotten {resource.full_name} at {at}")
        try:
            listing = self._cluster.list_objects(resource, namespace, labels=labels, fields=fields, at=at)
        except Expired:
            self._compacted = max(self._compacted, int(at))  # and all before it: it is etcd that forgets
            raise
        if version:
            self._fill(key, version, listing)
        return listing

    def _version(self, key: _Key, at: int) -> _Version | None:
        """The one that was there at that version, if that is certain."""
        with self._lock:
            if at > self._settled:
                return None
            if key not in self._versions and self._would_know(key) and at >= self._whole_since:
                return _Version(self._whole_since, None, 0.0)
            older = (each for each in reversed(self._versions.get(key, ())) if each.number <= at)
            return next(older, None)

    def _would_know(self, key: _Key) -> bool:
        """Of a kind that is not installed, and in another namespace, nothing is watched."""
        resource, namespace, _ = key
        return self._is_whole and resource in self._kinds and self._namespace in (None, namespace)

    def _fill(self, key: _Key, version: _Version, listing: Mapping[str, Any]) -> None:
        for item in listing["items"]:
            if int(item["metadata"]["resourceVersion"]) == version.number:
                with self._lock:
                    versions = self._versions.get(key, [])
                    if version in versions:
                        at = versions.index(version)
                        versions[at] = _Version(version.number, _packed(item), version.came)

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        return self._cluster.get(resource, namespace, name)

    def now(self) -> datetime:
        return self._cluster.now()

    def without_deployment(self, namespace: str, name: str) -> str:
        return self._cluster.without_deployment(namespace, name)

    # Revisions

    def forget(self, workload: Workload) -> None:
        """Its revisions are asked for again."""
        with self._lock:
            self._revisions[workload.namespace, label_selector(selector(workload))] = None

    def drop(self, workload: Workload) -> None:
        """It is gone, and with it they are."""
        with self._lock:
            self._revisions.pop((workload.namespace, label_selector(selector(workload))), None)
            self._families.pop((workload.namespace, _family(revision_name(workload, 1))), None)

    @property
    def has_revisions(self) -> bool:
        """Whether those of all were read; a break of the watches, which give none, changes nothing of it."""
        return self._loaded

    def load_revisions(self) -> None:
        """All at once, where each workload would ask for its own. Raises KagentError.

        What was asked for or written meanwhile is newer, and stays.
        """
        with self._lock:
            to_ask = {key for key, kept in self._revisions.items() if kept is None}
        found: dict[tuple[str, str], bytes] = {}
        families: dict[tuple[str, str], str] = {}
        # a list goes by name, so mostly all at once
        for key, group in groupby(self._all_revisions(), _whose):
            items = list(group)
            before = found.get(key, _NONE)
            found[key] = before and _packed([*_unpacked(before), *items])
            families |= {(key[0], _family(item["metadata"]["name"])): key[1] for item in items}
        with self._lock:
            for key, packed in found.items():
                if key not in self._revisions or (key in to_ask and self._revisions[key] is None):
                    self._revisions[key] = packed
            self._families = families | self._families
            self._loaded = True

    def _all_revisions(self) -> Iterator[Object]:
        """As far as anybody reads them: who wrote which field of a revision is a third of it."""
        for page in self._cluster.pages(CONTROLLER_REVISION, self._namespace, labels=LABEL_NAME):
            for item in page["items"]:
                item["metadata"].pop("managedFields", None)
                yield item

    def _revisions_of(self, namespace: str, labels: str) -> list[Object]:
        kept = self._kept(namespace, labels)
        if kept is not None:
            return kept
        listing = self._cluster.list_objects(CONTROLLER_REVISION, namespace, labels=labels)
        self._keep(namespace, labels, listing["items"])
        return list(listing["items"])

    def _kept(self, namespace: str, labels: str) -> list[Object] | None:
        """What is remembered; None when it must be asked for."""
        with self._lock:
            packed = self._revisions.get((namespace, labels), _NONE if self._loaded else None)
        return _unpacked(packed) if packed else None

    def _keep(self, namespace: str, labels: str, items: list[Object]) -> None:
        with self._lock:
            self._revisions[namespace, labels] = _packed(items)
            for item in items[:1]:
                self._families[namespace, _family(item["metadata"]["name"])] = labels

    def create(
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object:
        name, labels = body["metadata"]["name"], label_selector(body["metadata"]["labels"])
        with self._lock:
            self._families[namespace, _family(name)] = labels
        with self._or_forget(namespace, name):
            created = self._cluster.create(resource, namespace, body, dry_run=dry_run, manager=manager)
        self._replace(namespace, name, created)
        return created

    def merge_patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object:
        with self._or_forget(namespace, name):
            patched = self._cluster.merge_patch(
                resource, namespace, name, patch, dry_run=dry_run, manager=manager
            )
        self._replace(namespace, name, patched)
        return patched

    def delete(self, resource: Resource, namespace: str, name: str, *, dry_run: bool = False) -> None:
        with self._or_forget(namespace, name):
            self._cluster.delete(resource, namespace, name, dry_run=dry_run)
        self._replace(namespace, name, None)

    @contextmanager
    def _or_forget(self, namespace: str, name: str) -> Iterator[None]:
        """Whatever goes wrong with a write, somebody else's may be the reason."""
        try:
            yield
        except BaseException:
            with self._lock:
                labels = self._families.get((namespace, _family(name)))
                if labels is not None:
                    self._revisions[namespace, labels] = None
            raise

    def _replace(self, namespace: str, name: str, item: Object | None) -> None:
        with self._lock:
            labels = self._families.get((namespace, _family(name)), "")
        kept = self._kept(namespace, labels) if labels else None
        if kept is not None:
            others = [one for one in kept if one["metadata"]["name"] != name]
            self._keep(namespace, labels, [*others, *([item] if item else ())])


def _family(name: str) -> str:
    """What the names of one workload's revisions have in common."""
    return name.rpartition("-r")[0]


def _whose(revision: Mapping[str, Any]) -> tuple[str, str]:
    """The namespace and the labels by which a workload's revisions are asked for."""
    metadata = revision["metadata"]
    return metadata["namespace"], label_selector(metadata.get("labels") or {})


def _packed(value: Any) -> bytes:
    """``_NOT_KEPT`` where a TooDeep is in it: that is asked for."""
    try:
        return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)
    except TypeError:
        return _NOT_KEPT


def _unpacked(data: bytes) -> Any:
    return json.loads(zlib.decompress(data))


_NONE = _packed([])
