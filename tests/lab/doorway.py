"""The API server's address outside: a loopback port, kept for the life of the lab, and its relay."""

import socket
import sys
from pathlib import Path

from tests.lab import pki, processes
from tests.lab import relay as relay_program
from tests.lab.control_plane import API_PORT
from tests.lab.layout import Layout
from tests.lab.processes import Part


def relay(layout: Layout) -> Part:
    port = _saved_port(layout)
    # The port among the words makes a relay for another port another process.
    command = [sys.executable, str(Path(relay_program.__file__)), "127.0.0.1", str(API_PORT), f"from-{port}"]
    return Part("relay", command, lambda: _reachable(port), listener=lambda: _listen(port))


def settle_port(layout: Layout) -> None:
    """Choose a free port the first time, and again only when something else has taken ours meanwhile."""
    if processes.pid(layout, "relay") is not None:
        return
    try:
        listener = _listen(_saved_port(layout))
    except OSError:
        listener = _listen(0)
    with listener:
        (layout.state / "port").write_text(str(listener.getsockname()[1]))


def write_kubeconfig(layout: Layout) -> None:
    pki.write_kubeconfig(layout, layout.kubeconfig, "admin", _saved_port(layout))


def _saved_port(layout: Layout) -> int:
    path = layout.state / "port"
    return int(path.read_text()) if path.exists() else 0


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


def _reachable(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 3):
            return True
    except OSError:
        return False
