"""Span metrics to rows: whose they are, which durations count, and the estimates from buckets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from kubectl_kagent.backends.prometheus import at_address
from kubectl_kagent.model.trace import Tokens
from kubectl_kagent.model.usage import MODELS, Quantile, UsageRow, UsageTable, Wanted
from kubectl_kagent.telemetry.usage.metrics import quantile, usage
from tests.loopback import Received, response, serve

INF = math.inf


@pytest.mark.parametrize(
    ("share", "buckets", "found"),
    [
        (0.5, {}, None),
        (0.5, {0.1: 0, INF: 0}, None),
        (0.5, {0.1: 4}, None),  # no bucket of all: nothing is known of the rest
        (0.5, {0.1: 4, INF: 4}, Quantile(0.05)),
        (0.95, {0.1: 4, INF: 4}, Quantile(0.095)),
        (0.5, {0.1: 1, 0.2: 3, INF: 3}, Quantile(0.125)),
        (0.95, {INF: 4, 0.2: 3, 0.1: 1}, Quantile(0.2, beyond=True)),
        (0.5, {0.1: math.nan, INF: math.nan}, None),
    ],
)
def test_quantile(share: float, buckets: dict[float, float], found: Quantile | None) -> None:
    seen = quantile(share, buckets)
    assert (seen and (pytest.approx(seen.seconds), seen.beyond)) == (found and (found.seconds, found.beyond))


def series(value: float | str, **labels: str) -> dict[str, object]:
    return {"metric": labels, "value": [0, str(value)]}


def rows(
    calls: list[object],
    durations: list[object],
    tokens: Sequence[object] = (),
    *,
    namespace: str | None = None,
) -> list[UsageRow]:
    return list(used(calls, durations, tokens, namespace=namespace).rows)


def used(
    calls: list[object],
    durations: list[object],
    tokens: Sequence[object] = (),
    *,
    namespace: str | None = None,
) -> UsageTable:
    def answer(request: Received) -> bytes:
        if request.path.startswith("/api/v1/label/__name__/values?"):
            return response(200, {"status": "success", "data": []})
        found = durations if "duration" in request.path else tokens if "token" in request.path else calls
        return response(200, {"status": "success", "data": {"result": list(found)}})

    with serve() as server:
        server.answer = answer
        prometheus = replace(at_address(server.url), name="p")
        return usage(prometheus, Wanted(MODELS, namespace, 3600, 0))


def call(value: float, service: str, **labels: str) -> dict[str, object]:
    given = {"gen_ai_operation_name": "generate_content", "gen_ai_request_model": "m"}
    return series(value, service_name=service, **given, **labels)


def bucket(value: float, bound: str, service: str, span: str, **labels: str) -> dict[str, object]:
    given = {"span_name": span, "le": bound, "gen_ai_request_model": "m"}
    return series(value, service_name=service, **given, **labels)


def test_the_namespace_is_a_label_or_the_job() -> None:
    found = rows(
        [
            call(1, "a", service_namespace="team_a"),
            call(2, "b_c", exported_job="team_b/b_c", job="otelcol"),
            call(3, "d", job="team_d/d"),
            call(4, "e", job="other/x"),
        ],
        [],
    )
    assert [(row.namespace, row.calls) for row in found] == [
        ("team-a", 1),
        ("team-b", 2),
        ("team-d", 3),
        ("", 4),
    ]


def test_another_namespace_is_left_out() -> None:
    calls: list[object] = [call(1, "a", job="x/a"), call(2, "b", job="y/b")]
    assert [row.calls for row in rows(calls, [], namespace="y")] == [2]


def test_series_that_did_not_grow_are_no_rows() -> None:
    assert rows([call(0, "a", job="x/a")], []) == []


def test_the_model_is_measured_by_the_agents_client_where_there_is_one() -> None:
    """The runtime's own span of a streamed call holds the tools too."""
    x = {"service_namespace": "x"}
    python = [
        *(
            bucket(count, le, "py", "generate_content m", **x)
            for le, count in (("0.1", 0), ("9", 2), ("+Inf", 2))
        ),
        *(bucket(count, le, "py", "openai.chat", **x) for le, count in (("0.1", 2), ("9", 2), ("+Inf", 2))),
    ]
    go = [
        bucket(count, le, "go", "generate_content m", **x)
        for le, count in (("0.1", 2), ("9", 2), ("+Inf", 2))
    ]
    calls: list[object] = [call(2, "py", **x), call(2, "go", **x)]
    (row,) = rows(calls, [*python, *go])
    assert row.p95 == Quantile(pytest.approx(0.095))
    assert row.calls == 4


def spent(value: float | str, kind: str, agent: str = "a-b", namespace: str = "x") -> dict[str, object]:
    named = {"k8s_namespace_name": namespace, "gen_ai_agent_name": agent, "gen_ai_request_model": "m"}
    return series(value, gen_ai_token_type=kind, **named)


def test_tokens_of_a_model_are_those_of_its_agents() -> None:
    calls: list[object] = [call(1, "a_b", service_namespace="x"), call(1, "c", service_namespace="y")]
    counted = [spent(30, "input"), spent(4, "output"), spent(5, "input", "d"), spent(9, "cached")]
    found = rows(calls, [], [*counted, spent(7, "input", namespace="z"), spent("NaN", "input")])
    assert [(row.namespace, row.tokens) for row in found] == [("x", Tokens(35, 4)), ("y", None)]


def test_tokens_of_a_namespace_that_was_not_asked_for() -> None:
    calls: list[object] = [call(1, "a_b", service_namespace="x"), call(1, "c", service_namespace="y")]
    counted = [spent(30, "input"), spent(4, "output", "c", "y")]
    assert [row.tokens for row in rows(calls, [], counted, namespace="y")] == [Tokens(0, 4)]


def test_a_client_that_no_agent_has_is_no_row() -> None:
    assert rows([], [bucket(1, "+Inf", "app", "openai.chat")]) == []


@pytest.mark.parametrize(
    ("calls", "bound"),
    [("NaN", "1"), ("+Inf", "1"), (1, "wide"), (1, "NaN")],
)
def test_what_is_no_number_is_left_out_and_said(calls: float, bound: str) -> None:
    x = {"service_namespace": "x"}
    bad, good = call(calls, "a", **x), call(3, "b", **x)
    found = used([bad, good], [bucket(1, bound, "b", "generate_content m", **x)])
    assert [row.calls for row in found.rows] == [3 if isinstance(calls, str) else 4]
    assert found.gaps == ("Prometheus (p): samples that are not numbers were left out",)


def test_a_bucket_without_bound_measures_nothing() -> None:
    (row,) = rows([call(3, "b", job="x/b")], [call(1, "b", job="x/b")])
    assert (row.p50, row.p95) == (None, None)
