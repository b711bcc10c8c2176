"""trace from Jaeger: when it is asked, what it can't search for and how that is told, what is no Jaeger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubectl_kagent.errors import Forbidden, KagentError, NotFound, Unreachable
from kubectl_kagent.model.resources import SERVICE
from tests import recordings
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.fake.records import (
    GO_TASK,
    HITL_TASK,
    JAEGER_SESSION,
    JAEGER_TASK,
    JAEGER_TRACE,
    TEMPO_TASK,
    TraceCluster,
)
from tests.loopback import Received, response, serve

RECORDS = "from the kagent controller's records of user admin@kagent.dev\n"
JAEGER = "Jaeger (observe/jaeger:16686)"
FROM = f"from {JAEGER}\n"


@pytest.fixture
def world(cluster: FakeCluster) -> TraceCluster:
    """With a Jaeger, in the time of the fake that all tests have."""
    world = TraceCluster()
    world.clock = cluster.clock
    world.install_jaeger()
    return world


def many(world: TraceCluster, count: int) -> list[str]:
    """So many traces like the recorded one, each a task of its own; their ids."""
    text = json.dumps(world.in_jaeger.pop(JAEGER_TRACE))
    for number in range(count):
        trace = f"{number:032x}"
        new = text.replace(JAEGER_TRACE, trace).replace(JAEGER_TASK, f"task-{number:03d}")
        for key in ("spanId", "parentSpanId"):
            new = new.replace(f'"{key}": "', f'"{key}": "{number:x}')
        world.in_jaeger[trace] = json.loads(new)
    return list(world.in_jaeger)


# When it is asked


def test_list(kagent: Kagent, world: TraceCluster) -> None:
    code, out, err = kagent("trace", "datetime-agent", "-o", "name", cluster=world)
    assert (code, out, err) == (0, f"{JAEGER_TASK}\n", FROM)
    (query,) = world.queries
    assert query == {
        "query.service_name": "datetime_agent",
        "query.operation_name": "invocation",
        "query.start_time_min": "2026-11-16T08:00:00+00:00",
        "query.start_time_max": "2026-11-23T08:00:00+00:00",
        "query.num_traces": "40",
    }
    assert not any("kagent-controller" in path for path in world.asked)


def test_tempo_comes_first(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    code, _, err = kagent("trace", "show", TEMPO_TASK, cluster=world)
    assert (code, err) == (0, "from Tempo (observe/tempo:3200)\n")
    assert not any("jaeger" in path for path in world.asked)


def test_and_the_controller_last(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    code, _, err = kagent("trace", "show", HITL_TASK, cluster=world)
    nothing = (
        f"nothing in {store} in the last 14 days\n" for store in ("Tempo (observe/tempo:3200)", JAEGER)
    )
    assert (code, err) == (0, f"{''.join(nothing)}{RECORDS}")


@pytest.mark.parametrize(
    ("words", "source"),
    [
        (["--tempo=none"], FROM),
        (["--jaeger=none"], "from Tempo (observe/tempo:3200)\n"),
        (["--tempo=none", "--jaeger=none"], RECORDS),
    ],
)
def test_what_is_left_out(kagent: Kagent, world: TraceCluster, words: list[str], source: str) -> None:
    world.install_tempo()
    assert kagent("trace", "datetime-agent", *words, cluster=world)[2] == source


def test_only_one_can_be_named(kagent: Kagent, world: TraceCluster) -> None:
    words = ("--tempo=http://a:3200", "--jaeger=http://b:16686")
    code, out, err = kagent("trace", "datetime-agent", *words, cluster=world)
    assert (code, out) == (2, "")
    assert err.startswith("error: one source is asked: ")


def test_empty(kagent: Kagent, world: TraceCluster) -> None:
    world.in_jaeger.clear()
    code, out, err = kagent("trace", "datetime-agent", "-o", "name", cluster=world)
    assert (code, out.split()) == (0, [HITL_TASK, GO_TASK])
    assert err == f"nothing in {JAEGER}\n{RECORDS}"
    assert [path for path in world.asked if "jaeger" in path] == ["observe/jaeger:16686/api/v3/services"]


def test_an_agent_of_that_name_in_another_namespace(kagent: Kagent, world: TraceCluster) -> None:
    """Jaeger has services, without namespaces."""
    world.in_jaeger[JAEGER_TRACE] = json.loads(
        json.dumps(world.in_jaeger[JAEGER_TRACE]).replace("default__NS__", "other__NS__")
    )
    code, out, err = kagent("trace", "datetime-agent", "-o", "name", cluster=world)
    assert (code, out.split()) == (0, [HITL_TASK, GO_TASK])
    assert err == f"nothing in {JAEGER}\n{RECORDS}"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            Unreachable("no endpoints available for service", "is it running?"),
            f"{JAEGER} can't be asked: no endpoints available for service; is it running?",
        ),
        (
            KagentError("answered 500: search depth must be less than max traces"),
            f"{JAEGER} can't be asked: answered 500: search depth must be less than max traces",
        ),
        (
            Forbidden('services "jaeger" is forbidden', "ClusterRole kagent-edit allows it"),
            f'{JAEGER} can\'t be asked: services "jaeger" is forbidden; ClusterRole kagent-edit allows it',
        ),
        (
            NotFound("a web page, not the answer of an API"),
            f"{JAEGER} can't be asked: {JAEGER} has no /api/v3; "
            "does it listen below a path? give all of its address: --jaeger=http://HOST:16686/PATH",
        ),
    ],
)
@pytest.mark.parametrize("words", [("datetime-agent",), ("show", GO_TASK), ("show", JAEGER_TRACE)])
def test_that_does_not_answer(
    kagent: Kagent, world: TraceCluster, error: KagentError, said: str, words: tuple[str, ...]
) -> None:
    def refuse(path: str) -> None:
        if "jaeger" in path:
            raise error

    world.on_ask = refuse
    code, _, err = kagent("trace", *words, cluster=world)
    assert err.startswith(f"Warning: {said}\n")
    assert code == (1 if JAEGER_TRACE in words else 0)


def test_who_may_not_list_services_asks_the_controller(kagent: Kagent, world: TraceCluster) -> None:
    world.deny("list", SERVICE)
    code, _, err = kagent("trace", "datetime-agent", cluster=world)
    assert (code, err) == (0, RECORDS)


COMPONENT = "app.kubernetes.io/component"
NAME = {"app.kubernetes.io/name": "jaeger"}


@pytest.mark.parametrize(
    ("services", "asked"),
    [
        # the chart: all in one until 3, with a collector beside it; in many parts; since 4
        (
            [
                ("jaeger-collector", {**NAME, COMPONENT: "service-collector"}, ("http-zipkin", 9411)),
                ("jaeger-query", {**NAME, COMPONENT: "service-query"}, ("http-query", 16686)),
            ],
            "jaeger-query:16686",
        ),
        ([("jaeger-query", {**NAME, COMPONENT: "query"}, ("query", 80))], "jaeger-query:80"),
        ([("jaeger", {**NAME, COMPONENT: "all-in-one"}, ("http-query", 16686))], "jaeger:16686"),
        # the operator, Istio's addon, a manifest by hand
        (
            [
                ("simplest-query", {"app": "jaeger", COMPONENT: "service-query"}, ("http-query", 16686)),
                (
                    "simplest-collector",
                    {"app": "jaeger", COMPONENT: "service-collector"},
                    ("x", 14268),
                ),
            ],
            "simplest-query:16686",
        ),
        ([("tracing-jaeger", {"app": "jaeger"}, ("http-query", 80))], "tracing-jaeger:80"),
        ([("jaeger", {"app": "jaeger"}, ("ui", 16686))], "jaeger:16686"),
        ([("jaeger", NAME, ("otlp-grpc", 4317))], ""),
    ],
)
def test_where_it_is(kagent: Kagent, cluster: FakeCluster, services: list[Any], asked: str) -> None:
    world = TraceCluster()
    world.clock = cluster.clock
    for name, labels, (port, number) in services:
        world.install_jaeger(name=name, labels=labels, port={"name": port, "port": number})
    _, _, err = kagent("trace", "datetime-agent", cluster=world)
    assert err == (f"from Jaeger (observe/{asked})\n" if asked else RECORDS)


# One turn


@pytest.mark.parametrize(
    "id_", [JAEGER_TASK, JAEGER_SESSION, JAEGER_TRACE, JAEGER_TRACE[:8], JAEGER_TASK[:14]]
)
def test_show(kagent: Kagent, world: TraceCluster, id_: str) -> None:
    code, out, err = kagent("trace", "show", id_, cluster=world)
    assert (code, err) == (0, FROM)
    assert out.splitlines()[1].startswith(f"task {JAEGER_TASK} ")
    assert [line.split()[:2] for line in out.splitlines() if "get_time" in line] == [["├─", "✓"]]


def test_whole_ids_are_searched_for(kagent: Kagent, world: TraceCluster) -> None:
    """Not looked for among the newest traces: Jaeger may have thousands."""
    kagent("trace", "show", JAEGER_TASK, cluster=world)
    assert [path.partition(":16686")[2] for path in world.asked] == [
        "/api/v3/services",
        *["/api/traces"] * 4,
        f"/api/v3/traces/{JAEGER_TRACE}",
    ]
    assert {query["service"] for query in world.queries} == {"datetime_agent", "kagent-controller"}
    assert {query["tags"] for query in world.queries} == {
        json.dumps({key: JAEGER_TASK}) for key in ("gen_ai.task.id", "gen_ai.conversation.id")
    }
    begin = int(world.clock.now.timestamp()) - 14 * 24 * 3600
    assert {query["start"] for query in world.queries} == {f"{begin}000000"}


def test_a_turn_that_is_in_two_traces(kagent: Kagent, world: TraceCluster) -> None:
    """Either is enough to find both: the approval was a request of its own."""
    first, second = recordings.pair("approved")["traces"]
    asked, answered = (
        found["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] for found in (first, second)
    )
    world.in_jaeger = {asked: first, answered: second}
    whole = kagent("trace", "show", asked, cluster=world)
    assert whole == kagent("trace", "show", answered, cluster=world)
    assert (whole[0], whole[2]) == (0, FROM)
    assert "✓ delete_thing" in whole[1]
    assert "✓ waited for a person" in whole[1]


@pytest.mark.parametrize("id_", ["nope", "../../x", "a b", "ü"])
def test_an_id_that_nobody_knows(kagent: Kagent, world: TraceCluster, id_: str) -> None:
    code, out, err = kagent("trace", "show", id_, cluster=world)
    assert (code, out) == (1, "")
    looked = " in the last 14 days" if id_ == "nope" else ""
    assert err.startswith(f'nothing in {JAEGER}{looked}\nerror: no turn "{id_}" was found: ')
    assert not any(".." in path for path in world.asked)


# What was left out


def test_traces_that_were_not_looked_at(kagent: Kagent, world: TraceCluster) -> None:
    many(world, 201)
    code, out, err = kagent("trace", "datetime-agent", "--tool=other", "-o", "name", cluster=world)
    assert (code, len(out.split())) == (0, 0)
    assert err == f"Warning: only 200 traces were looked at\nnothing in {JAEGER}\n"
    code, out, err = kagent(
        "trace", "datetime-agent", "--tool=get_time", "--limit=201", "-o", "name", cluster=world
    )
    assert (code, len(out.split())) == (0, 200)
    assert err == f"Warning: only 200 traces were looked at\n{FROM}"


def test_a_session_of_more_turns_than_are_read(kagent: Kagent, world: TraceCluster) -> None:
    nought, *_ = many(world, 202)
    del world.in_jaeger[nought]  # which no trace is called
    code, out, err = kagent("trace", "show", JAEGER_SESSION, cluster=world)
    assert (code, sum(line.startswith("task ") for line in out.splitlines())) == (0, 200)
    assert err == f"Warning: searched only in the newest 200 traces: there may be more\n{FROM}"


def test_beginnings_are_looked_for_in_some_traces(kagent: Kagent, world: TraceCluster) -> None:
    many(world, 101)
    code, _, err = kagent("trace", "show", "task-1", cluster=world)
    assert code == 1
    where = "in the 100 traces of each service that were looked at"
    assert err.startswith(f'nothing in {JAEGER} {where}\nerror: no turn "task-1" was found: ')
    code, _, err = kagent("trace", "show", "task-099", cluster=world)
    assert (code, err) == (0, FROM)  # a whole id
    code, _, err = kagent("trace", "show", "task-09", cluster=world)
    assert code == 0
    assert err == f"Warning: searched only {where}: there may be more\n{FROM}"


# At an address


def test_a_named_jaeger_is_asked_alone(kagent: Kagent, world: TraceCluster) -> None:
    def answer(request: Received) -> bytes:
        if request.path == "/jaeger/api/v3/services":
            return response(200, {})
        nothing = {"error": {"httpCode": 404, "message": "No traces found"}}
        return response(404, nothing, "text/plain; charset=utf-8")

    with serve() as loopback:
        loopback.answer = answer
        url = f"{loopback.url}/jaeger"
        words = ("trace", "datetime-agent", f"--jaeger={url}")
        assert kagent(*words, cluster=world) == (0, "", "No turns found of agent default/datetime-agent\n")
        code, _, err = kagent("trace", "show", JAEGER_TRACE, f"--jaeger={url}", cluster=world)
    assert code == 1
    assert err.startswith(f'error: no turn "{JAEGER_TRACE}" was found: ')
    assert world.asked == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(200, "<html>", "text/html"), "something that is not JSON"),
        (response(200, []), "answered with list, not an object"),
        (response(200, {"services": "x"}), "answered with no list of services"),
        (response(200, {"services": [5]}), "answered with no list of services"),
        (response(404, "404 page not found", "text/plain"), "has no /api/v3"),
        (response(500, "oops", "text/plain"), "answered 500: oops"),
        (response(302, ""), "redirects to a login page"),
    ],
)
@pytest.mark.parametrize("words", [("datetime-agent",), ("show", GO_TASK)])
def test_what_is_no_jaeger(
    kagent: Kagent, world: TraceCluster, answer: bytes, said: str, words: tuple[str, ...]
) -> None:
    with serve() as loopback:
        loopback.answer = lambda _: answer
        code, out, err = kagent("trace", *words, f"--jaeger={loopback.url}", cluster=world)
    assert (code, out) == (6 if "login" in said else 1, "")
    assert err.startswith("error: ")
    assert said in err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"data": {}}, ""),
        ({"data": None}, "no turn"),
        ({"data": {"x": 1}}, "answered a search with no list of traces"),
        ({"data": [5]}, "answered a search with a trace that has no id"),
        ({"data": [{"traceID": "../x"}]}, "answered a search with a trace that has no id"),
    ],
)
def test_an_odd_answer_to_a_search(
    kagent: Kagent, world: TraceCluster, answer: dict[str, Any], said: str
) -> None:
    def odd(request: Received) -> bytes:
        if request.path.endswith("/services"):
            return response(200, {"services": ["datetime_agent"]})
        return response(200, answer) if request.path.startswith("/api/traces") else response(404, "")

    with serve() as loopback:
        loopback.answer = odd
        code, out, err = kagent("trace", "show", GO_TASK, f"--jaeger={loopback.url}", cluster=world)
    assert (code, out) == (1, "")
    assert said in err


def test_what_is_no_address(kagent: Kagent, world: TraceCluster) -> None:
    code, _, err = kagent("trace", "datetime-agent", "--jaeger=here", cluster=world)
    assert (code, err) == (
        2,
        'error: "here" is not a URL of Jaeger\nhint: write http://HOST:16686, or none\n',
    )
