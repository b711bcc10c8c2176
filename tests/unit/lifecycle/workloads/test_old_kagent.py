"""Which kagent leaves the replica count alone where an Agent has none."""

from __future__ import annotations

import pytest

from kubectl_kagent.backends.controller import find_controller
from kubectl_kagent.errors import KagentError
from kubectl_kagent.lifecycle.workloads.old_kagent import check_leaves_the_count
from tests.fake.cluster import FakeCluster
from tests.unit.backends.test_versions import controller


def check(cluster: FakeCluster, version: str) -> list[str]:
    warnings: list[str] = []
    controller(cluster)
    cluster.services["GET", "kagent/kagent-controller:8083/version"] = {"kagent_version": version}
    check_leaves_the_count(lambda: find_controller(cluster), warn=warnings.append)
    return warnings


@pytest.mark.parametrize("version", ["0.9.0", "v0.9.3", "0.8.6", "0.9.3-12-gabcdef"])
def test_an_old_one_does_not(cluster: FakeCluster, version: str) -> None:
    with pytest.raises(KagentError, match=f"kagent {version} sets the count to 1"):
        check(cluster, version)


@pytest.mark.parametrize("version", ["0.9.4", "v0.9.12", "0.10.0-beta.1", "1.0.0", "dev", ""])
def test_a_newer_one_does_and_one_that_names_no_version_may(cluster: FakeCluster, version: str) -> None:
    assert check(cluster, version) == []


def test_one_that_can_not_be_asked_is_told(cluster: FakeCluster) -> None:
    warnings: list[str] = []
    check_leaves_the_count(lambda: find_controller(cluster), warn=warnings.append)
    assert warnings == [
        "could not check that kagent is 0.9.4 or newer, which leaves the count alone: no kagent controller "
        "service was found in any namespace"
    ]
