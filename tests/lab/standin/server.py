"""The HTTP server: all routes, with a request log like the real controller's."""

import contextlib
import logging
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.lab.standin.a2a import A2ADoor
from tests.lab.standin.answers import ApiError, api_error, text_error
from tests.lab.standin.conversations import Conversations
from tests.lab.standin.listings import Listings

_LOG = logging.getLogger("http")


class Server(uvicorn.Server):
    """Leaves signals to the program, and drops open streams when it stops."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=0,
        )
        super().__init__(config)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def application(listings: Listings, conversations: Conversations, a2a: A2ADoor) -> ASGIApp:
    routes = [*listings.routes(), *conversations.routes(), *a2a.routes()]
    app = Starlette(routes=routes, exception_handlers={ApiError: api_error, HTTPException: _no_route})
    return _logged(app)


def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return text_error("404 page not found", 404) if error.status_code == 404 else Response(status_code=405)


def _logged(app: ASGIApp) -> ASGIApp:
    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        started, status = time.monotonic(), 0

        async def note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await app(scope, receive, note)
        finally:
            host, port = scope.get("client") or ("", 0)
            fields = {
                "method": scope.get("method"),
                "path": scope.get("path"),
                "remote_addr": f"{host}:{port}",
                "status": status,
                "duration": round(time.monotonic() - started, 6),
            }
            _LOG.info("Request completed", extra=fields)

    return run
