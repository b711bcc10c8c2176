"""Clocks that can't be read are left out."""

from __future__ import annotations

from kubectl_kagent.model.resources import LEASE
from kubectl_kagent.observe.status.clocks import SKEW
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.fake.observed import Observed


def test_a_lease_without_a_time_is_no_clock(cluster: FakeCluster, kagent: Kagent) -> None:
    world = Observed(cluster.clock)
    world.put(LEASE, "empty", "kube-node-lease", spec={})
    code, out, _ = kagent("observe", "status", cluster=world)
    assert (code, "the API server, 1 node, Prometheus" in out) == (0, True)


def test_half_a_minute_is_no_skew(cluster: FakeCluster, kagent: Kagent) -> None:
    world = Observed(cluster.clock)
    world.numbers.ahead = SKEW
    assert kagent("observe", "status", cluster=world)[0] == 0
    world.numbers.ahead = SKEW + 1
    assert kagent("observe", "status", cluster=world)[0] == 1
