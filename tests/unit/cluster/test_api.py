"""What goes over the wire, and what each answer means."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kubectl_kagent import clock
from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    Forbidden,
    KagentError,
    NotFound,
    OtherServerError,
    ResourceMissing,
    Unanswered,
    Unauthorized,
    Unreachable,
    Unreadable,
)
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    MCP_SERVER,
    MODEL_CONFIG,
    POD,
)
from tests.loopback import KEPT, Loopback, Received, chunk, head, refused, response, serve

PAGE = "<html>\n<head><title>Sign in</title></head>\n<body>Please sign in.</body>\n</html>"


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serve() as loopback:
        yield loopback


@pytest.fixture
def api(server: Loopback) -> ApiServer:
    return connect(Connection(server=server.url, namespace="team"))


@pytest.mark.parametrize("tokens", [["a"], ["a", "b"]])
def test_pages_that_begin_again_are_an_error(server: Loopback, api: ApiServer, tokens: list[str]) -> None:
    def page(request: Received) -> bytes:
        after = parse_qs(urlsplit(request.path).query).get("continue", [""])[0]
        place = tokens.index(after) + 1 if after else 0
        metadata = {"resourceVersion": "1", "continue": tokens[place % len(tokens)]}
        return response(200, {"kind": "AgentList", "metadata": metadata, "items": []})

    server.answer = page
    given: list[Any] = []
    error = error_of(lambda: given.extend(islice(api.pages(AGENT, "team"), 10)))
    assert len(given) == len(tokens) + 1
    assert error.line == (
        f"error: the list of agents.kagent.dev has no end: the server {server.address} goes back to a page "
        "that it has given"
    )


def error_of(call: Callable[[], object]) -> KagentError:
    with pytest.raises(KagentError) as caught:
        call()
    return caught.value


def asked(received: Received) -> tuple[str, str, dict[str, str]]:
    parts = urlsplit(received.path)
    return received.method, parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()}


# Requests


def test_another_client_is_given_what_it_needs_to_reach_a_service() -> None:
    groups = ("dev", "ops")
    given = Connection(server="https://127.0.0.1:1", token="secret", as_user="jo", as_groups=groups)
    access = connect(given).service("team", "clock:3000").access("/mcp?a=b")
    assert access.url == "https://127.0.0.1:1/api/v1/namespaces/team/services/clock:3000/proxy/mcp?a=b"
    assert access.headers == (
        ("User-Agent", "kubectl-kagent"),
        ("Authorization", "Bearer secret"),
        ("Impersonate-User", "jo"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
    )
    assert (access.server_name, access.proxy) == ("", "")
    assert access.tls is not None
    assert access.tls.verify_mode is ssl.CERT_REQUIRED


def test_its_tls_is_what_the_flags_say() -> None:
    url = "https://127.0.0.1:1"
    given = Connection(server=url, insecure_skip_tls_verify=True, tls_server_name="api.local")
    access = connect(given).service("team", "clock:3000").access("/mcp")
    assert access.server_name == "api.local"
    assert access.tls is not None
    assert (access.tls.check_hostname, access.tls.verify_mode) == (False, ssl.CERT_NONE)


def test_who_asks_for_metadata_says_so_and_takes_whole_objects_too(api: ApiServer, server: Loopback) -> None:
    """As kubectl does with its tables: a server that can't leave the rest away sends all."""
    api.list_metadata(AGENT, "team", labels="a=b")
    api.list_objects(AGENT, "team")
    assert [(asked(received), received.header("Accept")) for received in server.received] == [
        (
            ("GET", "/apis/kagent.dev/v1alpha2/namespaces/team/agents", {"labelSelector": "a=b"}),
            ["application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"],
        ),
        (("GET", "/apis/kagent.dev/v1alpha2/namespaces/team/agents", {}), ["application/json"]),
    ]


def test_each_call_is_the_request_that_kubernetes_expects(api: ApiServer, server: Loopback) -> None:
    base = "/apis/kagent.dev/v1alpha2/namespaces/team/agents"
    api.get(AGENT, "team", "clock")
    api.list_objects(AGENT, "team", labels="a=b,!c", fields="metadata.name=clock", at="120")
    api.list_objects(AGENT)
    api.create(AGENT, "team", {"a": 1}, manager="m")
    api.merge_patch(AGENT, "team", "clock", {"a": None}, manager="m", dry_run=True)
    api.json_patch(AGENT, "team", "clock", [{"op": "remove", "path": "/a"}], manager="m")
    api.apply(AGENT, "team", {"metadata": {"name": "clock"}}, manager="m", force=True)
    api.apply(AGENT, "team", {"metadata": {"name": "clock"}}, manager="m", dry_run=True)
    api.delete(AGENT, "team", "clock")
    api.delete(AGENT, "team", "clock", dry_run=True)
    selected = {
        "labelSelector": "a=b,!c",
        "fieldSelector": "metadata.name=clock",
        "resourceVersion": "120",
        "resourceVersionMatch": "Exact",
    }
    assert [asked(received) for received in server.received] == [
        ("GET", f"{base}/clock", {}),
        ("GET", base, selected),
        ("GET", "/apis/kagent.dev/v1alpha2/agents", {}),
        ("POST", base, {"fieldManager": "m"}),
        ("PATCH", f"{base}/clock", {"fieldManager": "m", "dryRun": "All"}),
        ("PATCH", f"{base}/clock", {"fieldManager": "m"}),
        ("PATCH", f"{base}/clock", {"fieldManager": "m", "force": "true"}),
        ("PATCH", f"{base}/clock", {"fieldManager": "m", "force": "false", "dryRun": "All"}),
        ("DELETE", f"{base}/clock", {}),
        ("DELETE", f"{base}/clock", {"dryRun": "All"}),
    ]
    types = [received.header("Content-Type") for received in server.received]
    merge, patch = "application/merge-patch+json", "application/json-patch+json"
    apply = "application/apply-patch+yaml"
    assert types == [[], [], [], ["application/json"], [merge], [patch], [apply], [apply], [], []]
    bodies = [json.loads(received.body) for received in server.received[3:6]]
    assert bodies == [{"a": 1}, {"a": None}, [{"op": "remove", "path": "/a"}]]
    assert all(received.header("Accept") == ["application/json"] for received in server.received)


def test_bodies_are_in_the_servers_own_spelling(api: ApiServer, server: Loopback) -> None:
    """It compares the stored bytes of a revision's data with these at every later patch.

    A strategic merge patch, such as the garbage collector's that orphans revisions, spells all of it anew.
    """
    server.answer = lambda _: response(201, {**KEPT, "revision": 1})
    data = {"z": "<b> & '\u00e4' \u2028 \ud800", "a": [1, 1.5, None]}
    api.create(CONTROLLER_REVISION, "team", {"data": data}, manager="m")
    sent = server.received[0].body.decode()
    spelled = r"\u003cb\u003e \u0026 '{}' \u2028 {}".format("\u00e4", "\ufffd")
    assert sent == '{"data":{"a":[1,1.5,null],"z":"' + spelled + '"}}'


def test_impersonation_sends_each_group_as_a_header_of_its_own(server: Loopback) -> None:
    api = connect(Connection(server=server.url, as_user="jane", as_groups=("a", "b"), as_uid="7"))
    api.get(AGENT, "team", "clock")
    (received,) = server.received
    assert received.header("Impersonate-User") == ["jane"]
    assert received.header("Impersonate-Group") == ["a", "b"]
    assert received.header("Impersonate-Uid") == ["7"]


def test_a_service_is_reached_through_the_servers_proxy(api: ApiServer, server: Loopback) -> None:
    server.answer = lambda _: response(200, {"data": 1})
    assert api.service("kagent", "kagent-controller:8083").call("POST", "/api/x?y=z", {"q": 1}) == {"data": 1}
    (received,) = server.received
    assert received.path == "/api/v1/namespaces/kagent/services/kagent-controller:8083/proxy/api/x?y=z"
    assert (received.method, json.loads(received.body)) == ("POST", {"q": 1})


def test_a_service_may_answer_with_a_list(api: ApiServer, server: Loopback) -> None:
    service = api.service("monitoring", "alertmanager:9093")
    server.answer = lambda _: response(200, [{"a": 1}])
    assert service.listed("/api/v2/alerts?filter=x") == [{"a": 1}]
    (received,) = server.received
    assert (received.method, received.path.partition("/proxy")[2]) == ("GET", "/api/v2/alerts?filter=x")
    server.answer = lambda _: response(200, {"a": 1})
    found = error_of(lambda: service.listed("/api/v2/alerts"))
    assert found.message == "/api/v2/alerts answered with dict, not a list"


def test_a_pods_log_is_text(api: ApiServer, server: Loopback) -> None:
    stamps = "2026-11-27T08:00:00.5Z", "2026-11-27T09:00:00.123456789+01:00"
    text = f"{stamps[0]} one\n{stamps[1]} zwei  ä\n{stamps[1]} \n"
    server.answer = lambda _: response(200, text, "text/plain")
    assert api.pod_log("team", "p", "kagent", previous=True, tail=5) == "one\nzwei  ä\n\n"
    assert asked(server.received[0]) == (
        "GET",
        "/api/v1/namespaces/team/pods/p/log",
        {"container": "kagent", "timestamps": "true", "previous": "true", "tailLines": "5"},
    )


@pytest.mark.parametrize(
    "words",
    [
        'failed to try resolving symlinks in path "/var/log/pods/p/kagent/0.log": lstat 0.log: no such file',
        "unable to retrieve container logs for containerd://0123",
    ],
)
def test_what_the_kubelet_says_of_a_log_is_no_part_of_it(
    api: ApiServer, server: Loopback, words: str
) -> None:
    server.answer = lambda _: response(200, words, "text/plain")
    assert api.pod_log("team", "p", "kagent", previous=True, tail=5) == ""


# Refusals

MISSING = "the server could not find the requested resource"


@pytest.mark.parametrize(
    ("answer", "kind", "line", "exit_code"),
    [
        (
            refused(404, "NotFound", 'agents.kagent.dev "x" not found', name="x", kind="agents"),
            NotFound,
            'Error from server (NotFound): agents.kagent.dev "x" not found',
            1,
        ),
        (
            refused(404, "NotFound", 'namespaces "no" not found', name="no", kind="namespaces"),
            NotFound,
            'Error from server (NotFound): namespaces "no" not found',
            1,
        ),
        (
            refused(404, "NotFound", MISSING),
            ResourceMissing,
            'error: the server doesn\'t have a resource type "agents" in kagent.dev/v1alpha2',
            1,
        ),
        (
            response(404, "404 page not found\n", "text/plain"),
            ResourceMissing,
            'error: the server doesn\'t have a resource type "agents" in kagent.dev/v1alpha2',
            1,
        ),
        (
            refused(401, "Unauthorized", "Unauthorized"),
            Unauthorized,
            "error: you must be logged in to the server (Unauthorized)",
            6,
        ),
        (
            refused(
                403, "Forbidden", 'agents.kagent.dev is forbidden: User "jane" cannot list resource "agents"'
            ),
            Forbidden,
            'Error from server (Forbidden): agents.kagent.dev is forbidden: User "jane" cannot list '
            'resource "agents"',
            6,
        ),
        (
            refused(403, "Forbidden", 'pods "x" is forbidden: exceeded quota: small'),
            OtherServerError,
            'Error from server (Forbidden): pods "x" is forbidden: exceeded quota: small',
            1,
        ),
        (
            refused(409, "AlreadyExists", 'agents.kagent.dev "x" already exists', name="x"),
            AlreadyExists,
            'Error from server (AlreadyExists): agents.kagent.dev "x" already exists',
            1,
        ),
        (
            refused(409, "Conflict", "the object has been modified", name="x"),
            Conflict,
            "Error from server (Conflict): the object has been modified",
            1,
        ),
        (
            refused(410, "Expired", "The provided continue parameter is too old."),
            Expired,
            "Error from server (Expired): The provided continue parameter is too old.",
            1,
        ),
        (
            refused(410, "Gone", "too old resource version: 1 (5)"),
            Expired,
            "Error from server (Expired): too old resource version: 1 (5)",
            1,
        ),
        (
            refused(422, "Invalid", 'Agent.kagent.dev "x" is invalid: spec.type: Unsupported value'),
            OtherServerError,
            'Error from server (Invalid): Agent.kagent.dev "x" is invalid: spec.type: Unsupported value',
            1,
        ),
        (
            refused(429, "TooManyRequests", "too many requests"),
            OtherServerError,
            "Error from server (TooManyRequests): too many requests",
            1,
        ),
        (
            refused(500, "InternalError", "etcd has no leader"),
            OtherServerError,
            "Error from server (InternalError): etcd has no leader",
            1,
        ),
        (response(500, ""), OtherServerError, "Error from server (500): HTTP 500", 1),
        (
            refused(503, "ServiceUnavailable", "no endpoints available"),
            Unreachable,
            "error: the server answered 503: no endpoints available",
            5,
        ),
        (
            response(502, PAGE, "text/html"),
            Unanswered,
            "error: the server answered 502: <html> <head><title>Sign in</title></head> "
            "<body>Please sign in.</body> </html>",
            5,
        ),
        (response(418, '"a string"'), OtherServerError, 'Error from server (418): "a string"', 1),
    ],
)
def test_each_refusal_has_its_kind_its_line_and_its_exit_code(
    api: ApiServer,
    server: Loopback,
    answer: bytes,
    kind: type[KagentError],
    line: str,
    exit_code: int,
) -> None:
    server.answer = lambda _: answer
    error = error_of(lambda: api.get(AGENT, "team", "x"))
    assert (type(error), error.line, error.exit_code) == (kind, line, exit_code)


def test_which_part_is_not_installed_is_named(api: ApiServer, server: Loopback) -> None:
    server.answer = lambda _: refused(404, "NotFound", MISSING)
    hints = [str(error_of(lambda r=r: api.list_objects(r)).hint) for r in (AGENT, MCP_SERVER)]  # type: ignore[misc]
    assert hints[0].startswith("kagent 0.9 or 0.10 is not installed here")
    assert hints[1].startswith("kmcp is not installed here")
    assert error_of(lambda: api.list_objects(CONFIG_MAP)).hint is None


# Answers that are none


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (response(200, PAGE, "text/html"), "answered with something that is not JSON: '<html>"),
        (response(200, '{"kind": "Agent", "meta'), "answered with something that is not JSON"),
        (response(200, "[1, 2]"), "answered with list, not an object"),
        (response(200, "null"), "answered with NoneType, not an object"),
    ],
)
def test_what_is_no_object_is_an_error_and_no_traceback(
    api: ApiServer, server: Loopback, answer: bytes, message: str
) -> None:
    server.answer = lambda _: answer
    error = error_of(lambda: api.get(AGENT, "team", "x"))
    assert message in error.line
    assert "/agents/x" in error.line
    assert "\n" not in error.line


def test_a_redirection_is_a_refusal(api: ApiServer, server: Loopback) -> None:
    server.answer = lambda _: head(302, "Location: http://127.0.0.1:9/login", "Content-Length: 0")
    for ask in (
        lambda: api.get(AGENT, "team", "x"),
        lambda: api.list_objects(AGENT),
        lambda: list(api.watch(AGENT, "team", "1", seconds=5)),
        lambda: list(api.pod_log_stream("team", "p", "kagent")),
        lambda: api.pod_log("team", "p", "kagent", tail=5),
        lambda: api.delete(AGENT, "team", "x"),
    ):
        error = error_of(ask)
        assert error.line == f"error: the server {server.address} redirects to a login page"
        assert error.exit_code == 6


def test_a_status_that_comes_as_200_is_a_refusal(api: ApiServer, server: Loopback) -> None:
    failure = {"kind": "Status", "status": "Failure", "code": 409, "reason": "Conflict", "message": "changed"}
    server.answer = lambda _: response(200, failure)
    assert error_of(lambda: api.delete(AGENT, "team", "x")).line == "Error from server (Conflict): changed"
    server.answer = lambda _: response(200, {"kind": "Status", "status": "Success"})
    api.delete(AGENT, "team", "x")


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ({"code": "abc", "message": "no"}, "Error from server (500): no"),
        ({"code": [1], "reason": "Odd"}, "Error from server (Odd): HTTP 500"),
        ({"code": 404, "details": [1], "message": "no"}, "error: the server doesn't have a resource type"),
        ({"code": 404, "details": "x", "message": {}}, "error: the server doesn't have a resource type"),
        ({"code": True, "reason": 5, "message": [1]}, "Error from server (500): HTTP 500"),
        ({"code": 10**400}, "Error from server (500): HTTP 500"),
    ],
)
def test_nothing_in_a_refusal_is_taken_on_trust(
    api: ApiServer, server: Loopback, status: dict[str, Any], line: str
) -> None:
    server.answer = lambda _: response(500, {"kind": "Status", **status})
    assert error_of(lambda: api.get(AGENT, "team", "x")).line.startswith(line)


def test_a_code_that_is_endless_is_none(api: ApiServer, server: Loopback) -> None:
    server.answer = lambda _: response(500, '{"kind": "Status", "code": 1e999, "message": "no"}')
    assert error_of(lambda: api.get(AGENT, "team", "x")).line == "Error from server (500): no"


def test_json_that_is_nested_without_end_is_none(api: ApiServer, server: Loopback) -> None:
    deep = '{"a":' * 100_000
    server.answer = lambda _: response(200, deep)
    assert "answered with something that is not JSON" in error_of(lambda: api.get(AGENT, "team", "x")).line
    server.answer = lambda _: response(500, deep)
    assert error_of(lambda: api.get(AGENT, "team", "x")).line.startswith("Error from server (500): {")


def test_an_object_that_is_nested_without_end_does_not_hide_the_others(
    api: ApiServer, server: Loopback
) -> None:
    """Whoever may write one where anything goes, as in a ModelConfig, writes it for all who list."""
    kept = {**KEPT, "spec": {"provider": "Bedrock", "model": "m"}}
    text = json.dumps({**KEPT, "items": [{**kept, "spec": {**kept["spec"], "bedrock": "DEEP"}}, kept]})
    server.answer = lambda _: response(200, text.replace('"DEEP"', "[" * 3000 + "]" * 3000))
    deep, plain = api.list_objects(MODEL_CONFIG, "team")["items"]
    assert (deep["spec"]["model"], plain) == ("m", kept)
    server.received.clear()
    with pytest.raises(Unreadable, match="an object has something in it that is nested too deeply"):
        api.merge_patch(MODEL_CONFIG, "team", "clock", {"spec": deep["spec"]}, manager="m")
    assert server.received == []


# Again, as client-go asks again


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited, in a time that moves by waiting only."""
    waited: list[float] = []
    monkeypatch.setattr(clock, "sleep", waited.append)
    monkeypatch.setattr(clock, "monotonic", lambda: sum(waited))
    return waited


BUSY = head(429, "Retry-After: 1", "Content-Length: 0")


def in_turn(server: Loopback, *answers: bytes) -> None:
    left = list(answers)
    server.answer = lambda _: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize("busy", [BUSY, head(503, "Retry-After: 1"), head(500, "Retry-After: 1")])
def test_who_is_told_when_to_come_back_does(
    api: ApiServer, server: Loopback, naps: list[float], busy: bytes
) -> None:
    good = response(200, KEPT)
    for ask in (
        lambda: api.get(AGENT, "team", "x"),
        lambda: api.list_objects(AGENT),
        lambda: api.merge_patch(AGENT, "team", "x", {}, manager="m"),
        lambda: api.create(AGENT, "team", {}, manager="m"),
        lambda: api.delete(AGENT, "team", "x"),
        lambda: list(api.watch(AGENT, "team", "1", seconds=5)),
        lambda: list(api.pod_log_stream("team", "p", "kagent")),
        lambda: api.service("kagent", "controller:80").call("GET", "/x"),
    ):
        in_turn(server, busy, busy, good)
        ask()
    assert len(server.received) == 8 * 3
    assert naps == [1.0, 1.0] * 8


def test_it_comes_back_ten_times(api: ApiServer, server: Loopback, naps: list[float]) -> None:
    in_turn(server, BUSY)
    assert error_of(lambda: api.get(AGENT, "team", "x")).line == "Error from server (429): HTTP 429"
    assert (len(server.received), naps) == (11, [1.0] * 10)


@pytest.mark.parametrize(
    ("busy", "timeout"),
    [
        (response(503, ""), None),
        (head(429, "Retry-After: Fri, 31 Dec 2027 23:59:59 GMT"), None),
        (head(404, "Retry-After: 1"), None),
        (head(429, "Retry-After: 3600"), None),
        (head(429, "Retry-After: 5"), 2.0),
    ],
)
def test_it_does_not_come_back_when_it_is_not_told_when_or_too_late(
    server: Loopback, naps: list[float], busy: bytes, timeout: float | None
) -> None:
    api = connect(Connection(server=server.url, request_timeout=timeout))
    in_turn(server, busy)
    error_of(lambda: api.get(MODEL_CONFIG, "team", "x"))
    assert (len(server.received), naps) == (1, [])


def test_a_connection_that_is_cut_is_tried_again_for_a_reading_only(
    api: ApiServer, server: Loopback, naps: list[float]
) -> None:
    in_turn(server, b"", b"", response(200, KEPT))
    assert api.get(AGENT, "team", "clock")["metadata"]["name"] == "clock"
    assert naps == [1.0, 1.0]
    in_turn(server, b"", response(200, KEPT))
    assert isinstance(error_of(lambda: api.merge_patch(AGENT, "team", "x", {}, manager="m")), Unreachable)
    assert len(server.received) == 4


def test_what_a_service_was_asked_to_do_is_asked_once(
    api: ApiServer, server: Loopback, naps: list[float]
) -> None:
    in_turn(server, BUSY, response(200, {}))
    error_of(lambda: api.service("kagent", "controller:80").call("POST", "/x", {}))
    error_of(lambda: list(api.service("kagent", "controller:80").stream("/x", {}, timeout=5)))
    assert naps == []


# Connections


@pytest.mark.parametrize(
    "answer",
    [
        head(200, "Content-Length: 500") + b'{"kind": "Agent", "meta',
        head(200, "Transfer-Encoding: chunked") + b"20\r\n{",
        head(200, "Transfer-Encoding: chunked") + b"nonsense\r\n",
        head(409, "Content-Length: 500") + b'{"kind": "Status"',
        b"",
        b"nonsense\r\n\r\n",
    ],
)
def test_a_connection_that_breaks_is_unreachable(
    api: ApiServer, server: Loopback, naps: list[float], answer: bytes
) -> None:
    server.answer = lambda _: answer
    error = error_of(lambda: api.get(AGENT, "team", "x"))
    assert isinstance(error, Unreachable), error
    assert server.address in error.line
    assert "\n" not in error.line


def test_a_server_that_does_not_answer_in_time_is_unreachable(server: Loopback) -> None:
    done = threading.Event()

    def hang(_: Received) -> bytes:
        done.wait(10)
        return b""

    server.answer = hang
    api = connect(Connection(server=server.url, request_timeout=0.2))
    started = time.monotonic()
    error = error_of(lambda: api.get(AGENT, "team", "x"))
    done.set()
    assert time.monotonic() - started < 5
    assert error.line == f"error: the server {server.address} did not answer in time"
    assert error.exit_code == 5


def test_nobody_there_is_unreachable() -> None:
    with serve() as gone:
        address = gone.address
    api = connect(Connection(server=f"http://{address}"))
    error = error_of(lambda: api.get(AGENT, "team", "x"))
    assert error.line == f"error: the connection to the server {address} was refused"


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    api = connect(Connection(server="https://no-such-host.invalid"))
    error = error_of(lambda: api.get(AGENT, "team", "x"))
    assert isinstance(error, Unreachable)
    assert error.line.startswith("error: unable to connect to the server no-such-host.invalid: ")
    assert "Errno" not in error.line


def test_https_to_a_server_that_speaks_http_is_unreachable(server: Loopback) -> None:
    api = connect(Connection(server=server.url.replace("http", "https")))
    error = error_of(lambda: api.get(AGENT, "team", "x"))
    assert isinstance(error, Unreachable), error


# Watches


def event(type_: str, name: str) -> dict[str, Any]:
    return {"type": type_, "object": {"kind": "Pod", "metadata": {**KEPT["metadata"], "name": name}}}


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in events)


def streamed(*parts: bytes, end: bytes = b"0\r\n\r\n") -> Iterator[bytes]:
    yield head(200, "Content-Type: application/json", "Transfer-Encoding: chunked")
    for part in parts:
        yield chunk(part)
    yield end


def test_a_watch_asks_for_bookmarks_and_an_end(api: ApiServer, server: Loopback) -> None:
    server.answer = lambda _: streamed(lines(event("ADDED", "a"), event("BOOKMARK", "")))
    events = list(api.watch(POD, "team", "120", seconds=30, fields="metadata.name=a"))
    assert [item["type"] for item in events] == ["ADDED", "BOOKMARK"]
    assert asked(server.received[0]) == (
        "GET",
        "/api/v1/namespaces/team/pods",
        {
            "watch": "true",
            "resourceVersion": "120",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "30",
            "fieldSelector": "metadata.name=a",
        },
    )


def test_lines_are_put_together_wherever_they_are_cut(api: ApiServer, server: Loopback) -> None:
    text = lines(event("ADDED", "ä"), event("MODIFIED", "b"), event("DELETED", "c"))
    for size in (1, 7, 64, len(text)):
        parts = [text[start : start + size] for start in range(0, len(text), size)]
        server.answer = lambda _, parts=parts: streamed(*parts)  # type: ignore[misc]
        found = list(api.watch(POD, "team", "1", seconds=5))
        assert [item["object"]["metadata"]["name"] for item in found] == ["ä", "b", "c"]


def test_an_event_comes_through_before_the_next_one_is_sent(api: ApiServer, server: Loopback) -> None:
    seen = threading.Event()

    def slowly(_: Received) -> Iterator[bytes]:
        yield from streamed(lines(event("ADDED", "a")), end=b"")
        assert seen.wait(10)
        yield chunk(lines(event("ADDED", "b"))) + b"0\r\n\r\n"

    server.answer = slowly
    names = []
    for item in api.watch(POD, "team", "1", seconds=5):
        names.append(item["object"]["metadata"]["name"])
        seen.set()
    assert names == ["a", "b"]


def test_a_watch_that_is_cut_inside_a_line_gives_only_what_is_whole(api: ApiServer, server: Loopback) -> None:
    half = lines(event("ADDED", "b"))[:20]
    server.answer = lambda _: streamed(lines(event("ADDED", "a")), half, end=b"")
    events = api.watch(POD, "team", "1", seconds=5)
    assert next(events)["object"]["metadata"]["name"] == "a"
    error = error_of(lambda: next(events))
    assert isinstance(error, Unreachable)
    assert error.line == "error: the watch on pods broke: the connection was closed"


def test_a_watch_that_ends_inside_a_line_drops_it(api: ApiServer, server: Loopback) -> None:
    """An orderly end, so whoever reads starts again after the last whole event."""
    half = lines(event("ADDED", "b"))[:20]
    server.answer = lambda _: streamed(lines(event("ADDED", "a")), half)
    assert len(list(api.watch(POD, "team", "1", seconds=5))) == 1


def test_a_watch_line_that_is_no_json_is_an_error(api: ApiServer, server: Loopback) -> None:
    server.answer = lambda _: streamed(b"<html>\n")
    error = error_of(lambda: list(api.watch(POD, "team", "1", seconds=5)))
    assert error.line == "error: the watch on pods answered with something that is not JSON: '<html>'"


@pytest.mark.parametrize("where", ["status", "event"])
def test_a_version_that_is_too_old_is_expired(api: ApiServer, server: Loopback, where: str) -> None:
    message = "too old resource version: 1 (5)"
    if where == "status":
        server.answer = lambda _: refused(410, "Expired", message)
    else:
        status = {"kind": "Status", "code": 410, "reason": "Expired", "message": message}
        server.answer = lambda _: streamed(lines({"type": "ERROR", "object": status}))
    error = error_of(lambda: list(api.watch(POD, "team", "1", seconds=5)))
    assert (type(error), error.message) == (Expired, message)


def test_a_watch_that_is_refused_says_why(api: ApiServer, server: Loopback) -> None:
    server.answer = lambda _: refused(
        403, "Forbidden", 'pods is forbidden: User "jane" cannot watch resource "pods"'
    )
    assert isinstance(error_of(lambda: list(api.watch(POD, "team", "1", seconds=5))), Forbidden)
    server.answer = lambda _: refused(404, "NotFound", MISSING)
    assert isinstance(error_of(lambda: list(api.watch(AGENT, "team", "1", seconds=5))), ResourceMissing)


def test_a_watch_that_is_left_early_closes_its_connection(api: ApiServer, server: Loopback) -> None:
    closed = threading.Event()

    def endless(_: Received) -> Iterator[bytes]:
        try:
            yield from streamed(*[lines(event("ADDED", "x" * 1000))] * 10_000)
        finally:  # the server's write failed
            closed.set()

    server.answer = endless
    next(iter(api.watch(POD, "team", "1", seconds=5)))
    assert closed.wait(10)


@pytest.mark.parametrize(
    ("date", "there"),
    [
        ("Mon, 23 Nov 2026 09:30:00 GMT", "2026-11-23T09:30:05+00:00"),
        ("Mon, 23 Nov 2026 06:00:00 GMT", "2026-11-23T06:00:05+00:00"),
        ("Mon, 23 Nov 2026 07:59:58 GMT", "2026-11-23T08:00:05+00:00"),  # it was on its way
        ("Mon, 23 Nov 2026 09:30:00", "2026-11-23T08:00:05+00:00"),
        ("yesterday", "2026-11-23T08:00:05+00:00"),
        ("", "2026-11-23T08:00:05+00:00"),
    ],
)
def test_the_time_is_the_server_s_where_the_clock_here_is_another(
    server: Loopback, api: ApiServer, monkeypatch: pytest.MonkeyPatch, date: str, there: str
) -> None:
    here = datetime.fromisoformat("2026-11-23T08:00:00+00:00")
    monkeypatch.setattr(clock, "now", lambda: here)
    body = json.dumps(KEPT).encode()
    server.answer = lambda _: head(200, f"Date: {date}", f"Content-Length: {len(body)}") + body
    assert api.now() == here
    api.get(AGENT, "team", "clock")
    here += timedelta(seconds=5)
    assert api.now().isoformat() == there
