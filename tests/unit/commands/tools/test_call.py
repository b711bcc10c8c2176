"""tools call: against a real MCP server on loopback, and against answers that are none."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import pytest

from kubectl_kagent.backends import mcp
from kubectl_kagent.model.resources import MCP_SERVER, REMOTE_MCP_SERVER, SERVICE
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.loopback import Loopback, Received, head, refused, response, serve
from tests.mcp_server import Running, running
from tests.objects import mcp_server


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as found:
        yield found


@pytest.fixture
def clock(cluster: FakeCluster, server: Running) -> Running:
    """The server behind the MCPServer ``clock``."""
    cluster.add(MCP_SERVER, mcp_server("clock"))
    cluster.addresses["default/clock:3000"] = server.url
    server.requests.clear()
    return server


def remote(cluster: FakeCluster, name: str, **spec: Any) -> None:
    body = {"metadata": {"name": name}, "spec": {"description": "", **spec}}
    kind = {"apiVersion": REMOTE_MCP_SERVER.api_version, "kind": "RemoteMCPServer"}
    cluster.add(REMOTE_MCP_SERVER, kind | body)


def test_prints_what_the_tool_answers_and_ends_the_session(clock: Running, kagent: Kagent) -> None:
    done = kagent("tools", "call", "clock", "get_time", "--arg", "timezone=Europe/Berlin")
    assert done == (0, "08:00 (Europe/Berlin)\n", "")
    assert [method for method, _ in clock.requests] == ["POST", "POST", "POST", "POST", "DELETE"]
    sessions = {headers.get("mcp-session-id") for _, headers in clock.requests[1:]}
    assert len(sessions) == 1
    assert sessions != {None}


def test_its_own_requests_are_among_those_of_v6(clock: Running, kagent: Kagent) -> None:
    code, out, err = kagent("tools", "call", "clock", "get_time", "--arg", "timezone=Europe/Berlin", "-v=6")
    assert (code, out) == (0, "08:00 (Europe/Berlin)\n")
    printed = re.findall(rf'"Response" verb="(\w+)" url="{re.escape(clock.url)}/mcp" status="\d+ \w+"', err)
    assert printed == [method for method, _ in clock.requests]


@pytest.mark.parametrize(
    ("args", "answer"),
    [
        (["a=1", "b=2"], "(1, 2.0, None, None)"),
        (["a=1", "b=2.5", "unit=5"], "(1, 2.5, '5', None)"),
        (["a=1", "b=2", "unit=null"], "(1, 2.0, None, None)"),
        (["a=1", "b=2", 'unit="m"'], "(1, 2.0, 'm', None)"),
        (["a=1", "b=2", "unit=a=b", "more=[1, 2]"], "(1, 2.0, 'a=b', [1, 2])"),
    ],
)
def test_an_argument_is_json_or_a_text_as_the_schema_wants(
    args: list[str], answer: str, clock: Running, kagent: Kagent
) -> None:
    words = [word for arg in args for word in ("--arg", arg)]
    assert kagent("tools", "call", "clock", "add", *words) == (0, f"{answer}\n", "")


def test_arguments_as_json_from_stdin(clock: Running, kagent: Kagent) -> None:
    done = kagent("tools", "call", "clock", "add", "--args-json", "-", input='{"a": 1, "b": 2}')
    assert done == (0, "(1, 2.0, None, None)\n", "")


def test_the_whole_result_as_json(clock: Running, kagent: Kagent) -> None:
    code, out, err = kagent("tools", "call", "clock", "get_time", "-o", "json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["content"] == [{"type": "text", "text": "08:00 (UTC)"}]
    assert found["structuredContent"] == {"result": "08:00 (UTC)"}
    assert found["isError"] is False


ARGUMENTS = "hint: its arguments: a (integer, required); b (number, required); unit (any); more (any)\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--arg", "a=1"], '"b" is required'),
        ([], '"a" is required; "b" is required'),
        (["--arg", "a=one", "--arg", "b=2"], "a: 'one' is not of type 'integer'"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_called(
    args: list[str], said: str, clock: Running, kagent: Kagent
) -> None:
    done = kagent("tools", "call", "clock", "add", *args)
    assert done == (2, "", f'error: tool "add" of mcpserver/clock: {said}\n{ARGUMENTS}')
    assert [method for method, _ in clock.requests] == ["POST", "POST", "POST", "DELETE"]


def test_an_unknown_argument_is_refused(clock: Running, kagent: Kagent) -> None:
    assert kagent("tools", "call", "clock", "get_time", "--arg", "tz=UTC") == (
        2,
        "",
        'error: tool "get_time" of mcpserver/clock has no argument "tz"\n'
        "hint: its arguments: timezone (string)\n",
    )


def test_an_unknown_tool_names_those_there_are(clock: Running, kagent: Kagent) -> None:
    assert kagent("tools", "call", "clock", "time") == (
        1,
        "",
        'error: mcpserver/clock has no tool "time"\nhint: it has: get_time, add, boom, escape, pile\n',
    )


def test_a_failed_tool_is_exit_code_1_and_its_words_are_harmless(clock: Running, kagent: Kagent) -> None:
    code, out, err = kagent("tools", "call", "clock", "boom")
    assert (code, out) == (1, "")
    assert err == (
        'error: tool "boom" of mcpserver/clock failed: Error executing tool boom: boom: \\u001b[2Jno\n'
    )


def test_a_result_is_shown_harmless(clock: Running, kagent: Kagent) -> None:
    assert kagent("tools", "call", "clock", "escape") == (0, "\\u001b[2J\\u0007done\n", "")


def test_a_big_result_comes_whole(clock: Running, kagent: Kagent) -> None:
    code, out, err = kagent("tools", "call", "clock", "pile")
    assert (code, len(out), err) == (0, 3_000_001, "")


def test_a_bare_name_is_a_remote_server_too(clock: Running, cluster: FakeCluster, kagent: Kagent) -> None:
    remote(cluster, "far", url="http://clock.default.svc:3000/mcp")
    assert kagent("tools", "call", "far", "get_time") == (0, "08:00 (UTC)\n", "")


def test_a_server_outside_the_cluster_is_asked_at_its_address_with_the_headers_that_are_known(
    clock: Running, cluster: FakeCluster, kagent: Kagent
) -> None:
    secret = {"name": "X-Key", "valueFrom": {"type": "Secret", "name": "s", "key": "k"}}
    headers = [{"name": "Authorization", "value": "Bearer open"}, secret]
    remote(cluster, "far", url=f"{clock.url}/mcp", headersFrom=headers)
    assert kagent("tools", "call", "remotemcpserver/far", "get_time") == (
        0,
        "08:00 (UTC)\n",
        "Warning: agents send remotemcpserver/far headers that are left out here: X-Key\n",
    )
    assert {headers["authorization"] for _, headers in clock.requests} == {"Bearer open"}


def test_a_server_in_the_cluster_can_not_have_us_speak_as_somebody_else(
    clock: Running, cluster: FakeCluster, kagent: Kagent
) -> None:
    names = ("Authorization", "Impersonate-User", "impersonate-group", "X-Remote-User", "X-Fine")
    headers = [{"name": name, "value": "admin"} for name in names]
    remote(cluster, "far", url="http://clock.default:3000/mcp", headersFrom=headers)
    code, out, err = kagent("tools", "call", "far", "get_time")
    assert (code, out) == (0, "08:00 (UTC)\n")
    assert err == (
        "Warning: agents send remotemcpserver/far headers that are left out here: "
        "Authorization, Impersonate-User, impersonate-group, X-Remote-User\n"
    )
    sent = clock.requests[0][1]
    assert sent["x-fine"] == "admin"
    assert not {"authorization", "impersonate-user", "impersonate-group", "x-remote-user"} & sent.keys()


@pytest.mark.parametrize("path", ["/../../secrets", "/a/%2e%2e/b", "/a/..%2fb"])
def test_a_path_can_not_lead_out_of_the_service(path: str, cluster: FakeCluster, kagent: Kagent) -> None:
    remote(cluster, "far", url=f"http://clock.default:3000{path}")
    assert kagent("tools", "call", "far", "x") == (
        1,
        "",
        "error: remotemcpserver/far does not say where it listens\nhint: look at its port or URL\n",
    )


def test_a_service_with_annotations(clock: Running, cluster: FakeCluster, kagent: Kagent) -> None:
    notes = {"kagent.dev/mcp-service-port": "3000", "kagent.dev/mcp-service-path": "/mcp"}
    body = {
        "metadata": {"name": "clock", "annotations": notes},
        "spec": {"ports": [{"port": 1}, {"port": 2}]},
    }
    cluster.add(SERVICE, {"apiVersion": "v1", "kind": "Service"} | body)
    assert kagent("tools", "call", "svc/clock", "get_time") == (0, "08:00 (UTC)\n", "")


def test_a_server_of_another_protocol(cluster: FakeCluster, kagent: Kagent) -> None:
    remote(cluster, "far", url="http://clock.default:3000/sse", protocol="SSE")
    assert kagent("tools", "call", "far", "x") == (
        1,
        "",
        "error: remotemcpserver/far speaks SSE; only streamable HTTP can be asked from here\n",
    )


def test_a_server_that_is_down(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(MCP_SERVER, mcp_server("clock"))
    code, out, err = kagent("tools", "call", "clock", "get_time")
    assert (code, out) == (5, "")
    assert err.startswith("error: mcpserver/clock: unable to connect to the server 127.0.0.1:9: ")
    assert err.endswith(
        "\nhint: kubectl kagent describe mcpserver/clock -n default tells whether its pods run\n"
    )


# Servers that keep sessions


def in_turn(pods: list[Callable[[Received], bytes]]) -> Callable[[Received], bytes]:
    """Each request meets the next pod, as through a Service."""
    turn = cycle(pods)
    return lambda request: next(turn)(request)


NO_SESSION = "Bad Request: No valid session ID provided"


def pod(
    name: str, forgets: int = 0, *, status: int = 404, code: int = -32600, words: str = "Session not found"
) -> Callable[[Received], bytes]:
    """A server that knows the sessions that it opened itself; of the first ``forgets`` it knows none."""
    opened: list[str] = []

    def answer(request: Received) -> bytes:
        session = "".join(request.header("mcp-session-id"))
        asked = json.loads(request.body or b"{}")
        if asked.get("method") == "initialize":
            opened.append(f"{name}-{len(opened)}")
            info = {"name": "x", "version": "1"}
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
            return answering(asked, result, f"Mcp-Session-Id: {opened[-1]}")
        if session not in opened[forgets:]:
            if not code:
                return response(status, words, "text/plain")
            error = {"code": code, "message": words}
            return response(status, {"jsonrpc": "2.0", "id": None, "error": error})
        if "id" not in asked:
            return response(202 if asked else 200, "")
        if asked["method"] == "tools/list":
            return answering(asked, {"tools": [{"name": "where", "inputSchema": {"type": "object"}}]})
        return answering(asked, {"content": [{"type": "text", "text": session}]})

    return answer


def answering(asked: dict[str, Any], result: Any, *headers: str) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
    return head(200, "Content-Type: application/json", f"Content-Length: {len(body)}", *headers) + body


@pytest.mark.parametrize(
    "refusal",
    [
        {},
        {"status": 400, "code": -32000, "words": NO_SESSION},
        {"status": 400, "code": -32000, "words": f"{NO_SESSION}. Initialize first"},
        {"status": 400, "code": 0, "words": NO_SESSION},
    ],
    ids=["as MCP says", "as its TypeScript example does", "as copies of that do", "as its Python SDK did"],
)
def test_a_session_that_one_of_three_pods_has(
    loopback: Loopback, kagent: Kagent, refusal: dict[str, Any]
) -> None:
    loopback.answer = in_turn([pod(name, **refusal) for name in "abc"])
    assert kagent("tools", "call", "clock", "where") == (0, "a-0\n", "")
    met = [request for request in loopback.received if request.method == "DELETE"]
    assert {request.header("mcp-session-id")[0] for request in loopback.received[1:]} == {"a-0"}
    assert len(met) <= 3  # it is ended where it is


@pytest.mark.parametrize(
    "failure",
    [
        {"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": "booked; no database session"}},
        {"jsonrpc": "2.0", "id": 2, "error": {"code": -32000, "message": NO_SESSION}},
        {"jsonrpc": "2.0", "id": None, "error": {"code": -32603, "message": NO_SESSION}},
        f"booked, but the bookkeeping said: {NO_SESSION}",
    ],
)
def test_a_call_that_was_carried_out_and_failed_is_not_made_again(
    loopback: Loopback, kagent: Kagent, failure: Any
) -> None:
    opened = pod("a")
    loopback.answer = lambda request: (
        response(400, failure) if b"tools/call" in request.body else opened(request)
    )
    assert kagent("tools", "call", "clock", "where")[:2] == (1, "")
    assert methods(loopback)["tools/call"] == 1


def test_a_session_that_the_server_has_forgotten_is_begun_anew_once(
    loopback: Loopback, kagent: Kagent
) -> None:
    loopback.answer = pod("a", forgets=1)
    assert kagent("tools", "call", "clock", "where") == (0, "a-1\n", "")
    loopback.answer = pod("a", forgets=2)
    loopback.received.clear()
    assert kagent("tools", "call", "clock", "where") == (
        1,
        "",
        "error: mcpserver/clock answered with an error: Session not found\n",
    )
    assert sum(b'"initialize"' in request.body for request in loopback.received) == 2


@pytest.mark.parametrize("status", [200, 405])
def test_whatever_the_end_of_a_forgotten_session_is_answered_with(
    loopback: Loopback, kagent: Kagent, status: int
) -> None:
    one = pod("a", forgets=1)
    loopback.answer = lambda request: response(status, "") if request.method == "DELETE" else one(request)
    assert kagent("tools", "call", "clock", "where") == (0, "a-1\n", "")


def methods(loopback: Loopback) -> dict[str, int]:
    """How often each was asked for."""
    return Counter(
        request.method if request.method == "DELETE" else json.loads(request.body)["method"]
        for request in loopback.received
    )


def test_a_session_that_no_pod_knows_is_looked_for_with_a_bound(loopback: Loopback, kagent: Kagent) -> None:
    loopback.answer = pod("a", forgets=9)
    assert kagent("tools", "call", "clock", "where")[0] == 1
    assert sum(methods(loopback).values()) < 100
    assert methods(loopback)["DELETE"] <= 2
    assert methods(loopback)["initialize"] == 2


def test_at_its_own_address_a_server_is_asked_once_and_begins_one_session_more(
    loopback: Loopback, cluster: FakeCluster, kagent: Kagent
) -> None:
    remote(cluster, "far", url=f"{loopback.url}/mcp")
    loopback.answer = pod("a", forgets=1)
    assert kagent("tools", "call", "remotemcpserver/far", "where") == (0, "a-1\n", "")
    loopback.answer = pod("a", forgets=9)
    loopback.received.clear()
    assert kagent("tools", "call", "remotemcpserver/far", "where") == (
        1,
        "",
        "error: remotemcpserver/far answered with an error: Session not found\n",
    )
    assert max(methods(loopback).values()) == 2
    assert methods(loopback)["initialize"] == 2


def test_a_server_that_knows_no_delete_is_told_once(loopback: Loopback, kagent: Kagent) -> None:
    one = pod("a")
    loopback.answer = lambda request: response(404, "") if request.method == "DELETE" else one(request)
    assert kagent("tools", "call", "clock", "where") == (0, "a-0\n", "")
    assert methods(loopback)["DELETE"] == 1


def test_a_service_that_the_api_server_no_longer_knows_is_asked_for_once(
    loopback: Loopback, kagent: Kagent
) -> None:
    one = pod("a")
    loopback.answer = lambda request: (
        refused(404, "NotFound", 'services "clock" not found')
        if request.header("mcp-session-id")
        else one(request)
    )
    code, out, err = kagent("tools", "call", "clock", "where")
    assert (code, out) == (1, "")
    assert 'services "clock" not found' in err
    assert max(methods(loopback).values()) == 1


def test_a_call_that_was_answered_is_not_made_again_because_the_session_is_over(
    loopback: Loopback, kagent: Kagent
) -> None:
    one = pod("a")

    def answer(request: Received) -> bytes:
        if request.method == "DELETE":
            return response(404, "")
        if b'"tools/call"' in request.body:
            return response(500, "oh", "text/plain")
        return one(request)

    loopback.answer = answer
    assert kagent("tools", "call", "clock", "where")[0] == 1
    assert sum(b'"tools/call"' in request.body for request in loopback.received) == 1


# Answers that are none


@pytest.fixture
def loopback(cluster: FakeCluster) -> Iterator[Loopback]:
    with serve() as found:
        cluster.add(MCP_SERVER, mcp_server("clock"))
        cluster.addresses["default/clock:3000"] = found.url
        yield found


def scripted(listing: Any) -> Callable[[Received], bytes]:
    """A server without sessions that greets well and answers a tools/list with that."""

    def answer(request: Received) -> bytes:
        asked = json.loads(request.body)
        if asked["method"] == "initialize":
            info = {"name": "x", "version": "1"}
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
            return response(200, {"jsonrpc": "2.0", "id": asked["id"], "result": result})
        if "id" not in asked:
            return response(202, "")
        if isinstance(listing, bytes):
            return listing
        return response(200, {"jsonrpc": "2.0", "id": asked["id"], "result": listing})

    return answer


NOT_MCP = "error: mcpserver/clock answered with something that is not MCP: "


@pytest.mark.parametrize(
    ("answer", "code", "start"),
    [
        (
            response(200, "<html>", "text/html"),
            1,
            "error: mcpserver/clock answered with an error: Unexpected",
        ),
        (response(200, "{", "application/json"), 1, NOT_MCP + "Failed to parse JSON response:"),
        (response(200, "data: {\n\n", "text/event-stream"), 1, NOT_MCP + "Failed to parse SSE message:"),
        (
            response(200, ": nothing\n\n", "text/event-stream"),
            1,
            "error: mcpserver/clock answered with an error",
        ),
        (
            response(404, "404 page not found", "text/plain"),
            1,
            "error: mcpserver/clock has no MCP server at its",
        ),
        (response(401, "who?", "text/plain"), 6, "error: mcpserver/clock refused with 401: who?"),
        (response(500, {"error": "oh"}), 1, "error: mcpserver/clock answered 500: oh"),
        (b"", 5, "error: mcpserver/clock: unable to connect to the server 127.0.0.1:"),
        (refused(404, "NotFound", 'services "x" not found'), 1, "Error from server (NotFound): services"),
        (
            refused(503, "ServiceUnavailable", "no endpoints"),
            5,
            "error: mcpserver/clock: the server answered 503",
        ),
        (
            refused(
                403,
                "Forbidden",
                'x is forbidden: User "u" cannot create resource "services/proxy" in API group ""',
            ),
            6,
            "Error from server (Forbidden): x is forbidden",
        ),
    ],
)
def test_a_refusal_or_no_mcp_at_all(
    answer: bytes, code: int, start: str, loopback: Loopback, kagent: Kagent
) -> None:
    loopback.answer = lambda _: answer
    seen, out, err = kagent("tools", "call", "clock", "x")
    assert (seen, out) == (code, "")
    assert err.startswith(start), err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"x" * 2000, "answered with more than 1000 bytes: longer than any valid answer"),
        (gzip.compress(b"{}", mtime=0), "answered in an encoding that was not asked for"),
    ],
)
def test_an_answer_without_end_is_none(
    answer: bytes, said: str, loopback: Loopback, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp, "BODY_LIMIT", 1000)
    packed = ["Content-Encoding: gzip"] if answer.startswith(b"\x1f") else []
    loopback.answer = lambda _: head(200, "Content-Type: application/json", *packed) + answer
    assert kagent("tools", "call", "clock", "x") == (1, "", f"error: mcpserver/clock {said}\n")
    assert loopback.received[0].header("accept-encoding") == ["identity"]


@pytest.mark.parametrize(
    ("listing", "start"),
    [
        ({}, NOT_MCP),
        ({"tools": "many"}, NOT_MCP),
        ({"tools": [{"name": 5}]}, NOT_MCP),
        (
            {"tools": [{"name": "\x1b[2Jx", "inputSchema": {"type": "object"}}]},
            "error: mcpserver/clock has no tool",
        ),
        (
            {"tools": [{"name": "y", "inputSchema": {"type": "object"}}], "nextCursor": "again"},
            "error: the list of tools has more than 100 pages: longer than any valid answer",
        ),
    ],
)
def test_a_listing_that_is_none(listing: Any, start: str, loopback: Loopback, kagent: Kagent) -> None:
    loopback.answer = scripted(listing)
    code, out, err = kagent("tools", "call", "clock", "x")
    assert (code, out) == (1, "")
    assert err.startswith(start), err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "at the test's own server, which must not be asked"},
        {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}},
        {"properties": {"a": {"type": "nonsense", "minLength": "x"}}},
        {"properties": {"a": {"anyOf": "x", "enum": 5}}},
    ],
)
def test_a_schema_that_can_not_be_applied_leaves_it_to_the_server(
    schema: Any, loopback: Loopback, kagent: Kagent
) -> None:
    elsewhere = {"$ref": f"{loopback.url}/schema"} if "$ref" in schema else {}
    whole = {"type": "object", **schema, **elsewhere, "additionalProperties": {"type": "integer"}}
    greet = scripted({"tools": [{"name": "x", "inputSchema": whole}]})

    def answer(request: Received) -> bytes:
        if request.method == "GET":
            return response(200, {})
        asked = json.loads(request.body)
        if asked["method"] != "tools/call":
            return greet(request)
        result = {"content": [{"type": "text", "text": json.dumps(asked["params"]["arguments"])}]}
        return response(200, {"jsonrpc": "2.0", "id": asked["id"], "result": result})

    loopback.answer = answer
    done = kagent("tools", "call", "clock", "x", "--arg", "a=1")
    assert done == (0, '{"a": 1}\n', "")
    assert not [item for item in loopback.received if item.path == "/schema"]


def test_a_server_that_does_not_answer(loopback: Loopback, kagent: Kagent) -> None:
    import threading

    over = threading.Event()

    def answer(_: Received) -> bytes:
        over.wait(20)
        return b""

    loopback.answer = answer
    done = kagent("tools", "call", "clock", "x", "--timeout", "300ms")
    over.set()
    assert done == (
        4,
        "",
        "error: mcpserver/clock did not answer within 0.3s\nhint: --timeout=2m waits longer\n",
    )


@pytest.mark.parametrize(
    ("answer", "code", "unknown"),
    [
        (b"", 5, True),
        (head(200, "Content-Type: application/json", "Content-Length: 99") + b"{", 5, True),
        (response(200, ": nothing\n\n", "text/event-stream"), 1, True),
        (response(200, "{"), 1, True),
        (response(500, "oh", "text/plain"), 1, True),
        (refused(503, "ServiceUnavailable", "error trying to reach service: EOF"), 5, True),
        (refused(503, "ServiceUnavailable", "no endpoints available"), 5, False),
        (response(401, "who?", "text/plain"), 6, False),
        (response(200, {"jsonrpc": "2.0", "id": 3, "error": {"code": -32602, "message": "no"}}), 1, False),
    ],
)
def test_a_call_without_a_clear_answer_was_perhaps_carried_out(
    loopback: Loopback, kagent: Kagent, answer: bytes, code: int, *, unknown: bool
) -> None:
    greet = scripted({"tools": [{"name": "x", "inputSchema": {"type": "object"}}]})
    loopback.answer = lambda request: answer if b'"tools/call"' in request.body else greet(request)
    found, out, err = kagent("tools", "call", "clock", "x")
    assert (found, out) == (code, "")
    assert (": whether tool x was carried out is not known\n" in err) == unknown, err


# The command line


@pytest.mark.parametrize(
    ("words", "err"),
    [
        (
            ["clock", "x", "--arg", "a"],
            'error: argument "a" has no value\nhint: write it like --arg timezone=Europe/Berlin\n',
        ),
        (
            ["clock", "x", "--arg", "=a"],
            'error: "=a" is not an argument\nhint: write it like --arg timezone=Europe/Berlin\n',
        ),
        (["clock", "x", "--args-json", "-"], "error: --args-json is list, not an object\n"),
        (
            ["clock", "x", "--arg", "a=1", "--args-json", "-"],
            "error: only one of --arg and --args-json may be used\n",
        ),
        (
            ["agent/clock", "x"],
            "error: an agent is not a tool server\n"
            "hint: ask it: kubectl kagent chat clock -n default MESSAGE\n",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], err: str, kagent: Kagent) -> None:
    assert kagent("tools", "call", *words, input="[]") == (2, "", err)


def test_a_server_that_is_not_there(kagent: Kagent) -> None:
    assert kagent("tools", "call", "clock", "x") == (
        1,
        "",
        'Error from server (NotFound): neither an mcpserver nor a remotemcpserver "clock" '
        "is in namespace default\n"
        "hint: kubectl kagent tools list -n default shows the servers that there are\n",
    )
