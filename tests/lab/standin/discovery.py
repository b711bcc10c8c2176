"""Keeps the list of tools that each tool server offers."""

from collections.abc import Callable
from datetime import datetime

from tests.lab.standin import mcp
from tests.lab.standin.cache import Cache
from tests.lab.standin.gojson import seconds
from tests.lab.standin.kinds import REMOTE_MCP_SERVER, Key, Kind, Object, key_of
from tests.lab.standin.kube import Kube
from tests.lab.standin.references import as_remote_server
from tests.lab.standin.sources import NotFound, ReconcileError, resolve_headers
from tests.lab.standin.status import tool_server_status
from tests.lab.standin.store import Store
from tests.lab.standin.triggers import is_tool_server

_TIMEOUT = "30s"


class ToolDiscovery:
    """Reconciles the servers of one kind; only a RemoteMCPServer has a status of ours."""

    def __init__(
        self,
        kind: Kind,
        kube: Kube,
        cache: Cache,
        store: Store,
        refresh_seconds: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._kind = kind
        self._kube = kube
        self._cache = cache
        self._store = store
        self._refresh_seconds = refresh_seconds
        self._clock = clock

    async def __call__(self, key: Key) -> float | None:
        try:
            server = self._cache.get(self._kind, key)
        except NotFound:
            self._store.forget_server(str(key), self._kind.qualified_name)
            return None
        if not is_tool_server(self._kind, server):
            return None
        error = await self._probe(server)
        if self._kind is REMOTE_MCP_SERVER:
            await self._update_status(key, error)
        elif error:
            raise ReconcileError(error)
        return self._refresh_seconds

    async def _probe(self, server: Object) -> str:
        """Stores the tools; the answer is what went wrong, or nothing."""
        name = str(key_of(server))
        description = server["spec"].get("description", "N/A")
        self._store.save_server(name, self._kind.qualified_name, description)
        try:
            tools = await self._tools(as_remote_server(self._kind, server))
        except (ReconcileError, NotFound) as error:
            return f"failed to fetch tools for toolServer {name}: {error}"
        self._store.replace_tools(name, self._kind.qualified_name, tools)
        return ""

    async def _tools(self, server: Object) -> list[Object]:
        spec, key = server["spec"], key_of(server)
        if spec.get("protocol") == "SSE":
            raise ReconcileError("the stand-in controller does not speak to servers with protocol SSE")
        headers = resolve_headers(spec.get("headersFrom", []), key.namespace, self._cache)
        try:
            return await mcp.list_tools(spec["url"], headers, seconds(spec.get("timeout", _TIMEOUT)))
        except ReconcileError as error:
            raise ReconcileError(f"failed to connect client for toolServer {key}: {error}") from None

    async def _update_status(self, key: Key, error: str) -> None:
        server = await self._kube.get(REMOTE_MCP_SERVER, key)
        if server is None:
            return
        tools = self._store.tools_of(str(key), self._kind.qualified_name)
        status = tool_server_status(server, tools, error, self._clock())
        if status is not None:
            await self._kube.update(REMOTE_MCP_SERVER, server | {"status": status}, subresource="/status")
