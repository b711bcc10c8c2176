"""Stores that keep tenants apart, as verbs ask them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.cluster.tenant import AsTenant
from kubectl_kagent.errors import Unauthorized
from kubectl_kagent.model.resources import AGENT, SERVICE
from tests.conftest import Kagent
from tests.fake.agent import talking
from tests.fake.cluster import FakeCluster
from tests.loopback import Loopback, Received, response, serve
from tests.objects import agent

HINT = "--tenant=ID (or KAGENT_TENANT) says as which tenant to ask"
ANSWERS = {
    "/loki/api/v1/labels": {"data": ["namespace", "pod", "container"]},
    "/loki/api/v1/query_range": {"data": {"result": []}},
    "/api/search": {"traces": []},
    "/api/v1/query": {"status": "success", "data": {"resultType": "vector", "result": []}},
    "/api/v1/label/__name__/values": {"status": "success", "data": []},
}
VERBS = pytest.mark.parametrize(
    "words",
    ["logs clock --since=1h --loki={}", "trace clock --tempo={}", "top --prometheus={}"],
    ids=["logs", "trace", "top"],
)


@pytest.fixture
def store(cluster: FakeCluster) -> Iterator[Loopback]:
    """Loki, Tempo and Mimir in one, which knows the tenant ``red``."""

    def answer(request: Received) -> bytes:
        if not request.header("X-Scope-OrgID"):
            return response(401, "no org id\n", "text/plain")
        return response(200, ANSWERS[request.path.partition("?")[0]])

    cluster.add(AGENT, agent("clock"))
    with serve() as loopback:
        loopback.answer = answer
        yield loopback


@VERBS
def test_a_store_that_wants_a_tenant_is_told_as_that(kagent: Kagent, store: Loopback, words: str) -> None:
    code, out, err = kagent(*words.format(store.url).split())
    assert (code, out) == (6, "")
    assert err == f"error: {store.url} refused with 401: no org id\nhint: {HINT}\n"


@VERBS
def test_the_flag_and_the_environment_name_it(
    kagent: Kagent, store: Loopback, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kagent(*words.format(store.url).split(), "--tenant=red")[0] == 0
    monkeypatch.setenv("KAGENT_TENANT", "blue")
    assert kagent(*words.format(store.url).split())[0] == 0
    tenants = [name for one in store.received for name in one.header("X-Scope-OrgID")]
    assert (len(tenants), set(tenants)) == (len(store.received), {"red", "blue"})


def test_a_store_in_the_cluster_is_asked_as_a_tenant_too(store: Loopback) -> None:
    found = connect(Connection(server=store.url)).service("far", "loki:3100")
    store.answer = lambda one: (
        response(200, {}) if one.header("X-Scope-OrgID") else response(401, "no org id")
    )
    assert AsTenant(found, "red").call("GET", "/x") == {}
    with pytest.raises(Unauthorized) as caught:
        AsTenant(found, "").call("GET", "/x")
    assert (caught.value.message, caught.value.hint) == ("loki:3100 refused with 401: no org id", HINT)


@pytest.mark.parametrize("verb", ["sessions", "approvals"])
def test_the_users_whom_traces_name_are_asked_for_as_a_tenant(
    cluster: FakeCluster, kagent: Kagent, store: Loopback, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    metadata = {"name": "tempo", "namespace": "observe", "labels": {"app.kubernetes.io/name": "tempo"}}
    tempo = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 3200}]}}
    cluster.add(SERVICE, tempo)
    found = connect(Connection(server=store.url))
    monkeypatch.setattr(cluster, "service", found.service)
    tenants: list[str] = []

    def answer(request: Received) -> bytes:
        if not (named := request.header("X-Scope-OrgID")):
            return response(401, "no org id\n", "text/plain")
        tenants.extend(named)
        return response(200, {"tagValues": [{"value": "ann"}]})

    store.answer = answer
    with talking(data={"/api/sessions": []}) as controller:
        words = (verb, "list", "--all-users", f"--kagent-url={controller.url}")
        assert kagent(*words) == (
            6,
            "",
            f"error: tempo:3200 refused with 401: no org id\nhint: {HINT}\n",
        )
        assert kagent(*words, "--tenant=red")[0] == 0
        monkeypatch.setenv("KAGENT_TENANT", "blue")
        assert kagent(*words)[0] == 0
    assert tenants == ["red", "blue"]


def test_a_tenant_that_is_refused_is_not_asked_for_again(store: Loopback) -> None:
    store.answer = lambda _: response(401, "no org id: red has gone", "text/plain")
    found = connect(Connection(server=store.url)).service("far", "loki:3100")
    with pytest.raises(Unauthorized) as caught:
        AsTenant(found, "red").call("GET", "/x")
    assert caught.value.hint == (
        "the API server passes no login on to a service: give the URL of this one, and a login with it "
        "(docs/services.md)"
    )


NOT_THERE = {
    "logs clock --since=1h --loki={}": ("Loki", "/loki/api/v1/labels", "--loki=http://HOST:3100"),
    "trace clock --tempo={}": ("Tempo ({})", "/api/search", "--tempo=http://HOST:3200"),
    "trace show 0123456789abcdef0123456789abcdef --tempo={}": (
        "Tempo ({})",
        "/api/search",
        "--tempo=http://HOST:3200",
    ),
    "trace clock --jaeger={}": ("Jaeger ({})", "/api/v3", "--jaeger=http://HOST:16686"),
    "top --prometheus={}": ("Prometheus ({})", "/api/v1/query", "--prometheus=http://HOST:9090"),
}


@pytest.mark.parametrize("words", NOT_THERE)
def test_a_gateway_that_has_the_store_below_a_path(kagent: Kagent, store: Loopback, words: str) -> None:
    store.answer = lambda _: response(404, "<html>404 Not Found</html>", "text/html")
    name, path, address = NOT_THERE[words]
    code, out, err = kagent(*words.format(store.url).split())
    assert (code, out) == (1, "")
    assert err == (
        f"error: {name.format(store.url)} has no {path}\n"
        f"hint: does it listen below a path? give all of its address: {address}/PATH\n"
    )
