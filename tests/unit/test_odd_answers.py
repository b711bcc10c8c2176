"""Any answer in the place of any other: no traceback, no hang, and no part missing without a word."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kubectl_kagent import clock
from kubectl_kagent.cluster.connect import Connection, connect
from tests.conftest import Kagent
from tests.fake.api_over_http import ODD, ApiOverHttp
from tests.fake.cluster import FakeCluster
from tests.fake.furnished import furnished
from tests.loopback import Loopback, serve

CONTROLLER = "kagent/kagent-controller:8083"
AS = "?user_id=admin%40kagent.dev"
# Of each verb one request of each kind that it makes.
VERBS = (
    ("get", "agents", "-A"),
    ("get", "agent", "clock", "-o", "json"),
    ("describe", "agent/clock"),
    ("rollout", "status", "agent/clock", "--watch=false"),
    ("logs", "agent/clock"),
    ("tools", "check", "--all"),
    ("sessions", "list", "-A"),
    ("version",),
)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serve() as loopback:
        yield loopback


@pytest.fixture
def world(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    furnished(cluster)
    known = [{"id": "s1", "agent_id": "default__NS__clock"}]
    for path, answer in (
        (f"/api/sessions{AS}", {"error": False, "data": known, "message": "ok"}),
        (f"/api/toolservers{AS}", {"error": False, "data": [], "message": "ok"}),
        ("/version", {"kagent_version": "0.10.0"}),
    ):
        cluster.services["GET", f"{CONTROLLER}{path}"] = answer
    now = cluster.clock()
    monkeypatch.setattr(clock, "now", lambda: now)  # no age in a screen moves while a request is tried again
    return cluster


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_an_odd_answer_is_an_error_or_said(
    verb: tuple[str, ...], world: FakeCluster, server: Loopback, kagent: Kagent
) -> None:
    def run(odd_at: int = -1, name: str = "") -> tuple[tuple[int, str, str], ApiOverHttp]:
        server.answer = api = ApiOverHttp(world, odd_at, lambda _: ODD[name])
        real = connect(Connection(server=server.url, namespace="default", request_timeout=5))
        return kagent(*verb, cluster=real), api

    good, api = run()
    for number, request in enumerate(api.asked):
        for place, name in enumerate(ODD):
            if (place + number) % max(1, len(api.asked)):
                continue  # each answer for one request of the verb, and each request with many
            (code, out, err), _ = run(number, name)
            where = (verb, request.path, name, code, out, err)
            assert code in (0, 1, 5, 6), where
            assert "Traceback" not in err, where
            assert "\x1b" not in out + err, where
            if code == 0:
                beside = out.count("(") > good[1].count("(")  # describe says it beside a server's name
                assert out == good[1] or err != good[2] or beside, where
            else:
                explained = any(
                    line.startswith(("error: ", "Error from server ")) for line in err.splitlines()
                )
                assert explained or out != good[1], where
