"""Asks an MCP server (streamable HTTP) which tools it has."""

import json
from typing import Any

import httpx

from tests.lab.standin.kinds import Object
from tests.lab.standin.sources import ReconcileError

_PROTOCOL_VERSION = "2025-06-18"


async def list_tools(url: str, headers: dict[str, str], timeout: float) -> list[Object]:
    async with httpx.AsyncClient(timeout=timeout, trust_env=False, headers=headers) as client:
        session = _Session(client, url)
        try:
            await session.open()
            return await session.tools()
        except httpx.ConnectError as error:
            raise ReconcileError(_as_go_says(error, httpx.URL(url))) from None
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise ReconcileError(f"{type(error).__name__}: {error}") from None
        finally:
            await session.close()


class _Session:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url
        self._headers = {"Accept": "application/json, text/event-stream"}
        self._request_id = 0

    async def open(self) -> None:
        client = {"name": "kagent-controller", "version": "stand-in"}
        params = {"protocolVersion": _PROTOCOL_VERSION, "capabilities": {}, "clientInfo": client}
        answer = await self._request("initialize", params)
        self._headers["MCP-Protocol-Version"] = answer["protocolVersion"]
        await self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def tools(self) -> list[Object]:
        found: list[Object] = []
        cursor: dict[str, Any] = {}
        while True:
            page = await self._request("tools/list", cursor)
            found += [{"name": t["name"], "description": t.get("description") or ""} for t in page["tools"]]
            if not page.get("nextCursor"):
                return found
            cursor = {"cursor": page["nextCursor"]}

    async def close(self) -> None:
        if "Mcp-Session-Id" in self._headers:
            try:
                await self._client.delete(self._url, headers=self._headers)
            except httpx.HTTPError:
                return  # the server forgets the session on its own

    async def _request(self, method: str, params: dict[str, Any]) -> Any:
        self._request_id += 1
        body = {"jsonrpc": "2.0", "id": self._request_id, "method": method, "params": params}
        answer = _answer_of(await self._send(body), self._request_id)
        if "error" in answer:
            raise ReconcileError(f"calling {method}: {answer['error'].get('message', answer['error'])}")
        return answer["result"]

    async def _send(self, body: dict[str, Any]) -> httpx.Response:
        response = await self._client.post(self._url, json=body, headers=self._headers)
        response.raise_for_status()
        if "mcp-session-id" in response.headers:
            self._headers["Mcp-Session-Id"] = response.headers["mcp-session-id"]
        return response


def _as_go_says(error: BaseException, url: httpx.URL) -> str:
    """Where nothing listens, in the words of the controller's Go client: `check` shows them."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        why = f'Post "{url}": dial tcp {url.host}:{port}: connect: connection refused'
        return f'calling "initialize": sending "initialize": rejected by transport: {why}'
    return f"{type(error).__name__}: {error}"


def _answer_of(response: httpx.Response, request_id: int) -> Any:
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        return response.json()
    for line in response.text.split("\n"):
        if line.startswith("data:"):
            message = json.loads(line.removeprefix("data:"))
            if message.get("id") == request_id:
                return message
    raise ValueError("the event stream ended without an answer")
