"""The only module that sends requests to the API server: objects in, objects out, errors explained."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from kubernetes.client import ApiClient, Configuration

from kubectl_kagent.cluster.refusals import refusal, unreachable
from kubectl_kagent.errors import (
    KagentError,
    Unreachable,
)
from kubectl_kagent.model.resources import POD, Resource

Object = dict[str, Any]

_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"


class ApiServer:
    """A connected cluster. ``namespace`` is the one to use when the command line names none."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        namespace: str,
        impersonate: tuple[tuple[str, str], ...] = (),
        timeout: float | None = None,
    ) -> None:
        self.namespace = namespace
        self._configuration = configuration
        self._url = configuration.host  # reading the credentials resets the configuration to the kubeconfig's
        self._impersonate = impersonate
        self._timeout = timeout
        self._pool = ApiClient(configuration).rest_client.pool_manager
        if not configuration.verify_ssl:  # the user asked for it: no warning at each request, as with kubectl
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    @property
    def host(self) -> str:
        return urlsplit(self._url).netloc or self._url

    # Objects

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        return self._object("GET", resource, resource.path(namespace, name))

    def list_objects(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
        at: str | None = None,
    ) -> Object:
        """The list object. ``at`` reads the past: exactly that resource version (Expired when compacted)."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        if at:
            query |= {"resourceVersion": at, "resourceVersionMatch": "Exact"}
        return self._object("GET", resource, resource.path(namespace), query)

    def create(
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object:
        query = {"fieldManager": manager, "dryRun": "All" if dry_run else None}
        return self._object("POST", resource, resource.path(namespace), query, body)

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
        """JSON merge patch; a ``metadata.resourceVersion`` in it is a precondition (Conflict when stale)."""
        query = {"fieldManager": manager, "dryRun": "All" if dry_run else None}
        return self._object("PATCH", resource, resource.path(namespace, name), query, patch, _MERGE)

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
        query = {"fieldManager": manager, "dryRun": "All" if dry_run else None}
        return self._object("PATCH", resource, resource.path(namespace, name), query, patch, _JSON_PATCH)

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        self._object("DELETE", resource, resource.path(namespace, name))

    def watch(
        self,
        resource: Resource,
        namespace: str | None,
        since: str,
        *,
        seconds: int,
        fields: str | None = None,
    ) -> Iterator[Object]:
        """Watch events after resource version ``since`` until the server ends the stream.

        Raises Expired when ``since`` is too old, Unreachable when the connection breaks.
        """
        query = {
            "watch": "true",
            "resourceVersion": since,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
            "fieldSelector": fields,
        }
        response = self._send("GET", resource.path(namespace), query, timeout=seconds + 30, stream=True)
        try:
            self._check(response, resource)
            for line in _lines(response):
                event = _decode(line, f"the watch on {resource.full_name}")
                if event["type"] == "ERROR":
                    raise refusal(event["object"], 0, resource)
                yield event
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"the watch on {resource.full_name} broke: {error}") from error
        finally:
            response.close()

    def pod_log(self, namespace: str, pod: str, container: str, *, previous: bool = False, tail: int) -> str:
        """The last ``tail`` lines of a container's log; ``previous`` reads its run before this one."""
        query = {"container": container, "previous": str(previous).lower(), "tailLines": str(tail)}
        response = self._send("GET", f"{POD.path(namespace, pod)}/log", query)
        self._check(response, POD)
        return response.data.decode(errors="replace")

    def server_version(self) -> Object:
        return self._raw("GET", "/version")

    def username(self) -> str:
        """Who the API server takes us for; empty when it will not say."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            review = self._raw("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
        except KagentError:
            return ""
        return str(review.get("status", {}).get("userInfo", {}).get("username", ""))

    def service(
        self,
        method: str,
        namespace: str,
        service: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Object:
        """JSON from an HTTP service in the cluster, through the API server's service proxy.

        ``service`` is ``NAME:PORT``.
        """
        url = f"/api/v1/namespaces/{namespace}/services/{service}/proxy{path}"
        return self._raw(method, url, body, timeout=timeout)

    def service_stream(
        self,
        namespace: str,
        service: str,
        path: str,
        body: Mapping[str, Any],
        *,
        timeout: float,
    ) -> Iterator[bytes]:
        """The lines of an HTTP service's answer to a POST as they come; ``timeout`` is the longest silence.

        The proxy streams unbuffered. Raises Unreachable when the stream breaks, KagentError when the
        answer is no event stream.
        """
        url = f"/api/v1/namespaces/{namespace}/services/{service}/proxy{path}"
        response = self._send("POST", url, None, body, timeout=timeout, stream=True)
        try:
            self._check(response, None)
            kind = response.headers.get("Content-Type", "")
            if not kind.startswith("text/event-stream"):
                start = response.read(200, decode_content=True)
                raise KagentError(
                    f"{path} answered with {kind or 'no content type'}, not an event stream: {start!r}",
                    hint="is a login page or another server behind this address?",
                )
            yield from _lines(response)
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"the stream from {path} broke: {error}") from error
        finally:
            response.close()

    # The wire

    def _object(
        self,
        method: str,
        resource: Resource,
        path: str,
        query: Mapping[str, str | None] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Object:
        response = self._send(method, path, query, body, content_type)
        self._check(response, resource)
        return _decode(response.data, path)

    def _raw(self, method: str, path: str, body: Any = None, *, timeout: float | None = None) -> Object:
        response = self._send(method, path, None, body, timeout=timeout)
        self._check(response, None)
        return _decode(response.data, path)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | None] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float | None = None,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, with its whole body unless ``stream``: a break while it is read is explained too."""
        url = self._url + path
        given = {key: value for key, value in (query or {}).items() if value is not None}
        if given:
            url += ("&" if "?" in url else "?") + urlencode(given)
        try:
            return self._pool.request(
                method,
                url,
                headers=self._headers(content_type if body is not None else None),
                body=None if body is None else _encode(body),
                timeout=urllib3.Timeout(connect=self._timeout or 10, read=timeout or self._timeout or 60),
                retries=False,
                preload_content=not stream,
            )
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self.host, error) from error

    def _headers(self, content_type: str | None) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict({"Accept": "application/json", "User-Agent": "kubectl-kagent"})
        if content_type:
            headers["Content-Type"] = content_type
        auth = self._configuration.auth_settings().get("BearerToken")
        if auth and auth["value"]:
            headers["Authorization"] = str(auth["value"])
        elif self._configuration.username:
            headers["Authorization"] = str(self._configuration.get_basic_auth_token())
        for name, value in self._impersonate:
            headers.add(name, value)  # a group is a header of its own each time
        return headers

    def _check(self, response: urllib3.BaseHTTPResponse, resource: Resource | None) -> None:
        if response.status < 400:
            return
        data = response.data
        try:
            status = json.loads(data)
        except ValueError:
            status = {}
        if not isinstance(status, dict) or status.get("kind") != "Status":
            text = " ".join(data.decode(errors="replace").split())
            status = {"message": text[:300] or f"HTTP {response.status}"}
        raise refusal(status, response.status, resource)


def _encode(body: Any) -> bytes:
    """JSON in the API server's own spelling: compact, and with ``<``, ``>`` and ``&`` escaped.

    It keeps the data of a ControllerRevision as the bytes that were sent, and compares them with its own
    spelling at the next patch: any other one makes even a new annotation a change of immutable data.
    """
    text = json.dumps(body, separators=(",", ":"))
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode()


def _decode(data: bytes, path: str) -> Object:
    try:
        value = json.loads(data)
    except ValueError as error:
        text = data[:80].decode(errors="replace").strip()
        raise KagentError(
            f"{path} answered with something that is not JSON: {text!r}",
            hint="is a login page or another server behind this address?",
        ) from error
    if not isinstance(value, dict):
        raise KagentError(f"{path} answered with {type(value).__name__}, not an object")
    return value


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Lines as they come; ``stream`` would wait for a full buffer."""
    pending = b""
    while chunk := response.read1():
        *complete, pending = (pending + chunk).split(b"\n")
        yield from (line for line in complete if line.strip())
