"""observe export as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kubectl_kagent.model.resources import CRD, PROMETHEUS_RULE
from kubectl_kagent.render.observe import MARK
from tests.conftest import Kagent, Screen
from tests.fake.cluster import FakeCluster

FILES = [
    "clusterrole-kagent-collector.yaml",
    "clusterrolebinding-kagent-collector.yaml",
    "configmap-kagent-collector.yaml",
    "configmap-kagent-logs.yaml",
    "configmap-kagent-rules.yaml",
    "configmap-kagent-scrape.yaml",
    "daemonset-kagent-logs.yaml",
    "deployment-kagent-collector.yaml",
    "kustomization.yaml",
    "namespace-kagent-observability.yaml",
    "poddisruptionbudget-kagent-collector.yaml",
    "service-kagent-collector.yaml",
    "serviceaccount-kagent-collector.yaml",
]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_objects_as_yaml_without_a_cluster(cluster: FakeCluster, kagent: Kagent, screen: Screen) -> None:
    code, out, err = kagent("observe", "export", "--plain")
    assert (code, err, cluster.requests) == (0, "", [])
    screen("observe-export", out)


def test_what_the_cluster_has_decides_without_a_flag(cluster: FakeCluster, kagent: Kagent) -> None:
    plain = kagent("observe", "export", "--plain")
    found = kagent("observe", "export")
    assert ("kind: PrometheusRule" in found[1], "addresses.yaml" in found[1]) == (False, True)
    cluster.add(CRD, {"kind": "C", "metadata": {"name": PROMETHEUS_RULE.full_name}})
    found = kagent("observe", "export")
    assert "kind: PrometheusRule" in found[1]
    assert ("kind: PrometheusRule" in plain[1], "addresses.yaml" in plain[1]) == (False, False)


def test_a_folder(kagent: Kagent, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    told = (0, f"{folder}: 12 objects\n", "")
    assert kagent("observe", "export", "--plain", str(folder)) == told
    assert names(folder) == FILES
    kustomization = (folder / "kustomization.yaml").read_text()
    assert kustomization.startswith(MARK)
    printed = list(yaml.safe_load_all(kagent("observe", "export", "--plain")[1]))
    listed = yaml.safe_load(kustomization)["resources"]
    assert [yaml.safe_load((folder / name).read_text()) for name in listed] == printed


def test_a_namespace_that_is_not_the_bundles_own_is_left_out(kagent: Kagent) -> None:
    whole = list(yaml.safe_load_all(kagent("observe", "export", "--plain")[1]))
    code, out, err = kagent("observe", "export", "--plain", "-n", "monitoring")
    found = list(yaml.safe_load_all(out))
    assert (code, err, len(found)) == (0, "", len(whole) - 1)
    assert "Namespace" not in {item["kind"] for item in found}
    assert {item["metadata"].get("namespace") for item in found} == {None, "monitoring", "kagent"}


def test_the_folder_of_an_earlier_export_is_replaced(kagent: Kagent, tmp_path: Path) -> None:
    kagent("observe", "export", "--operator", str(tmp_path / "x"))
    (tmp_path / "x" / "README.md").write_text("mine")
    assert kagent("observe", "export", "--plain", str(tmp_path / "x"))[0] == 0
    assert names(tmp_path / "x") == sorted([*FILES, "README.md"])


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.txt", b"mine"), ("kustomization.yaml", b"mine"), ("kustomization.yaml", b"\xff\xfe")],
)
def test_a_folder_of_others_is_left_alone(kagent: Kagent, tmp_path: Path, name: str, content: bytes) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / name).write_bytes(content)
    message = f"error: {folder} is not empty and was not exported to\nhint: name another folder\n"
    assert kagent("observe", "export", "--plain", str(folder)) == (1, "", message)
    assert names(folder) == [name]


def test_a_folder_that_cannot_be_made(kagent: Kagent, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "x"
    assert kagent("observe", "export", "--plain", str(path)) == (1, "", f"error: {path}: Not a directory\n")
