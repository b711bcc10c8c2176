"""services.yaml: what goes to which address, the way there, and what is said of a file that can't be used."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_kagent.backends.mcp import McpServer
from kubectl_kagent.backends.tempo import at_address
from kubectl_kagent.cli import terminal
from kubectl_kagent.cluster.http import Address
from kubectl_kagent.cluster.services import anonymous, service
from kubectl_kagent.cluster.tenant import AsTenant
from kubectl_kagent.errors import KagentError, Unauthorized, Unreachable
from tests.certificates import authority
from tests.conftest import Kagent
from tests.loopback import Loopback, response, serve
from tests.relays import http_proxy, socks_proxy

Say = Callable[..., Path]
BASIC = f"Basic {base64.b64encode(b'jane:p w').decode()}"


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Write services.yaml, which only we may read unless ``mode`` says another."""
    file = tmp_path / "kubectl-kagent" / "services.yaml"
    file.parent.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def write(content: Any, mode: int = 0o600) -> Path:
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        file.chmod(mode)
        return file

    return write


@pytest.fixture
def trusted(tmp_path: Path) -> str:
    """The authority's certificate, which lies beside the file."""
    path = tmp_path / "kubectl-kagent" / "ca.pem"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(authority().pem)
    return "ca.pem"


@pytest.fixture
def plain() -> Iterator[Loopback]:
    with serve() as loopback:
        yield loopback


def error_of(url: str) -> KagentError:
    with pytest.raises(KagentError) as caught:
        Address(url).call("GET", "/")
    assert "\n" not in caught.value.line
    return caught.value


# What goes out


def test_an_authority_without_key_identifiers_and_a_client_certificate(
    say: Say, trusted: str, server: Loopback
) -> None:
    """Which no Python since 3.13 would take by itself."""
    certificate, key = (base64.b64encode(part).decode() for part in authority().issue("jane"))
    shown = {"client-certificate-data": certificate, "client-key-data": key}
    say({server.url: {"certificate-authority": trusted, **shown}})
    Address(server.url).call("GET", "/api")
    (received,) = server.received
    assert (received.path, received.client) == ("/api", "jane")


@pytest.mark.parametrize(
    ("entry", "authorization"),
    [
        ({"token": "secret\n"}, ["Bearer secret"]),
        ({"tokenFile": "token"}, ["Bearer fresh"]),
        ({"username": "jane", "password": "p w"}, [BASIC]),
        ({"headers": {"authorization": "ApiKey 1"}}, ["ApiKey 1"]),
        ({}, []),
    ],
)
def test_a_login_of_the_file(
    say: Say, plain: Loopback, entry: dict[str, Any], authorization: list[str]
) -> None:
    (say({plain.url: entry}).parent / "token").write_text("fresh\n")
    Address(plain.url).call("GET", "/")
    assert plain.received[0].header("Authorization") == authorization


def test_the_url_counts_more_than_a_flag_and_that_more_than_the_file(say: Say, plain: Loopback) -> None:
    say({plain.url: {"token": "of-the-file"}})
    Address(plain.url, "of-the-flag").call("GET", "/")
    Address(plain.url.replace("//", "//jane:p%20w@"), "of-the-flag").call("GET", "/")
    assert [one.header("Authorization") for one in plain.received] == [["Bearer of-the-flag"], [BASIC]]


def test_what_a_server_sends_back_of_a_login_is_in_no_message(
    say: Say, plain: Loopback, capsys: pytest.CaptureFixture[str]
) -> None:
    login = {"username": "jane", "password": "purple-monkey", "headers": {"X-Api-Key": "wooden-plate"}}
    say({plain.url: login, f"{plain.url}/b": {"token": "crimson-kettle"}})
    for path in ("", "/b"):
        plain.answer = lambda request: response(500, {"error": f"no {request.headers} purple-monkey"})
        terminal.fail(error_of(f"{plain.url}{path}"))
    said = capsys.readouterr().err
    assert said.count("[masked]") >= 4
    for secret in (
        "purple-monkey",
        "wooden-plate",
        "crimson-kettle",
        base64.b64encode(b"jane:purple-monkey").decode(),
    ):
        assert secret not in said


def test_headers_and_tenant(say: Say, plain: Loopback) -> None:
    say({plain.url: {"headers": {"X-Api-Key": "k"}, "tenant": "red"}})
    store = Address(plain.url)
    AsTenant(store, "").call("GET", "/", headers={"x-api-key": "own"})
    AsTenant(store, "blue").call("GET", "/")
    first, second = plain.received
    assert (first.header("X-Api-Key"), first.header("X-Scope-OrgID")) == (["own"], ["red"])
    assert (second.header("X-Api-Key"), second.header("X-Scope-OrgID")) == (["k"], ["blue"])


def test_the_longest_address_counts_and_none_of_another_origin(say: Say, plain: Loopback) -> None:
    other = plain.url.replace("127.0.0.1", "localhost")
    says = {plain.url: "all", f"{plain.url}/loki/": "loki", f"{plain.url}/lok": "no", other: "other"}
    say({url: {"tenant": tenant} for url, tenant in says.items()})
    for path in ("", "/loki", "/loki/v1/", "/lokis"):
        Address(plain.url + path).call("GET", "/x")
    Address(plain.url.replace("http://", "HTTP://")).call("GET", "/x")
    tenants = [one.header("X-Scope-OrgID") for one in plain.received]
    assert tenants == [["all"], ["loki"], ["loki"], ["all"], ["all"]]


def test_the_same_host_at_another_port_or_scheme_is_told_nothing(say: Say) -> None:
    say({"https://h.example": {"tenant": "a"}})
    assert service("https://H.example:443/x").headers == (("X-Scope-OrgID", "a"),)
    for url in (
        "http://h.example",
        "https://h.example:8443",
        "https://h.example.evil",
        "https://x.h.example",
    ):
        assert service(url).headers == ()


# The way


def test_through_the_environments_proxies(
    say: Say, trusted: str, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://kagent.example:8443"
    say({url: {"certificate-authority": trusted, "tls-server-name": "127.0.0.1"}})
    with http_proxy(server.address, wants=BASIC) as relay:
        monkeypatch.setenv("HTTPS_PROXY", f"http://jane:p%20w@{relay.address}")
        Address(url).call("GET", "/api")
    assert relay.asked[0].startswith("CONNECT kagent.example:8443 ")
    with socks_proxy(server.address) as relay:
        monkeypatch.setenv("HTTPS_PROXY", f"socks5://{relay.address}")
        Address(url).call("GET", "/api")
        assert relay.asked == ["kagent.example:8443"]
        monkeypatch.setenv("NO_PROXY", ".example")
        assert isinstance(error_of(url), Unreachable)
        assert len(relay.asked) == 1


def test_a_proxy_for_http(plain: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", plain.url)
    Address("http://loki.example").call("GET", "/x")
    assert plain.received[0].path == "http://loki.example/x"


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_nobody_is_is_the_environments(
    say: Say, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """A cluster's proxy-url does not count here."""
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:1")
    error = error_of("https://kagent.example:8443")
    assert error.message.startswith(f"the connection to the proxy {scheme}")
    assert error.hint == "HTTPS_PROXY or HTTP_PROXY names the proxy, NO_PROXY what is reached without it"


# What is said


def test_an_authority_that_is_not_trusted_names_the_file(say: Say, server: Loopback) -> None:
    file = say({})
    error = error_of(server.url)
    assert error.message.startswith(f"the certificate of {server.url} is not trusted: ")
    assert (
        error.hint == f"name the authority to trust: certificate-authority in {file}, or SSL_CERT_FILE=FILE"
    )


def test_a_refusal_says_how_to_log_in(say: Say, plain: Loopback) -> None:
    file = say({})
    plain.answer = lambda _: response(403, "no", "text/plain")
    error = error_of(plain.url)
    assert (type(error), error.message) == (Unauthorized, f"{plain.url} refused with 403: no")
    assert error.hint == f"user:password@ in the URL logs in, or what {file} has for it"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("- a", "it is not a mapping of addresses"),
        ("x: {}", 'the address "x" is not a URL'),
        ({"http://h": "x"}, "http://h is not a mapping"),
        ({"http://jane:hunter2@h": {}}, "http://h: give username and password below the address, not in it"),
        ({"http://h": {"tennant": "a"}}, "http://h: there is no field tennant; there are "),
        ({"http://h": {"tenant": 7}}, "http://h: tenant is not a string"),
        ({"http://h": {"headers": {"X-Key": 7}}}, "http://h: headers is not a mapping of strings"),
        ({"http://h": {"headers": {"X Key": "hunter2"}}}, "the name of a header has ' ' in it, after \"X\""),
        ({"http://h": {"headers": {"A: hunter2": ""}}}, "the name of a header has ':' in it, after \"A\""),
        ({"http://h": {"headers": {":path": "/"}}}, "the name of a header has ':' in it, at its beginning"),
        ({"http://h": {"headers": {"": "hunter2"}}}, "http://h: the name of a header is empty"),
        ({"http://h": {"token": "hunter2", "username": "a"}}, "http://h: username/password or bearer"),
        ({"http://h": {"tokenFile": "t", "password": "hunter2"}}, "username/password or bearer token may be"),
        ({"http://h": {"password": "hunter2"}}, "http://h: it has a password and no username"),
        ({"http://h": {"certificate-authority": "gone.pem"}}, "gone.pem: no such file or directory"),
        ({"http://h": {"client-certificate": "services.yaml"}}, "has a client-certificate and no client-key"),
    ],
)  # fmt: skip
def test_a_file_that_can_not_be_used(say: Say, content: Any, said: str) -> None:
    file = say(content)
    line = error_of("http://h").line
    assert str(file.parent) in line
    assert said in line
    assert "hunter2" not in line


def test_certificates_that_are_none_name_the_entry(say: Say, trusted: str) -> None:
    file = say({"https://h": {"certificate-authority": "services.yaml"}})
    assert error_of("https://h").line == (
        f'error: error loading config file "{file}": https://h: unable to load root certificates: '
        "unable to parse bytes as PEM block"
    )


def test_a_certificate_beside_the_file_is_not_taken_for_it(say: Say) -> None:
    file = say({"https://h": {"certificate-authority": "services.yaml.pem"}})
    assert error_of("https://h").line == (
        f'error: error loading config file "{file}": https://h: unable to read {file}.pem: no such file or '
        "directory"
    )


@pytest.mark.parametrize("entry", [{"token": "a"}, {"password": "a"}, {"headers": {"X-Key": "a"}}])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_secrets_that_others_may_read_are_not_used(
    say: Say, plain: Loopback, entry: dict[str, Any], mode: int
) -> None:
    file = say({"http://elsewhere": entry}, mode)
    error = error_of(plain.url)
    assert error.message == f"{file} has secrets in it, and others may read it (mode {mode:04o})"
    assert error.hint == f"chmod 600 {file}, or name a tokenFile in it"
    assert plain.received == []


def test_a_file_without_secrets_may_be_read_by_all(say: Say, plain: Loopback) -> None:
    say({plain.url: {"tenant": "a", "tokenFile": "/dev/null"}}, 0o644)
    assert service(plain.url).headers == (("X-Scope-OrgID", "a"),)


def test_another_file_is_named_by_the_environment(
    tmp_path: Path, plain: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "other.yaml"
    monkeypatch.setenv("KAGENT_SERVICES", str(file))
    assert error_of(plain.url).line == f"error: there is no {file}"
    file.write_text(yaml.safe_dump({plain.url: {"tenant": "a"}}))
    Address(plain.url).call("GET", "/")
    assert plain.received[0].header("X-Scope-OrgID") == ["a"]


# Servers of tools at addresses that objects of the cluster name


def test_a_server_that_an_object_names_is_trusted_and_told_no_secret(
    say: Say, trusted: str, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://tools.example:8443"
    entry = {"certificate-authority": trusted, "tls-server-name": "127.0.0.1", "token": "s", "tenant": "t"}
    certificate, key = (base64.b64encode(part).decode() for part in authority().issue("jane"))
    say({url: {**entry, "client-certificate-data": certificate, "client-key-data": key}})
    with http_proxy(server.address) as relay:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{relay.address}")
        with pytest.raises(KagentError):  # what answers is no MCP server
            McpServer("tools", anonymous(f"{url}/mcp?x=1"), 5).tools()
    assert relay.asked[0].startswith("CONNECT tools.example:8443 ")
    received = server.received[0]
    assert (received.method, received.path, received.client) == ("POST", "/mcp?x=1", "")
    assert received.header("Authorization") == received.header("X-Scope-OrgID") == []


def test_a_server_of_tools_that_is_not_trusted_names_the_file(say: Say, server: Loopback) -> None:
    file = say({})
    with pytest.raises(Unreachable) as caught:
        McpServer("tools", anonymous(server.url), 5).tools()
    assert "by this kubeconfig" not in caught.value.message
    assert str(file) in (caught.value.hint or "")


# A verb


def test_sessions_of_a_controller_with_a_private_authority(
    kagent: Kagent, say: Say, trusted: str, server: Loopback
) -> None:
    say({server.url: {"certificate-authority": trusted, "token": "own"}})
    server.answer = lambda _: response(200, {"error": False, "data": [], "message": "ok"})
    code, out, _ = kagent("sessions", "list", f"--kagent-url={server.url}", "-n", "team")
    assert (code, out) == (0, "")
    assert server.received[0].header("Authorization") == ["Bearer own"]


def test_a_user_and_a_password_in_a_stores_address(plain: Loopback) -> None:
    plain.answer = lambda _: response(200, {"traces": []})
    at_address(plain.url.replace("//", "//jane:p%20w@")).search("{}", start=0, end=1, limit=1)
    assert plain.received[0].header("Authorization") == [BASIC]
