"""The bundle's objects: what kustomize makes of it, and what the API server says of its pods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.conftest import Tools, own_namespace
from tests.lab.layout import CHECKOUT

pytestmark = pytest.mark.telemetry

BUNDLE = CHECKOUT / "manifests" / "observability"
WORKLOADS = {
    ("Deployment", "kagent-collector"): "otel/opentelemetry-collector-contrib:0.160.0",
    ("DaemonSet", "kagent-logs"): "otel/opentelemetry-collector-contrib:0.160.0",
    (
        "Deployment",
        "kagent-state-metrics",
    ): "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.20.0",
}
Object = dict[str, Any]


def built(tools: Tools, overlay: str) -> list[Object]:
    return list(yaml.safe_load_all(tools.kubectl("kustomize", str(BUNDLE / overlay)).out))


def workloads(objects: list[Object]) -> dict[tuple[str, str], Object]:
    return {
        (item["kind"], item["metadata"]["name"]): item["spec"]["template"]
        for item in objects
        if item["kind"] in ("Deployment", "DaemonSet")
    }


@pytest.mark.parametrize("overlay", ["", "jaeger"])
def test_each_pod_is_held_to_what_it_needs(lab_kubeconfig: Path, overlay: str) -> None:
    """The API server takes them at the level "restricted"; pods that read the node's files are told of."""
    with own_namespace(lab_kubeconfig) as tools:
        found = workloads(built(tools, overlay))
        images = {key: [each["image"] for each in pod["spec"]["containers"]] for key, pod in found.items()}
        assert images == {key: [image] for key, image in WORKLOADS.items()}
        level = "pod-security.kubernetes.io/enforce=restricted"
        tools.kubectl("label", "namespace", tools.namespace, level)
        for (kind, name), template in found.items():
            (container,) = template["spec"]["containers"]
            assert {"livenessProbe", "readinessProbe"} <= container.keys()
            assert container["resources"]["limits"].keys() == {"memory"}
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            said = admitted(tools, name, template)
            if kind == "DaemonSet":
                assert said.startswith('restricted volume types (volumes "pods", "state" use ')
            else:
                assert said == ""


def admitted(tools: Tools, name: str, template: Object) -> str:
    """What Pod Security has against a pod; nothing if it may be created."""
    spec = template["spec"] | {"serviceAccountName": "default"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    done = tools.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod), check=False)
    if done.code == 0:
        return ""
    return done.err.partition('violates PodSecurity "restricted:latest": ')[2]


def test_roles_let_them_read_and_no_more(lab_kubeconfig: Path) -> None:
    with own_namespace(lab_kubeconfig) as tools:
        roles = [item for item in built(tools, "") if item["kind"] == "ClusterRole"]
    granted = {
        (role["metadata"]["name"], resource, verb)
        for role in roles
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    kinds = ("agents", "mcpservers", "modelconfigs", "remotemcpservers", "customresourcedefinitions")
    read = [("kagent-collector", "pods"), ("kagent-logs", "pods")]
    read += [("kagent-state-metrics", kind) for kind in kinds]
    assert granted == {(*what, verb) for what in read for verb in ("list", "watch")}


def test_services_and_configuration_have_their_pods(lab_kubeconfig: Path) -> None:
    """Each port that a Service names is one of the pods it selects, and each ConfigMap is there."""
    with own_namespace(lab_kubeconfig) as tools:
        objects = built(tools, "jaeger")
    pods = workloads(objects)
    for item in objects:
        if item["kind"] == "Service":
            pod = pods["Deployment", item["spec"]["selector"]["app.kubernetes.io/name"]]
            ports = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
            assert {port["targetPort"] for port in item["spec"]["ports"]} <= ports
    files = {item["metadata"]["name"]: set(item["data"]) for item in objects if item["kind"] == "ConfigMap"}
    for pod in pods.values():
        (config,) = (each["configMap"]["name"] for each in pod["spec"]["volumes"] if "configMap" in each)
        container = pod["spec"]["containers"][0]
        folder = container["volumeMounts"][0]["mountPath"]
        named = {word.rpartition("/")[2] for word in container["args"] if folder in word}
        assert named == files[config]
