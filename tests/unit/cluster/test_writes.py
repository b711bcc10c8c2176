"""A write without an answer was perhaps carried out, and a refused one was not: what is said of each."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import Interrupted, KagentError
from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION
from tests.conftest import Kagent
from tests.loopback import KEPT, Loopback, Received, head, refused, response, serve
from tests.objects import agent

Write = Callable[[ApiServer], Any]

WHERE = "kubectl get agent.kagent.dev/clock -n team -o yaml shows it"
WRITES: dict[str, Write] = {
    "created": lambda api: api.create(AGENT, "team", agent(), manager="m"),
    "changed": lambda api: api.merge_patch(AGENT, "team", "clock", {"spec": {}}, manager="m"),
    "changed by a JSON patch": lambda api: api.json_patch(AGENT, "team", "clock", [], manager="m"),
    "deleted": lambda api: api.delete(AGENT, "team", "clock"),
}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serve() as loopback:
        yield loopback


@pytest.fixture
def api(server: Loopback) -> ApiServer:
    return connect(Connection(server=server.url, namespace="team", token="secret", request_timeout=0.5))


def error_of(call: Callable[[], object]) -> KagentError:
    with pytest.raises(KagentError) as caught:
        call()
    return caught.value


def silent(_request: Received) -> bytes:
    time.sleep(1)
    return response(200, {})


def interrupting(request: Received) -> bytes:
    """Ctrl-C while the client waits."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    return silent(request)


LOST: dict[str, Callable[[Received], bytes]] = {
    "silence": silent,
    "nothing": lambda _request: b"",
    "half an answer": lambda _request: head(200, "Content-Length: 100") + b"{",
    "504": lambda _request: refused(504, "Timeout", "Timeout: request did not complete within 60s"),
    "502": lambda _request: response(502, "bad gateway", "text/plain"),
}


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("write", WRITES)
def test_whether_a_write_without_an_answer_was_carried_out_is_not_known(
    server: Loopback, api: ApiServer, write: str, how: str
) -> None:
    server.answer = LOST[how]
    error = error_of(lambda: WRITES[write](api))
    assert error.message.endswith(f": whether agent.kagent.dev/clock was {write.split()[0]} is not known")
    assert (error.hint, error.exit_code) == (WHERE, 5)


@pytest.mark.parametrize("write", WRITES)
def test_a_server_that_failed_may_have_carried_it_out(server: Loopback, api: ApiServer, write: str) -> None:
    server.answer = lambda _request: refused(500, "InternalError", "etcdserver: request timed out")
    error = error_of(lambda: WRITES[write](api))
    assert error.line == (
        "Error from server (InternalError): etcdserver: request timed out: "
        f"whether agent.kagent.dev/clock was {write.split()[0]} is not known"
    )
    assert (error.hint, error.exit_code) == (WHERE, 1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(200, "<html>", "text/html"), "answered with something that is not JSON: '<html>'"),
        (response(200, {**KEPT, "spec": 5}), "has a number at spec, where an object belongs"),
    ],
)
def test_an_answer_that_can_not_be_read_is_as_good_as_none(
    server: Loopback, api: ApiServer, answer: bytes, said: str
) -> None:
    server.answer = lambda _request: answer
    error = error_of(lambda: WRITES["changed"](api))
    assert error.message.endswith(f"{said}: whether agent.kagent.dev/clock was changed is not known")
    assert (error.hint, error.exit_code) == (WHERE, 1)


def test_one_of_another_kind_is_named_as_kubectl_names_it(server: Loopback, api: ApiServer) -> None:
    server.answer = LOST["504"]
    body = {"metadata": {"name": "agent-clock-r1"}}
    error = error_of(lambda: api.create(CONTROLLER_REVISION, "team", body, manager="m"))
    assert error.line == (
        "error: the server answered 504: Timeout: request did not complete within 60s: whether "
        "controllerrevision.apps/agent-clock-r1 was created is not known"
    )


@pytest.mark.parametrize("write", WRITES)
def test_an_interrupt_leaves_the_same_open(server: Loopback, api: ApiServer, write: str) -> None:
    server.answer = interrupting
    with pytest.raises(Interrupted) as caught:
        WRITES[write](api)
    assert caught.value.message == f"whether agent.kagent.dev/clock was {write.split()[0]} is not known"
    assert caught.value.hint == WHERE


@pytest.mark.parametrize("write", WRITES)
def test_what_was_refused_was_not_carried_out(server: Loopback, api: ApiServer, write: str) -> None:
    server.answer = lambda _request: refused(503, "ServiceUnavailable", "the server is shutting down")
    error = error_of(lambda: WRITES[write](api))
    assert error.line == "error: the server answered 503: the server is shutting down"


@pytest.mark.parametrize(
    "said",
    [
        "etcdserver: request is too large",
        'Internal error occurred: failed calling webhook "agents.example.org": connection refused',
    ],
)
def test_what_failed_before_it_was_written_was_not_carried_out(
    server: Loopback, api: ApiServer, said: str
) -> None:
    server.answer = lambda _request: refused(500, "InternalError", said)
    error = error_of(lambda: WRITES["changed"](api))
    assert error.line == f"Error from server (InternalError): {said}"


@pytest.mark.parametrize("write", WRITES)
def test_what_was_never_sent_was_not_carried_out(write: str) -> None:
    with serve() as loopback:
        address = loopback.url  # where nobody listens in a moment
    api = connect(Connection(server=address, namespace="team", token="secret"))
    error = error_of(lambda: WRITES[write](api))
    assert "not known" not in error.message
    assert error.message.endswith("was refused")


def test_a_dry_run_changes_nothing_however_it_ends(server: Loopback, api: ApiServer) -> None:
    server.answer = LOST["504"]
    error = error_of(lambda: api.merge_patch(AGENT, "team", "clock", {}, dry_run=True, manager="m"))
    assert "not known" not in error.message


def test_a_reading_says_only_what_failed(server: Loopback, api: ApiServer) -> None:
    server.answer = LOST["504"]
    error = error_of(lambda: api.get(AGENT, "team", "clock"))
    assert error.line == "error: the server answered 504: Timeout: request did not complete within 60s"


@pytest.mark.parametrize("interrupt", [False, True])
def test_a_verb_tells_it(server: Loopback, api: ApiServer, kagent: Kagent, *, interrupt: bool) -> None:
    clock = agent(deployment={"replicas": 1})
    clock["metadata"] |= KEPT["metadata"]
    replies = {"agents": {**KEPT, "items": [clock]}}

    def answer(request: Received) -> bytes:
        if request.method == "PATCH":
            return interrupting(request) if interrupt else b""
        kind = request.path.partition("?")[0].rpartition("/")[2]
        return response(200, clock if kind == "clock" else replies.get(kind, KEPT))

    server.answer = answer
    code, out, err = kagent("scale", "agent/clock", "--replicas=3", cluster=api)
    assert (code, out) == (130 if interrupt else 5, "")
    said, hint = err.splitlines()
    assert said.endswith(": whether agent.kagent.dev/clock was changed is not known")
    assert hint == f"hint: {WHERE}"
