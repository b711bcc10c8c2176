"""The version of a deletion, found by asking for versions before it."""

from __future__ import annotations

import pytest

from kubectl_kagent.lifecycle.history.deletions import Deletions
from kubectl_kagent.model.resources import CONFIG_MAP, MODEL_CONFIG
from kubectl_kagent.model.workload import Reference
from tests.fake.cluster import FakeCluster
from tests.objects import config_map, model_config

GPT = Reference(MODEL_CONFIG, "default", "gpt")


def writes(cluster: FakeCluster, count: int) -> int:
    """So many of another object; the version of the last one."""
    for number in range(count):
        last = cluster.edit(CONFIG_MAP, "other", {"data": {"number": str(number)}})
    return int(last["metadata"]["resourceVersion"])


@pytest.fixture
def deleted(cluster: FakeCluster) -> tuple[int, int, int]:
    """A version at which it is there, that of its deletion, and one of long after it."""
    cluster.add(CONFIG_MAP, config_map("other"))
    cluster.add(MODEL_CONFIG, model_config())
    there = writes(cluster, 100)
    cluster.remove(MODEL_CONFIG, "gpt")
    return there, there + 1, writes(cluster, 100)


@pytest.mark.parametrize("before", [1, 2, 3, 50, 99])
def test_it_is_found_in_few_steps(cluster: FakeCluster, deleted: tuple[int, int, int], before: int) -> None:
    there, gone, now = deleted
    cluster.requests.clear()
    found = Deletions(cluster).deleted_at(GPT, after=there - before + 1, by=now, absent_before=False)
    assert found == gone
    assert len(cluster.requests) <= 9


def test_what_was_missing_all_the_time_was_not_deleted(
    cluster: FakeCluster, deleted: tuple[int, int, int]
) -> None:
    _, gone, now = deleted
    assert Deletions(cluster).deleted_at(GPT, after=gone, by=now, absent_before=False) == 0


@pytest.mark.parametrize(("absent_before", "found"), [(False, None), (True, 0)])
def test_a_forgotten_deletion_is_not_known(
    cluster: FakeCluster, deleted: tuple[int, int, int], *, absent_before: bool, found: int | None
) -> None:
    there, _, _ = deleted
    cluster.compact()
    now = writes(cluster, 20)
    assert Deletions(cluster).deleted_at(GPT, after=there, by=now, absent_before=absent_before) == found


def test_it_is_found_although_what_was_long_before_is_forgotten(cluster: FakeCluster) -> None:
    cluster.add(CONFIG_MAP, config_map("other"))
    cluster.add(MODEL_CONFIG, model_config())
    after = writes(cluster, 30)
    cluster.compact()
    there = writes(cluster, 5)
    cluster.remove(MODEL_CONFIG, "gpt")
    assert (
        Deletions(cluster).deleted_at(GPT, after=after - 20, by=writes(cluster, 40), absent_before=False)
        == there + 1
    )
