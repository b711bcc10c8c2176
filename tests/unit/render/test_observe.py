"""Screens of observe."""

from __future__ import annotations

from typing import Any

import yaml

from kubectl_kagent.observe.changes import Change
from kubectl_kagent.render.observe import diff_folders, diff_text, documents, folder

Object = dict[str, Any]


def config_map(name: str, text: str, **metadata: Any) -> Object:
    metadata = {"name": name, "namespace": "n", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": text}}


def test_documents_and_files_hold_the_same() -> None:
    objects = [config_map("x", "1\n"), config_map("y", "off")]
    assert list(yaml.safe_load_all(documents(objects))) == objects
    written = folder(objects)
    assert list(written) == ["configmap-x.yaml", "configmap-y.yaml", "kustomization.yaml"]
    assert [yaml.safe_load(written[name]) for name in list(written)[:2]] == objects


def test_a_diff_has_no_managed_fields_and_no_secret() -> None:
    live = config_map("x", "password: hunter2hunter2", managedFields=[{"manager": "kubectl-edit"}])
    change = Change(config_map("x", "a"), live, config_map("x", "a", managedFields=[{"manager": "us"}]))
    text = diff_text([change])
    assert text.splitlines()[:2] == ["--- LIVE/v1.ConfigMap.n.x", "+++ MERGED/v1.ConfigMap.n.x"]
    assert ("hunter2" in text, "manager" in text) == (False, False)


def test_what_is_new_has_no_live_file() -> None:
    change = Change(config_map("x", "a"), None, config_map("x", "a"))
    live, merged = diff_folders([change])
    assert (live, list(merged)) == ({}, ["v1.ConfigMap.n.x"])
