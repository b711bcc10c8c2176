"""What Tempo 2.9 and Loki 3.7 answered: the lab runs neither."""

from __future__ import annotations

import json

import pytest

from kubectl_kagent.backends import tempo
from kubectl_kagent.cluster.http import Address
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.telemetry.logs.loki import Pods, pages
from tests.loopback import Received, response, serve
from tests.recordings import DATA

RECORDED = DATA / "telemetry"


def recorded(name: str) -> bytes:
    """A body, or a whole response; as the loopback can send it, which closes after each."""
    first, end, rest = (RECORDED / name).read_bytes().partition(b"\r\n")
    return first + end + b"Connection: close\r\n" + rest if end else first


@pytest.mark.parametrize("name", ["tempo_search_tools.json", "tempo_search_structural.json"])
def test_a_search_in_tempo(name: str) -> None:
    with serve() as loopback:
        loopback.answer = lambda _: response(200, recorded(name).decode())
        found = tempo.at_address(loopback.url).search("{}", start=0, end=1, limit=20)
    assert found == [trace["traceID"].zfill(32) for trace in json.loads(recorded(name))["traces"]]
    assert found


def test_a_query_that_tempo_does_not_understand() -> None:
    with serve() as loopback:
        loopback.answer = lambda _: response(
            400, recorded("tempo_search_bad_query.txt").decode(), "text/plain"
        )
        with pytest.raises(KagentError) as raised:
            tempo.at_address(loopback.url).search("{ a", start=0, end=1, limit=20)
    assert raised.value.message == (
        f"{loopback.url} answered 400: invalid TraceQL query: parse error at line 1, col 3: "
        "syntax error: unexpected IDENTIFIER"
    )


def test_a_trace_that_tempo_does_not_have() -> None:
    with serve() as loopback:
        loopback.answer = lambda asked: (
            response(200, {"traces": []})
            if asked.path.startswith("/api/search?")
            else recorded("tempo_trace_404.txt")
        )
        with pytest.raises(NotFound):
            tempo.at_address(loopback.url).trace("0" * 32)


def test_lines_of_a_python_agent_in_loki() -> None:
    """Each is a stream of its own: its metadata differ."""

    def answer(request: Received) -> bytes:
        name = "loki_labels.json" if "/labels" in request.path else "loki_py_agent.json"
        return response(200, recorded(name).decode())

    with serve() as loopback:
        loopback.answer = answer
        (page,) = pages(Address(loopback.url), Pods((("default", "py-agent"),), ()), 0, 10**19)
    streams = json.loads(recorded("loki_py_agent.json"))["data"]["result"]
    assert sorted((time, text) for time, _, text in page) == sorted(
        (int(time), text) for stream in streams for time, text in stream["values"]
    )
    assert {(source.namespace, source.pod, source.container) for _, source, _ in page} == {
        ("default", "py-agent-5b6cf5d9ff-lpn4z", "kagent")
    }


def test_a_query_that_loki_does_not_understand() -> None:
    with serve() as loopback:
        loopback.answer = lambda _: recorded("loki_bad_query.txt")
        with pytest.raises(KagentError, match="parse error at line 1, col 5: syntax error: unexpected"):
            list(pages(Address(loopback.url), Pods((("default", "x"),), ()), 0, 1))
