"""What a user hears who looks for an Agent where kagent runs something else."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier

import pytest

from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.cluster.kinds import NEWER
from kubectl_kagent.model.resources import AGENT, AGENT_HARNESS, SANDBOX_AGENT, Resource
from tests.conftest import Kagent
from tests.fake.api_over_http import ApiOverHttp
from tests.fake.cluster import FakeCluster
from tests.fake.furnished import furnished
from tests.loopback import serve

GROUP = "/apis/kagent.dev"


@pytest.fixture
def world(cluster: FakeCluster) -> Iterator[tuple[FakeCluster, ApiOverHttp]]:
    with serve() as server:
        furnished(cluster)
        server.answer = api = ApiOverHttp(cluster)
        cluster.addresses["here"] = server.url
        yield cluster, api


def run(kagent: Kagent, cluster: FakeCluster, *words: str) -> tuple[int, str, list[str]]:
    warned: list[str] = []
    real = connect(Connection(server=cluster.addresses["here"], namespace="default"), warned.append)
    code, out, err = kagent(*words, cluster=real)
    return code, out, [*warned, *err.splitlines()]


def asked(api: ApiOverHttp) -> int:
    return [request.path for request in api.asked].count(GROUP)


def test_crds_of_0_11_are_told_of_once(world: tuple[FakeCluster, ApiOverHttp], kagent: Kagent) -> None:
    cluster, api = world
    cluster.served["kagent.dev"] = ("v1alpha2", "v1alpha3")
    for words in (("describe", "agent/clock"), ("get", "agents"), ("tools", "list")):
        api.asked.clear()
        code, _, said = run(kagent, cluster, *words)
        assert (code, said.count(NEWER), asked(api)) == (0, 1, 1)


def test_nobody_waits_for_it(
    world: tuple[FakeCluster, ApiOverHttp], kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked while the agents are."""
    cluster, _ = world
    under_way = Barrier(2)

    def versions(group: str) -> tuple[str, ...]:
        under_way.wait(timeout=1)
        return ("v1alpha3",)

    monkeypatch.setattr(cluster, "group_versions", versions)
    cluster.before("get", AGENT, lambda: under_way.wait(timeout=1))
    code, _, said = run(kagent, cluster, "describe", "agent/clock")
    assert (code, said.count(NEWER)) == (0, 1)


def test_check_has_it_among_its_findings(world: tuple[FakeCluster, ApiOverHttp], kagent: Kagent) -> None:
    cluster, api = world
    cluster.served["kagent.dev"] = ("v1alpha2", "v1alpha3")
    _, out, said = run(kagent, cluster, "check")
    assert (out.count(NEWER), NEWER in said, asked(api)) == (1, False, 1)


def test_what_can_not_be_asked_is_not_told(world: tuple[FakeCluster, ApiOverHttp], kagent: Kagent) -> None:
    cluster, api = world
    cluster.served.clear()
    code, _, said = run(kagent, cluster, "describe", "agent/clock")
    assert (code, NEWER in said, asked(api)) == (0, False, 1)


@pytest.mark.parametrize("kind", [SANDBOX_AGENT, AGENT_HARNESS], ids=lambda kind: kind.singular)
def test_a_name_of_another_kind(
    kind: Resource, world: tuple[FakeCluster, ApiOverHttp], kagent: Kagent
) -> None:
    cluster, _ = world
    cluster.add(kind, {"metadata": {"name": "weather", "namespace": "default"}, "spec": {}})
    assert run(kagent, cluster, "scale", "agent/weather", "--replicas=2") == (
        1,
        "",
        [
            'Error from server (NotFound): agents.kagent.dev "weather" not found',
            f"hint: weather is of kind {kind.kind}, which kagent runs without a Deployment: "
            f"kubectl get {kind.singular} weather -n default shows it",
        ],
    )


def test_a_name_of_nothing(world: tuple[FakeCluster, ApiOverHttp], kagent: Kagent) -> None:
    assert run(kagent, world[0], "scale", "agent/weather", "--replicas=2") == (
        1,
        "",
        ['Error from server (NotFound): agents.kagent.dev "weather" not found'],
    )


def test_no_agents_where_the_crds_are_of_0_11(world: tuple[FakeCluster, ApiOverHttp], kagent: Kagent) -> None:
    cluster, api = world
    cluster.served["kagent.dev"] = ("v1alpha3",)
    for name in ("clock", "own"):
        cluster.remove(AGENT, name)
    said = [NEWER, "No resources found in default namespace."]
    assert (run(kagent, cluster, "get", "agents"), asked(api)) == ((0, "", said), 1)


@pytest.mark.parametrize("verb", ["history", "diff", "undo"])
def test_a_name_of_another_kind_where_a_list_is_looked_at(
    verb: str, cluster: FakeCluster, kagent: Kagent
) -> None:
    cluster.add(SANDBOX_AGENT, {"metadata": {"name": "weather", "namespace": "default"}, "spec": {}})
    code, _, err = kagent("rollout", verb, "agent/weather", cluster=cluster)
    assert (code, "hint: weather is of kind SandboxAgent, which kagent runs" in err) == (1, True)
