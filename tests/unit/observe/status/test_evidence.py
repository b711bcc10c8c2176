"""What Prometheus is asked: few queries, and for how long a signal has arrived or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kubectl_kagent.backends.prometheus import Sample
from kubectl_kagent.observe.status.evidence import CONDITIONS, Evidence
from kubectl_kagent.observe.status.signals import FAILING, MISSING, STOPPED, Since
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.fake.observed import Observed

SEEN = Evidence(
    "here", 1000.0, frozenset({"rules", "traces"}), {"kmcp": 400.0}, {"rules": 900.0}, {}, None, None
)


def test_since() -> None:
    assert SEEN.since("rules") == Since(100.0)
    assert SEEN.since("traces") == Since(86400.0, longer=True)
    assert SEEN.since("kmcp") == Since(600.0)
    assert SEEN.since("agentgateway") is None
    assert SEEN.since("cadvisor") is None


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), float("-inf")])
def test_a_moment_that_is_none_says_nothing(moment: float) -> None:
    evidence = replace(SEEN, last={"kmcp": moment}, gap={"rules": moment})
    assert (evidence.since("rules"), evidence.since("kmcp")) == (None, None)


def test_nan_is_no_number() -> None:
    numbers = {"recorder-lag": (Sample({}, 1.0), Sample({}, float("nan"))), "failed": (Sample({}, 2.0),)}
    evidence = replace(SEEN, numbers=numbers)
    assert (evidence.number("recorder-lag"), evidence.number("failed")) == (None, 2.0)


def test_broken() -> None:
    found = [SEEN.broken(name, "why").status for name in ("rules", "kmcp", "agentgateway")]
    assert found == [FAILING, STOPPED, MISSING]
    assert SEEN.broken("logs", "why", of="kmcp").status == STOPPED


def test_seven_requests_whatever_there_is(cluster: FakeCluster, kagent: Kagent) -> None:
    world, asked = Observed(cluster.clock), []

    def answer(path: str, now: float) -> object:
        asked.append(path)
        return type(world.numbers).answer(world.numbers, path, now)

    world.numbers.answer = answer  # type: ignore[method-assign, assignment]  # it counts
    kagent("observe", "status", cluster=world)
    assert len(asked) == 7
    assert max(map(len, asked)) < 8000  # of a request line, in most proxies
    assert len(CONDITIONS) < 30
