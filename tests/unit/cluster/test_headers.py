"""Header values of every client: to the API server, to a service's own address, and of MCP."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from typing import Any

import pytest

from kubectl_kagent.backends.mcp import McpServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.cluster.http import Access, Address
from kubectl_kagent.errors import KagentError
from tests.certificates import authority
from tests.kubeconfigs import config
from tests.loopback import Loopback, serve
from tests.relays import socks_proxy


def ask(access: Access) -> KagentError:
    """What an MCP client says of a server that does not speak it."""
    with pytest.raises(KagentError) as caught:
        McpServer("it", access, 60).tools()
    return caught.value


def test_a_token_for_a_services_own_address_is_trimmed_or_refused() -> None:
    with serve() as server:
        for given in ("secret\n", "secret\r\n", " secret"):
            Address(server.url, given).call("GET", "/x")
        assert {value for received in server.received for value in received.header("Authorization")} == {
            "Bearer secret"
        }
        server.received.clear()
        with pytest.raises(KagentError, match=r"^the token has a line end in it$"):
            Address(server.url, "sec\nret").call("GET", "/x")
        with pytest.raises(KagentError, match=r"^the value of X-A has a line end in it$"):
            Address(server.url).call("GET", "/x", headers={"X-A": "a\rb"})
        assert server.received == []


def test_kagent_token_of_a_file_with_line_ends_works_and_another_is_not_shown() -> None:
    with serve() as server:
        for given, said in (("SECRET\r", ""), ("SEC\rRET", "the token has a line end in it")):
            done = subprocess.run(
                [sys.executable, "-m", "kubectl_kagent", "sessions", "list", "-n", "x"],
                env={**os.environ, "KAGENT_URL": server.url, "KAGENT_TOKEN": given},
                capture_output=True,
                text=True,
                check=False,
            )
            assert "SEC" not in done.stdout + done.stderr
            assert "Traceback" not in done.stderr
            assert said in done.stderr
        assert {tuple(received.header("Authorization")) for received in server.received} == {
            ("Bearer SECRET",)
        }


def test_mcp_sends_the_same_through_the_api_server(write: Any, server: Loopback) -> None:
    certificate, key = (base64.b64encode(data).decode() for data in authority().issue("jane"))
    user = {"client-certificate-data": certificate, "client-key-data": key, "as": "Łukasz"}
    access = (
        connect(Connection(kubeconfig=write(config(server.url, **user)))).service("a", "b:80").access("/")
    )
    ask(access)
    received = server.received[0]
    assert (received.method, received.client) == ("POST", "jane")
    assert [value.encode("latin-1").decode() for value in received.header("Impersonate-User")] == ["Łukasz"]


def test_mcp_goes_through_a_socks_proxy_too(write: Any, server: Loopback) -> None:
    with socks_proxy(server.address) as relay:
        obj = config("https://api.behind.example:6443")
        obj["clusters"][0]["cluster"] |= {
            "proxy-url": f"socks5://{relay.address}",
            "tls-server-name": "127.0.0.1",
        }
        ask(connect(Connection(kubeconfig=write(obj))).service("a", "b:80").access("/"))
    assert relay.asked[0] == "api.behind.example:6443"
    assert server.received[0].path == "/api/v1/namespaces/a/services/b:80/proxy/"


def test_mcp_refuses_what_would_end_a_header() -> None:
    error = ask(Access("http://127.0.0.1:1/", (("Authorization", "Bearer a\nb"),)))
    assert error.line == "error: the token has a line end in it"


@pytest.mark.parametrize("name", ["X A", "X\nA", ":path", "", "Ł"])
def test_a_name_that_is_none_is_refused_before_anything_is_sent(name: str) -> None:
    with serve() as server:
        with pytest.raises(KagentError, match=r"^the name of a header "):
            Address(server.url).call("GET", "/x", headers={name: "hunter2"})
        assert ask(Access(server.url, ((name, "hunter2"),))).message.startswith("the name of a header ")
        assert server.received == []
