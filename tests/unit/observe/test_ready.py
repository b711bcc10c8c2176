"""When the bundle's pods are ready."""

from __future__ import annotations

import pytest

from kubectl_kagent.observe.ready import is_ready


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ({}, False),
        ({"observedGeneration": 1, "desiredNumberScheduled": 0}, True),
        ({"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}, True),
        ({"observedGeneration": 0}, False),
        ({"updatedNumberScheduled": 1}, False),
        ({"numberAvailable": 1}, False),
    ],
)
def test_a_daemon_set(status: dict[str, int], *, ready: bool) -> None:
    whole = {
        "observedGeneration": 1,
        "desiredNumberScheduled": 2,
        "updatedNumberScheduled": 2,
        "numberAvailable": 2,
    }
    found = {"metadata": {"generation": 1}, "status": {**whole, **status} if status else {}}
    assert is_ready(found) == ready


def test_a_deployment() -> None:
    counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    obj = {
        "metadata": {"generation": 2},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 2} | counts,
    }
    assert is_ready(obj)
    assert not is_ready({**obj, "status": {"observedGeneration": 1} | counts})
