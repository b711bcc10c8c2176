"""Versions of what must fit together, as far as they can be found out."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.backends.versions import Versions, older_than, versions
from kubectl_kagent.cluster.kinds import NEWER
from kubectl_kagent.model.resources import AGENT, CRD, MCP_SERVER, SERVICE, Resource
from tests.fake.cluster import FakeCluster
from tests.objects import lines

Object = dict[str, Any]
LABELS = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}
ANSWER = {"kagent_version": "0.10.4", "git_commit": "03e950f", "build_date": "unknown"}


def crd(cluster: FakeCluster, resource: Resource, *served: str, unserved: str = "v0") -> None:
    found = [{"name": name, "served": True} for name in served] + [{"name": unserved, "served": False}]
    cluster.add(CRD, {"metadata": {"name": resource.full_name}, "spec": {"versions": found}})


def controller(cluster: FakeCluster, namespace: str = "kagent", port: str = "controller") -> None:
    ports = [{"name": "other", "port": 1}, {"name": port, "port": 8083}]
    metadata = {"name": "kagent-controller", "namespace": namespace, "labels": LABELS}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
    cluster.add(SERVICE, body)
    cluster.services["GET", f"{namespace}/kagent-controller:8083/version"] = dict(ANSWER)


@pytest.fixture
def complete(cluster: FakeCluster) -> FakeCluster:
    crd(cluster, AGENT, "v1alpha1", "v1alpha2")
    crd(cluster, MCP_SERVER, "v1alpha1")
    controller(cluster)
    return cluster


def test_all_of_them(complete: FakeCluster) -> None:
    assert versions(complete) == Versions("v1.35.4", ("v1alpha1", "v1alpha2"), ("v1alpha1",), "0.10.4", ())


def test_the_controller_is_found_wherever_it_is(cluster: FakeCluster) -> None:
    controller(cluster, namespace="platform")
    assert versions(cluster).controller == "0.10.4"


def test_a_service_without_the_controller_s_port_is_another_one(cluster: FakeCluster) -> None:
    controller(cluster, port="metrics")
    found = versions(cluster)
    assert found.controller == ""
    assert "no kagent controller service was found in any namespace" in lines(found)


def test_without_kagent(cluster: FakeCluster) -> None:
    found = versions(cluster)
    assert (found.agent_crd, found.mcp_server_crd, found.controller) == ((), (), "")
    assert lines(found) == (
        "kagent is not installed: there is no CRD agents.kagent.dev",
        "kmcp is not installed: there is no CRD mcpservers.kagent.dev",
        "no kagent controller service was found in any namespace",
    )


def test_a_later_kagent_speaks_another_version(cluster: FakeCluster) -> None:
    crd(cluster, AGENT, "v1alpha3", "v1beta1")
    crd(cluster, MCP_SERVER, "v1alpha1")
    found = versions(cluster)
    assert found.agent_crd == ("v1alpha3", "v1beta1")
    assert lines(found)[0] == (
        "agents.kagent.dev is served as v1alpha3, v1beta1, but this plugin speaks v1alpha2: "
        "kagent 0.9 and 0.10"
    )


def test_the_agents_of_0_11_are_others(complete: FakeCluster) -> None:
    complete.served["kagent.dev"] = ("v1alpha3", "v1alpha2")
    assert lines(versions(complete)) == (NEWER,)


def test_a_version_that_is_known_but_not_served_is_none(cluster: FakeCluster) -> None:
    crd(cluster, AGENT, "v1alpha3", unserved="v1alpha2")
    assert versions(cluster).agent_crd == ("v1alpha3",)


def test_a_controller_that_does_not_answer(complete: FakeCluster) -> None:
    complete.services.clear()
    found = versions(complete)
    assert found.controller == ""
    assert lines(found) == (
        'the kagent controller could not be asked: services "kagent-controller" not found',
    )


def test_what_may_not_be_read_is_said(complete: FakeCluster) -> None:
    complete.deny("get", CRD)
    found = versions(complete)
    assert (found.agent_crd, found.mcp_server_crd, found.controller) == (None, None, "0.10.4")
    assert [note.partition(" is forbidden")[0] for note in lines(found)] == [
        'customresourcedefinitions.apiextensions.k8s.io "agents.kagent.dev"',
        'customresourcedefinitions.apiextensions.k8s.io "mcpservers.kagent.dev"',
    ]


@pytest.mark.parametrize(
    ("version", "older"),
    [
        ("0.9.2", True),
        ("v0.9.2", True),
        ("0.8.12", True),
        ("0.9.2-12-gabcdef", True),
        ("0.9.3", False),
        ("0.9.12", False),
        ("0.10.0-beta.1", False),
        ("1.0.0", False),
        ("dev", None),
        ("", None),
        ("0.9", None),
        (f"0.9.{'9' * 5000}", None),
    ],
)
def test_which_release_comes_first(version: str, *, older: bool | None) -> None:
    assert older_than(version, (0, 9, 3)) is older
