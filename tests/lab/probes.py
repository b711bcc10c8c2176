"""Ways to see from outside that a part serves: a connection or an HTTP answer inside the lab's network."""

import http.client
import socket
import ssl
from collections.abc import Callable

from tests.lab import network
from tests.lab.layout import Layout

TIMEOUT = 3.0


def answers(layout: Layout, url: str) -> Callable[[], bool]:
    """Ready when the address answers 200. Certificates are not checked: only whether the part is up."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")

    def probe() -> bool:
        connection = _connection(scheme, host)
        try:
            with network.inside(layout):
                connection.connect()
            connection.request("GET", f"/{path}")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return probe


def listens(layout: Layout, host: str, port: int) -> Callable[[], bool]:
    """Ready when something accepts connections on the port."""

    def probe() -> bool:
        try:
            with network.inside(layout), socket.create_connection((host, port), TIMEOUT):
                return True
        except OSError:
            return False

    return probe


def _connection(scheme: str, host: str) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(host, timeout=TIMEOUT, context=context)
    return http.client.HTTPConnection(host, timeout=TIMEOUT)
