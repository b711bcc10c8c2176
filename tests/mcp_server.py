"""A real MCP server on loopback, with sessions, in this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError


@dataclass
class Running:
    """Where it is, and the requests that came: method, and the headers by lower-case name."""

    url: str
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def running() -> Iterator[Running]:
    server = MCPServer("clock")
    for tool in (get_time, add, boom, escape, pile):
        server.tool()(tool)
    app = server.streamable_http_app()
    listener = socket.create_server(("127.0.0.1", 0))
    found = Running(f"http://127.0.0.1:{listener.getsockname()[1]}")

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = {key.decode().lower(): value.decode() for key, value in scope["headers"]}
            found.requests.append((scope["method"], headers))
        await app(scope, receive, send)

    config = uvicorn.Config(noting, log_level="critical", ws="none")
    program = uvicorn.Server(config)
    thread = threading.Thread(target=program.run, args=([listener],))
    thread.start()
    try:
        yield found
    finally:
        program.should_exit = True
        thread.join()


def get_time(timezone: str = "UTC") -> str:
    """The time of day."""
    return f"08:00 ({timezone})"


def add(a: int, b: float, unit: str | None = None, more: list[int] | None = None) -> str:
    """A sum."""
    return repr((a, b, unit, more))


def boom() -> str:
    """Always fails."""
    raise ToolError("boom: \x1b[2Jno")


def escape() -> str:
    """Tells a terminal to clear itself."""
    return "\x1b[2J\x07done"


def pile() -> str:
    """More than fits into the package's own limit for an event."""
    return "x" * 3_000_000
