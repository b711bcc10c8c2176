"""The objects of all files together: found by kind, namespace and name, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.lint.documents import Document, line_of
from kubectl_kagent.lint.faults import Path
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, Resource
from kubectl_kagent.model.workload import Workload, dig

DEFAULT = "default"  # the namespace of objects that name none, as kubectl has it without a context


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """An object, where it stands, and its path in the document (that of a List has one)."""

    file: str
    document: Document
    within: Path
    value: Mapping[str, Any]
    namespace: str

    @property
    def kind(self) -> str:
        return str(self.value.get("kind") or "")

    @property
    def api_version(self) -> str:
        return str(self.value.get("apiVersion") or "")

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def name(self) -> str:
        metadata = self.value.get("metadata")
        found = metadata if isinstance(metadata, Mapping) else {}
        return str(found.get("name") or found.get("generateName") or "")

    @property
    def label(self) -> str:
        """``agent NAMESPACE/NAME``; the namespace as far as the file or ``-n`` says it."""
        return f"{self.kind.lower()} {self.namespace}/{self.name}"

    @property
    def annotations(self) -> Mapping[str, Any]:
        found = dig(self.value, "metadata", "annotations")
        return found if isinstance(found, Mapping) else {}

    def line(self, path: Path) -> int:
        return line_of(self.document.lines, (*self.within, *path))

    def is_a(self, resource: Resource) -> bool:
        return (self.api_version, self.kind) == (resource.api_version, resource.kind)

    def workload(self, resource: Resource) -> Workload:
        metadata = {**self.value["metadata"], "namespace": self.namespace, "name": self.name}
        return Workload(resource, {**self.value, "metadata": metadata})


class Manifests:
    """All objects. Those that the API server would refuse are found, too, but rules don't look into them."""

    def __init__(self, objects: Iterable[Manifest], refused: frozenset[Manifest] = frozenset()) -> None:
        self.objects = tuple(objects)
        self.refused = refused

    def of(self, *resources: Resource) -> Iterator[Manifest]:
        """Those of these kinds, as far as they fit their schema."""
        for manifest in self.objects:
            if manifest not in self.refused and any(map(manifest.is_a, resources)):
                yield manifest

    def workloads(self) -> Iterator[tuple[Manifest, Workload]]:
        for resource in (AGENT, MCP_SERVER):
            for manifest in self.of(resource):
                yield manifest, manifest.workload(resource)

    def find(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        """By group, not by version; a refused one is not found."""
        for manifest in self.objects:
            if (
                (manifest.group, manifest.kind) == (resource.group, resource.kind)
                and (manifest.namespace, manifest.name) == (namespace, name)
                and manifest not in self.refused
            ):
                return manifest
        return None


def manifests_of(file: str, document: Document, namespace: str) -> Iterator[Manifest]:
    """The objects of a document: one, or those of a List."""
    yield from _objects(file, document, document.value, (), namespace)


def _objects(file: str, document: Document, value: Any, within: Path, namespace: str) -> Iterator[Manifest]:
    if not isinstance(value, Mapping):
        return
    items = value.get("items")
    if str(value.get("kind") or "").endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            yield from _objects(file, document, item, (*within, "items", index), namespace)
        return
    own = dig(value, "metadata", "namespace")
    yield Manifest(file, document, within, value, str(own or namespace))
