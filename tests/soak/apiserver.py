"""The API server's HTTP over a fake cluster's objects: its paths, its queries, its Status for a refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from kubectl_kagent.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    FieldConflict,
    Forbidden,
    KagentError,
    NotFound,
    OtherServerError,
)
from kubectl_kagent.model import resources
from kubectl_kagent.model.resources import ACCESS_REVIEW, Resource
from tests.fake.cluster import FakeCluster, reviewed
from tests.fake.store import conflicts
from tests.soak.wire import Answer, Asked

HOST = "cluster.test:80"
Service = Callable[[Asked, str], Answer]

_OBJECT = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?"
)
_PROXY = re.compile(r"/api/v1/namespaces/(?P<namespace>[^/]+)/services/(?P<name>[^/]+)/proxy(?P<rest>/.*)?")
_LOG = re.compile(r"/api/v1/namespaces/(?P<namespace>[^/]+)/pods/(?P<name>[^/]+)/log")
_RESOURCES = {
    (each.group, each.version, each.plural): each
    for each in vars(resources).values()
    if isinstance(each, Resource)
}
_REASONS = {400: "BadRequest", 422: "Invalid", 500: "InternalError"}
_CODES: tuple[tuple[type[KagentError], int], ...] = (
    (NotFound, 404),
    (AlreadyExists, 409),
    (Conflict, 409),
    (Expired, 410),
    (Forbidden, 403),
)


def status(code: int, reason: str, message: str, **details: Any) -> Answer:
    """A refusal of the API server itself."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return _json({**body, "reason": reason, "code": code, "details": details}, code)


def answer(cluster: FakeCluster, service: Service, asked: Asked) -> Answer:
    """What the API server answers; ``service`` what is behind its proxy."""
    if found := _PROXY.fullmatch(asked.path):
        rest = asked.target.partition("/proxy")[2] or "/"
        proxied = Asked(
            asked.method, f"{found['name']}.{found['namespace']}", rest, asked.headers, asked.body
        )
        return service(proxied, found["namespace"])
    try:
        return _own(cluster, asked)
    except KagentError as error:
        found = _OBJECT.match(asked.path)
        return _refusal(error, *((found["name"], found["plural"]) if found else ("", "")))


def _own(cluster: FakeCluster, asked: Asked) -> Answer:
    if asked.path == "/version":
        return _json(cluster.server_version())
    root, _, group = asked.path.rpartition("/")
    if root == "/apis":
        return _json({"versions": [{"version": one} for one in cluster.group_versions(group)]})
    if found := _LOG.fullmatch(asked.path):
        return _log(cluster, found["namespace"], found["name"], asked.query)
    found = _OBJECT.fullmatch(asked.path)
    key = found and (found["group"] or "", found["version"] or found["core"], found["plural"])
    resource = _RESOURCES.get(key) if key else None
    if found is None or resource is None:
        return status(404, "NotFound", "the server could not find the requested resource")
    return _object(cluster, asked, resource, found["namespace"], found["name"])


def _object(
    cluster: FakeCluster, asked: Asked, resource: Resource, namespace: str | None, name: str | None
) -> Answer:
    query = asked.query
    chosen = {"labels": query.get("labelSelector"), "fields": query.get("fieldSelector")}
    how = {"dry_run": query.get("dryRun") == "All", "manager": query.get("fieldManager", "")}
    if asked.method == "GET" and query.get("watch"):
        since, seconds = query["resourceVersion"], int(query["timeoutSeconds"])
        events = cluster.watch(resource, namespace, since, seconds=seconds, **chosen)
        return Answer(200, _lines(events))
    if asked.method == "GET" and not name:
        if "as=PartialObjectMetadataList" in asked.headers.get("accept", ""):
            return _json(cluster.list_metadata(resource, namespace, labels=chosen["labels"]))
        return _json(cluster.list_objects(resource, namespace, **chosen, at=query.get("resourceVersion")))
    if resource is ACCESS_REVIEW:
        return _json(reviewed(cluster, asked.json()), 201)
    if asked.method == "POST":
        return _json(cluster.create(resource, namespace or "", asked.json(), **how), 201)
    if asked.method == "GET":
        return _json(cluster.get(resource, namespace, name or ""))
    if asked.method == "DELETE":
        cluster.delete(resource, namespace or "", name or "", dry_run=query.get("dryRun") == "All")
        return _json({"kind": "Status", "apiVersion": "v1", "status": "Success"})
    if "apply-patch" in asked.headers["content-type"]:
        force = query.get("force") == "true"
        return _json(cluster.apply(resource, namespace or "", asked.json(), force=force, **how))
    patch = cluster.json_patch if "json-patch" in asked.headers["content-type"] else cluster.merge_patch
    return _json(patch(resource, namespace or "", name or "", asked.json(), **how))


def _log(cluster: FakeCluster, namespace: str, pod: str, query: dict[str, str]) -> Answer:
    seconds, tail = query.get("sinceSeconds"), query.get("tailLines")
    pieces = cluster.pod_log_stream(
        namespace,
        pod,
        query["container"],
        follow=query.get("follow") == "true",
        previous=query.get("previous") == "true",
        since_time=query.get("sinceTime"),
        since_seconds=int(seconds) if seconds else None,
        tail=int(tail) if tail else None,
    )
    next(pieces)  # it is refused at once, or answered
    return Answer(200, pieces, "text/plain")


def _lines(events: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    try:
        for event in events:
            yield json.dumps(event).encode() + b"\n"
    except (Expired, OtherServerError) as error:
        yield (
            json.dumps({"type": "ERROR", "object": json.loads(_refusal(error, None, "").body)}).encode()
            + b"\n"
        )


def _refusal(error: KagentError, name: str | None, plural: str) -> Answer:
    code = next((code for kind, code in _CODES if isinstance(error, kind)), 0)
    if code:
        details: dict[str, Any] = {"name": name, "kind": plural} if name else {}
        if isinstance(error, FieldConflict):
            details |= conflicts(error.fields)["details"]
        return status(code, type(error).reason, error.message, **details)  # type: ignore[attr-defined]
    if isinstance(error, OtherServerError):
        code = next((code for code, reason in _REASONS.items() if reason == error.reason), 500)
        return status(code, error.reason, error.message)
    return status(504, "Timeout", error.message)


def _json(value: Any, code: int = 200) -> Answer:
    return Answer(code, json.dumps(value).encode())
