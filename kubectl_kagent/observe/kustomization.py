"""The part of kustomize that the bundle's folders use, so that they are told what is in them only once.

Its names are stable: a ConfigMap gets no hash at its end, since an apply changes it in place; what makes pods
start anew is an annotation (``bundle.with_checksums``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kubectl_kagent.model.workload import dig

Object = dict[str, Any]

FILE = "kustomization.yaml"
# the bundle sets namespace and labels itself, and gives ConfigMaps no suffix
_READ = frozenset({"resources", "configMapGenerator", "images"})
_LEFT_ALONE = frozenset({"apiVersion", "kind", "namespace", "labels", "generatorOptions", "sortOptions"})


def objects(folder: Path) -> Iterator[Object]:
    """The objects that a folder's kustomization.yaml names, in its order.

    Raises ValueError for what is not understood here: the bundle was built wrong, whoever runs it.
    """
    given = _documents(folder / FILE)[0]
    unknown = given.keys() - _READ - _LEFT_ALONE
    if unknown:
        raise ValueError(f"{folder / FILE}: {', '.join(sorted(unknown))} is not understood")
    images = {image["name"]: f"{image['newName']}:{image['newTag']}" for image in given.get("images") or ()}
    for name in given.get("resources") or ():
        path = folder / name
        found = objects(path) if path.is_dir() else _documents(path)
        yield from (_with_images(item, images) for item in found)
    for generator in given.get("configMapGenerator") or ():
        yield _config_map(folder, generator)


def _documents(path: Path) -> list[Object]:
    import yaml  # most verbs do without

    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def _with_images(item: Object, images: Mapping[str, str]) -> Object:
    """With the images that stand for the names in ``images``."""
    for container in dig(item, "spec", "template", "spec", "containers") or ():
        container["image"] = images.get(container["image"], container["image"])
    return item


def _config_map(folder: Path, generator: Mapping[str, Any]) -> Object:
    """``files`` has ``PATH`` or ``KEY=PATH``."""
    metadata: Object = {"name": generator["name"]}
    for key in ("labels", "annotations"):
        if found := (generator.get("options") or {}).get(key):
            metadata[key] = dict(found)
    data = {}
    for entry in generator["files"]:
        key, _, path = entry.rpartition("=")
        data[key or Path(path).name] = (folder / path).read_text()
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
