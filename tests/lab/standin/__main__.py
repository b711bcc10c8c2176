"""`python -m tests.lab.standin`: run the stand-in controller, in a pod or on the host.

Its environment is the real controller's (settings.py), and
    STANDIN_DATABASE       the SQLite file for sessions and tasks; without it they end with the process
    KUBE_API, KUBE_CA_FILE, KUBE_TOKEN_FILE or KUBE_CLIENT_CERT and KUBE_CLIENT_KEY
                           the API server for a process on the host; a pod has its service account
"""

import asyncio
import logging
import os
import signal
from datetime import UTC, datetime

from tests.lab.standin import logs
from tests.lab.standin.a2a import A2ADoor
from tests.lab.standin.controller import Controller
from tests.lab.standin.conversations import Conversations
from tests.lab.standin.kube import Endpoint, Kube
from tests.lab.standin.listings import Listings
from tests.lab.standin.server import Server, application
from tests.lab.standin.settings import Settings
from tests.lab.standin.store import Store
from tests.lab.standin.tracing import Tracing

_LOG = logging.getLogger("setup")


async def _run() -> None:
    settings = Settings.from_environment(os.environ)
    host, _, port = os.environ.get("HTTP_SERVER_ADDRESS", ":8083").rpartition(":")
    store = Store(os.environ.get("STANDIN_DATABASE", ":memory:"))
    kube = Kube(Endpoint.from_environment(os.environ))
    controller = Controller(kube, store, settings, lambda: datetime.now(UTC))
    a2a = A2ADoor(controller.cache, store, settings.a2a_base_url, os.environ.get("KAGENT_A2A_DEBUG_ADDR", ""))
    listings, conversations = Listings(controller.cache, store), Conversations(controller.cache, store)
    app, tracing = application(listings, conversations, a2a), None
    if settings.otel.get("OTEL_TRACING_ENABLED") == "true":
        tracing = Tracing(controller.cache, settings.namespace)
        app = tracing.around(app)
    server = Server(app, host or "0.0.0.0", int(port))
    _LOG.info("Starting the stand-in for the KAgent Controller, a test double")
    if settings.go_image == settings.python_image:
        _LOG.info("no Go runtime: agents with runtime go run the Python image, with the Go runtime's probe")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work = [asyncio.create_task(server.serve()), asyncio.create_task(controller.run())]
    await asyncio.wait([asyncio.create_task(stop.wait()), *work], return_when=asyncio.FIRST_COMPLETED)
    await a2a.close()
    if tracing:
        tracing.close()
    store.close()
    if not stop.is_set():
        await asyncio.gather(*(task for task in work if task.done()))
        raise SystemExit("the stand-in controller ended by itself")


def main() -> None:
    logs.start()
    asyncio.run(_run())


if __name__ == "__main__":
    main()
