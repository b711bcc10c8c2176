"""The A2A door: JSON-RPC 0.3 passed on to the agent's Service, streams unbuffered."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.lab.standin.answers import plain_json, text_error, user_of
from tests.lab.standin.cache import Cache
from tests.lab.standin.card import agent_card
from tests.lab.standin.gojson import compact
from tests.lab.standin.kinds import AGENT, Key
from tests.lab.standin.sources import NotFound
from tests.lab.standin.store import Store

_CARD = ".well-known/agent-card.json"
_PASSED_ON = ("content-type", "authorization", "traceparent", "tracestate")
_STREAMING = ("message/stream", "tasks/resubscribe")
_TASK_NOT_FOUND, _INTERNAL_ERROR = -32001, -32603


class A2ADoor:
    def __init__(self, cache: Cache, store: Store, base_url: str, dial: str) -> None:
        """`dial` (host:port) replaces every agent's address: a process on the host knows no Service names."""
        self._cache = cache
        self._store = store
        self._base_url = base_url
        self._dial = dial
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=30), trust_env=False, limits=limits
        )

    def routes(self) -> list[Route]:
        path = "/api/a2a/{namespace}/{name}"
        return [
            Route(f"{path}/{_CARD}", self.card, methods=["GET"]),
            Route(path, self.call, methods=["POST"]),
            Route(f"{path}/", self.call, methods=["POST"]),
        ]

    async def close(self) -> None:
        await self._client.aclose()

    async def card(self, request: Request) -> Response:
        key = Key(request.path_params["namespace"], request.path_params["name"])
        try:
            agent = self._cache.get(AGENT, key)
        except NotFound:
            return _unknown(key)
        url = f"{self._base_url}/api/a2a/{key}/"
        return Response(agent_card(agent, url), media_type="application/json")

    async def call(self, request: Request) -> Response:
        key = Key(request.path_params["namespace"], request.path_params["name"])
        try:
            self._cache.get(AGENT, key)
        except NotFound:
            return _unknown(key)
        version = request.headers.get("a2a-version", "0.3")
        if version != "0.3":
            return text_error(f'unsupported A2A version "{version}"', 400)
        body = await request.body()
        rpc = _parsed(body)
        if rpc.get("method") == "tasks/get":
            return self._stored_task(rpc, user_of(request))
        return await self._pass_on(key, request, body, rpc)

    def _stored_task(self, rpc: dict[str, Any], user: str) -> Response:
        """Tasks are answered from the store, never by the agent, which may have restarted."""
        task = self._store.task((rpc.get("params") or {}).get("id", ""), user)
        if task is None:
            return plain_json(_rpc_error(rpc, _TASK_NOT_FOUND, "task not found"))
        return plain_json({"jsonrpc": "2.0", "id": rpc.get("id"), "result": json.loads(task)})

    async def _pass_on(self, key: Key, request: Request, body: bytes, rpc: dict[str, Any]) -> Response:
        address = self._dial or f"{key.name}.{key.namespace}:8080"
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        headers |= {"x-user-id": user_of(request), "accept": "application/json, text/event-stream"}
        outgoing = self._client.build_request("POST", f"http://{address}/", content=body, headers=headers)
        try:
            upstream = await self._client.send(outgoing, stream=True)
        except httpx.HTTPError as error:
            reason = f'Post "http://{address}": {str(error) or type(error).__name__}'
            failure = _rpc_error(rpc, _INTERNAL_ERROR, f"failed to send HTTP request: {reason}")
            return _event(failure) if rpc.get("method") in _STREAMING else plain_json(failure)
        passed_back = {
            name: upstream.headers[name]
            for name in ("content-type", "cache-control")
            if name in upstream.headers
        }
        return StreamingResponse(_chunks(upstream), upstream.status_code, passed_back)


async def _chunks(upstream: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in upstream.aiter_raw():
            yield chunk
    finally:
        await upstream.aclose()


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        rpc = json.loads(body)
    except ValueError:
        return {}  # the agent says what is wrong with it
    return rpc if isinstance(rpc, dict) else {}


def _unknown(key: Key) -> Response:
    return text_error(f"Agent {key} not found", 404)


def _rpc_error(rpc: dict[str, Any], code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": rpc.get("id"), "error": {"code": code, "message": message}}


def _event(answer: dict[str, Any]) -> Response:
    return Response(f"data: {compact(answer)}\n\n", media_type="text/event-stream")
