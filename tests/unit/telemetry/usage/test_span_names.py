"""Span metrics under the names of other versions and settings of the connector."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from kubectl_kagent.backends.prometheus import at_address
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.usage import AGENTS, Quantile, Wanted
from kubectl_kagent.telemetry.usage.metrics import usage
from tests.fake.prometheus import CountedTurn, CountingPrometheus
from tests.loopback import Received, response, serve
from tests.unit.telemetry.usage.test_stretches import ask, window

OTHERS = [
    ("calls_total", "duration_milliseconds_bucket"),
    ("calls", "duration_seconds_bucket"),
    ("traces_spanmetrics_calls_total", "traces_spanmetrics_duration_seconds_bucket"),
    ("traces_span_metrics_calls", "traces_span_metrics_duration_milliseconds_bucket"),
]


@pytest.mark.parametrize(("calls", "buckets"), OTHERS)
def test_span_metrics_under_other_names(calls: str, buckets: str) -> None:
    turns = [CountedTurn("a-b", end, seconds=2) for end in (10, 20, 20.5)]
    counting = CountingPrometheus(turns, calls_name=calls, buckets_name=buckets)
    usual = CountingPrometheus(turns)
    asked = window(0, 20), window(20, 30)
    assert ask(counting, *asked) == ask(usual, *asked)
    with serve() as server:
        server.answer = lambda request: response(200, counting.answer(request.path))
        (row,) = usage(at_address(server.url), Wanted(AGENTS, None, 30, 30)).rows
    assert (row.calls, row.p50) == (3, Quantile(pytest.approx(1.75)))
    (looked,) = {request.path for request in server.received if "/label/" in request.path}
    assert parse_qs(urlsplit(looked).query) == {
        "match[]": [
            '{__name__=~"(traces_span_metrics_|traces_spanmetrics_|)(calls(_total)?'
            '|duration_(milli)?seconds_bucket)",'
            'gen_ai_operation_name!="",service_name!=""}'
        ],
        "start": ["0.000"],
        "end": ["30.000"],
    }


def test_of_several_names_the_newest_counts_and_the_others_are_told() -> None:
    counting = CountingPrometheus([CountedTurn("a-b", 10)], calls_name="traces_spanmetrics_calls_total")

    def answer(request: Received) -> bytes:
        found = counting.answer(request.path)
        if "/label/" in request.path:
            found["data"] += ["calls_total", "duration_seconds_bucket"]
        return response(200, found)

    with serve() as server:
        server.answer = answer
        table = usage(replace(at_address(server.url), name="p"), Wanted(AGENTS, None, 30, 30))
    assert [row.calls for row in table.rows] == [1]
    assert table.gaps == (
        "Prometheus (p): traces_spanmetrics_calls_total is counted, and calls_total is not",
    )


def test_what_speaks_promql_and_lists_no_names_has_none() -> None:
    with serve() as server:
        nothing = response(200, {"data": {"result": []}})
        server.answer = lambda request: response(404, "no") if "/label/" in request.path else nothing
        assert usage(at_address(server.url), Wanted(AGENTS, None, 30, 30)).rows == ()


# Tempo's metrics generator: the label `service`, and latencies in seconds.
TEMPO = ("traces_spanmetrics_calls_total", "traces_spanmetrics_latency_bucket", "service")


def test_span_metrics_of_tempo() -> None:
    turns = [CountedTurn("a-b", end, seconds=2) for end in (10, 20, 20.5)]
    counting = CountingPrometheus(turns, 0.0, {}, [], *TEMPO)
    asked = window(0, 20), window(20, 30)
    assert ask(counting, *asked) == ask(CountingPrometheus(turns), *asked)
    with serve() as server:
        server.answer = lambda request: response(200, counting.answer(request.path))
        for agent in ("", "a-b"):
            (row,) = usage(at_address(server.url), Wanted(AGENTS, "default", 30, 30, agent=agent)).rows
            assert (row.name, row.calls, row.tool_calls, row.p50) == ("a-b", 3, 3, Quantile(1.75))


def test_span_metrics_of_tempo_without_dimensions_are_told() -> None:
    counting = CountingPrometheus([CountedTurn("a-b", 10)], 0.0, {}, [], *TEMPO, dimensions=False)
    with serve() as server:
        server.answer = lambda request: response(200, counting.answer(request.path))
        with pytest.raises(KagentError) as caught:
            usage(at_address(server.url), Wanted(AGENTS, None, 30, 30))
    assert caught.value.explained == (
        "traces_spanmetrics_calls_total of Tempo's metrics generator does not tell agents and their calls"
        " apart; its span metrics want the dimensions service.namespace, gen_ai.operation.name,"
        " gen_ai.tool.name, gen_ai.request.model; or let agents send to the collector of"
        " kubectl kagent observe install"
    )


def test_todays_names_without_a_turn_in_them_leave_no_question_about_tempo() -> None:
    counting = CountingPrometheus([CountedTurn("a-b", 10)])
    with serve() as server:
        server.answer = lambda request: response(200, counting.answer(request.path))
        assert usage(at_address(server.url), Wanted(AGENTS, None, 5, 30)).rows == ()
    assert [query for query, _ in counting.queries if "spanmetrics" in query] == []
