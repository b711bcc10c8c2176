"""HTTP services behind the API server's proxy and at their own address: what goes out, what answers mean."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.backends.controller import Controller, at_address
from kubectl_kagent.cluster import answers, http
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.cluster.http import Address, HttpService
from kubectl_kagent.errors import KagentError, NotFound, Unanswered, Unauthorized, Unreachable
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


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited, in a time that moves by waiting only."""
    waited: list[float] = []
    monkeypatch.setattr(clock, "sleep", waited.append)
    monkeypatch.setattr(clock, "monotonic", lambda: sum(waited))
    return waited


@pytest.fixture(params=["proxied", "address"])
def service(request: pytest.FixtureRequest, server: Loopback) -> HttpService:
    if request.param == "address":
        return Address(server.url)
    return connect(Connection(server=server.url)).service("kagent", SERVICE)


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
            "error: {} redirects to a login page",
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
            "error: {} answered 500: a web page, not the answer of an API",
            1,
        ),
        (response(500, "", "text/plain"), KagentError, "error: {} answered 500: nothing", 1),
        (response(502, "bad\ngateway", "text/plain"), Unanswered, "error: {} answered 502: bad gateway", 5),
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
    proxied = connect(Connection(server=server.url)).service("kagent", SERVICE)
    message = (
        'services is forbidden: User "jane" cannot get resource "services/proxy" in API group "" in "kagent"'
    )
    server.answer = lambda _: refused(403, "Forbidden", message)
    error = error_of(proxied)
    assert error.line == f"Error from server (Forbidden): {message}"
    assert str(error.hint).startswith("ClusterRole kagent-")
    message = 'no endpoints available for service "kagent-controller:8083"'
    server.answer = lambda _: refused(503, "ServiceUnavailable", message)
    error = error_of(proxied)
    assert error.line == f"error: the server answered 503: {message}"
    assert error.hint == "no pod behind it is ready: kubectl kagent check, or kubectl get pods -A"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("no endpoints available for service", Unreachable),
        ("error trying to reach service: dial tcp 10.244.0.9:8083: connect: connection refused", Unreachable),
        ("error trying to reach service: EOF", Unanswered),
        ("error trying to reach service: read tcp 10.0.0.1:4->10.0.0.2:8: connection reset", Unanswered),
    ],
)
def test_who_got_the_request_and_broke_off_may_have_done_it(
    server: Loopback, message: str, kind: type
) -> None:
    """As the API server of 1.35 says it of a service behind its proxy."""
    server.answer = lambda _: refused(503, "ServiceUnavailable", message)
    error = error_of(connect(Connection(server=server.url)).service("kagent", SERVICE))
    assert (type(error), error.line) == (kind, f"error: the server answered 503: {message}")


def test_envoy_in_front_of_a_service_says_which_it_was(server: Loopback) -> None:
    for why, kind in (("connection termination", Unanswered), ("remote connection failure", Unreachable)):
        text = f"upstream connect error or disconnect/reset before headers. reset reason: {why}"
        server.answer = lambda _, text=text: response(503, text, "text/plain")  # type: ignore[misc]
        assert type(error_of(Address(server.url))) is kind


def test_only_the_final_answer_counts(service: HttpService, server: Loopback) -> None:
    """Were an interim one taken for it, what comes next would be the answer to the next request."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

    def answer(received: Received) -> Iterator[bytes]:
        yield hints * 2 + b"HTTP/1.1 100 Continue\r\n\r\n"
        yield response(200, {"asked": received.path.rpartition("/")[2]})

    server.answer = answer
    assert [service.call("GET", f"/{word}") for word in ("x", "y")] == [{"asked": "x"}, {"asked": "y"}]


@pytest.mark.parametrize(("interim", "code"), [(b"103 Early Hints", 103), (b"101 Switching", 101)])
def test_an_answer_that_never_becomes_final_is_none(
    service: HttpService, server: Loopback, naps: list[float], interim: bytes, code: int
) -> None:
    server.answer = lambda _: b"HTTP/1.1 " + interim + b"\r\n\r\n" + (b"HTTP/1.1 103 .\r\n\r\n" * 9)
    error = error_of(service)
    assert (type(error), naps) == (Unanswered, [])
    assert error.line.endswith(f"{code} is not a final answer")


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
    assert list(service.stream("/x", {}, timeout=5)) == [b"data: 1", b"", b"data: 2", b"", b"data: cut"]


def test_a_post_through_the_proxy_keeps_no_connection(server: Loopback) -> None:
    """The API server's proxy breaks off some of the answers to those that do; a GET may be asked again."""
    proxied = connect(Connection(server=server.url)).service("kagent", SERVICE)
    server.answer = lambda _: streamed(b"data: 1\n")
    list(proxied.stream("/x", {}, timeout=5))
    server.answer = lambda _: response(200, {})
    proxied.call("POST", "/x", {})
    proxied.call("GET", "/x")
    assert [(sent.method, sent.header("connection")) for sent in server.received] == [
        ("POST", ["close"]),
        ("POST", ["close"]),
        ("GET", []),
    ]


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
    monkeypatch.setattr(answers, "LINE_LIMIT", 1000)
    server.answer = lambda _: streamed(b"data: " + b"x" * 500, b"y" * 600)
    assert error_of(service, stream=True).line == (
        "error: a line of more than 1000 bytes came: longer than any valid answer"
    )


def test_a_body_that_is_no_stream_has_a_limit(
    service: HttpService, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "BODY_LIMIT", 1000)

    def endless(_: Received) -> Iterator[bytes]:
        yield head(200, "Content-Type: application/json", "Transfer-Encoding: chunked")
        while True:
            yield chunk(b"[" * 10_000)

    server.answer = endless
    error = error_of(service)
    assert (
        error.line
        == f"error: {where(service)} answered with more than 1000 bytes: longer than any valid answer"
    )


DEEP = "[" * 100_000
PACKED = gzip.compress(json.dumps({"error": "x" * 5000}).encode(), mtime=0)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (response(200, DEEP), KagentError),
        (response(500, DEEP), KagentError),
        (response(500, {"kind": "Status", "code": [1]}), KagentError),
        (head(500, "Content-Length: 500") + b"so", Unreachable),
        (head(500, "Content-Encoding: gzip", "Content-Length: 5") + b"plain", Unreachable),
        (head(200, "Content-Type: text/event-stream", "Content-Encoding: gzip") + b"plain", Unreachable),
        (head(500, "Content-Encoding: gzip", f"Content-Length: {len(PACKED)}") + PACKED[:30], Unreachable),
    ],
)
def test_an_answer_that_can_not_be_read_is_an_error_in_one_line(
    service: HttpService, server: Loopback, answer: bytes, kind: type
) -> None:
    server.answer = lambda _: answer
    for stream in (False, True):
        error = error_of(service, stream=stream)
        assert isinstance(error, kind), error
        assert "\n" not in error.line


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://h:1/p", "http://h:1/p"),
        ("https://jo:hunter2@h/p?token=abc#frag", "https://h/p"),
        ("http://jo@[::1]:5/", "http://[::1]:5/"),
        ("http://a:b@c@h", "http://h"),
        ("jo:hunter2@h:4317", "h:4317"),
        ("https://h/p@q", "https://h/[masked]"),
        ("http://h:8080/users/bob@corp.example", "http://h:8080/[masked]"),
        ("https://[::1]:80/a@b", "https://[::1]:80/[masked]"),
        ("http://u:hunter2@h/p@q", "http://[masked]@q"),
        ("http://u:hun@t?er2@h", "http://[masked]@h"),
        ("http://u:pa@hunter2#x@h", "http://[masked]@h"),
        ("http://u:pa@hun/ter2?x@h", "http://[masked]@h"),
        ("http://u:hunter2%2540h", "http://h"),
        ("http://u:hunter2\uff20h", "http://h"),
        ("https://h:8080/p?a@b", "https://h:8080/p"),
        ("https://h:80a/p", "https://h:80a/p"),
        ("http://jo:hun/ter2@h:9/p", "http://[masked]@h:9"),
        ("http://jo:hun#ter2@h:9/p", "http://[masked]@h:9"),
        ("http://jo:hun?ter2@h", "http://[masked]@h"),
        ("http://jo:hun://ter2@h", "http://[masked]@h"),
        ("jo:hun/ter2@h:4317", "[masked]@h:4317"),
        ("//jo:hunter2@h/p", "//h/p"),
        ("http:/jo:hunter2@h", "http:/h"),
        ("http:///jo:hunter2@h", "http:///h"),
        ("http:\\\\jo:hunter2@h", "http:\\\\h"),
        ("http:jo:hunter2@h", "h"),
        ("https//jo:hunter2@h:1", "https/[masked]"),
        ("http;//jo:hunter2@h", "[masked]@h"),
        ("http%3A//jo:hunter2@h", "[masked]@h"),
        ("http://http://jo:hunter2@h:1", "http://[masked]@h:1"),
        ("http://http//jo:hunter2@h:1", "http://http/[masked]"),
        ("http://jo@corp.example:hun/ter2@h:1", "http://[masked]@h:1"),
        ("http://jo:pa@hun/ter2@h:1", "http://[masked]@h:1"),
        ("http://jo:hunter2%40h:1", "http://h:1"),
        ("'http://jo:hun/ter2@h:1'", "[masked]@"),
        ("'http://hunter2@h:1'", "[masked]@"),
        ("1http://jo:hun?ter2@h", "[masked]@h"),
        ("url=http://jo:p w@h", "[masked]@h"),
        ("://jo:hun/ter2@h", "[masked]@h"),
        ("http://jo:hun/ter2@h?x=hunter2", "http://[masked]@h"),
        ("http://jo:hun/ter2@hunter2&x", "http://[masked]@"),
    ],
)
def test_an_address_is_named_without_its_secrets(url: str, name: str) -> None:
    assert http.shown(url) == name


def test_a_user_and_password_in_the_address_are_sent_and_never_shown(server: Loopback) -> None:
    address = Address(server.url.replace("//", "//jo:h%40nter2@"))
    server.answer = lambda _: response(500, "no", "text/plain")
    error = error_of(address)
    assert error.line == f"error: {server.url} answered 500: no"
    assert server.received[0].header("authorization") == ["Basic am86aEBudGVyMg=="]
    assert "nter2" not in repr(address)


def test_a_token_goes_over_http_to_this_machine_only() -> None:
    for url in ("https://kagent.example", "http://127.0.0.1:8083", "http://[::1]:1", "http://localhost:8083"):
        at_address(url, "secret", "jo")
    at_address("http://kagent.example", "", "jo")
    for url in ("http://kagent.example:80/x", "http://jo:pw@127.0.0.1.example", "http://10.0.0.1"):
        with pytest.raises(KagentError) as caught:
            at_address(url, "secret", "jo")
        shown = http.shown(url)
        assert caught.value.message == (
            f"the token would go to {shown} without TLS, for everybody on the way to read"
        )
        assert caught.value.hint == "give an https:// address, or --kagent-token= to send none"


@pytest.mark.parametrize("url", ["kagent", "ftp://jo:hunter2@h", "http://", "http://h:abc", "http://[x"])
def test_what_is_no_address_of_a_controller(url: str) -> None:
    with pytest.raises(KagentError, match="is not a URL of the kagent controller") as caught:
        at_address(url, "", "jo")
    assert "hunter2" not in caught.value.message


def test_a_reading_is_tried_again_when_the_service_says_when(server: Loopback, naps: list[float]) -> None:
    answers = [head(503, "Retry-After: 2"), response(200, {"data": 1})]
    server.answer = lambda _: answers.pop(0)
    assert Address(server.url).call("GET", "/x") == {"data": 1}
    assert naps == [2.0]
    answers = [head(503, "Retry-After: 2"), response(200, {"data": 1})]
    with pytest.raises(Unreachable, match="answered 503"):
        Address(server.url).call("POST", "/x", {})


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
    for ask in (
        found.sessions,
        lambda: found.sessions("team", "clock"),
        lambda: found.session("s"),
        lambda: found.tasks("s"),
        lambda: found.task("t"),
        found.tool_servers,
    ):
        assert ask() == [1]
    assert found.has_session("s")
    found.delete_session("s")
    found.ask("team", "clock", {})
    user = "user_id=jane%40x"
    assert [(r.method, r.path) for r in server.received] == [
        ("GET", f"/api/sessions?{user}"),
        ("GET", f"/api/sessions/agent/team/clock?{user}"),
        ("GET", f"/api/sessions/s?order=asc&limit=-1&{user}"),
        ("GET", f"/api/sessions/s/tasks?{user}"),
        ("GET", f"/api/tasks/t?{user}"),
        ("GET", f"/api/toolservers?{user}"),
        ("GET", f"/api/sessions/s?limit=1&{user}"),
        ("DELETE", f"/api/sessions/s?{user}"),
        ("POST", f"/api/a2a/team/clock?{user}"),
    ]


def test_an_answer_without_data_is_an_error(server: Loopback) -> None:
    with pytest.raises(KagentError, match="the kagent controller's answer to /api/toolservers has no data"):
        Controller(Address(server.url)).tool_servers()
    server.answer = lambda _: response(200, {"error": False, "message": "kagent leaves an empty list out"})
    assert Controller(Address(server.url)).tool_servers() == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": True, "message": "database is locked"}, "with an error: database is locked"),
        ({"error": "no\nspace"}, "with an error: no space"),
        ({"error": True, "data": {}}, "with an error: it does not say which"),
    ],
)
def test_an_error_in_an_answer_that_is_200_is_one(server: Loopback, body: Any, said: str) -> None:
    server.answer = lambda _: response(200, body)
    controller = Controller(Address(server.url))
    for ask in (controller.session, controller.delete_session):
        with pytest.raises(KagentError) as caught:
            ask("s")
        assert caught.value.message == f"the kagent controller answered /api/sessions/s {said}"


@pytest.mark.parametrize("answer", [response(200, {}), head(204), response(202, {"message": "queued"})])
def test_nothing_is_deleted_until_the_controller_says_so(server: Loopback, answer: bytes) -> None:
    server.answer = lambda _: answer
    with pytest.raises(KagentError) as caught:
        Controller(Address(server.url)).delete_session("s")
    assert caught.value.message == "the kagent controller does not say whether /api/sessions/s is deleted"


def test_an_empty_list_is_left_out_by_kagent(server: Loopback) -> None:
    server.answer = lambda _: response(200, {"error": False, "message": "Successfully listed sessions"})
    assert Controller(Address(server.url)).sessions() == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_login_that_is_missing_is_explained(server: Loopback, *, stream: bool) -> None:
    server.answer = lambda _: response(401, "no", "text/plain")
    proxied = connect(Connection(server=server.url)).service("kagent", SERVICE)

    def ask(controller: Controller) -> None:
        if stream:
            list(controller.stream("team", "clock", {}, timeout=5))
        else:
            controller.sessions()

    direct = at_address(server.url, "", "me")
    for controller, hint in ((Controller(proxied), PROXY_HINT), (direct, TOKEN_HINT)):
        with pytest.raises(Unauthorized) as caught:
            ask(controller)
        assert caught.value.hint == hint
