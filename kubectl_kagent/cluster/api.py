"""The API server: objects in, objects out, errors explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import urllib3

from kubectl_kagent.cluster import PAGE, answers, kinds, pod_logs
from kubectl_kagent.cluster.field_types import checked, checked_list
from kubectl_kagent.cluster.proxied import Proxied
from kubectl_kagent.cluster.refusals import refusal
from kubectl_kagent.cluster.side_by_side import both
from kubectl_kagent.cluster.transport import RestConfig, Transport
from kubectl_kagent.cluster.unreachable import why_it_broke
from kubectl_kagent.cluster.writes import writing
from kubectl_kagent.errors import KagentError, NotFound, Unreachable
from kubectl_kagent.model.paths import segment
from kubectl_kagent.model.resources import ACCESS_REVIEW, AGENT, AGENT_HARNESS, SANDBOX_AGENT, Resource
from kubectl_kagent.model.workload import dig
from kubectl_kagent.rbac.rules import Rule

Object = dict[str, Any]

_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_APPLY = "application/apply-patch+yaml"  # of which JSON is a part
# A server that can't leave the rest away sends all.
_METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
_ASIDE = 2.0  # seconds


class ApiServer:
    """A connected cluster. Its methods are those of ``cluster.Cluster``, which has their rules."""

    def __init__(
        self, endpoint: RestConfig, *, namespace: str, warn: Callable[[str], None] | None = None
    ) -> None:
        self.namespace = namespace
        self._transport = Transport(endpoint)
        self._unsaid = [warn] if warn else []  # popped by the one thread that says it

    @property
    def host(self) -> str:
        return self._transport.host

    def now(self) -> datetime:
        return self._transport.now()

    # Objects

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """The object. Raises NotFound."""
        try:
            return checked(resource, self._object("GET", resource, resource.path(namespace, name)))
        except NotFound as error:
            if resource is AGENT and namespace:
                error.hint = self.without_deployment(namespace, name) or error.hint
            raise

    def list_objects(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
        at: str | None = None,
    ) -> Object:
        query = {"labelSelector": labels, "fieldSelector": fields}
        if at:
            query |= {"resourceVersion": at, "resourceVersionMatch": "Exact"}
        return checked_list(resource, self._object("GET", resource, resource.path(namespace), query))

    def pages(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None, limit: int = PAGE
    ) -> Iterator[Object]:
        query: dict[str, str | None] = {"labelSelector": labels, "limit": str(limit)}
        asked = set[str]()
        while True:
            page = checked_list(resource, self._object("GET", resource, resource.path(namespace), query))
            yield page
            following = str(dig(page, "metadata", "continue") or "")
            if not following:
                return
            if following in asked:
                raise KagentError(
                    f"the list of {resource.full_name} has no end: the server {self.host} goes back to a "
                    "page that it has given"
                )
            asked.add(following)
            query["continue"] = following

    def list_metadata(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None
    ) -> Object:
        query, path = {"labelSelector": labels}, resource.path(namespace)
        return checked_list(resource, self._object("GET", resource, path, query, accept=_METADATA))

    def create(
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object:
        """The object as it was stored, or with ``dry_run`` would be. Raises AlreadyExists."""
        query = {"fieldManager": manager, "dryRun": "All" if dry_run else None}
        name = str(dig(body, "metadata", "name") or "")
        with writing(resource, namespace, name, done="created", dry_run=dry_run):
            created = self._object("POST", resource, resource.path(namespace), query, body)
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
        query = {"fieldManager": manager, "dryRun": "All" if dry_run else None}
        path = resource.path(namespace, name)
        with writing(resource, namespace, name, done="changed", dry_run=dry_run):
            return checked(resource, self._object("PATCH", resource, path, query, patch, _MERGE))

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
        """JSON patch (RFC 6902). Raises Conflict for a stale ``resourceVersion`` in it, OtherServerError
        for a patch that does not fit.
        """
        query = {"fieldManager": manager, "dryRun": "All" if dry_run else None}
        path = resource.path(namespace, name)
        with writing(resource, namespace, name, done="changed", dry_run=dry_run):
            return checked(resource, self._object("PATCH", resource, path, query, patch, _JSON_PATCH))

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
        query = {"fieldManager": manager, "force": str(force).lower(), "dryRun": "All" if dry_run else None}
        name = str(dig(body, "metadata", "name") or "")
        path = resource.path(namespace, name)
        with writing(resource, namespace, name, done="applied", dry_run=dry_run):
            applied = self._object("PATCH", resource, path, query, body, _APPLY)
            return checked(resource, applied, kept=not dry_run)

    def delete(self, resource: Resource, namespace: str, name: str, *, dry_run: bool = False) -> None:
        """Raises NotFound. The object may live on for a while: its finalizers run first."""
        query = {"dryRun": "All" if dry_run else None}
        with writing(resource, namespace, name, done="deleted", dry_run=dry_run):
            self._object("DELETE", resource, resource.path(namespace, name), query)

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
        query = {
            "watch": "true",
            "resourceVersion": since,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
            "labelSelector": labels,
            "fieldSelector": fields,
        }
        response = self._transport.send(
            "GET", resource.path(namespace), query, timeout=seconds + 30, stream=True
        )
        try:
            answers.check_api(response, self.host, resource)
            for line in answers.lines(response):
                yield _event(line, resource)
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"the watch on {resource.full_name} broke: {why_it_broke(error)}") from error
        finally:
            response.close()

    def pod_log(self, namespace: str, pod: str, container: str, *, previous: bool = False, tail: int) -> str:
        return pod_logs.last_lines(self._transport, namespace, pod, container, previous=previous, tail=tail)

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
        return pod_logs.stream(
            self._transport,
            namespace,
            pod,
            container,
            follow=follow,
            previous=previous,
            since_time=since_time,
            since_seconds=since_seconds,
            tail=tail,
        )

    def allows(self, rule: Rule, namespace: str | None) -> bool:
        plural, _, subresource = rule.resource.partition("/")
        attributes = {
            "group": rule.group,
            "resource": plural,
            "subresource": subresource,
            "verb": rule.verb,
            "name": rule.name,
            "namespace": namespace or "",
        }
        body = {
            "apiVersion": ACCESS_REVIEW.api_version,
            "kind": ACCESS_REVIEW.kind,
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }
        found = self._object("POST", ACCESS_REVIEW, ACCESS_REVIEW.path(), body=body)
        return dig(found, "status", "allowed") is True

    def server_version(self) -> Object:
        path = "/version"
        found = self._decoded(self._transport.send("GET", path), path, None)
        if not isinstance(found.get("gitVersion"), str):
            raise KagentError(
                f"the server {self.host} does not say which version of Kubernetes it is",
                hint=answers.LOGIN_PAGE,
            )
        return found

    def group_versions(self, group: str) -> tuple[str, ...]:
        self._unsaid.clear()  # whoever asks says what it means
        try:
            versions = self._aside(f"/apis/{segment(group)}").get("versions")
        except NotFound:
            return ()
        listed = versions if isinstance(versions, list) else ()
        return tuple(str(dig(one, "version") or "") for one in listed)

    def without_deployment(self, namespace: str, name: str) -> str:
        for kind in (SANDBOX_AGENT, AGENT_HARNESS):
            with suppress(KagentError):
                found = self._aside(kind.path(namespace, name))
                if dig(found, "metadata", "name") == name:
                    return kinds.hint_of(kind, namespace, name)
        return ""

    def _aside(self, path: str) -> Object:
        """What nobody asked for, and so nobody waits for."""
        return self._decoded(self._transport.send("GET", path, timeout=_ASIDE, once=True), path, None)

    def service(self, namespace: str, name: str) -> Proxied:
        return Proxied(namespace, name, self._transport)

    # Answers

    def _object(
        self,
        method: str,
        resource: Resource,
        path: str,
        query: Mapping[str, str | None] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        def answer() -> Object:
            headers = {"Accept": accept}
            response = self._transport.send(method, path, query, body, content_type, headers=headers)
            return self._decoded(response, path, resource)

        if resource is AGENT and self._unsaid:
            return both(answer, self._say_which_kagent)[0]
        return answer()

    def _say_which_kagent(self) -> None:
        """Once, where it is one whose controller takes no agents up."""
        with suppress(IndexError):  # it was said, perhaps by another thread just now
            warn = self._unsaid.pop()
            if said := kinds.newer(self):
                warn(said)

    def _decoded(self, response: urllib3.BaseHTTPResponse, path: str, resource: Resource | None) -> Object:
        answers.check_api(response, self.host, resource)
        found = answers.decode(answers.whole(response, self.host), path, cut=True)
        if found.get("kind") == "Status" and found.get("status") != "Success":  # as client-go reads it
            raise refusal(found, 0, resource)
        return found


def _event(line: bytes, resource: Resource) -> Object:
    """A watch event whose object is one. Raises what an ERROR event means."""
    watch = f"the watch on {resource.full_name}"
    event = answers.decode(line, watch, cut=True)
    type_, obj = event.get("type"), event.get("object")
    if not isinstance(type_, str) or not isinstance(obj, dict):
        raise KagentError(f"{watch} answered with something that is not an event: {line[:80]!r}")
    if type_ == "ERROR":
        raise refusal(obj, 0, resource)
    if type_ != "BOOKMARK":
        checked(resource, obj)
    return event
