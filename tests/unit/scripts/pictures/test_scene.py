"""What is asked of the sources, and what of their answers the page gets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from scripts.pictures.layout import UnknownShape
from scripts.pictures.scene import Stage, scene_of
from scripts.pictures.sources import QueryFailed, Range, Sources
from tests.loopback import Loopback, Received, response, serve

SPAN = Range(1_795_838_400, 1_795_860_000)
SAMPLES = {"metric": {"agent": "triage"}, "values": [[1_795_838_400, "1"]]}
ANSWERS: dict[str, Any] = {
    "/api/v1/label/name/values": {"data": ["triage", "refunds"]},
    "/api/v1/query_range": {"data": {"resultType": "matrix", "result": [SAMPLES]}},
    "/api/v1/query": {"data": {"resultType": "scalar", "result": [1_795_860_000, "7"]}},
    "/loki/api/v1/query_range": {"data": {"resultType": "streams", "result": []}},
    "/api/search": {"traces": [{"traceID": "7f3c"}]},
}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serve() as loopback:
        loopback.answer = lambda request: response(200, ANSWERS[urlsplit(request.path).path])
        yield loopback


def asked(server: Loopback, path: str) -> list[dict[str, str]]:
    """What came in at a path, but for the variables' queries."""
    parts = [urlsplit(request.path) for request in server.received]
    return [{key: one[0] for key, one in parse_qs(part.query).items()} for part in parts if part.path == path]


def dashboard(*targets: dict[str, Any], source: str = "prometheus", **more: Any) -> dict[str, Any]:
    agent = {
        "name": "agent",
        "label": "Agent",
        "type": "query",
        "query": "label_values(kagent_agent_info, name)",
        "includeAll": True,
        "multi": True,
    }
    panel = {
        "id": 1,
        "title": "Turns of $agent",
        "type": "timeseries",
        "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
        "datasource": {"type": source, "uid": f"${{{source}_datasource}}"},
        "targets": [{"refId": "A", **target} for target in targets],
    }
    shape = {
        "uid": "kagent-fleet",
        "title": "kagent / Fleet",
        "panels": [panel],
        "templating": {"list": [agent]},
    }
    return shape | more


def answers(server: Loopback, *targets: dict[str, Any], source: str = "prometheus") -> list[dict[str, Any]]:
    stage = Stage(Sources(server.url, server.url, server.url), SPAN)
    [panel] = scene_of(dashboard(*targets, source=source), stage)["panels"]
    assert panel["title"] == "Turns of All"
    found: list[dict[str, Any]] = panel["answers"]
    return found


def test_a_range(server: Loopback) -> None:
    target = {"expr": 'sum(rate(x{agent=~"$agent"}[$__rate_interval]))', "legendFormat": "{{agent}}"}
    expr = 'sum(rate(x{agent=~"(refunds|triage)"}[120s]))'
    about = {"refId": "A", "expr": expr, "legend": "{{agent}}", "step": 30, "kind": "series"}
    assert answers(server, target) == [{**about, "result": [SAMPLES]}]
    times = {"start": str(SPAN.start), "end": str(SPAN.end), "step": "30"}
    assert asked(server, "/api/v1/query_range") == [{"query": expr, **times}]


def test_an_instant_as_a_table(server: Loopback) -> None:
    target = {"expr": "scalar(x)", "instant": True, "range": False, "format": "table"}
    [answer] = answers(server, target)
    assert (answer["kind"], answer["result"]) == ("table", [{"metric": {}, "value": [1_795_860_000, "7"]}])
    assert asked(server, "/api/v1/query") == [{"query": "scalar(x)", "time": str(SPAN.end)}]


def test_what_is_hidden_is_not_asked(server: Loopback) -> None:
    assert answers(server, {"expr": "x", "hide": True}) == []


def test_lines(server: Loopback) -> None:
    [answer] = answers(server, {"expr": "{a=~`$agent`}", "maxLines": 200}, source="loki")
    assert (answer["kind"], answer["result"]) == ("logs", [])
    [query] = asked(server, "/loki/api/v1/query_range")
    assert (query["query"], query["limit"]) == ("{a=~`(refunds|triage)`}", "200")


def test_traces(server: Loopback) -> None:
    [answer] = answers(server, {"query": "{ status = error }"}, source="tempo")
    assert (answer["kind"], answer["result"]) == ("search", [{"traceID": "7f3c"}])
    assert asked(server, "/api/search")[0]["q"] == "{ status = error }"


@pytest.mark.parametrize("source", ["loki", "tempo"])
def test_a_source_that_is_not_there(server: Loopback, source: str) -> None:
    [panel] = scene_of(dashboard({"query": "x"}, source=source), Stage(Sources(server.url), SPAN))["panels"]
    assert [one["unasked"] for one in panel["answers"]] == [f"no {source.capitalize()} to ask"]


def test_a_source_that_nobody_knows(server: Loopback) -> None:
    with pytest.raises(UnknownShape, match=r"^a query of a data source of type 'mysql'$"):
        answers(server, {"expr": "x"}, source="mysql")


def test_a_query_that_fails_leaves_the_others(server: Loopback) -> None:
    def answer(request: Received) -> bytes:
        if "bad" in request.path:
            return response(400, {"status": "error", "error": "parse error"})
        return response(200, ANSWERS[urlsplit(request.path).path])

    server.answer = answer
    found = answers(server, {"expr": "bad("}, {"expr": "x", "refId": "B"})
    assert [(one["refId"], one.get("error"), "result" in one) for one in found] == [
        ("A", "parse error", False),
        ("B", None, True),
    ]


def test_a_variable_without_values(server: Loopback) -> None:
    server.answer = lambda _: response(200, {"data": []})
    with pytest.raises(QueryFailed, match=r"^variable \$agent has no values$"):
        answers(server)


def test_the_dashboard_of_one_agent(server: Loopback) -> None:
    of_one = dashboard(uid="kagent-agent")
    sources = Sources(server.url)
    assert scene_of(of_one, Stage(sources, SPAN))["variables"] == [{"label": "Agent", "text": "refunds"}]
    assert scene_of(of_one, Stage(sources, SPAN, "triage"))["variables"] == [
        {"label": "Agent", "text": "triage"}
    ]


def test_annotations_begin_where_a_run_of_samples_does(server: Loopback) -> None:
    start = SPAN.start
    values = [[start, "1"], [start + 60, "1"], [start + 120, "0"], [start + 600, "1"]]
    data = {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}
    server.answer = lambda request: response(
        200, {"data": data} if "query_range" in request.path else ANSWERS[urlsplit(request.path).path]
    )
    shown = {
        "name": "Restarts",
        "datasource": {"type": "prometheus"},
        "enable": True,
        "expr": "x",
        "iconColor": "red",
        "step": "60s",
    }
    lists = [shown, {**shown, "enable": False}, {**shown, "datasource": {"type": "grafana"}}]
    scene = scene_of(dashboard(annotations={"list": lists}), Stage(Sources(server.url), SPAN))
    about = {"name": "Restarts", "color": "red"}
    assert scene["annotations"] == [{**about, "time": start * 1000}, {**about, "time": (start + 600) * 1000}]
