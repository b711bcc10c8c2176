"""Ask a server of tools itself: MCP over streamable HTTP, as the official package speaks it.

It waits for answers only: the stream on which a server may talk by itself is never opened.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from kubectl_kagent.cluster.answers import BODY_LIMIT, LINE_LIMIT
from kubectl_kagent.cluster.headers import header_bytes
from kubectl_kagent.cluster.http import CONNECT_SECONDS, Access, shown
from kubectl_kagent.cluster.request_log import logged
from kubectl_kagent.decoding import json_object
from kubectl_kagent.errors import KagentError, NotFound, TimedOut
from kubectl_kagent.model.tool_server import Tool

if TYPE_CHECKING:
    import httpx2
    from mcp import Client

T = TypeVar("T")
_PAGES = 100
# How often a request is sent through the API server's proxy until it meets the pod of its session: enough for
# ten pods.
_PICKS = 40
_SESSION = "mcp-session-id"
# With 400 a server says so that it has no such session: one on an older Python SDK of MCP in bare words, the
# example of its TypeScript SDK (simpleStreamableHttp.ts) and its copies in an error of that code.
_NO_SESSION = "bad request: no valid session id provided"
_NO_SESSION_CODE = -32000
# What a talk comes to need, loaded before it begins: that is to take none of the server's time.
_OF_A_TALK = ("mcp.client.streamable_http", "httpcore2")
_OF_A_CALL = (*_OF_A_TALK, "jsonschema")  # which looks at arguments and answers


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool answered: its text, whether it failed, and all of it as sent."""

    text: str
    failed: bool
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server behind ``access``; ``name`` is what to call it, ``timeout`` (seconds) for the whole talk."""

    name: str
    access: Access
    timeout: float

    def tools(self) -> tuple[Tool, ...]:
        """All tools that it offers, with their schemas."""
        return self._talk(_list)

    def call(self, name: str, arguments: Callable[[tuple[Tool, ...]], Mapping[str, Any]]) -> Result:
        """Call a tool with what ``arguments`` makes of the tools there are; what it raises ends it.

        A failure that leaves open what the tool has done says so.
        """
        called = False

        async def call(client: Client) -> Result:
            nonlocal called
            given = dict(arguments(await _list(client)))
            called = True
            answer = await client.call_tool(name, given)
            texts = [part.text for part in answer.content if part.type == "text"]
            raw = answer.model_dump(by_alias=True, mode="json", exclude_unset=True)
            return Result("\n".join(texts), answer.is_error, raw)

        try:
            return self._talk(call, _OF_A_CALL)
        except KagentError as error:
            if called and error.open:
                error.message += f": whether tool {name} was carried out is not known"
            raise

    def _talk(self, ask: Callable[[Client], Awaitable[T]], needed: Iterable[str] = _OF_A_TALK) -> T:
        """Open a session, ask, and end it; once more when the server has forgotten the session meanwhile."""
        import anyio

        for name in needed:
            import_module(name)
        logging.getLogger("mcp").handlers = [logging.NullHandler()]  # what matters of it is raised here
        heard = _Heard()

        async def talk() -> T:
            async with _session(self.access, self.name, heard) as client:
                return await ask(client)

        async def run() -> T:
            with anyio.fail_after(self.timeout):
                try:
                    return await talk()
                except Exception:
                    if not heard.forgotten:
                        raise
                    heard.forgotten = False
                    heard.refusals.clear()
                    return await talk()

        try:
            return anyio.run(run)
        except Exception as error:  # a package and a server of others: whatever comes is explained
            raise self._explained(error, heard.refusals) from error

    def _explained(self, error: Exception, refusals: list[KagentError]) -> KagentError:
        import httpx2
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        from kubectl_kagent.cluster.unreachable import unreachable

        unsent = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)

        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, KagentError):
            return error
        if refusals:
            return refusals[0]
        if isinstance(error, TimeoutError):
            late = f"{self.name} did not answer within {self.timeout:g}s"
            return _open(TimedOut(late, hint="--timeout=2m waits longer"))
        of_socks = type(error).__module__.startswith("socksio.")  # httpx2 passes it on as it is
        if of_socks or isinstance(error, httpx2.HTTPError):
            host = httpx2.URL(self.access.url).netloc.decode()
            proxy = self.access.proxy
            found = unreachable(host, error, of_cluster=not self.access.direct, proxy=proxy)
            return found if of_socks or isinstance(error, unsent) else _open(found)
        said = " ".join(str(error.message if isinstance(error, MCPError) else error).split())
        said = said.partition(" For further information")[0][:300]
        if isinstance(error, MCPError) and not said.startswith("Failed to parse"):
            answered = KagentError(f"{self.name} answered with an error: {said}")
            return _open(answered) if error.code == CONNECTION_CLOSED else answered
        return _open(
            KagentError(
                f"{self.name} answered with something that is not MCP: {said or type(error).__name__}"
            )
        )


@dataclass(slots=True)
class _Heard:
    """What the package does not tell: each refusal, and whether the last question met no session."""

    refusals: list[KagentError] = field(default_factory=list)
    forgotten: bool = False


def _open(error: KagentError) -> KagentError:
    """What an answer that is lost or unreadable leaves open."""
    error.open = True
    return error


async def _list(client: Client) -> tuple[Tool, ...]:
    found: list[Tool] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await client.list_tools(cursor=cursor, cache_mode="bypass")
        found += [Tool(item.name, item.description or "", item.input_schema) for item in page.tools]
        cursor = page.next_cursor
        if cursor is None:
            return tuple(found)
    raise KagentError(f"the list of tools has more than {_PAGES} pages: longer than any valid answer")


@asynccontextmanager
async def _session(access: Access, name: str, heard: _Heard) -> AsyncIterator[Client]:
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    recording = _recording_transport(access, name, heard)
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    headers = [(name.encode(), header_bytes(name, value)) for name, value in access.headers]
    async with httpx2.AsyncClient(
        transport=recording, headers=headers, timeout=timeout, trust_env=False
    ) as http:
        transport = streamable_http_client(access.url, http_client=http, max_sse_event_size=LINE_LIMIT)
        async with Client(transport, mode="legacy") as client:
            yield client


def _recording_transport(access: Access, name: str, heard: _Heard) -> httpx2.AsyncBaseTransport:
    """Sends requests with the access's TLS, and notes what is refused: the package tells only that it was."""
    import httpx2

    from kubectl_kagent.cluster.proxied import ONE_ANSWER
    from kubectl_kagent.cluster.refusals import refusal, service_refusal, status_in

    def noted(message: str) -> KagentError:
        heard.refusals.append(_open(KagentError(message)))
        return heard.refusals[-1]

    class Limited(httpx2.AsyncByteStream):
        """An answer that ends with an error where it is longer than one can be."""

        def __init__(self, stream: Any) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for piece in self._stream:
                size += len(piece)
                if size > BODY_LIMIT:
                    raise noted(
                        f"{name} answered with more than {BODY_LIMIT} bytes: longer than any valid answer"
                    )
                yield piece

        async def aclose(self) -> None:
            await self._stream.aclose()

    class _RecordingTransport(httpx2.AsyncHTTPTransport):
        _authorization = ""  # that of the access, until it was refused
        _tried = 1  # how often at most, until an answer came

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.method == "GET":
                return httpx2.Response(405)  # its own talk is not wanted
            request.headers.update(ONE_ANSWER)
            if access.server_name:
                request.extensions["sni_hostname"] = access.server_name
            request.headers["Accept-Encoding"] = "identity"
            response = await self._where_its_session_is(request)
            if response.headers.get("content-encoding", "identity") != "identity":
                raise noted(f"{name} answered in an encoding that was not asked for")
            if response.status_code < 300 or request.method == "DELETE":
                return response
            body, kind = await response.aread(), response.headers.get("content-type", "")
            if b'"jsonrpc"' not in body:  # that would be the server's own words, which the package reads
                status = status_in(body)
                found = (
                    refusal(status, response.status_code, None)
                    if status
                    else service_refusal(response.status_code, kind, body, name)
                )
                if isinstance(found, NotFound) and not status:
                    found = KagentError(f"{name} has no MCP server at its path: {found.message}")
                heard.refusals.append(found)
            return httpx2.Response(response.status_code, headers={"content-type": kind}, content=body)

        async def _where_its_session_is(self, request: httpx2.Request) -> httpx2.Response:
            """The answer of the pod that has the session; at its own address that of the server.

            The API server's proxy picks a pod for each request. One that does not know the session says 404,
            or 400 as the example of MCP's TypeScript SDK does, and has done nothing. When none of them knows
            it, another one is begun, as MCP has it. Some servers say 404 to every DELETE: that is sent no
            more often than a question was.
            """
            picks = _PICKS if request.method == "POST" else self._tried
            for tried in range(1, 2 if access.direct or heard.forgotten else picks + 1):
                response = await self._answer(request)
                if _SESSION not in request.headers or not await _is_of_no_session(response):
                    if request.method == "POST":  # a DELETE ends the session that was forgotten
                        heard.forgotten = False
                    self._tried = max(self._tried, tried)
                    return response
                if status_in(await response.aread()):
                    return response  # it is the API server that knows no such Service
            if request.method == "POST":
                heard.forgotten = True
            return response

        async def _answer(self, request: httpx2.Request) -> httpx2.Response:
            """Once more with other credentials, if there are any, when the API server refuses ours."""
            if self._authorization:
                request.headers["Authorization"] = self._authorization
            response = await self._sent(request)
            if response.status_code != 401 or not status_in(await response.aread()):
                return response
            try:
                found = access.renew(request.headers.get("Authorization", ""))
            except KagentError as error:
                heard.refusals.append(error)
                raise
            if found is None:
                return response
            if found:  # else it is a certificate that is new
                self._authorization = request.headers["Authorization"] = found
            return await self._sent(request)

        async def _sent(self, request: httpx2.Request) -> httpx2.Response:
            with logged(request.method, shown(str(request.url))) as answer_is:
                response = await super().handle_async_request(request)
                answer_is(response.status_code)
            response.stream = Limited(response.stream)
            return response

    async def _is_of_no_session(response: httpx2.Response) -> bool:
        """Words alone prove nothing: a tool may have done its work, and fail for a session of its own."""
        if response.status_code == 400:
            body = await response.aread()
            found = json_object(body)
            error = found.get("error")
            if not isinstance(error, dict):
                return body.decode(errors="replace").strip().lower() == _NO_SESSION
            said = str(error.get("message")).lower()
            code, of = error.get("code"), found.get("id")
            return code == _NO_SESSION_CODE and of is None and said.startswith(_NO_SESSION)
        return bool(response.status_code == 404)

    return _RecordingTransport(
        verify=access.tls if access.tls is not None else True, proxy=access.proxy or None
    )
