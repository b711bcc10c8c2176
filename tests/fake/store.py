"""Objects in memory under the API server's rules; tests/contract holds both to them.

The whole history is a log of writes with one counter, so any past moment can be read from it. There is
no schema (nothing is defaulted, pruned or validated) and no controller (nothing is garbage-collected).
What the store does not know it refuses loudly.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from kubectl_kagent.cluster.refusals import refusal
from kubectl_kagent.errors import AlreadyExists, Conflict, Expired, OtherServerError, Unreachable
from kubectl_kagent.model.resources import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    EVENT,
    HPA,
    NAMESPACE,
    SERVICE,
    SERVICE_ACCOUNT,
    Resource,
)
from tests.fake.copies import copied
from tests.fake.ownership import Applied, managed_fields
from tests.fake.patches import PatchError, apply_json_patch, apply_merge_patch
from tests.fake.selectors import field_requirements, fields_match, label_requirements, labels_match

Object = dict[str, Any]

_WITHOUT_GENERATION = (
    *(CONFIG_MAP, SERVICE, CONTROLLER_REVISION, EVENT, NAMESPACE, HPA),
    *(SERVICE_ACCOUNT, CLUSTER_ROLE, CLUSTER_ROLE_BINDING),
)
_BUILT_IN = ("", "apps", "autoscaling", "policy", "rbac.authorization.k8s.io")
_ETCD_REQUEST_LIMIT = 1_572_864
_number = attrgetter("version")


@dataclass(frozen=True, slots=True)
class _Write:
    version: int
    type: str
    resource: Resource
    obj: Object

    @property
    def key(self) -> tuple[str, str]:
        metadata = self.obj["metadata"]
        return metadata.get("namespace", ""), metadata["name"]


class Store:
    """The objects, their past, and the watches on them. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._log: list[_Write] = []
        self._version = 1
        self._compacted = 0
        self._uptime = 0
        self._changed = threading.Condition(threading.RLock())

    # Reading

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        with self._changed:
            return copied(self._live(resource, namespace, name))

    def has(self, resource: Resource, namespace: str | None, name: str) -> bool:
        with self._changed:
            return self._find(resource, namespace, name) is not None

    def list_objects(
        self,
        resource: Resource,
        namespace: str | None,
        labels: str | None,
        fields: str | None,
        at: str | None,
    ) -> Object:
        by_label, by_field = label_requirements(labels), field_requirements(fields, resource)
        with self._changed:
            version = self._readable(at) if at else self._version
            items = [
                _as_item(resource, obj)
                for obj in self._state(resource, version)
                if _in_namespace(obj, namespace)
                and labels_match(by_label, obj)
                and fields_match(by_field, obj)
            ]
        return {
            "apiVersion": resource.api_version,
            "kind": f"{resource.kind}List",
            "metadata": {"resourceVersion": str(version)},
            "items": items,
        }

    def watch(
        self,
        resource: Resource,
        namespace: str | None,
        since: str,
        seconds: float,
        fields: str | None,
        labels: str | None = None,
    ) -> Iterator[Object]:
        """Events as they come, a bookmark at the end."""
        by_label, by_field = label_requirements(labels), field_requirements(fields, resource)
        seen = _version(since)
        if seen < self._compacted:
            raise Expired(f"too old resource version: {seen} ({self._compacted})")
        deadline, uptime = time.monotonic() + seconds, self._uptime
        while True:
            with self._changed:
                news = self._log[bisect_right(self._log, seen, key=_number) :]
                ended = self._uptime != uptime or time.monotonic() >= deadline
                if not news and not ended:
                    self._changed.wait(deadline - time.monotonic())
                    continue
            for write in news:
                seen = write.version
                if (
                    write.resource == resource
                    and _in_namespace(write.obj, namespace)
                    and labels_match(by_label, write.obj)
                    and fields_match(by_field, write.obj)
                ):
                    yield {"type": write.type, "object": copied(write.obj)}
            if ended:
                break
        bookmark = {"resourceVersion": str(seen), "creationTimestamp": None}
        yield {
            "type": "BOOKMARK",
            "object": {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": bookmark},
        }

    # Writing

    def create(
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        manager: str,
        *,
        dry_run: bool = False,
    ) -> Object:
        obj = _without(copied(dict(body)), "status")
        metadata = obj["metadata"]
        if resource.namespaced and metadata.setdefault("namespace", namespace) != namespace:
            raise _wrong_namespace()
        with self._changed:
            if self._find(resource, namespace, metadata["name"]):
                raise AlreadyExists(f'{resource.full_name} "{metadata["name"]}" already exists')
            metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": self._now()}
            if resource not in _WITHOUT_GENERATION:
                metadata["generation"] = 1
            metadata["managedFields"] = managed_fields({}, obj, manager, self._now())
            return self._keep("ADDED", resource, obj, dry_run=dry_run)

    def merge_patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        manager: str,
        *,
        dry_run: bool = False,
    ) -> Object:
        with self._changed:
            before = self._live(resource, namespace, name)
            return self._update(resource, before, apply_merge_patch(before, patch), manager, dry_run=dry_run)

    def json_patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Sequence[Mapping[str, Any]],
        manager: str,
        *,
        dry_run: bool = False,
    ) -> Object:
        with self._changed:
            before = self._live(resource, namespace, name)
            try:
                after = apply_json_patch(before, patch)
            except PatchError as error:
                message = "the server rejected our request due to an error in our request"
                raise OtherServerError("Invalid", message) from error
            return self._update(resource, before, after, manager, dry_run=dry_run)

    def set_status(
        self, resource: Resource, namespace: str, name: str, status: Mapping[str, Any], manager: str
    ) -> Object:
        """Replace the status as a controller does: the generation stays."""
        with self._changed:
            before = self._live(resource, namespace, name)
            after = {**copied(before), "status": copied(dict(status))}
            if after == before:
                return after
            after["metadata"]["managedFields"] = managed_fields(
                before, after, manager, self._now(), subresource="status"
            )
            return self._keep("MODIFIED", resource, after)

    def apply(
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        manager: str,
        *,
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        with self._changed:
            before = self._find(resource, namespace, body["metadata"]["name"]) or {}
            applied = Applied(before, _without(body, "status"), manager)
            if applied.conflicts and not force:
                raise refusal(conflicts(applied.conflicts), 409, resource)
            after = applied.merged()
            if not before:
                return self._create_applied(resource, namespace, after, applied, dry_run=dry_run)
            after["metadata"]["managedFields"] = applied.managed_fields(after, self._now())
            if after == before:
                return copied(before)
            old, new = before["metadata"], after["metadata"]
            _check_metadata(resource, {**old, "managedFields": None}, {**new, "managedFields": None})
            if "generation" in old and _without(after, "metadata") != _without(before, "metadata"):
                new["generation"] = old["generation"] + 1
            return self._keep("MODIFIED", resource, after, dry_run=dry_run)

    def _create_applied(
        self, resource: Resource, namespace: str, obj: Object, applied: Applied, *, dry_run: bool
    ) -> Object:
        metadata = obj["metadata"]
        if resource.namespaced and metadata.setdefault("namespace", namespace) != namespace:
            raise _wrong_namespace()
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": self._now()}
        if resource not in _WITHOUT_GENERATION:
            metadata["generation"] = 1
        metadata["managedFields"] = applied.managed_fields(obj, self._now())
        return self._keep("ADDED", resource, obj, dry_run=dry_run)

    def delete(self, resource: Resource, namespace: str, name: str, *, dry_run: bool = False) -> None:
        with self._changed:
            self._keep("DELETED", resource, copied(self._live(resource, namespace, name)), dry_run=dry_run)

    # What etcd and time do

    def compact(self, version: int) -> None:
        """Forget what was before ``version``; it can still be read itself."""
        with self._changed:
            self._compacted = version
            last = {(write.resource, write.key): write for write in self._log if write.version <= version}
            kept = [write for write in last.values() if write.type != "DELETED"]
            later = [write for write in self._log if write.version > version]
            self._log = sorted(kept, key=_number) + later

    def end_watches(self) -> None:
        with self._changed:
            self._uptime += 1
            self._changed.notify_all()

    @property
    def version(self) -> int:
        return self._version

    # Inside

    def _now(self) -> str:
        return self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _state(self, resource: Resource, version: int) -> list[Object]:
        found: dict[tuple[str, str], Object] = {}
        for write in self._log:
            if write.resource == resource and write.version <= version:
                found[write.key] = write.obj
                if write.type == "DELETED":
                    del found[write.key]
        return [found[key] for key in sorted(found)]

    def _find(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        for write in reversed(self._log):
            obj = write.obj
            if (
                obj["metadata"]["name"] == name
                and write.resource == resource
                and _in_namespace(obj, namespace)
            ):
                return None if write.type == "DELETED" else obj
        return None

    def _live(self, resource: Resource, namespace: str | None, name: str) -> Object:
        obj = self._find(resource, namespace, name)
        if obj is None:
            message = f'{resource.full_name} "{name}" not found'
            raise refusal(
                {"message": message, "details": {"name": name, "kind": resource.plural}}, 404, resource
            )
        return obj

    def _readable(self, at: str) -> int:
        version = _version(at)
        if version < self._compacted:
            raise Expired("The resourceVersion for the provided list is too old.")
        if version > self._version:
            text = f"Timeout: Too large resource version: {version}, current: {self._version}"
            raise Unreachable(f"the server answered 504: {text}")
        return version

    def _update(
        self, resource: Resource, before: Object, after: Object, manager: str, *, dry_run: bool
    ) -> Object:
        old, new = before["metadata"], after["metadata"]
        _check_metadata(resource, old, new)
        if resource == CONTROLLER_REVISION and after.get("data") != before.get("data"):
            raise _immutable(after)
        after = {**after, "status": before["status"]} if "status" in before else _without(after, "status")
        if after == before:
            return copied(before)
        if "generation" in old and _without(after, "metadata") != _without(before, "metadata"):
            new["generation"] = old["generation"] + 1
        new["managedFields"] = managed_fields(before, after, manager, self._now())
        return self._keep("MODIFIED", resource, after, dry_run=dry_run)

    def _keep(self, type_: str, resource: Resource, obj: Object, *, dry_run: bool = False) -> Object:
        if dry_run:
            return obj
        if len(json.dumps(obj)) > _ETCD_REQUEST_LIMIT:
            raise OtherServerError("500", "etcdserver: request is too large")
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        self._log.append(_Write(self._version, type_, resource, obj))
        self._changed.notify_all()
        return copied(obj)


def _version(text: str) -> int:
    if not text.isdecimal() or len(text) > 19:  # of 64 bits
        raise OtherServerError("BadRequest", f"invalid resource version: {text}")
    return int(text)


def _check_metadata(resource: Resource, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    if new.get("resourceVersion") != old["resourceVersion"]:
        raise Conflict(
            f'Operation cannot be fulfilled on {resource.full_name} "{old["name"]}": the object has been '
            "modified; please apply your changes to the latest version and try again"
        )
    if new.get("namespace") != old.get("namespace"):
        raise _wrong_namespace()
    for key in ("name", "uid", "creationTimestamp", "generation", "managedFields"):
        if new.get(key) != old.get(key):
            raise NotImplementedError(f"a patch of metadata.{key}")


def _in_namespace(obj: Mapping[str, Any], namespace: str | None) -> bool:
    return not namespace or obj["metadata"].get("namespace") in (namespace, None)


def _as_item(resource: Resource, obj: Object) -> Object:
    """Items of a built-in list come without their kind; those of a custom resource keep it."""
    item = copied(obj)
    if resource.group in _BUILT_IN:
        del item["kind"], item["apiVersion"]
    return item


def _without(obj: Mapping[str, Any], key: str) -> Object:
    return {name: value for name, value in obj.items() if name != key}


def _wrong_namespace() -> OtherServerError:
    message = "the namespace of the provided object does not match the namespace sent on the request"
    return OtherServerError("BadRequest", message)


def conflicts(fields: Sequence[tuple[str, str]]) -> Object:
    """The Status of a server-side apply that would change fields of other managers."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{manager}" using v1', "field": field}
        for field, manager in fields
    ]
    listed = "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    plural = "" if len(causes) == 1 else "s"
    message = f"Apply failed with {len(causes)} conflict{plural}: {listed}"
    return {"reason": "Conflict", "message": message, "details": {"causes": causes}}


def _immutable(obj: Object) -> OtherServerError:
    data = json.dumps(obj.get("data"), separators=(",", ":"))
    name = obj["metadata"]["name"]
    message = f'ControllerRevision.apps "{name}" is invalid: data: Invalid value: {data}: field is immutable'
    return OtherServerError("Invalid", message)
