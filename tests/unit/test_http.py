"""HTTP services behind the API server's proxy and at their own address: what goes out, what answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from kubectl_kagent.cluster import http
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.cluster.http import Address, HttpService, Proxied
from kubectl_kagent.cluster.kagent import Controller
from kubectl_kagent.errors import KagentError, NotFound, Unauthorized, Unreachable
from tests.loopback import Loopback, Received, chunk, head, refused, response, serve

PAGE = "<html><head><title>Sign in</title></head></html>"
SERVICE = "kagent-controller:8083"
PROXY_HINT = (
    "the API server passes no token on to a service: give the controller's own address and a token "
    "with --kagent-url and --kagent-token"
)
TOKEN_HINT = "--kagent-token (or KAGENT_TOKEN) gives a bearer token; is the one given expired?"
LOGIN_HINT = "is a login page or another server behind this address?"


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serve() as loopback:
        yield loopback


@pytest.fixture(params=["proxied", "address"])
def service(request: pytest.FixtureRequest, server: Loopback) -> HttpService:
    if request.param == "address":
        return Address(server.url)
    return Proxied(connect(Connection(server=server.url)), "kagent", SERVICE)


def where(service: HttpService) -> str:
    return service.url if isinstance(service, Address) else SERVICE


def streamed(*parts: bytes, content_type: str = "text/event-stream") -> Iterator[bytes]:
    yield head(200, f"Content-Type: {content_type}", "Transfer-Encoding: chunked")
    for part in parts:
        yield chunk(part)
    yield chunk(b"")


def error_of(service: HttpService, *, stream: bool = False) -> KagentError:
    def ask() -> None:
        if stream:
            list(service.stream("/x", {}, timeout=5))
        else:
            service.call("GET", "/x")

    with pytest.raises(KagentError) as caught:
        ask()
    return caught.value


def test_a_request_goes_out_as_given(service: HttpService, server: Loopback) -> None:
    server.answer = lambda _: response(200, {"data": 1})
    headers = {"traceparent": "00-1-2-01"}
    assert service.call("POST", "/api/x?y=z", {"q": 1}, headers=headers) == {"data": 1}
    (received,) = server.received
    assert received.path.endswith("/api/x?y=z")
    assert (received.method, json.loads(received.body)) == ("POST", {"q": 1})
    assert received.header("traceparent") == ["00-1-2-01"]


def test_a_token_is_sent_to_its_address(server: Loopback) -> None:
    Address(server.url, "secret").call("GET", "/")
    assert server.received[0].header("authorization") == ["Bearer secret"]
    Address(server.url).call("GET", "/")
    assert server.received[1].header("authorization") == []


def test_no_content_is_an_empty_answer(service: HttpService, server: Loopback) -> None:
    server.answer = lambda _: head(204)
    assert service.call("DELETE", "/api/tasks/t") == {}


@pytest.mark.parametrize(
    ("answer", "kind", "line", "code"),
    [
        (response(401, "login", "text/plain"), Unauthorized, "error: {} refused with 401: login", 6),
        (response(403, {"error": "no"}), Unauthorized, "error: {} refused with 403: no", 6),
        (
            head(302, "Location: http://127.0.0.1:9/login"),
            Unauthorized,
            "error: {} redirects to another page: it wants a login",
            6,
        ),
        (
            response(404, {"error": "Agent not found: x"}),
            NotFound,
            "Error from server (NotFound): Agent not found: x",
            1,
        ),
        (
            response(500, PAGE, "text/html"),
            KagentError,
            "error: {} answered 500: a web page, no answer of an API",
            1,
        ),
        (response(500, "", "text/plain"), KagentError, "error: {} answered 500: nothing", 1),
        (response(502, "bad\ngateway", "text/plain"), Unreachable, "error: {} answered 502: bad gateway", 5),
    ],
)
def test_a_refusal_says_who_refused_and_why(
    service: HttpService, server: Loopback, answer: bytes, kind: type, line: str, code: int
) -> None:
    server.answer = lambda _: answer
    for stream in (False, True):
        error = error_of(service, stream=stream)
        assert (type(error), error.line, error.exit_code) == (kind, line.format(where(service)), code)


def test_what_the_api_server_refuses_is_its_own_error(server: Loopback) -> None:
    proxied = Proxied(connect(Connection(server=server.url)), "kagent", SERVICE)
    message = (
        'services is forbidden: User "jane" cannot get resource "services/proxy" in API group "" in "kagent"'
    )
    server.answer = lambda _: refused(403, "Forbidden", message)
    error = error_of(proxied)
    assert error.line == f"Error from server (Forbidden): {message}"
    assert str(error.hint).startswith("ClusterRole kagent-")
    server.answer = lambda _: refused(503, "ServiceUnavailable", "no endpoints available for service")
    assert error_of(proxied).line == "error: the server answered 503: no endpoints available for service"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (response(200, PAGE, "text/html"), "/x answered with something that is not JSON: '<html><head>"),
        (response(200, "[1]"), "/x answered with list, not an object"),
        (response(200, '{"cut'), "/x answered with something that is not JSON: '{\"cut'"),
    ],
)
def test_what_is_no_object_is_an_error(
    service: HttpService, server: Loopback, answer: bytes, message: str
) -> None:
    server.answer = lambda _: answer
    assert message in error_of(service).line


def test_a_stream_gives_lines_as_they_come(service: HttpService, server: Loopback) -> None:
    server.answer = lambda _: streamed(b"data: 1\n\nda", b"ta: 2\n", b"\ndata: cut")
    assert list(service.stream("/x", {}, timeout=5)) == [b"data: 1", b"data: 2", b"data: cut"]


def test_a_stream_through_the_proxy_keeps_no_connection(server: Loopback) -> None:
    """The API server's proxy breaks one in a hundred of those that do."""
    server.answer = lambda _: streamed(b"data: 1\n")
    proxied = Proxied(connect(Connection(server=server.url)), "kagent", SERVICE)
    list(proxied.stream("/x", {}, timeout=5))
    assert server.received[0].header("connection") == ["close"]


def test_a_stream_that_is_none_is_an_error(service: HttpService, server: Loopback) -> None:
    server.answer = lambda _: streamed(PAGE.encode(), content_type="text/html")
    error = error_of(service, stream=True)
    assert error.line.startswith("error: /x answered with text/html, not an event stream: b'<html>")
    assert error.hint == LOGIN_HINT


def test_a_stream_that_breaks_is_unreachable(service: HttpService, server: Loopback) -> None:
    def broken(_: Received) -> Iterator[bytes]:
        yield head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        yield chunk(b"data: 1\n")

    server.answer = broken
    heard: list[bytes] = []
    with pytest.raises(Unreachable, match="the stream from /x broke"):
        heard.extend(service.stream("/x", {}, timeout=5))


def test_a_line_without_end_is_refused(
    service: HttpService, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LINE_LIMIT", 1000)
    server.answer = lambda _: streamed(b"data: " + b"x" * 500, b"y" * 600)
    assert error_of(service, stream=True).line == (
        "error: a line of more than 1000 bytes came: that is no answer"
    )


def test_nobody_there_is_unreachable() -> None:
    with serve() as gone:
        url = gone.url
    error = error_of(Address(url))
    assert (type(error), error.line) == (
        Unreachable,
        f"error: the connection to the server {url} was refused",
    )


# The controller


def test_the_controller_is_asked_as_a_user(server: Loopback) -> None:
    server.answer = lambda _: response(200, {"error": False, "data": [1], "message": "ok"})
    found = Controller(Address(server.url), "jane@x")
    assert found.read("/api/sessions/s", order="asc") == [1]
    found.delete("/api/sessions/s")
    assert [(r.method, r.path) for r in server.received] == [
        ("GET", "/api/sessions/s?order=asc&user_id=jane%40x"),
        ("DELETE", "/api/sessions/s?user_id=jane%40x"),
    ]


def test_an_answer_without_data_is_an_error(server: Loopback) -> None:
    with pytest.raises(KagentError, match="the kagent controller's answer to /api/x has no data"):
        Controller(Address(server.url)).read("/api/x")
    server.answer = lambda _: response(200, {"error": False, "message": "kagent leaves an empty list out"})
    assert Controller(Address(server.url)).read("/api/x") == []


def test_an_empty_list_is_left_out_by_kagent(server: Loopback) -> None:
    server.answer = lambda _: response(200, {"error": False, "message": "Successfully listed sessions"})
    assert Controller(Address(server.url)).read("/api/sessions") == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_login_that_is_missing_is_explained(server: Loopback, stream: bool) -> None:
    server.answer = lambda _: response(401, "no", "text/plain")
    proxied = Proxied(connect(Connection(server=server.url)), "kagent", SERVICE)

    def ask(controller: Controller) -> None:
        if stream:
            list(controller.stream("/x", {}, timeout=5))
        else:
            controller.read("/x")

    for service, hint in ((proxied, PROXY_HINT), (Address(server.url), TOKEN_HINT)):
        with pytest.raises(Unauthorized) as caught:
            ask(Controller(service))
        assert caught.value.hint == hint
