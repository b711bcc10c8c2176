"""manifests/recorder as it is, in a namespace, with the lab's image."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.cluster.conftest import Tools, wait_for
from tests.lab.images import RECORDER
from tests.lab.layout import CHECKOUT

_SHIPPED = CHECKOUT / "manifests" / "recorder"
_PODS = "app.kubernetes.io/name=kagent-recorder"


@contextmanager
def recorders(tools: Tools, folder: Path, *, suffix: str = "") -> Iterator[None]:
    """Two that are ready, whose names end with ``suffix``; at the end nothing of them is left."""
    name, _, tag = RECORDER.rpartition(":")
    image = yaml.safe_load((_SHIPPED / "kustomization.yaml").read_text())["images"][0]["newName"]
    overlay = {
        "resources": [os.path.relpath(_SHIPPED, folder)],
        "namespace": tools.namespace,
        "nameSuffix": suffix,
        "images": [{"name": image, "newName": name, "newTag": tag}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    try:
        tools.kubectl("apply", "-k", str(folder))
        wait_for(lambda: len(ready(tools)) == 2, "two recorders that are ready")
        yield
    finally:
        tools.kubectl("delete", "-k", str(folder), "--wait=false")


def ready(tools: Tools) -> list[str]:
    """Names of the pods that are ready, and not on their way out."""
    items = json.loads(tools.kubectl("get", "pods", "-l", _PODS, "-o", "json").out)["items"]
    return [
        str(pod["metadata"]["name"])
        for pod in items
        if "deletionTimestamp" not in pod["metadata"]
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
    ]
