"""The stand-in on the wire: A2A streams, MCP probes, watches that break off, SIGTERM."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import certifi
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.lab.standin import mcp
from tests.lab.standin.a2a import A2ADoor
from tests.lab.standin.cache import Cache
from tests.lab.standin.kinds import AGENT, CONFIG_MAP, Key, Kind, Object
from tests.lab.standin.kube import KubeError
from tests.lab.standin.server import Server
from tests.lab.standin.sources import NotFound, ReconcileError
from tests.lab.standin.store import Store
from tests.lab.standin.workqueue import WorkQueue

SECONDS = 10


@contextlib.asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[int]:
    """The application on a free port of the loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = Server(app, "127.0.0.1", 0)
        running = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running
            for connection in server.server_state.connections:  # whose requests were not over
                connection.transport.abort()
            await asyncio.sleep(0)


class OneAgent:
    def get(self, kind: Kind, key: Key) -> Object:
        if kind is AGENT and key == Key("default", "echo"):
            return {"metadata": {"namespace": "default", "name": "echo"}, "spec": {}}
        raise NotFound(kind, key.name)


@contextlib.asynccontextmanager
async def door(agent_port: int) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the A2A door, in front of the agent on that port."""
    store = Store(":memory:")
    a2a = A2ADoor(OneAgent(), store, "http://controller", f"127.0.0.1:{agent_port}")
    async with (
        serving(Starlette(routes=a2a.routes())) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client
    await a2a.close()
    store.close()


def test_a_stream_arrives_event_by_event_and_headers_pass() -> None:
    seen: dict[str, str] = {}

    async def scenario() -> list[str]:
        first_arrived = asyncio.Event()

        async def agent(request: Request) -> Response:
            seen.update(request.headers)

            async def events() -> AsyncIterator[bytes]:
                yield b"data: one\n\n"
                await asyncio.wait_for(
                    first_arrived.wait(), SECONDS
                )  # a buffering proxy would never get here
                yield b"data: two\n\n"

            return StreamingResponse(events(), media_type="text/event-stream")

        lines = []
        async with (
            serving(Starlette(routes=[Route("/", agent, methods=["POST"])])) as port,
            door(port) as client,
        ):
            headers = {"x-user-id": "ann", "traceparent": "00-1-2-01", "authorization": "Bearer t"}
            rpc = {"jsonrpc": "2.0", "id": 1, "method": "message/stream"}
            path = "/api/a2a/default/echo"
            async with client.stream("POST", path, json=rpc, headers=headers) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                async for line in answer.aiter_lines():
                    lines += [line] if line else []
                    first_arrived.set()
        return lines

    assert asyncio.run(scenario()) == ["data: one", "data: two"]
    assert (seen["x-user-id"], seen["traceparent"], seen["authorization"]) == ("ann", "00-1-2-01", "Bearer t")


def test_an_agent_that_does_not_answer_is_a_json_rpc_error() -> None:
    async def scenario() -> httpx.Response:
        async with door(1) as client:
            rpc = {"jsonrpc": "2.0", "id": 5, "method": "message/send"}
            return await client.post("/api/a2a/default/echo", json=rpc)

    answer = asyncio.run(scenario())
    assert answer.status_code == 200
    assert answer.json()["id"] == 5
    assert answer.json()["error"]["code"] == -32603
    assert answer.json()["error"]["message"].startswith("failed to send HTTP request: Post ")


def tool_pages(request: dict[str, Any]) -> dict[str, Any]:
    if request["method"] == "initialize":
        return {
            "protocolVersion": "2025-03-26",
            "capabilities": {},
            "serverInfo": {"name": "s", "version": "1"},
        }
    if not request["params"].get("cursor"):
        return {"tools": [{"name": "get_time", "description": "Current time"}], "nextCursor": "more"}
    return {"tools": [{"name": "boom"}]}


@pytest.mark.parametrize("streams", [True, False])
def test_tools_are_listed_over_all_pages(*, streams: bool) -> None:
    called: list[str] = []

    async def server(request: Request) -> Response:
        if request.method == "DELETE":
            called.append(f"DELETE {request.headers['mcp-session-id']}")
            return Response()
        body = await request.json()
        called.append(body["method"])
        if "id" not in body:
            return Response(status_code=202)
        answer = {"jsonrpc": "2.0", "id": body["id"], "result": tool_pages(body)}
        headers = {"mcp-session-id": "s1"}
        if streams:
            text = f": hello\n\nevent: message\ndata: {json.dumps(answer)}\n\n"
            return Response(text, headers=headers, media_type="text/event-stream")
        return JSONResponse(answer, headers=headers)

    async def scenario() -> list[Object]:
        app = Starlette(routes=[Route("/mcp", server, methods=["POST", "DELETE"])])
        async with serving(app) as port:
            return await mcp.list_tools(f"http://127.0.0.1:{port}/mcp", {}, SECONDS)

    assert asyncio.run(scenario()) == [
        {"name": "get_time", "description": "Current time"},
        {"name": "boom", "description": ""},
    ]
    assert called == ["initialize", "notifications/initialized", "tools/list", "tools/list", "DELETE s1"]


def test_a_server_without_mcp_is_said_so() -> None:
    async def scenario() -> None:
        async with serving(Starlette()) as port:
            await mcp.list_tools(f"http://127.0.0.1:{port}/mcp", {}, SECONDS)

    with pytest.raises(ReconcileError, match="404 Not Found"):
        asyncio.run(scenario())


class Script:
    """An API server that plays one act after the other: a listing, then events, then an end or an error."""

    def __init__(self, *acts: tuple[list[Object], list[Any]]) -> None:
        self._acts = list(acts)
        self._events: list[Any] = []
        self.done = asyncio.Event()

    async def list(self, kind: Kind) -> tuple[list[Object], str]:
        items, self._events = self._acts.pop(0)
        return items, "1"

    async def watch(self, kind: Kind, version: str) -> AsyncIterator[Object]:
        for event in self._events:
            if isinstance(event, Exception):
                raise event
            yield event
        self.done.set()
        await asyncio.Event().wait()


def config_map(name: str, version: str) -> Object:
    return {"metadata": {"namespace": "ns", "name": name, "resourceVersion": version}}


def named(obj: Object | None) -> str | None:
    return obj and obj["metadata"]["name"] + obj["metadata"]["resourceVersion"]


def event(kind: str, obj: Object) -> Object:
    return {"type": kind, "object": obj}


def test_the_cache_tells_every_difference_once_across_a_new_listing() -> None:
    gone = KubeError(410, "Expired", "too old")
    first = [config_map("kept", "1"), config_map("removed", "1")]
    events = [event("ADDED", config_map("new", "2")), event("BOOKMARK", config_map("", "9")), gone]
    second = [config_map("kept", "1"), config_map("new", "3")]
    told: list[tuple[str | None, str | None]] = []

    def note(kind: Kind, old: Object | None, new: Object | None) -> None:
        told.append((named(old), named(new)))

    async def scenario() -> Cache:
        script = Script((first, events), (second, [event("DELETED", config_map("new", "4"))]))
        cache = Cache(script, note)
        following = asyncio.create_task(cache.follow(CONFIG_MAP))
        await asyncio.wait_for(script.done.wait(), SECONDS)
        following.cancel()
        return cache

    cache = asyncio.run(scenario())
    assert told == [
        (None, "kept1"),
        (None, "removed1"),
        (None, "new2"),
        ("removed1", None),
        ("new2", "new3"),
        ("new3", None),
    ]
    assert cache.get(CONFIG_MAP, Key("ns", "kept"))["kind"] == "ConfigMap"
    with pytest.raises(NotFound, match='ConfigMap "new" not found'):
        cache.get(CONFIG_MAP, Key("ns", "new"))


def test_the_queue_joins_doubles_retries_failures_and_repeats_on_request() -> None:
    worked: list[str] = []
    outcomes: dict[str, list[Any]] = {
        "fails": [ValueError("no"), ValueError("no"), None],
        "repeats": [0.0, None],
    }

    async def scenario() -> None:
        done = asyncio.Event()

        async def work(key: str) -> float | None:
            worked.append(key)
            outcome = outcomes.get(key, [None]).pop(0)
            if not any(outcomes.values()):
                done.set()
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        queue = WorkQueue("test", work)
        for key in ("once", "fails", "once", "repeats"):
            queue.add(key)
        running = asyncio.create_task(queue.run())
        await asyncio.wait_for(done.wait(), SECONDS)
        running.cancel()

    asyncio.run(scenario())
    assert sorted(worked) == ["fails", "fails", "fails", "once", "repeats", "repeats"]
    assert worked[:3] == ["once", "fails", "repeats"]


def test_the_program_waits_for_its_api_server_and_stops_at_once() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    environment = os.environ | {
        "KUBE_API": "https://127.0.0.1:1",
        "KUBE_CA_FILE": certifi.where(),
        "HTTP_SERVER_ADDRESS": f"127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", "tests.lab.standin"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as program:
        deadline = time.monotonic() + 30
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200
                break
            except httpx.HTTPError:
                assert program.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        told = time.monotonic()
        program.terminate()
        assert program.wait(SECONDS) == 0
        assert time.monotonic() - told < 2
        assert program.stderr is not None
        lines = [json.loads(line) for line in program.stderr]
    assert lines[0]["msg"] == "Starting the stand-in for the KAgent Controller, a test double"
    assert {line["controller"] for line in lines} == {"stand-in"}
    assert any(line["logger"] == "http" and line["path"] == "/health" for line in lines)
