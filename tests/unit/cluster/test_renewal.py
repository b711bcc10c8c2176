"""Credentials that change while we run: those that are refused are got anew, once, as client-go gets them."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.backends.mcp import McpServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import KagentError, Unauthorized
from kubectl_kagent.model.resources import AGENT
from tests.certificates import authority
from tests.kubeconfigs import config, token
from tests.loopback import KEPT, Loopback, Received, refused, response
from tests.unit.cluster.test_exec_plugin import V1, plugin
from tests.unit.cluster.test_oidc import id_token

NOBODY = refused(401, "Unauthorized", "Unauthorized")


def takes(good: Callable[[], str]) -> Callable[[Received], bytes]:
    """An API server that knows one token."""
    return lambda request: response(200, KEPT) if token(request) == [f"Bearer {good()}"] else NOBODY


def tokens(server: Loopback) -> list[str]:
    return [value.removeprefix("Bearer ") for request in server.received for value in token(request)]


def counting(tmp_path: Path, *answers: str) -> dict[str, Any]:
    """A plugin that gives these tokens, one each time, and the last one from then on."""
    source = f"""
runs = open({str(tmp_path / "runs")!r}, "a+")
print("x", file=runs, flush=True)
runs.seek(0)
token = {answers!r}[min(len(runs.readlines()), {len(answers)}) - 1]
print(json.dumps({{"apiVersion": {V1!r}, "kind": "ExecCredential", "status": {{"token": token}}}}))
"""
    return plugin(tmp_path, source)


def runs(tmp_path: Path) -> int:
    return len((tmp_path / "runs").read_text().split())


# Token files


def test_a_token_file_is_read_again_when_its_token_is_refused(write: Any, server: Loopback) -> None:
    path = Path(write("first", "token"))
    api = connect(Connection(kubeconfig=write(config(server.url, tokenFile=str(path)))))
    server.answer = takes(path.read_text)
    path.write_text("second")
    api.server_version()
    api.server_version()
    assert tokens(server) == ["first", "second", "second"]


def test_a_write_that_was_refused_is_sent_again_as_it_was(write: Any, server: Loopback) -> None:
    path = Path(write("first", "token"))
    api = connect(Connection(kubeconfig=write(config(server.url, tokenFile=str(path)))))
    server.answer = takes(path.read_text)
    path.write_text("second")
    api.merge_patch(AGENT, "team", "clock", {"a": "ö"}, manager="m")
    first, second = server.received
    assert (first.method, first.path, first.body) == (second.method, second.path, second.body)
    assert second.body == '{"a":"ö"}'.encode()
    assert second.header("Content-Type") == ["application/merge-patch+json"]


def test_a_stream_is_opened_again_with_the_new_token(write: Any, server: Loopback) -> None:
    path = Path(write("first", "token"))
    api = connect(Connection(kubeconfig=write(config(server.url, tokenFile=str(path)))))
    known = takes(path.read_text)
    server.answer = lambda request: (
        answer if (answer := known(request)) == NOBODY else response(200, "2026-11-23T08:00:00Z a line\n")
    )
    path.write_text("second")
    assert b"".join(api.pod_log_stream("team", "pod", "main")) == b"2026-11-23T08:00:00Z a line\n"
    assert tokens(server) == ["first", "second"]


def test_the_same_token_is_not_tried_twice(write: Any, server: Loopback) -> None:
    server.answer = lambda _: NOBODY
    for user in ({"token": "t"}, {"tokenFile": write("t", "token")}, {"username": "u", "password": "p"}):
        server.received.clear()
        with pytest.raises(Unauthorized) as caught:
            connect(Connection(kubeconfig=write(config(server.url, **user)))).server_version()
        assert caught.value.line == "error: you must be logged in to the server (Unauthorized)"
        assert len(server.received) == 1


# Plugins


def test_a_plugin_runs_once_more_when_its_token_is_refused(
    write: Any, server: Loopback, tmp_path: Path
) -> None:
    """Without an expirationTimestamp its answer is kept until then."""
    server.answer = takes(lambda: "second")
    api = connect(Connection(kubeconfig=write(config(server.url, **counting(tmp_path, "first", "second")))))
    for _ in range(2):
        api.server_version()
    assert (tokens(server), runs(tmp_path)) == (["first", "second", "second"], 2)


def test_it_runs_once_for_all_requests_at_a_time(write: Any, server: Loopback, tmp_path: Path) -> None:
    everybody = threading.Barrier(5)

    def answer(request: Received) -> bytes:
        if token(request) == ["Bearer first"]:
            everybody.wait(30)  # each of them has been sent with the old token
            return NOBODY
        return response(200, KEPT)

    server.answer = answer
    api = connect(Connection(kubeconfig=write(config(server.url, **counting(tmp_path, "first", "second")))))
    threads = [threading.Thread(target=api.server_version) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(tokens(server)) == ["first"] * 5 + ["second"] * 5
    assert runs(tmp_path) == 2


@pytest.mark.parametrize(("second", "sent"), [("first", ["first"]), ("second", ["first", "second"])])
def test_what_is_refused_again_is_no_login(
    write: Any, server: Loopback, tmp_path: Path, second: str, sent: list[str]
) -> None:
    server.answer = lambda _: NOBODY
    api = connect(Connection(kubeconfig=write(config(server.url, **counting(tmp_path, "first", second)))))
    with pytest.raises(Unauthorized, match=r"^you must be logged in to the server \(Unauthorized\)$"):
        api.server_version()
    assert (tokens(server), runs(tmp_path)) == (sent, 2)


def test_while_its_answers_stay_refused_it_runs_once_in_five_seconds(
    write: Any, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``record`` opens seven watches again each second, for minutes."""
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    server.answer = lambda _: NOBODY
    answers = [f"token-{number}" for number in range(200)]
    api = connect(Connection(kubeconfig=write(config(server.url, **counting(tmp_path, *answers)))))
    for second in range(20):
        now[0] = 100.0 + second
        for _ in range(7):
            with pytest.raises(Unauthorized):
                api.server_version()
    assert runs(tmp_path) == 1 + 4
    server.answer = takes(lambda: answers[5])  # at last
    now[0] += 5
    api.server_version()
    assert (runs(tmp_path), tokens(server)[-1]) == (6, answers[5])


def test_while_it_fails_it_runs_once_in_five_seconds_too(
    write: Any, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    server.answer = lambda _: NOBODY
    api = connect(Connection(kubeconfig=write(config(server.url, **counting(tmp_path, "first")))))
    source = (tmp_path / "login").read_text()
    (tmp_path / "login").write_text(source.replace("token = ", "sys.exit(3)\ntoken = "))
    for second in range(20):
        now[0] = 100.0 + second
        for _ in range(7):
            with pytest.raises(Unauthorized, match="failed with exit code 3"):
                api.server_version()
    assert runs(tmp_path) == 1 + 4
    (tmp_path / "login").write_text(source.replace("'first'", "'second'"))  # somebody has mended it
    server.answer = takes(lambda: "second")
    now[0] += 5
    api.server_version()
    assert (runs(tmp_path), tokens(server)[-1]) == (6, "second")


def test_a_plugin_that_fails_then_is_the_reason(write: Any, server: Loopback, tmp_path: Path) -> None:
    server.answer = lambda _: NOBODY
    api = connect(Connection(kubeconfig=write(config(server.url, **counting(tmp_path, "first")))))
    (tmp_path / "login").write_text(f"#!{sys.executable}\nraise SystemExit(3)\n")
    with pytest.raises(Unauthorized, match="failed with exit code 3"):
        api.server_version()


def test_another_certificate_of_a_plugin_is_shown(write: Any, server: Loopback, tmp_path: Path) -> None:
    statuses = [
        {"clientCertificateData": certificate.decode(), "clientKeyData": key.decode()}
        for certificate, key in (authority().issue(name) for name in ("first", "second"))
    ]
    source = f"""
runs = open({str(tmp_path / "runs")!r}, "a+")
print("x", file=runs, flush=True)
runs.seek(0)
status = {statuses!r}[len(runs.readlines()) - 1]
print(json.dumps({{"apiVersion": {V1!r}, "kind": "ExecCredential", "status": status}}))
"""
    server.answer = lambda request: response(200, KEPT) if request.client == "second" else NOBODY
    connect(Connection(kubeconfig=write(config(server.url, **plugin(tmp_path, source))))).server_version()
    assert [request.client for request in server.received] == ["first", "second"]


def test_the_401_of_somebody_behind_the_api_server_is_not_about_us(
    write: Any, server: Loopback, tmp_path: Path
) -> None:
    """A page to log in at would be opened, and nothing would come of it."""
    api = connect(Connection(kubeconfig=write(config(server.url, **counting(tmp_path, "first", "second")))))
    server.answer = lambda _: response(401, {"error": "which user?"})
    with pytest.raises(KagentError, match=r"^svc:80 refused with 401: which user\?$"):
        api.service("team", "svc:80").call("POST", "/", {})
    assert (tokens(server), runs(tmp_path)) == (["first"], 1)


def test_the_api_servers_own_401_on_the_way_there_is(write: Any, server: Loopback, tmp_path: Path) -> None:
    api = connect(Connection(kubeconfig=write(config(server.url, **counting(tmp_path, "first", "second")))))
    server.answer = takes(lambda: "second")
    api.service("team", "svc:80").call("POST", "/", {"a": 1})
    assert (tokens(server), runs(tmp_path)) == (["first", "second"], 2)
    assert [json.loads(request.body) for request in server.received] == [{"a": 1}] * 2


def test_who_else_stands_before_the_api_server_may_refuse_in_its_own_words(
    write: Any, server: Loopback, tmp_path: Path
) -> None:
    known = takes(lambda: "second")
    server.answer = lambda request: (
        response(401, "Unauthorized", "text/plain") if known(request) == NOBODY else response(200, KEPT)
    )
    api = connect(Connection(kubeconfig=write(config(server.url, **counting(tmp_path, "first", "second")))))
    api.server_version()
    assert tokens(server) == ["first", "second"]


# OpenID Connect


def oidc(now: str) -> dict[str, Any]:
    about = {"client-id": "c", "idp-issuer-url": "https://127.0.0.1:1", "refresh-token": "r", "id-token": now}
    return {"auth-provider": {"name": "oidc", "config": about}}


def test_what_another_program_wrote_is_tried_when_an_id_token_is_refused(
    write: Any, server: Loopback
) -> None:
    api = connect(Connection(kubeconfig=write(config(server.url, **oidc(id_token("first"))))))
    server.answer = takes(lambda: id_token("second"))
    write(config(server.url, **oidc(id_token("second"))))
    api.server_version()
    assert tokens(server) == [id_token("first"), id_token("second")]


def test_a_refresh_token_is_not_spent_on_an_id_token_that_holds(write: Any, server: Loopback) -> None:
    """As with kubectl. The provider is not there: asking it would be another error."""
    server.answer = lambda _: NOBODY
    with pytest.raises(Unauthorized, match="you must be logged in"):
        connect(Connection(kubeconfig=write(config(server.url, **oidc(id_token("x")))))).server_version()
    assert len(server.received) == 1


# Certificates in files


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: found[0])
    return found


@pytest.fixture
def files(write: Any) -> Callable[[str], dict[str, str]]:
    """Write a certificate and key for a name, always to the same files; gives the user that has them."""

    def issue(name: str) -> dict[str, str]:
        certificate, key = authority().issue(name)
        return {
            "client-certificate": write(certificate.decode(), "client.crt"),
            "client-key": write(key.decode(), "client.key"),
        }

    return issue


def test_certificate_files_are_read_again(
    write: Any, server: Loopback, time: list[float], files: Callable[[str], dict[str, str]]
) -> None:
    api = connect(
        Connection(kubeconfig=write(config(server.url, **files("first"), tokenFile=write("t", "token"))))
    )

    def shown() -> str:
        api.server_version()
        return server.received[-1].client

    assert shown() == "first"
    files("second")
    assert shown() == "first", "they are read once a second at most"
    time[0] += 1
    assert shown() == "second"
    assert tokens(server) == ["t"] * 3


def test_connections_that_show_the_old_certificate_are_closed(
    write: Any, server: Loopback, time: list[float], files: Callable[[str], dict[str, str]]
) -> None:
    """The server would keep them open, and know us by the old name for as long as it does."""
    length = len(json.dumps(KEPT))
    kept_open = f"HTTP/1.1 200 .\r\nContent-Length: {length}\r\n\r\n{json.dumps(KEPT)}".encode()
    api = connect(Connection(kubeconfig=write(config(server.url, **files("first")))))
    api.server_version()
    pool = api._transport._pool
    (key,) = pool.pools.keys()
    before = pool.pools[key]
    files("second")
    time[0] += 1
    server.answer = lambda _: kept_open
    api.server_version()
    assert pool.pools.keys() == {key}
    assert pool.pools[key] is not before
    assert [request.client for request in server.received] == ["first", "second"]


def test_a_refused_certificate_is_read_at_once(
    write: Any, server: Loopback, time: list[float], files: Callable[[str], dict[str, str]]
) -> None:
    api = connect(Connection(kubeconfig=write(config(server.url, **files("first")))))
    server.answer = lambda request: response(200, KEPT) if request.client == "second" else NOBODY
    files("second")
    api.server_version()
    assert [request.client for request in server.received] == ["first", "second"]


def test_half_a_new_pair_is_not_used_yet(
    write: Any, server: Loopback, time: list[float], files: Callable[[str], dict[str, str]]
) -> None:
    user = files("first")
    key = Path(user["client-key"])
    old = key.read_bytes()
    api = connect(Connection(kubeconfig=write(config(server.url, **user))))

    def shown() -> str:
        time[0] += 1
        api.server_version()
        return server.received[-1].client

    files("second")
    new = key.read_bytes()
    key.write_bytes(old)
    assert shown() == "first", "its key is not there yet"
    key.unlink()
    assert shown() == "first", "nor is any"
    key.write_bytes(new)
    assert shown() == "second"


def test_data_in_the_kubeconfig_stays_what_it_is(
    write: Any, server: Loopback, time: list[float], files: Callable[[str], dict[str, str]]
) -> None:
    """As with client-go: also when only one of the two is."""
    user = files("first")
    data = base64.b64encode(Path(user.pop("client-certificate")).read_bytes()).decode()
    api = connect(
        Connection(kubeconfig=write(config(server.url, **user, **{"client-certificate-data": data})))
    )
    files("second")
    time[0] += 1
    api.server_version()
    assert server.received[-1].client == "first"


# Clients of their own


def mcp(request: Received) -> bytes:
    """A server of tools that offers none."""
    asked = json.loads(request.body or b"{}")
    results = {
        "initialize": {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "x", "version": "1"},
        },
        "tools/list": {"tools": []},
    }
    if asked.get("method") not in results:
        return response(202, "")
    return response(200, {"jsonrpc": "2.0", "id": asked["id"], "result": results[asked["method"]]})


def test_a_talk_with_a_server_of_tools_goes_on_with_the_new_token(write: Any, server: Loopback) -> None:
    path = Path(write("first", "token"))
    api = connect(Connection(kubeconfig=write(config(server.url, tokenFile=str(path)))))
    known = takes(path.read_text)
    server.answer = lambda request: answer if (answer := known(request)) == NOBODY else mcp(request)
    access = api.service("a", "b:80").access("/mcp")
    path.write_text("second")
    assert McpServer("it", access, 60).tools() == ()
    assert tokens(server) == ["first", *["second"] * (len(server.received) - 1)]
    assert server.received[0].body == server.received[1].body


def test_a_talk_outlives_several_tokens(
    write: Any, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them is refused in its turn, a while after the one before."""
    now = 0.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    user = counting(tmp_path, "first", "second", "third")
    access = (
        connect(Connection(kubeconfig=write(config(server.url, **user)))).service("a", "b:80").access("/")
    )
    first = dict(access.headers)["Authorization"]
    assert (first, access.renew(first), access.renew(first)) == ("Bearer first", *["Bearer second"] * 2)
    now = 60.0
    assert (access.renew("Bearer second"), access.renew(first)) == ("Bearer third", "Bearer third")
    assert runs(tmp_path) == 3


def test_a_talk_shows_the_new_certificate(write: Any, tmp_path: Path, server: Loopback) -> None:
    def put(name: str) -> None:
        certificate, key = authority().issue(name)
        (tmp_path / "crt").write_bytes(certificate)
        (tmp_path / "key").write_bytes(key)

    put("jane")
    user = {"client-certificate": str(tmp_path / "crt"), "client-key": str(tmp_path / "key")}
    access = (
        connect(Connection(kubeconfig=write(config(server.url, **user)))).service("a", "b:80").access("/")
    )
    server.answer = lambda request: NOBODY if request.client == "jane" else mcp(request)
    put("joe")
    assert McpServer("it", access, 60).tools() == ()
    assert {request.client for request in server.received[1:]} == {"joe"}


def test_a_talk_ends_when_the_same_token_is_all_there_is(write: Any, server: Loopback) -> None:
    access = connect(Connection(kubeconfig=write(config(server.url)))).service("a", "b:80").access("/")
    server.answer = lambda _: NOBODY
    with pytest.raises(Unauthorized):
        McpServer("it", access, 60).tools()
    assert len(server.received) == 1


def test_a_servers_own_401_renews_nothing(write: Any, tmp_path: Path, server: Loopback) -> None:
    user = counting(tmp_path, "first", "second")
    access = (
        connect(Connection(kubeconfig=write(config(server.url, **user)))).service("a", "b:80").access("/")
    )
    server.answer = lambda _: response(401, "who are you?", "text/plain")
    with pytest.raises(KagentError):
        McpServer("it", access, 60).tools()
    assert (runs(tmp_path), len(server.received)) == (1, 1)
