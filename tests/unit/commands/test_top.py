"""top: which source is asked and what is said about it, the three tables, their order, the same as data."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kubectl_kagent.backends.prometheus import LABELS
from kubectl_kagent.errors import Forbidden, Unreachable
from kubectl_kagent.model.resources import AGENT, MODEL_CONFIG, SERVICE
from kubectl_kagent.wire import semconv as metrics
from tests import recordings
from tests.conftest import Kagent, Screen
from tests.fake.cluster import FakeCluster, Object
from tests.fake.records import TraceCluster
from tests.loopback import Received, response, serve
from tests.objects import agent, model_config

HERE = ["-n", "test-29590623"]
FOUND = "from Prometheus (observe/prometheus:9090)\n"
TWICE = "twice, before and after the answer"
UNLESS = "unless the collector leaves out the first\n"
ASKED = f"Warning: calls that wait for a person (ask_user) count {TWICE}, {UNLESS}"
WHOSE = "of user admin@kagent.dev; other users' are found with --user-id"
NO_TOKENS = "tokens are not in it: --prometheus=none counts those of your own sessions\n"
NAMES = "/api/v1/label/__name__/values?"
RECORDS = "from the kagent controller's records of user admin@kagent.dev\n"


def answer(path: str) -> Object:
    """Prometheus's recorded answer to a query of top."""
    if path.startswith(NAMES):
        return {"data": []}
    (query,) = parse_qs(urlsplit(path).query)["query"]
    if query.startswith("group"):
        return {"status": "success", "data": {"resultType": "vector", "result": [sample(1)]}}
    if metrics.PRICE in query or metrics.MODEL_TOKENS in query:
        return {"data": {"resultType": "vector", "result": []}}
    if metrics.SPAN_SECONDS not in query:
        return recordings.prometheus("calls")
    kinds = {"execute_tool": "tools", "generate_content": "models", "invoke_agent": "agents"}
    (kind,) = (kind for operation, kind in kinds.items() if f'"{operation}"' in query)
    return recordings.prometheus(f"durations_{kind}")


def priced(path: str, model: str = "scripted") -> Object:
    """The same with 34 tokens of the model ``scripted``, and what those of a model cost: $1.50."""
    found = []
    if path.startswith(NAMES):
        return answer(path)
    (query,) = parse_qs(urlsplit(path).query)["query"]
    if metrics.PRICE in query:
        prices = {"input": 0.01, "output": 0.3}
        found = [sample(price, model=model, type=kind) for kind, price in prices.items()]
    elif metrics.MODEL_TOKENS in query:
        named = {"k8s_namespace_name": "test-29590623", "gen_ai_request_model": "scripted"}
        found = [
            sample(count, gen_ai_agent_name="clock", gen_ai_token_type=kind, **named)
            for kind, count in {"input": 30, "output": 4}.items()
        ]
    return {"data": {"resultType": "vector", "result": found}} if found else answer(path)


def sample(value: float, **labels: str) -> Object:
    return {"metric": labels, "value": [1795697568.186, str(value)]}


class TopCluster(TraceCluster):
    """With a Prometheus: ``says`` stands for its answer to every query, or is raised."""

    says: Any = None

    def install_prometheus(
        self, *, component: str = "server", port: Any = None, name: str = "prometheus"
    ) -> None:
        labels = dict([LABELS.split("=")]) | {"app.kubernetes.io/component": component}
        self._install(name, labels, port or {"name": "http", "port": 9090}, "observe")

    def called(self, method: str, namespace: str, service: str, path: str, body: Any = None) -> Object:
        if namespace != "observe":
            return super().called(method, namespace, service, path, body)
        self.asked.append(f"{namespace}/{service}{urlsplit(path).path}")
        if isinstance(self.says, Exception):
            raise self.says
        return answer(path) if self.says is None or path.startswith(NAMES) else self.says


@pytest.fixture
def world(cluster: FakeCluster) -> TopCluster:
    world = TopCluster()
    world.clock = cluster.clock
    world.install_prometheus()
    return world


@pytest.fixture
def records(world: TopCluster) -> TopCluster:
    """Without Prometheus; the recorded turns were seven hours ago."""
    world.remove(SERVICE, "prometheus", namespace="observe")
    return world


# From Prometheus


@pytest.mark.parametrize(
    ("words", "err"),
    [([], FOUND + NO_TOKENS), (["tools"], ASKED + FOUND), (["models"], FOUND + NO_TOKENS)],
)
def test_from_prometheus(
    kagent: Kagent, world: TopCluster, screen: Screen, words: list[str], err: str
) -> None:
    code, out, said = kagent("top", *words, *HERE, cluster=world)
    assert (code, said) == (0, err)
    screen(f"top-{words[0] if words else 'agents'}", out)
    assert set(world.asked) == {"observe/prometheus:9090/api/v1/query"}


@pytest.mark.parametrize("kind", ["agents", "models"])
def test_tokens_and_cost_where_the_collector_counts_them(
    kagent: Kagent, world: TopCluster, kind: str
) -> None:
    """Then nothing is said of them."""
    with serve() as server:
        server.answer = lambda request: response(200, priced(request.path))
        asked = ["top", kind, f"--prometheus={server.url}", *HERE]
        _, shown, _ = kagent(*asked, cluster=world)
        code, out, err = kagent(*asked, "-o", "json", cluster=world)
    assert (code, NO_TOKENS in err) == (0, False)
    item = json.loads(out)["items"][0]
    assert (item["tokens"], item["costUsd"]) == ({"prompt": 30, "output": 4}, pytest.approx(1.5))
    assert shown.splitlines()[0].split()[-3:] == ["TOKENS-IN", "TOKENS-OUT", "COST"]
    assert shown.splitlines()[1].split()[-3:] == ["30", "4", "$1.50"]


def test_models_without_a_price_are_named_where_others_have_one(kagent: Kagent, world: TopCluster) -> None:
    with serve() as server:
        server.answer = lambda request: response(200, priced(request.path, model="another"))
        _, out, err = kagent("top", f"--prometheus={server.url}", *HERE, cluster=world)
    assert out.splitlines()[1].split()[-1] == "-"
    assert err.splitlines()[0] == f"Warning: Prometheus ({server.url}): there is no price of scripted"


def test_all_namespaces_with_the_agents_of_tools(kagent: Kagent, world: TopCluster, screen: Screen) -> None:
    code, out, _ = kagent("top", "tools", "-A", "-o", "wide", "--sort-by=p95", cluster=world)
    assert code == 0
    screen("top-tools-wide", out)


def test_a_hidden_namespace_is_not_shown(kagent: Kagent, world: TopCluster) -> None:
    assert kagent("top", "-n", "other", "--since=90s", cluster=world) == (
        0,
        "",
        "nothing in Prometheus (observe/prometheus:9090)\n"
        f"No turns found in namespace other in the last 1m30s ({WHOSE})\n",
    )


def test_calls_that_count_twice_are_named(kagent: Kagent, world: TopCluster) -> None:
    server = {"name": "time", "toolNames": ["get_date", "unused"], "requireApproval": ["get_date", "unused"]}
    clock = agent("clock", tools=[{"type": "McpServer", "mcpServer": server}])
    clock["metadata"]["namespace"] = "test-29590623"
    world.add(AGENT, clock)
    _, _, err = kagent("top", "tools", *HERE, cluster=world)
    assert err == f"Warning: calls that wait for a person (ask_user, get_date) count {TWICE}, {UNLESS}{FOUND}"
    _, _, err = kagent("top", *HERE, cluster=world)
    assert err == (
        f"Warning: turns with calls that wait for a person (get_date, unused) count {TWICE}; "
        f"these calls too, {UNLESS}{FOUND}{NO_TOKENS}"
    )
    world.remove(AGENT, "clock", namespace="test-29590623")
    world.add(AGENT, clock | {"metadata": clock["metadata"] | {"namespace": "other"}})
    assert kagent("top", "-A", cluster=world)[2] == FOUND + NO_TOKENS


def test_without_the_agents_it_is_said_that_calls_may_count_twice(kagent: Kagent, world: TopCluster) -> None:
    world.deny("list", AGENT)
    code, out, err = kagent("top", "tools", *HERE, cluster=world)
    assert (code, out != "") == (0, True)
    said = "Warning: which calls wait for a person, and count twice, is not known: "
    assert err.startswith(f"{said}agents.kagent.dev is forbidden: ")


def test_a_prometheus_that_is_younger_than_the_window_says_so(kagent: Kagent, world: TopCluster) -> None:
    def young(path: str) -> Object:
        return {"data": {"result": []}} if "query=group" in path else answer(path)

    with serve() as server:
        server.answer = lambda request: response(200, young(request.path))
        code, out, err = kagent("top", "tools", *HERE, f"--prometheus={server.url}/", cluster=world)
    assert (code, out != "") == (0, True)
    assert err == (
        f"Warning: Prometheus ({server.url}): it had no span metrics yet when --since begins: it may not "
        f"know all\n{ASKED}from Prometheus ({server.url})\n"
    )


def test_what_prometheus_warns_of_is_passed_on_once(kagent: Kagent, world: TopCluster) -> None:
    def partly(request: Received) -> bytes:
        return response(200, answer(request.path) | {"warnings": ["store \x1b[31mb is down"]})

    with serve() as server:
        server.answer = partly
        _, _, err = kagent("top", "tools", *HERE, f"--prometheus={server.url}", cluster=world)
    assert err == (
        f"Warning: Prometheus ({server.url}): store \\u001b[31mb is down\n{ASKED}"
        f"from Prometheus ({server.url})\n"
    )


def test_both_runtimes_where_the_namespace_is_no_dimension(kagent: Kagent, world: TopCluster) -> None:
    world.says = recordings.prometheus("calls_runtimes")
    rows = {}
    for kind in ("agents", "tools", "models"):
        code, out, _ = kagent("top", kind, "-o", "json", cluster=world)
        found = json.loads(out)["items"]
        assert (code, {row.pop("namespace") for row in found}) == (0, {"default"})
        names = ("agent", "tool", "model", "calls", "errors", "toolCalls")
        rows[kind] = [tuple(row[name] for name in names if name in row) for row in found]
    assert rows == {
        "agents": [("datetime-agent", 56, 0, 40), ("py-agent", 42, 0, 30)],
        "tools": [
            ("datetime-agent", "delete_thing", 16, 0),
            ("datetime-agent", "get_time", 16, 0),
            ("py-agent", "delete_thing", 12, 0),
            ("py-agent", "get_time", 12, 0),
            ("datetime-agent", "boom", 8, 8),
            ("py-agent", "boom", 6, 6),
        ],
        "models": [("gpt-fake-2", 140, 0)],
    }


def test_durations_beyond_the_last_bucket(kagent: Kagent, world: TopCluster) -> None:
    labels = {"service_name": "a", "exported_job": "default/a", "gen_ai_operation_name": "invoke_agent"}
    buckets = [sample(count, le=bound, **labels) for bound, count in (("300", 3), ("+Inf", 4))]

    def slow(request: Received) -> bytes:
        found = buckets if metrics.SPAN_SECONDS in request.path else [sample(4, **labels)]
        return response(200, {"data": {"result": found}})

    with serve() as server:
        server.answer = slow
        _, out, _ = kagent("top", f"--prometheus={server.url}", cluster=world)
    assert out.splitlines()[1].split()[:6] == ["a", "4", "4.00/h", "0", "3m20s", ">5m00s"]


def test_names_of_any_kind(kagent: Kagent, world: TopCluster) -> None:
    labels = {"service_name": "\x1b[2Ja", "job": "default/\x1b[2Ja", "gen_ai_operation_name": "execute_tool"}
    world.says = {"data": {"result": [sample(2, gen_ai_tool_name="x\ny", **labels), sample(1, **labels)]}}
    _, out, _ = kagent("top", "tools", "-o", "wide", cluster=world)
    assert [line.split()[:4] for line in out.splitlines()[1:]] == [
        ["x", "y", "[2Ja", "2"],
        ["-", "[2Ja", "1", "1.00/h"],
    ]


# Its queries


def test_the_queries(kagent: Kagent, world: TopCluster) -> None:
    with serve() as server:
        server.answer = lambda request: response(200, answer(request.path))
        kagent("top", "models", *HERE, "--since=1.5s", f"--prometheus={server.url}", cluster=world)
        asked = [parse_qs(urlsplit(request.path).query) for request in server.received]
    assert {query["time"][0] for query in asked} == {f"{world.clock.now.timestamp():.3f}"}
    calls, durations, tokens, prices, before = (query["query"][0] for query in asked)
    series = (
        'traces_span_metrics_calls_total{gen_ai_operation_name=~"invoke_agent|execute_tool|generate_content",'
        'service_name!="kagent-controller",gen_ai_tool_name!="(merged tools)"}'
    )
    by = (
        "sum by (service_name, service_namespace, exported_job, job, gen_ai_operation_name, "
        "gen_ai_tool_name, gen_ai_request_model, "
    )
    grown = (
        "(((last_over_time({0}[1500ms]) - (last_over_time({0}[1h] offset 1500ms) or "
        "0 * last_over_time({0}[1500ms]))) >= 0 or last_over_time({0}[1500ms])) "
        "unless resets({0}[1500ms]) > 0 or increase({0}[1500ms]))"
    )
    clients = "openai[.]chat|anthropic[.]chat|gemini[.]generate_content|gemini[.]generate_content_stream"
    failed = f'traces_span_metrics_calls_total{{span_name=~"{clients}",status_code="STATUS_CODE_ERROR"}}'
    assert calls == " or ".join(f"{by}status_code) {grown.format(one)}" for one in (series, failed))
    bucket = "traces_span_metrics_duration_seconds_bucket"
    runtime = (
        f'{bucket}{{gen_ai_operation_name="generate_content",service_name!="kagent-controller",'
        'gen_ai_tool_name!="(merged tools)"}'
    )
    client = f'{bucket}{{span_name=~"{clients}"}}'
    both = (f"{by}span_name, le) {grown.format(one)}" for one in (runtime, client))
    assert durations == " or ".join(both)
    assert tokens == (
        "sum by (k8s_namespace_name, gen_ai_agent_name, gen_ai_request_model, gen_ai_token_type) "
        f"{grown.format('kagent_model_tokens_total')}"
    )
    assert prices == "max by (model, type) (kagent:price_usd_per_token)"
    assert before == "group(last_over_time(traces_span_metrics_calls_total[1h] offset 1500ms))"


# Which source


@pytest.mark.parametrize(
    ("says", "line"),
    [
        ({"data": {"result": []}}, "nothing in Prometheus (observe/prometheus:9090)\n"),
        (
            Forbidden('services "prometheus" is forbidden', "ClusterRole kagent-edit allows it"),
            'Warning: Prometheus (observe/prometheus:9090) can\'t be asked: services "prometheus" is '
            "forbidden; ClusterRole kagent-edit allows it\n",
        ),
        (
            Unreachable("the server answered 503: no endpoints"),
            "Warning: Prometheus (observe/prometheus:9090) can't be asked: the server answered 503: no "
            "endpoints\n",
        ),
        (
            {"data": {}},
            "Warning: Prometheus (observe/prometheus:9090) can't be asked: Prometheus "
            "(observe/prometheus:9090) answered a query with no list of samples; is it another server behind "
            "this address?\n",
        ),
    ],
)
def test_a_prometheus_that_knows_nothing_is_followed_by_the_records(
    kagent: Kagent, world: TopCluster, says: Any, line: str
) -> None:
    world.says = says
    code, out, err = kagent("top", "--since=8h", cluster=world)
    assert (code, out.split()[10:12], err) == (0, ["datetime-agent", "2"], line + RECORDS)


def test_one_that_was_named_is_asked_alone(kagent: Kagent, world: TopCluster) -> None:
    with serve() as server:
        server.answer = lambda _: response(503, "starting", "text/plain")
        done = kagent("top", f"--prometheus={server.url}", cluster=world)
    assert done == (5, "", f"error: {server.url} answered 503: starting\n")
    assert world.asked == []


def test_none_asks_none(kagent: Kagent, world: TopCluster) -> None:
    code, _, err = kagent("top", "--since=8h", "--prometheus=none", cluster=world)
    assert (code, err) == (0, RECORDS)
    assert not any("prometheus" in path for path in world.asked)


def test_a_query_that_it_refuses(kagent: Kagent, world: TopCluster) -> None:
    refused = {"status": "error", "errorType": "bad_data", "error": "1:1: parse error: unexpected end"}
    with serve() as server:
        server.answer = lambda _: response(400, refused)
        done = kagent("top", f"--prometheus={server.url}", cluster=world)
    assert done == (1, "", f"error: {server.url} answered 400: 1:1: parse error: unexpected end\n")


# From the records


@pytest.mark.parametrize("kind", ["agents", "tools", "models"])
def test_from_the_records(kagent: Kagent, records: TopCluster, screen: Screen, kind: str) -> None:
    config = model_config(model="small")
    records.add(MODEL_CONFIG, config)
    code, out, err = kagent("top", kind, "--since=8h", "-A", "-o", "wide", cluster=records)
    assert (code, err.splitlines()[-1:]) == (0, RECORDS.splitlines())
    screen(f"top-records-{kind}", out)


@pytest.mark.parametrize("kind", ["agents", "tools", "models"])
def test_the_singular_is_the_same_as_for_kubectl_top_pod(
    kagent: Kagent, records: TopCluster, kind: str
) -> None:
    plural, singular = (
        kagent("top", word, "--since=8h", "-A", cluster=records) for word in (kind, kind[:-1])
    )
    assert singular == plural
    assert singular[0] == 0


def test_records_without_a_model_take_the_agents_and_say_so(kagent: Kagent, records: TopCluster) -> None:
    recorded = recordings.pair("tool")
    records.sessions = {recorded["session"]["session"]["id"]: (recorded["session"], recorded["tasks"])}
    here = {"namespace": "kagent"}
    time_agent, config = agent("time-agent"), model_config(model="small")
    records.add(AGENT, time_agent | {"metadata": time_agent["metadata"] | here})
    records.add(MODEL_CONFIG, config | {"metadata": config["metadata"] | here})
    line = (
        "Warning: some records have no model name: the agent's current model is shown, or - where that is "
        "not known\n"
    )
    words = ["top", "models", "--since=24h", "-n", "kagent"]
    code, out, err = kagent(*words, cluster=records)
    assert (code, err) == (0, line + RECORDS)
    assert [row.split()[0] for row in out.splitlines()] == ["MODEL", "small"]
    records.deny("list", MODEL_CONFIG)
    code, out, err = kagent(*words, cluster=records)
    assert err.startswith(f"{line}Warning: the models that agents have now are not known: modelconfigs")
    assert [row.split()[0] for row in out.splitlines()] == ["MODEL", "-"]


def test_nothing_at_all(kagent: Kagent, records: TopCluster) -> None:
    assert kagent("top", "models", cluster=records) == (
        0,
        "",
        f"No calls of models found in namespace default in the last 1h ({WHOSE})\n",
    )
    assert kagent("top", "tools", "-A", "--since=90m", cluster=records) == (
        0,
        "",
        f"No calls of tools found in the last 1h30m ({WHOSE})\n",
    )


# Order, data, usage


@pytest.mark.parametrize(
    ("column", "first"),
    [("", "get_date"), ("tool", "agent/test-29590623/clock"), ("ERRORS", "get_time"), ("rate", "get_date")],
)
def test_order(kagent: Kagent, world: TopCluster, column: str, first: str) -> None:
    code, out, _ = kagent("top", "tools", *HERE, "--sort-by", column, cluster=world)
    assert (code, out.splitlines()[1].split()[0]) == (0, first)


def test_json(kagent: Kagent, world: TopCluster) -> None:
    code, out, _ = kagent("top", *HERE, "-o", "json", cluster=world)
    found = json.loads(out)
    assert (code, found["kind"], found["seconds"], found["gaps"]) == (0, "agents", 3600.0, [])
    assert found["source"] == "Prometheus (observe/prometheus:9090)"
    assert found["items"][1] == {
        "namespace": "test-29590623",
        "agent": "boss",
        "calls": 4,
        "callsPerSecond": 4 / 3600,
        "errors": 0,
        "p50Seconds": pytest.approx(0.2),
        "p95Seconds": pytest.approx(0.45),
        "toolCalls": 3,
        "tokens": None,
        "costUsd": None,
    }


def test_json_of_the_records_has_tokens(kagent: Kagent, records: TopCluster) -> None:
    _, out, _ = kagent("top", "--since=8h", "-o", "jsonpath={.items[0].tokens.prompt}", cluster=records)
    assert int(out) > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sort-by=age"], 'error: there is no column "age"'),
        (["tools", "--sort-by=agent"], 'error: there is no column "agent"'),
        (["--since=0"], "error: --since must be at least 1s"),
        (["--since=999ms"], "error: --since must be at least 1s"),
        (["--since=soon"], 'error: "soon" is not a duration'),
        (["pods"], "error: invalid value for '[agents|tools|models]'"),
        (["-o", "xml"], 'error: unable to match a printer suitable for the output format "xml"'),
    ],
)
def test_what_makes_no_sense(kagent: Kagent, world: TopCluster, words: list[str], said: str) -> None:
    code, out, err = kagent("top", *words, *HERE, cluster=world)
    assert (code, out) == (2, "")
    assert said in err


def test_an_address_that_is_none(kagent: Kagent, world: TopCluster) -> None:
    assert kagent("top", "--prometheus=prom:9090", cluster=world) == (
        2,
        "",
        'error: "prom:9090" is not a URL of Prometheus\nhint: write http://HOST:9090, or none\n',
    )
