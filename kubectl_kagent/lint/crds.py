"""Schemas of kagent's kinds: those that travel with the package, or those of CRDs that the user has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubectl_kagent.errors import KagentError
from kubectl_kagent.lint.documents import documents
from kubectl_kagent.lint.manifests import DEFAULT, manifests_of
from kubectl_kagent.lint.sources import files
from kubectl_kagent.model.resources import KAGENT_GROUP
from kubectl_kagent.model.workload import dig

Schema = Mapping[str, Any]

PACKED = "schemas.json"  # beside this file; written by scripts/crd_schemas.py
# What the API server checks, fills in or drops by; all else in a CRD's schema is for readers.
_CHECKED = frozenset(
    [
        "type",
        "nullable",
        "enum",
        "format",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "required",
        "default",
        "x-kubernetes-int-or-string",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-validations",
    ]
)


@dataclass(frozen=True, slots=True)
class Schemas:
    """Schemas by (apiVersion, kind), and in words which release they are of."""

    of: str
    by_kind: Mapping[tuple[str, str], Schema]

    def schema(self, api_version: str, kind: str) -> Schema | None:
        return self.by_kind.get((api_version, kind))

    def versions(self, group: str, kind: str) -> list[str]:
        """The versions in which that kind is served."""
        return [version for version, each in self.by_kind if each == kind and version.startswith(f"{group}/")]


def packed() -> Schemas:
    """The schemas of the package."""
    data = json.loads((Path(__file__).parent / PACKED).read_text(encoding="utf-8"))
    shared: dict[str, Schema] = {}
    for name, schema in data["shared"].items():  # each refers to earlier ones only
        shared[name] = _joined(schema, shared)
    found = {
        (version, kind): _joined(schema, shared)
        for kind, versions in data["kinds"].items()
        for version, schema in versions.items()
    }
    return Schemas(data["of"], found)


def _joined(schema: Schema, shared: Mapping[str, Schema]) -> Schema:
    """``schema`` with what it refers to in place; the same part is the same object wherever it stands."""
    if "$ref" in schema:
        return shared[schema["$ref"]]
    return _mapped(schema, lambda part: _joined(part, shared))


def given(path: Path) -> Schemas:
    """The schemas of the CRDs in a file or a folder. Raises KagentError where there is none of kagent's."""
    crds = [
        manifest.value
        for source in files([str(path)], b"", recursive=True)
        for document in documents(source.content)
        for manifest in manifests_of(source.name, document, DEFAULT)
        if manifest.kind == "CustomResourceDefinition"
    ]
    found = schemas_of(crds, str(path))
    if not any(version.startswith(f"{KAGENT_GROUP}/") for version, _ in found.by_kind):
        raise KagentError(
            f"{path} has no CRD of {KAGENT_GROUP}", hint="kubectl get crd agents.kagent.dev -o yaml > FILE"
        )
    return found


def schemas_of(crds: Iterable[Mapping[str, Any]], of: str) -> Schemas:
    """The schemas of CustomResourceDefinitions, as far as the API server checks by them."""
    found: dict[tuple[str, str], Schema] = {}
    for crd in crds:
        group, kind = dig(crd, "spec", "group"), dig(crd, "spec", "names", "kind")
        for version in dig(crd, "spec", "versions") or ():
            if version.get("served"):
                schema = dig(version, "schema", "openAPIV3Schema") or {}
                found[f"{group}/{version['name']}", str(kind)] = checked(schema)
    return Schemas(of, found)


def checked(schema: Schema) -> Schema:
    """``schema`` without what is for readers."""
    kept = {key: value for key, value in schema.items() if key in _CHECKED}
    return {**kept, **_mapped({key: schema[key] for key in _PARTS if key in schema}, checked)}


_PARTS = ("properties", "items", "additionalProperties", "not", "allOf", "anyOf", "oneOf")


def _mapped(schema: Schema, change: Any) -> dict[str, Any]:
    """``schema`` with each schema in it changed."""
    result = dict(schema)
    for key in _PARTS:
        part = schema.get(key)
        if key == "properties" and part is not None:
            result[key] = {name: change(each) for name, each in part.items()}
        elif isinstance(part, Mapping):
            result[key] = change(part)
        elif isinstance(part, list):
            result[key] = [change(each) for each in part]
    return result


def shared_parts(schemas: Iterable[Schema]) -> tuple[dict[str, Schema], list[Schema]]:
    """Each part once, by a name, and the schemas that refer to them: what ``packed`` puts together again.

    A pod's affinity, volumes and environment stand in every kind that has pods: a quarter is left.
    """
    parts: dict[str, Schema] = {}
    names: dict[str, str] = {}

    def share(schema: Schema) -> Schema:
        smaller = _mapped(schema, share)
        text = json.dumps(smaller, sort_keys=True)
        if len(text) < _WORTH_A_NAME:
            return smaller
        if text not in names:
            names[text] = str(len(names) + 1)
            parts[names[text]] = smaller
        return {"$ref": names[text]}

    return parts, [_mapped(schema, share) for schema in schemas]


_WORTH_A_NAME = 120  # letters of JSON; below it, a reference saves nothing


def lines(schemas: Schemas) -> Iterator[str]:
    """The lines of the file that ``packed`` reads: a part a line, so that a change of a CRD can be read."""
    parts, roots = shared_parts(schemas.by_kind.values())
    kinds: dict[str, dict[str, Schema]] = {}
    for (version, kind), root in zip(schemas.by_kind, roots, strict=True):
        kinds.setdefault(kind, {})[version] = root
    yield f'{{"of": {json.dumps(schemas.of)},\n"shared": {{\n'
    yield ",\n".join(f'"{name}": {_compact(part)}' for name, part in parts.items())
    yield '\n},\n"kinds": {\n'
    yield ",\n".join(f'"{kind}": {_compact(versions)}' for kind, versions in kinds.items())
    yield "\n}}\n"


def _compact(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
