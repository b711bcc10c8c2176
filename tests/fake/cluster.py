"""A cluster in memory that tests can arrange: the store's rules, plus access, races and a record."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from kubectl_kagent.cluster import PAGE, kinds
from kubectl_kagent.cluster.field_types import checked, checked_list
from kubectl_kagent.cluster.http import Access
from kubectl_kagent.errors import Forbidden, NotFound, ResourceMissing
from kubectl_kagent.model.paths import below
from kubectl_kagent.model.resources import AGENT_HARNESS, POD, SANDBOX_AGENT, SERVICE, Resource
from kubectl_kagent.rbac import roles
from kubectl_kagent.rbac.rules import Rule
from tests.fake.copies import copied
from tests.fake.kubelet import Kubelet
from tests.fake.store import Object, Store


class Clock:
    """Stands still until told to move; ``sleep`` moves it."""

    def __init__(self) -> None:
        self.now = datetime.fromisoformat("2026-11-23T08:00:00+00:00")

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; ``body`` is what a write carried."""

    verb: str
    resource: Resource
    namespace: str | None
    name: str = ""
    body: Any = None
    dry_run: bool = False


@dataclass(slots=True)
class _Hook:
    verb: str
    resource: Resource
    countdown: int
    action: Callable[[], object]


@dataclass(frozen=True)
class FakeService:
    """A Service of the fake; nothing is asked that would leave its prefix."""

    cluster: FakeCluster
    namespace: str
    name: str

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Object:
        self._below(path)
        return self.cluster.called(method, self.namespace, self.name, path, body)

    def listed(self, path: str, *, timeout: float | None = None) -> list[Any]:
        """The list in ``lists``, by ``NAMESPACE/NAME:PORT/PATH``."""
        self._below(path)
        try:
            return copied(self.cluster.lists[f"{self.namespace}/{self.name}{path}"])
        except KeyError:
            raise NotFound(f'services "{self.name.partition(":")[0]}" not found') from None

    def stream(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float,
    ) -> Iterator[bytes]:
        """The lines in ``streams``, by ``NAMESPACE/NAME:PORT/PATH``."""
        self._below(path)
        try:
            yield from self.cluster.streams[f"{self.namespace}/{self.name}{path}"]
        except KeyError:
            raise NotFound(f'services "{self.name.partition(":")[0]}" not found') from None

    def access(self, path: str) -> Access:
        """At the address in ``addresses``, by ``NAMESPACE/NAME:PORT``; else where nobody listens."""
        self._below(path)
        where = self.cluster.addresses.get(f"{self.namespace}/{self.name}", "http://127.0.0.1:9")
        return Access(where + path)

    def _below(self, path: str) -> None:
        below(SERVICE.path(self.namespace, self.name), path)


class FakeCluster:
    """Implements ``kubectl_kagent.cluster.Cluster``; what stands after ``service`` is for tests.

    What it answers is held to ``cluster.shapes``, as an API server's answers are.
    """

    def __init__(self, *, namespace: str = "default", user: str = "tester") -> None:
        self.namespace = namespace
        self.user = user
        self.clock = Clock()
        self.requests: list[Request] = []
        self.services: dict[tuple[str, str], Object] = {}
        self.streams: dict[str, list[bytes]] = {}
        self.lists: dict[str, list[Any]] = {}
        self.addresses: dict[str, str] = {}
        self.served: dict[str, tuple[str, ...]] = {"kagent.dev": ("v1alpha2", "v1alpha1")}
        self.logs: dict[tuple[str, str], str] = {}
        self.kubelet = Kubelet()
        self._store = Store(self.clock)
        self._denied: set[tuple[str, Resource]] = set()
        self._missing: set[Resource] = set()
        self._hooks: list[_Hook] = []
        self._counting = threading.Lock()

    def now(self) -> datetime:
        return self.clock()

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        self._admit(Request("get", resource, namespace, name))
        return checked(resource, self._store.get(resource, namespace, name))

    def list_objects(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
        at: str | None = None,
    ) -> Object:
        self._admit(Request("list", resource, namespace))
        return checked_list(resource, self._store.list_objects(resource, namespace, labels, fields, at))

    def pages(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None, limit: int = PAGE
    ) -> Iterator[Object]:
        self._admit(Request("list", resource, namespace))
        whole = checked_list(resource, self._store.list_objects(resource, namespace, labels, None, None))
        items = whole["items"]
        for first in range(0, max(1, len(items)), limit):
            yield {**whole, "items": items[first : first + limit]}

    def list_metadata(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None
    ) -> Object:
        self._admit(Request("list", resource, namespace))
        listing = only_metadata(self._store.list_objects(resource, namespace, labels, None, None))
        return checked_list(resource, listing)

    def create(
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object:
        self._admit(Request("create", resource, namespace, "", body, dry_run))
        created = self._store.create(resource, namespace, body, manager, dry_run=dry_run)
        return checked(resource, created, kept=not dry_run)

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
        self._admit(Request("patch", resource, namespace, name, patch, dry_run))
        patched = self._store.merge_patch(resource, namespace, name, patch, manager, dry_run=dry_run)
        return checked(resource, patched)

    def json_patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: list[dict[str, Any]],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object:
        self._admit(Request("patch", resource, namespace, name, patch, dry_run))
        patched = self._store.json_patch(resource, namespace, name, patch, manager, dry_run=dry_run)
        return checked(resource, patched)

    def apply(
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        dry_run: bool = False,
        force: bool = False,
        manager: str,
    ) -> Object:
        name = str(body["metadata"]["name"])
        self._admit(Request("patch", resource, namespace, name, body, dry_run))
        if not self._store.has(resource, namespace, name) and ("create", resource) in self._denied:
            raise _forbidden(self.user, Request("create", resource, namespace))
        applied = self._store.apply(resource, namespace, body, manager, force=force, dry_run=dry_run)
        return checked(resource, applied, kept=not dry_run)

    def delete(self, resource: Resource, namespace: str, name: str, *, dry_run: bool = False) -> None:
        self._admit(Request("delete", resource, namespace, name, dry_run=dry_run))
        self._store.delete(resource, namespace, name, dry_run=dry_run)

    def watch(
        self,
        resource: Resource,
        namespace: str | None,
        since: str,
        *,
        seconds: int,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Iterator[Object]:
        self._admit(Request("watch", resource, namespace))
        for event in self._store.watch(resource, namespace, since, seconds, fields, labels):
            if event["type"] != "BOOKMARK":
                checked(resource, event["object"])
            yield event

    def pod_log(self, namespace: str, pod: str, container: str, *, previous: bool = False, tail: int) -> str:
        """From ``logs``, by pod and container; a container's run before this one as ``NAME (previous)``."""
        self._store.get(POD, namespace, pod)
        text = self.logs.get((pod, f"{container} (previous)" if previous else container), "")
        return "".join(text.splitlines(keepends=True)[-tail:])

    def pod_log_stream(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        follow: bool = False,
        previous: bool = False,
        since_time: str | None = None,
        since_seconds: int | None = None,
        tail: int | None = None,
    ) -> Iterator[bytes]:
        """From ``kubelet``."""
        self._store.get(POD, namespace, pod)
        if since_seconds is not None:
            since_time = (self.clock() - timedelta(seconds=since_seconds)).isoformat()
        yield from self.kubelet.stream(
            pod, container, follow=follow, previous=previous, since=since_time, tail=tail
        )

    def allows(self, rule: Rule, namespace: str | None) -> bool:
        """All but what ``deny`` took; a subresource is no part of its resource."""
        if rule.verb == "*":
            return not self._denied
        return not any(
            (rule.verb, rule.group, rule.resource) == (verb, resource.group, resource.plural)
            for verb, resource in self._denied
        )

    def server_version(self) -> Object:
        return {"major": "1", "minor": "35", "gitVersion": "v1.35.4"}

    def group_versions(self, group: str) -> tuple[str, ...]:
        return self.served.get(group, ())

    def without_deployment(self, namespace: str, name: str) -> str:
        there = (kind for kind in (SANDBOX_AGENT, AGENT_HARNESS) if self._store.has(kind, namespace, name))
        return next((kinds.hint_of(kind, namespace, name) for kind in there), "")

    def service(self, namespace: str, name: str) -> FakeService:
        return FakeService(self, namespace, name)

    def called(
        self, method: str, namespace: str, service: str, path: str, body: Mapping[str, Any] | None
    ) -> Object:
        """Answers from ``services``, by method and ``NAMESPACE/NAME:PORT/PATH``."""
        try:
            return copied(self.services[method, f"{namespace}/{service}{path}"])
        except KeyError:
            raise NotFound(f'services "{service.partition(":")[0]}" not found') from None

    # What somebody else does: no access rule, no race, no record

    def add(self, resource: Resource, obj: Mapping[str, Any], *, manager: str = "kubectl") -> Object:
        """Create ``obj``, with its status."""
        namespace = obj["metadata"].get("namespace", self.namespace)
        created = self._store.create(resource, namespace, obj, manager)
        if "status" not in obj:
            return created
        return self.set_status(resource, obj["metadata"]["name"], obj["status"], namespace=namespace)

    def edit(
        self,
        resource: Resource,
        name: str,
        patch: Mapping[str, Any],
        *,
        namespace: str = "",
        manager: str = "kubectl-edit",
    ) -> Object:
        """Apply a merge patch."""
        return self._store.merge_patch(resource, namespace or self.namespace, name, patch, manager)

    def set_status(
        self,
        resource: Resource,
        name: str,
        status: Mapping[str, Any],
        *,
        namespace: str = "",
        manager: str = "controller",
    ) -> Object:
        return self._store.set_status(resource, namespace or self.namespace, name, status, manager)

    def remove(self, resource: Resource, name: str, *, namespace: str = "") -> None:
        self._store.delete(resource, namespace or self.namespace, name)

    def read(self, resource: Resource, name: str, *, namespace: str = "") -> Object:
        return self._store.get(resource, namespace or self.namespace, name)

    def read_all(self, resource: Resource) -> list[Object]:
        listing: list[Object] = self._store.list_objects(resource, None, None, None, None)["items"]
        return listing

    def compact(self, version: int | str | None = None) -> None:
        """Forget what was before ``version`` (default: before now)."""
        self._store.compact(int(version or self._store.version))

    def end_watches(self) -> None:
        """Let every open watch end, as a restarting API server does."""
        self._store.end_watches()

    # Access, races, record

    def deny(self, verb: str, resource: Resource) -> None:
        """Take that rule from the user's role."""
        self._denied.add((verb, resource))

    def missing(self, resource: Resource) -> None:
        """Make that kind one that is not installed."""
        self._missing.add(resource)

    def before(self, verb: str, resource: Resource, action: Callable[[], object], *, nth: int = 1) -> None:
        """Run ``action`` once, right before the ``nth`` such request from now on. It may raise."""
        self._hooks.append(_Hook(verb, resource, nth, action))

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.verb in ("create", "patch", "delete")]

    def _admit(self, request: Request) -> None:
        for hook in [h for h in self._hooks if (h.verb, h.resource) == (request.verb, request.resource)]:
            if self._is_due(hook):
                hook.action()
        one = request.verb in ("get", "patch", "delete")
        request.resource.path(request.namespace, request.name if one else None)  # raises InvalidName
        self.requests.append(replace(request, body=copied(request.body)))
        if (request.verb, request.resource) in self._denied:
            raise _forbidden(self.user, request)
        if request.resource in self._missing:
            raise _not_installed(request.resource)

    def _is_due(self, hook: _Hook) -> bool:
        """Count the request; several may come side by side."""
        with self._counting:
            hook.countdown -= 1
            if hook.countdown == 0:
                self._hooks.remove(hook)
            return hook.countdown == 0


def only_metadata(listing: Object) -> Object:
    """The list as the API server gives it to who asks for PartialObjectMetadataList."""
    typed = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}
    items = [{**typed, "metadata": item["metadata"]} for item in listing["items"]]
    return {**listing, "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "items": items}


def reviewed(cluster: FakeCluster, review: Mapping[str, Any]) -> Object:
    """The answer to a SelfSubjectAccessReview."""
    asked = review["spec"]["resourceAttributes"]
    plural = "/".join(filter(None, (asked["resource"], asked.get("subresource"))))
    rule = Rule(asked.get("group", ""), plural, asked["verb"], asked.get("name", ""))
    return {**review, "status": {"allowed": cluster.allows(rule, asked.get("namespace"))}}


def _not_installed(resource: Resource) -> ResourceMissing:
    return ResourceMissing(
        f'the server doesn\'t have a resource type "{resource.plural}" in {resource.api_version}'
    )


def _forbidden(user: str, request: Request) -> Forbidden:
    resource = request.resource
    named = f' "{request.name}"' if request.name else ""
    where = f'in the namespace "{request.namespace}"' if request.namespace else "at the cluster scope"
    message = (
        f'{resource.full_name}{named} is forbidden: User "{user}" cannot {request.verb} resource '
        f'"{resource.plural}" in API group "{resource.group}" {where}'
    )
    return Forbidden(message, roles.hint(message))
