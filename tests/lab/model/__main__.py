"""`python -m tests.lab.model`: run the scripted model until it is stopped."""

import argparse
import contextlib
import signal
import sys

from tests.lab.model.server import open_server


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.model", description="a scripted model server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9101)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open_server(options.host, options.port) as server, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"model: http://{options.host}:{server.server_port}/v1\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
