"""Where the pods of workloads are looked for: one list of a kind, and no namesake's pods among them."""

from __future__ import annotations

import pytest

from kubectl_kagent.errors import Forbidden
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, POD, Resource
from kubectl_kagent.model.workload import Workload, named
from kubectl_kagent.telemetry.logs.places import find_pods, of_workloads
from tests.fake.cluster import FakeCluster


def pod(cluster: FakeCluster, namespace: str, name: str, owner: Workload) -> None:
    labels = dict(item.split("=") for item in owner.pod_selector.split(","))
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": []}, "status": {}}
    cluster.add(POD, body)


@pytest.fixture
def filled(cluster: FakeCluster) -> FakeCluster:
    """A pod of an agent ``clock`` and of an MCP server ``tools`` in each of three namespaces."""
    for namespace in ("a", "b", "c"):
        for resource, name in ((AGENT, "clock"), (MCP_SERVER, "tools")):
            pod(cluster, namespace, f"{name}-1", named(resource, namespace, name))
    return cluster


def found(cluster: FakeCluster, *workloads: tuple[Resource, str, str]) -> list[str]:
    places = of_workloads(cluster, [named(*workload) for workload in workloads])
    cluster.requests.clear()
    return [f"{pod.namespace}/{pod.name}" for pod in find_pods(cluster, places)]


def asked(cluster: FakeCluster) -> list[str | None]:
    return sorted((request.namespace for request in cluster.requests), key=str)


def test_of_one_namespace_one_list_of_a_kind(filled: FakeCluster) -> None:
    workloads = ((AGENT, "a", "clock"), (AGENT, "a", "other"), (MCP_SERVER, "a", "tools"))
    assert found(filled, *workloads) == ["a/clock-1", "a/tools-1"]
    assert asked(filled) == ["a", "a"]


def test_of_several_namespaces_one_list_too_without_the_namesakes_of_others(filled: FakeCluster) -> None:
    assert found(filled, (AGENT, "a", "clock"), (AGENT, "c", "clock")) == ["a/clock-1", "c/clock-1"]
    assert asked(filled) == [None]


def test_who_may_not_look_everywhere_looks_in_each_namespace(filled: FakeCluster) -> None:
    def refuse() -> None:
        raise Forbidden("no")

    filled.before("list", POD, refuse)
    assert found(filled, (AGENT, "a", "clock"), (AGENT, "c", "clock")) == ["a/clock-1", "c/clock-1"]
    assert asked(filled) == ["a", "c"]
