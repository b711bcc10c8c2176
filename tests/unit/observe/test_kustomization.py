"""The part of kustomize that is read here."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kubectl_kagent.observe.kustomization import objects


def write(folder: Path, kustomization: dict[str, object], **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_files_and_folders_in_their_order(tmp_path: Path) -> None:
    write(tmp_path / "inner", {"resources": ["b.yaml"]}, b="kind: B\n")
    write(
        tmp_path,
        {"resources": ["a.yaml", "inner", "c.yaml"]},
        a="kind: A\n---\n---\nkind: A2\n",
        c="kind: C\n",
    )
    assert [item["kind"] for item in objects(tmp_path)] == ["A", "A2", "B", "C"]


def test_config_maps_of_files(tmp_path: Path) -> None:
    options = {"labels": {"grafana_dashboard": "1"}, "annotations": {"folder": "kagent"}}
    made = {"name": "x", "files": ["a.yaml", "other=b.yaml"], "options": options}
    write(tmp_path, {"namespace": "n", "configMapGenerator": [made]}, a="1\n", b="2\n")
    metadata = {"name": "x", "labels": {"grafana_dashboard": "1"}, "annotations": {"folder": "kagent"}}
    data = {"a.yaml": "1\n", "other": "2\n"}
    assert list(objects(tmp_path)) == [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    ]


def test_what_is_not_understood_is_no_bundle(tmp_path: Path) -> None:
    write(tmp_path, {"resources": [], "patches": [], "replicas": []})
    with pytest.raises(ValueError, match="patches, replicas is not understood"):
        list(objects(tmp_path))


def test_nor_is_one_with_a_file_missing(tmp_path: Path) -> None:
    write(tmp_path, {"resources": ["a.yaml"]})
    with pytest.raises(FileNotFoundError, match=r"a\.yaml"):
        list(objects(tmp_path))


def test_images_that_stand_for_names(tmp_path: Path) -> None:
    template = "{spec: {containers: [{image: recorder}, {image: other}]}}"
    images = [{"name": "recorder", "newName": "ghcr.io/x/recorder", "newTag": "1"}]
    write(
        tmp_path, {"resources": ["a.yaml"], "images": images}, a=f"kind: A\nspec: {{template: {template}}}\n"
    )
    (found,) = objects(tmp_path)
    containers = found["spec"]["template"]["spec"]["containers"]
    assert [container["image"] for container in containers] == ["ghcr.io/x/recorder:1", "other"]
