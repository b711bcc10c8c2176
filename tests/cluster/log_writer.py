"""Runs in a pod as an agent: writes numbered lines once it is told to begin, until LINES, RATE a second.

``/begin`` and ``/exit`` tell it; any other path answers, so that the pod is ready.
"""

import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BEGIN = threading.Event()
TEXT = b"2026-11-22 21:50:55,530 - httpx - INFO - HTTP Request: POST http://x"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/exit":
            os._exit(3)
        if self.path == "/begin":
            BEGIN.set()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing but numbered lines is written."""


def main() -> None:
    """Write in steps of a hundredth of a second."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # the first process of a pod has no default
    threading.Thread(target=ThreadingHTTPServer(("", 8080), Handler).serve_forever, daemon=True).start()
    lines, rate = int(os.environ["LINES"]), int(os.environ["RATE"])
    if os.environ.get("AT_ONCE") != "1":
        BEGIN.wait()
    started, number, step = time.monotonic(), 0, max(1, rate // 100)
    while number < lines:
        end = min(number + step, lines)
        sys.stdout.buffer.write(b"".join(b"%08d %s\n" % (count, TEXT) for count in range(number, end)))
        sys.stdout.buffer.flush()
        number = end
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
    time.sleep(1e6)


if __name__ == "__main__":
    main()
