"""Whether the API server would take an object, and if not, why: what it does with the schema of a CRD.

In its order: fields that are not in the schema (``fieldValidation=Strict``, kubectl's default), nulls and
defaults, the schema itself, and then the CEL rules. Held to the real one by tests/cluster/test_lint.py.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.lint import structural
from kubectl_kagent.lint.cel import Unjudged, broken_rules
from kubectl_kagent.lint.crds import Schema
from kubectl_kagent.lint.faults import Fault, Path

# What every object has, and CRDs leave out; its metadata is judged apart.
_OF_EVERY_OBJECT: Schema = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}
# The API's ObjectMeta. Nobody writes the last ones by hand, but `kubectl get -o yaml` has them.
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_METADATA: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "generateName": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "finalizers": {"type": "array", "items": {"type": "string"}},
        "ownerReferences": {
            "type": "array",
            "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
        "managedFields": {"type": "array", "x-kubernetes-preserve-unknown-fields": True},
        "uid": {"type": "string"},
        "resourceVersion": {"type": "string"},
        "selfLink": {"type": "string"},
        "generation": {"type": "integer"},
        "creationTimestamp": {"type": "string"},
        "deletionTimestamp": {"type": "string"},
        "deletionGracePeriodSeconds": {"type": "integer"},
    },
}
_LABEL = r"[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?"
_SUBDOMAIN = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
_NAME = re.compile(_SUBDOMAIN)
_KEY = re.compile(rf"(?:(?P<prefix>{_SUBDOMAIN})/)?{_LABEL}", re.ASCII)
_VALUE = re.compile(rf"(?:{_LABEL})?", re.ASCII)
_LONGEST = 253  # letters of a name, and of the prefix of a key


def admitted(schema: Schema, obj: Mapping[str, Any]) -> tuple[list[Fault], list[Unjudged]]:
    """Why the API server would refuse to create ``obj``, and rules that could not be judged."""
    root = {**schema, "properties": {**schema.get("properties", {}), **_OF_EVERY_OBJECT}}
    unknown = list(structural.unknown_fields(root, obj))
    unknown += structural.unknown_fields(_METADATA, obj.get("metadata"), ("metadata",))
    found = copy.deepcopy(dict(obj))
    found.pop("status", None)  # the subresource's: whoever creates the object can't set it
    found = structural.filled(root, found)
    faults = [*structural.faults(root, found), *_metadata(found)]
    if any(fault.blocks for fault in faults):
        return unknown + faults, []
    rules, unjudged = broken_rules(root, found)
    return unknown + faults + rules, unjudged


def _metadata(obj: Mapping[str, Any]) -> Iterator[Fault]:
    metadata = obj.get("metadata")
    if not isinstance(metadata, Mapping):
        yield Fault(("metadata", "name"), "is required")
        return
    metadata = structural.filled(_METADATA, copy.deepcopy(dict(metadata)))
    wrong = list(structural.faults(_METADATA, metadata, ("metadata",)))
    yield from wrong
    if wrong:
        return
    name = metadata.get("name") or metadata.get("generateName")
    if not name:
        yield Fault(("metadata", "name"), "is required")
    elif (
        not _NAME.fullmatch(name.removesuffix("-") if not metadata.get("name") else name)
        or len(name) > _LONGEST
    ):
        yield Fault(
            ("metadata", "name"),
            f'"{name}" is not a name: it has lower case letters, digits, "-" and ".", and begins and ends '
            "with a letter or a digit",
        )
    for key, value in (metadata.get("labels") or {}).items():
        yield from _key(("metadata", "labels"), key)
        if not _VALUE.fullmatch(value):
            yield Fault(("metadata", "labels"), f'"{value}" is not a value of a label')
    for key in metadata.get("annotations") or {}:
        yield from _key(("metadata", "annotations"), key.lower())


def _key(path: Path, key: str) -> Iterator[Fault]:
    match = _KEY.fullmatch(key)
    if not match or len(match["prefix"] or "") > _LONGEST:
        yield Fault(path, f'"{key}" is not a key: it is PREFIX/NAME or NAME, and a name has up to 63 letters')
