"""The way to a server: its address, the proxy that kubectl would take, and what is said of a bad one."""

from __future__ import annotations

import base64
import gc
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from types import FrameType
from typing import Any

import pytest
from click.testing import CliRunner

from kubectl_kagent.app import cli
from kubectl_kagent.backends.mcp import McpServer
from kubectl_kagent.cluster import pool as pools
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.cluster.pool import address, environment_proxy, pool
from kubectl_kagent.errors import KagentError, Unreachable
from tests.kubeconfigs import config, refused, sent
from tests.loopback import KEPT, Loopback, Received, response, serve
from tests.relays import Relay, http_proxy, socks_proxy

NAMED_BY = "proxy-url of the cluster in the kubeconfig names the proxy, else HTTPS_PROXY or HTTP_PROXY"
MUST = "must be http, https, or socks5"


def through(server: Loopback, proxy: str, url: str | None = None) -> dict[str, Any]:
    obj = config(url or server.url)
    obj["clusters"][0]["cluster"]["proxy-url"] = proxy
    return obj


@pytest.fixture
def relay(server: Loopback) -> Iterator[Relay]:
    with http_proxy(server.address) as found:
        yield found


# A proxy of the kubeconfig


def test_a_proxy_url_is_gone_through_whatever_the_environment_says(
    write: Any, server: Loopback, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert sent(Connection(kubeconfig=write(through(server, f"http://{relay.address}"))), server)
    assert relay.asked[0].startswith(f"CONNECT {server.address} ")


@pytest.mark.parametrize(
    ("login", "credentials"),
    [
        ("jane", b"jane:"),
        ("j%C3%BCn:%C3%BC%E2%82%AC", "jün:ü€".encode()),
        ("a%3Ab:c:d", b"a:b:c:d"),
        (":pw", b":pw"),
        ("a:%ff", b"a:\xff"),
    ],
)
def test_a_login_at_a_proxy_is_written_as_go_does(
    write: Any, server: Loopback, login: str, credentials: bytes
) -> None:
    wants = f"Basic {base64.b64encode(credentials).decode()}"
    with http_proxy(server.address, wants=wants) as relay:
        obj = through(server, f"http://{login}@{relay.address}")
        assert sent(Connection(kubeconfig=write(obj)), server)


def test_a_login_at_a_socks_proxy_stays_there(write: Any, server: Loopback) -> None:
    with socks_proxy(server.address, wants="jün:p@ss") as relay:
        obj = through(server, f"socks5://j%C3%BCn:p%40ss@{relay.address}")
        received = sent(Connection(kubeconfig=write(obj)), server)
    assert "proxy-authorization" not in {name.lower() for name, _ in received.headers}


def test_a_proxy_is_told_the_name_and_password_of_its_url(write: Any, server: Loopback) -> None:
    wants = f"Basic {base64.b64encode(b'jane:p@ss').decode()}"
    with http_proxy(server.address, wants=wants) as relay:
        obj = through(server, f"http://jane:p%40ss@{relay.address}")
        assert sent(Connection(kubeconfig=write(obj)), server)
        api = connect(Connection(kubeconfig=write(through(server, f"http://jane:wrong@{relay.address}"))))
        with pytest.raises(Unreachable) as caught:
            api.server_version()
    assert caught.value.line == (
        f"error: unable to connect to the server {server.address} through the proxy http://{relay.address}: "
        "Tunnel connection failed: 407 ."
    )
    assert caught.value.hint == NAMED_BY


def failure(kubeconfig: str) -> KagentError:
    with pytest.raises(Unreachable) as caught:
        connect(Connection(kubeconfig=kubeconfig)).server_version()
    return caught.value


def failure_of_mcp(kubeconfig: str) -> KagentError:
    access = connect(Connection(kubeconfig=kubeconfig)).service("a", "b:80").access("/")
    with pytest.raises(Unreachable) as caught:
        McpServer("it", access, 60).tools()
    return caught.value


@pytest.mark.parametrize("ask", [failure, failure_of_mcp])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_nobody_is_is_named_without_its_password(
    write: Any, server: Loopback, ask: Callable[[str], KagentError], scheme: str
) -> None:
    """Or else one looks at the server, which is well."""
    error = ask(write(through(server, f"{scheme}://jane:hunter2@127.0.0.1:1", "https://api.example:6443")))
    named = scheme.replace("socks5", "socks5h")
    assert error.line == f"error: the connection to the proxy {named}://127.0.0.1:1 was refused"
    assert error.hint == NAMED_BY


# httpcore2 leaves a connection to such a proxy to the garbage collector, which warns of it
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("ask", [failure, failure_of_mcp])
@pytest.mark.parametrize(
    ("scheme", "login"), [("http", "jane:hunter2@"), ("socks5", "jane:hunter2@"), ("socks5", "")]
)
def test_a_proxy_that_refuses_us_is_named_without_its_password(
    write: Any, server: Loopback, ask: Callable[[str], KagentError], scheme: str, login: str
) -> None:
    proxied = http_proxy if scheme == "http" else socks_proxy
    with proxied(server.address, wants="jane:pw") as relay:
        url = f"{scheme}://{login}{relay.address}"
        error = ask(write(through(server, url, "https://api.example:6443")))
        line, hint = error.line, error.hint
        del error  # its traceback holds the connection
        gc.collect()
    named = f"{scheme.replace('socks5', 'socks5h')}://{relay.address}"
    said = f"error: unable to connect to the server api.example:6443 through the proxy {named}: "
    assert line.startswith(said)
    assert hint == NAMED_BY
    assert "hunter2" not in line


def test_the_certificate_of_a_proxy_is_the_proxys(write: Any, server: Loopback) -> None:
    error = failure(
        write(through(server, server.url.replace("//", "//jane:hunter2@"), "https://api.example"))
    )
    assert error.line.startswith(f"error: the certificate of the proxy {server.url} is not trusted: ")


def test_a_socks_proxy_looks_up_names_itself(write: Any, server: Loopback) -> None:
    """What is behind a bastion host has no name on this side."""
    with socks_proxy(server.address) as relay:
        obj = through(server, f"socks5://{relay.address}", "https://api.behind.example:6443")
        obj["clusters"][0]["cluster"]["tls-server-name"] = "127.0.0.1"
        assert sent(Connection(kubeconfig=write(obj)), server)
    assert relay.asked == ["api.behind.example:6443"] * 2


def test_another_client_is_given_the_proxy_too(write: Any, server: Loopback, relay: Relay) -> None:
    kubeconfig = write(through(server, f"http://jane:pw@{relay.address}"))
    access = connect(Connection(kubeconfig=kubeconfig)).service("a", "b:80").access("/")
    assert access.proxy == f"http://jane:pw@{relay.address}"


@pytest.mark.parametrize(
    ("proxy", "line"),
    [
        ("http://[::1", '"http://[::1" for cluster "near": could not parse: http://[::1'),
        ("http://jane:secret@[::1", '"http://[::1" for cluster "near": could not parse: http://[::1'),
        ("::::", '"::::" for cluster "near": could not parse: ::::'),
        ("ftp://proxy:21", f'"ftp://proxy:21" for cluster "near": unsupported scheme "ftp", {MUST}'),
        ("socks5h://proxy", f'"socks5h://proxy" for cluster "near": unsupported scheme "socks5h", {MUST}'),
        ("proxy:3128", f'"proxy:3128" for cluster "near": unsupported scheme "proxy", {MUST}'),
        ("proxy", f'"proxy" for cluster "near": unsupported scheme "", {MUST}'),
        ("socks5://", '"socks5://" for cluster "near": no host in it'),
    ],
)
def test_a_proxy_url_that_is_none(write: Any, server: Loopback, proxy: str, line: str) -> None:
    error = refused(Connection(kubeconfig=write(through(server, proxy))))
    assert error.line == f"error: invalid 'proxy-url' {line}"


# A proxy of the environment


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("https://api.example", {}, None),
        ("https://api.example", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https://api.example", {"https_proxy": "http://p:1"}, "http://p:1"),
        ("https://api.example", {"HTTPS_PROXY": "p:1"}, "http://p:1"),
        ("https://api.example", {"HTTPS_PROXY": "socks5://p:1"}, "socks5h://p:1"),
        ("https://api.example", {"HTTPS_PROXY": "socks5h://p:1"}, "socks5h://p:1"),
        ("https://api.example", {"HTTP_PROXY": "http://p:1"}, None),
        ("https://api.example", {"ALL_PROXY": "http://p:1"}, None),
        ("http://api.example", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        ("http://api.example", {"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, None),
        ("https://localhost", {"HTTPS_PROXY": "http://p:1"}, None),
        ("https://127.0.0.2:6443", {"HTTPS_PROXY": "http://p:1"}, None),
        ("https://[::1]:6443", {"HTTPS_PROXY": "http://p:1"}, None),
        ("https://[::ffff:127.0.0.1]:6443", {"HTTPS_PROXY": "http://p:1"}, None),
        ("https://[::ffff:10.1.2.3]", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, None),
    ],
)
def test_the_environments_proxy_is_the_one_that_go_would_take(
    url: str, environment: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = environment_proxy(address(url, "it"))
    assert (str(found) if found else None) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "hosts", "others"),
    [
        ("*", ["https://api.corp.example"], []),
        (
            "api.corp.example",
            ["https://api.corp.example", "https://x.api.corp.example"],
            ["https://corp.example"],
        ),
        (".corp.example", ["https://api.corp.example"], ["https://corp.example", "https://evilcorp.example"]),
        ("*.corp.example", ["https://api.corp.example"], ["https://corp.example"]),
        (" a.b , CORP.example ", ["https://api.corp.example", "https://a.b"], ["https://example"]),
        ("corp.example:6443", ["https://corp.example:6443"], ["https://corp.example"]),
        ("corp.example:443", ["https://corp.example"], ["https://corp.example:6443"]),
        ("10.0.0.0/8", ["https://10.1.2.3:6443"], ["https://11.1.2.3", "https://x10.example"]),
        ("10.1.2.3", ["https://10.1.2.3:6443", "https://[::ffff:10.1.2.3]"], ["https://10.1.2.30"]),
        ("::ffff:10.1.2.3", ["https://10.1.2.3", "https://[::ffff:10.1.2.3]"], ["https://10.1.2.4"]),
        ("[::ffff:10.1.2.3]:443", ["https://[::ffff:10.1.2.3]"], ["https://10.1.2.3:6443"]),
        ("::ffff:10.0.0.0/104", ["https://10.1.2.3", "https://[::ffff:10.1.2.3]"], ["https://11.1.2.3"]),
        (".2.3,2.3,.3:443", [], ["https://10.1.2.3"]),
        (
            "bücher.example",
            ["https://bücher.example", "https://a.bücher.example"],
            ["https://buecher.example"],
        ),
        ("::ffff:0:0/96", ["https://10.1.2.3"], ["https://[fd00::1]"]),
        ("::/0", ["https://[fd00::1]"], ["https://10.1.2.3", "https://[::ffff:10.1.2.3]"]),
        (
            "10.0.0.0/255.0.0.0,*corp.example,[fd00::1]",
            [],
            ["https://10.1.2.3", "https://corp.example", "https://[fd00::1]"],
        ),
        ("corp.example:,:443", ["https://corp.example:6443"], ["https://x.example"]),
        ("10.1.2.3:6443", ["https://10.1.2.3:6443"], ["https://10.1.2.3"]),
        ("fd00::/8", ["https://[fd00::1]:6443"], ["https://[fe80::1]"]),
        ("[fd00::1]:6443", ["https://[fd00::1]:6443"], ["https://[fd00::1]"]),
        (",.,", [], ["https://api.corp.example"]),
    ],
)
def test_exceptions_from_it_are_gos(
    no_proxy: str, hosts: list[str], others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://p:1")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert [url for url in hosts if environment_proxy(address(url, "it"))] == []
    assert [url for url in others if not environment_proxy(address(url, "it"))] == []


def test_a_proxy_of_the_environment_that_is_none(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://jane:secret@[::1")
    obj = config("https://api.example")
    assert refused(Connection(kubeconfig=write(obj))).line == 'error: HTTPS_PROXY "http://[::1" is not a URL'
    assert refused(Connection(server="https://api.example")).exit_code == 1


def test_this_machine_is_reached_without_it(
    write: Any, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "socks5://[::1")
    assert sent(Connection(kubeconfig=write(config(server.url))), server)


# The server's address


@pytest.mark.parametrize(
    ("server", "line"),
    [
        ("http://[::1", '"http://[::1" is not a URL'),
        ("https://jane:secret@[::1", '"https://[::1" is not a URL'),
        ("https://api.example:99999", '"https://api.example:99999" is not a URL'),
        ("https://api.example:port", '"https://api.example:port" is not a URL'),
        ("ftp://jane:secret@api.example", '"ftp://api.example" is not a URL'),
        ("https://", '"https://" is not a URL'),
        ("https://a b", '"https://a b" is not a URL'),
        ("https://a\nb", '"https://a b" is not a URL'),
    ],
)
def test_an_address_that_is_none_is_said_without_its_password(write: Any, server: str, line: str) -> None:
    for flags in (
        Connection(server=server, token="t"),
        Connection(kubeconfig=write(config(server))),
    ):
        assert refused(flags).line == f"error: the server's address {line}"


def test_a_path_before_the_apis_is_kept(write: Any, server: Loopback) -> None:
    for ending in ("", "/"):
        flags = Connection(kubeconfig=write(config(f"{server.url}/k8s/clusters/c-1{ending}")))
        assert sent(flags, server).path.startswith("/k8s/clusters/c-1/apis/")


# Ctrl-C


def test_interrupted_at_any_place_it_can_be_closed() -> None:
    """A lock that is left taken would be waited for, for ever, at the end of the request or of the pool."""
    with serve() as server:
        for place in count():
            connections = pool(address(server.url, "server"), None).connection_from_url(server.url)
            kept, ended = connections.pool, queue.SimpleQueue[bool]()
            work = threading.Thread(target=_interrupted, args=(connections, place, ended.put), daemon=True)
            work.start()
            work.join(5)
            if work.is_alive():
                kept.mutex.release()  # or this process would not end either
                pytest.fail(f"interrupted at {place}, it waits for a lock")
            if ended.get():
                break
    assert place > 20


def _interrupted(connections: Any, place: int, tell: Callable[[bool], None]) -> None:
    """Ask and close; the request is interrupted at this instruction of its queue, if it is so long."""
    left = place

    def trace(frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal left
        frame.f_trace_opcodes = frame.f_code.co_filename in (
            queue.__file__,
            threading.__file__,
            pools.__file__,
        )
        if event == "opcode":
            left -= 1
            if left == -1:
                raise KeyboardInterrupt
        return trace

    gc.disable()  # it would run the finalizer of an earlier pool here, and that be interrupted
    sys.settrace(trace)
    try:
        connections.request("GET", "/version")
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)
        gc.enable()
    connections.close()
    tell(left >= 0)


# Limits


def test_a_limit_that_poll_does_not_count_to_is_a_long_one(write: Any, server: Loopback) -> None:
    """As milliseconds in 32 bits it would be a tenth of a second."""

    def slowly(_received: Received) -> bytes:
        time.sleep(0.5)
        return response(200, KEPT)

    server.answer = slowly
    limit = (2**32 + 100) / 1000
    api = connect(Connection(kubeconfig=write(config(server.url)), request_timeout=limit))
    assert api.server_version() == KEPT


def test_a_limit_that_go_does_not_count_to_is_refused(write: Any) -> None:
    for limit in ("9" * 400, "99999999999", "9999999h"):
        result = CliRunner().invoke(
            cli, ["get", "agents", "--request-timeout", limit, "--kubeconfig", write(config())]
        )
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f'error: "{limit}" is too long\n')


@pytest.mark.parametrize("name", ["a..b", "x" * 64, "a\0b"])
def test_a_server_name_that_is_none(write: Any, name: str) -> None:
    flags = Connection(kubeconfig=write(config()), tls_server_name=name)
    assert refused(flags).line == f'error: tls-server-name "{name}" is not the name of a host'


# What is sent on them


@pytest.mark.parametrize("scheme", ["", "http", "socks5"])
def test_a_connection_on_which_nothing_comes_is_asked_whether_anybody_is_there(
    write: Any, server: Loopback, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """Logs that are followed may be silent for hours; the times are client-go's."""
    asked: list[tuple[int, ...]] = []
    connect_to: Any = socket.socket.connect

    def connecting(sock: socket.socket, place: Any) -> None:
        times = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        kept = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        asked.append((kept, *(sock.getsockopt(socket.IPPROTO_TCP, option) for option in times)))
        connect_to(sock, place)

    with (socks_proxy if scheme == "socks5" else http_proxy)(server.address) as relay:
        file = through(server, f"{scheme}://{relay.address}") if scheme else config(server.url)
        api = connect(Connection(kubeconfig=write(file)))
        monkeypatch.setattr(socket.socket, "connect", connecting)
        api.server_version()
    assert asked[0] == (1, 30, 15, 9)
