"""The objects of all files together: found by kind, namespace and name, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.lint.documents import Document, line_of
from kubectl_kagent.lint.faults import Path
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, NAMESPACE, Resource
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
    """The objects that rules look into: all but those that the API server would refuse."""

    def __init__(self, objects: Iterable[Manifest]) -> None:
        self._by_kind: dict[tuple[str, str], list[Manifest]] = {}
        self._by_name: dict[tuple[str, str, str, str], Manifest] = {}
        for manifest in objects:
            kind = manifest.group, manifest.kind
            self._by_kind.setdefault(kind, []).append(manifest)
            self._by_name.setdefault((*kind, manifest.namespace, manifest.name), manifest)

    def of(self, *resources: Resource) -> Iterator[Manifest]:
        """Those of these kinds, in these versions."""
        for resource in resources:
            yield from filter(lambda manifest: manifest.is_a(resource), self.of_any_version(resource))

    def of_any_version(self, resource: Resource) -> Sequence[Manifest]:
        return self._by_kind.get((resource.group, resource.kind), ())

    def workloads(self) -> Iterator[tuple[Manifest, Workload]]:
        for resource in (AGENT, MCP_SERVER):
            for manifest in self.of(resource):
                yield manifest, manifest.workload(resource)

    def find(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        """By group, not by version."""
        return self._by_name.get((resource.group, resource.kind, namespace, name))

    def namespace_labels(self, name: str) -> Mapping[str, str] | None:
        """The labels of that Namespace; None when it is not in the input."""
        found = (each for each in self.of(NAMESPACE) if each.name == name)
        manifest = next(found, None)
        return None if manifest is None else dig(manifest.value, "metadata", "labels") or {}


def manifests_of(file: str, document: Document, namespace: str) -> Iterator[Manifest]:
    """The objects of a document: one, or those of a List."""
    yield from _objects(file, document, document.value, (), namespace)


def _objects(file: str, document: Document, value: Any, within: Path, namespace: str) -> Iterator[Manifest]:
    if not isinstance(value, Mapping):
        value = {}  # no object, which is said of it
    items = value.get("items")
    if str(value.get("kind") or "").endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            yield from _objects(file, document, item, (*within, "items", index), namespace)
        return
    own = dig(value, "metadata", "namespace")
    yield Manifest(file, document, within, value, str(own or namespace))
