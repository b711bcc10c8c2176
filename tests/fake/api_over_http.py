"""A fake cluster served over HTTP, so that the real client can get any answer in the middle of a verb."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from kubectl_kagent.errors import AlreadyExists, Conflict, KagentError, NotFound
from kubectl_kagent.model import resources
from kubectl_kagent.model.resources import ACCESS_REVIEW, Resource
from tests.fake.cluster import FakeCluster, reviewed
from tests.loopback import Received, head, refused, response

Answer = bytes | Iterator[bytes]

_KINDS = {found.path(): found for found in vars(resources).values() if isinstance(found, Resource)}
_PATH = re.compile(
    r"(?P<root>/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)"
    r"(?:/(?P<name>[^/]+)(?P<rest>/.*)?)?"
)


@dataclass
class ApiOverHttp:
    """Answers as the cluster would; the request number ``odd_at`` (from 0) is answered by ``odd``."""

    cluster: FakeCluster
    odd_at: int = -1
    odd: Callable[[Received], Answer] = field(default=lambda _: b"")
    asked: list[Received] = field(default_factory=list)

    def __call__(self, received: Received) -> Answer:
        self.asked.append(received)
        if len(self.asked) - 1 == self.odd_at:
            return self.odd(received)
        try:
            return self._answer(received)
        except KagentError as error:
            codes: dict[type[KagentError], int] = {NotFound: 404, Conflict: 409, AlreadyExists: 409}
            reason = getattr(error, "reason", "") or "InternalError"
            return refused(codes.get(type(error), 400), reason, error.message, name="x")

    def _answer(self, received: Received) -> bytes:
        parts = urlsplit(received.path)
        if parts.path == "/version":
            return response(200, self.cluster.server_version())
        root, _, group = parts.path.rpartition("/")
        if root == "/apis" and (versions := self.cluster.group_versions(group)):
            return response(200, {"kind": "APIGroup", "versions": [{"version": one} for one in versions]})
        found = _PATH.fullmatch(parts.path)
        if found is None:
            return refused(404, "NotFound", "the server could not find the requested resource")
        if parts.path == ACCESS_REVIEW.path():
            return response(201, reviewed(self.cluster, json.loads(received.body)))
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        kind = _KINDS[f"{found['root']}/{found['plural']}"]
        namespace, name = found["namespace"], unquote(found["name"] or "")
        if rest := found["rest"]:
            return self._below(received, namespace, name, rest, query)
        if not name:
            chosen = [query.get(key) for key in ("labelSelector", "fieldSelector", "resourceVersion")]
            labels, fields, at = chosen
            if any("as=PartialObjectMetadataList" in value for _, value in received.headers):
                return response(200, self.cluster.list_metadata(kind, namespace, labels=labels))
            listing = self.cluster.list_objects(kind, namespace, labels=labels, fields=fields, at=at)
            return response(200, listing)
        return response(200, self.cluster.get(kind, namespace, name))

    def _below(
        self, received: Received, namespace: str, name: str, rest: str, query: dict[str, str]
    ) -> bytes:
        if rest == "/log":
            tail = int(query["tailLines"]) if "tailLines" in query else None
            pieces = self.cluster.pod_log_stream(namespace, name, query["container"], tail=tail)
            log = b"".join(pieces)
            return head(200, "Content-Type: text/plain", f"Content-Length: {len(log)}") + log
        path = rest.removeprefix("/proxy") + received.path[len(urlsplit(received.path).path) :]
        return response(200, self.cluster.service(namespace, name).call(received.method, path))


def page(status: int, kind: str = "text/html") -> bytes:
    return response(status, "<html>\n<body>Please \x1b[2J sign in.</body>\n</html>\n", kind)


def cut(status: int, body: bytes, kind: str = "application/json") -> bytes:
    """Of more that was promised."""
    return head(status, f"Content-Type: {kind}", "Content-Length: 1000") + body


def status_object(code: Any, **more: Any) -> bytes:
    return response(500, {"kind": "Status", "status": "Failure", "code": code, **more})


DEEP = '{"a":' * 50_000
# Answers that a proxy, a login page, a half-dead server or somebody hostile gives in the place of any other.
ODD: dict[str, bytes] = {
    "nothing": b"",
    "no http": b"SSH-2.0-OpenSSH_9.6\r\n",
    "headers cut": b"HTTP/1.1 200 OK\r\nContent-Ty",
    "login page": page(200),
    "login page as json": page(200, "application/json"),
    "login page as text": page(200, "text/plain"),
    "redirect": head(302, "Location: http://127.0.0.1:9/login", "Content-Length: 0"),
    "redirect with a page": page(307),
    "not modified": head(304),
    "empty": response(200, ""),
    "no content": head(204),
    "null": response(200, "null"),
    "a list": response(200, "[1, 2]"),
    "a number": response(200, "5"),
    "an empty object": response(200, {}),
    "an error as 200": response(200, {"error": "upstream timed out"}),
    "a refusal as 200": response(200, {"kind": "Status", "status": "Failure", "code": 403, "reason": "F"}),
    "items that are none": response(200, {"kind": "List", "metadata": {}, "items": {"a": 1}}),
    "nulls": response(200, {"kind": None, "metadata": None, "items": None}),
    "json cut": cut(200, b'{"kind": "List", "ite'),
    "stamp cut": cut(200, b"2026-11-23T08:00:01.0000", "text/plain"),
    "chunks cut": head(200, "Transfer-Encoding: chunked") + b"20\r\n{",
    "chunks that are none": head(200, "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n",
    "gzip that is none": head(200, "Content-Encoding: gzip", "Content-Length: 2") + b"{}",
    "refusal in gzip that is none": head(500, "Content-Encoding: gzip", "Content-Length: 2") + b"{}",
    "nested without end": response(200, DEEP),
    "refusal nested without end": response(500, DEEP),
    "no utf-8": head(200, "Content-Length: 9") + b'{"a":"\xff"}',
    "a code that is a word": status_object("abc"),
    "a code that is a list": status_object([1], details="x"),
    "details that are a list": response(404, {"kind": "Status", "code": 404, "details": [1]}),
    "a message that is none": status_object(409, message={"a": 1}, reason=[2]),
    "refusal cut": cut(500, b'{"kind": "Sta'),
    "unauthorized": page(401),
    "forbidden": page(403),
    "gone": refused(410, "Gone", "too old"),
    "too many": response(429, "slow down", "text/plain"),
    "bad gateway": page(502),
    "unavailable": response(503, "", "text/plain"),
    "teapot": response(418, "short\nand stout", "text/plain"),
}
