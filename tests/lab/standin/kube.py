"""The API server over plain HTTPS: read, write, list and watch JSON objects."""

import json
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.lab.standin.kinds import Key, Kind, Object, key_of

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# An API server that restarts may leave a connection attempt hanging; the next one finds it.
_CONNECT_SECONDS = 2
_TIMEOUT = httpx.Timeout(30, connect=_CONNECT_SECONDS)
_WATCH_SECONDS = 300


class KubeError(Exception):
    """An answer of the API server other than success; its text is the server's own message."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Endpoint:
    url: str
    ca_file: Path
    token_file: Path | None = None
    client_certificate: tuple[str, str] | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Endpoint":
        """KUBE_API with its files for a process on the host, else the pod's service account."""
        if "KUBE_API" in environment:
            token = environment.get("KUBE_TOKEN_FILE")
            certificate = environment.get("KUBE_CLIENT_CERT")
            return cls(
                url=environment["KUBE_API"],
                ca_file=Path(environment["KUBE_CA_FILE"]),
                token_file=Path(token) if token else None,
                client_certificate=(certificate, environment["KUBE_CLIENT_KEY"]) if certificate else None,
            )
        host = environment["KUBERNETES_SERVICE_HOST"]
        host = f"[{host}]" if ":" in host else host
        port = environment.get("KUBERNETES_SERVICE_PORT", "443")
        return cls(f"https://{host}:{port}", _SERVICE_ACCOUNT / "ca.crt", _SERVICE_ACCOUNT / "token")


class Kube:
    def __init__(self, endpoint: Endpoint) -> None:
        context = ssl.create_default_context(cafile=os.fspath(endpoint.ca_file))
        if endpoint.client_certificate:
            context.load_cert_chain(*endpoint.client_certificate)
        self._token_file = endpoint.token_file
        self._client = httpx.AsyncClient(
            base_url=endpoint.url,
            verify=context,
            timeout=_TIMEOUT,
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        )

    async def get(self, kind: Kind, key: Key) -> Object | None:
        try:
            found: Object = await self._call("GET", kind.path(*key))
            return found
        except KubeError as error:
            if error.code == 404:
                return None
            raise

    async def list(self, kind: Kind) -> tuple[list[Object], str]:
        """All objects of the kind, and the version to watch from."""
        listed = await self._call("GET", kind.path())
        return listed["items"], listed["metadata"]["resourceVersion"]

    async def create(self, kind: Kind, obj: Object) -> Object:
        stored: Object = await self._call("POST", kind.path(key_of(obj).namespace), obj)
        return stored

    async def update(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        stored: Object = await self._call("PUT", kind.path(*key_of(obj)) + subresource, obj)
        return stored

    async def delete(self, kind: Kind, obj: Object) -> None:
        body = {"preconditions": {"uid": obj["metadata"]["uid"]}}
        await self._call("DELETE", kind.path(*key_of(obj)), body)

    async def watch(self, kind: Kind, resource_version: str) -> AsyncIterator[Object]:
        """Events until the server ends the watch; KubeError 410 when the version is too old."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        timeout = httpx.Timeout(_WATCH_SECONDS + 30, connect=_CONNECT_SECONDS)
        async with self._client.stream(
            "GET", kind.path(), params=query, headers=self._headers(), timeout=timeout
        ) as response:
            if response.status_code != 200:
                await response.aread()
                raise _error(response)
            async for line in _lines(response):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise KubeError(
                        status.get("code", 500), status.get("reason", ""), status.get("message", "")
                    )
                yield event

    async def _call(self, method: str, path: str, body: Object | None = None) -> Any:
        response = await self._client.request(method, path, json=body, headers=self._headers())
        if response.is_success:
            return response.json()
        raise _error(response)

    def _headers(self) -> dict[str, str]:
        # Read every time: the kubelet replaces a pod's token before it expires.
        return {"Authorization": f"Bearer {self._token_file.read_text().strip()}"} if self._token_file else {}


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """Split at newlines only; httpx's own splitting also cuts at U+0085, which may stand in a prompt."""
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line


def _error(response: httpx.Response) -> KubeError:
    try:
        status = response.json()
        return KubeError(response.status_code, status.get("reason", ""), status["message"])
    except (ValueError, KeyError):
        return KubeError(response.status_code, "", response.text)
