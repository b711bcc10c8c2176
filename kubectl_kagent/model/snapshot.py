"""A snapshot: the effective config of a workload at one moment, and when two of them are the same config."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kubectl_kagent.errors import Unreadable
from kubectl_kagent.model.resources import CONFIG_MAP, RECORDED
from kubectl_kagent.model.workload import Reference, dig, with_replicas

Manifest = dict[str, Any]


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON value: sorted keys, no blanks. Raises Unreadable."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except TypeError:  # a TooDeep is in it
        raise Unreadable from None


def digest(value: Any) -> str:
    """The first 16 hex digits of the SHA-256 over the canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """An object the effective config depends on; ``content`` is None when the object is not there.

    ``generation`` moves with each write of the content: a ConfigMap and a Service count no generations,
    so for them it is the resource version.
    """

    reference: Reference
    uid: str
    generation: int
    content: Mapping[str, Any] | None

    @classmethod
    def of(cls, reference: Reference, obj: Mapping[str, Any] | None) -> ConfigSource:
        """What matters of ``obj`` as ``reference`` uses it. Secret values are never in it."""
        if obj is None:
            return cls(reference, "", 0, None)
        metadata = obj["metadata"]
        return cls(
            reference,
            str(metadata.get("uid", "")),
            int(metadata.get("generation") or metadata.get("resourceVersion") or 0),
            _content(reference, obj),
        )

    @classmethod
    def withheld(cls, reference: Reference, obj: Mapping[str, Any]) -> ConfigSource:
        """An object whose content is not the workload's to know: only which it is, and that it changed."""
        bare = cls.of(reference, {"metadata": obj["metadata"]})
        return replace(bare, content={"uid": bare.uid, "generation": bare.generation})

    @property
    def key(self) -> tuple[Reference, str, int]:
        """The same for all that was read of one object at one generation."""
        return self.reference, self.uid, self.generation

    def to_data(self) -> Manifest:
        ref = self.reference
        return {
            "apiVersion": ref.resource.api_version,
            "kind": ref.resource.kind,
            "namespace": ref.namespace,
            "name": ref.name,
            "keys": list(ref.keys),
            "uid": self.uid,
            "generation": self.generation,
            "content": self.content,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ConfigSource:
        """What ``to_data`` wrote. Raises LookupError, TypeError or ValueError for anything else."""
        keys, content = data.get("keys") or (), data.get("content")
        ref = Reference(
            RECORDED[data["kind"]], str(data["namespace"]), str(data["name"]), tuple(map(str, keys))
        )
        if content is not None and not isinstance(content, Mapping):
            raise TypeError("content")
        return cls(ref, str(data.get("uid") or ""), int(data.get("generation") or 0), content)


def _content(reference: Reference, obj: Mapping[str, Any]) -> Manifest:
    if reference.resource is CONFIG_MAP:
        data = obj.get("data") or {}
        return {"data": {key: data.get(key) for key in reference.keys or sorted(data)}}
    spec = dict(obj.get("spec") or {})
    kind = reference.resource.kind
    if kind == "MCPServer":  # kagent 0.10 uses only where it listens and how long to wait
        return {"port": dig(spec, "deployment", "port"), "timeout": spec.get("timeout")}
    if kind == "Service":
        annotations = obj["metadata"].get("annotations") or {}
        mcp = {key: value for key, value in annotations.items() if key.startswith("kagent.dev/mcp-service-")}
        return {"ports": spec.get("ports"), "annotations": mcp}
    content: Manifest = {"spec": spec}
    if secret_hash := dig(obj, "status", "secretHash"):
        # a hash of kagent's hash: tells that the secret changed, and nothing about what it is
        content["secret"] = digest(secret_hash)
    return content


def content_hash(
    spec: Mapping[str, Any], sources: Iterable[ConfigSource], deployment_path: tuple[str, ...]
) -> str:
    """The digest of what makes two configs the same: spec without replicas, and the sources' content."""
    content = [
        [
            source.reference.resource.kind,
            source.reference.namespace,
            source.reference.name,
            source.content,
        ]
        for source in sources
    ]
    return digest({"spec": with_replicas(spec, deployment_path, None), "sources": content})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The effective config at one moment: the spec and everything it is made from.

    ``resource_version`` is that of the newest write in it, so snapshots of one workload are ordered.
    """

    spec: Mapping[str, Any]
    sources: tuple[ConfigSource, ...]
    resource_version: int
    generation: int
    changed_by: str
    changed_at: datetime
    deployment_path: tuple[str, ...]

    @property
    def hash(self) -> str:
        return content_hash(self.spec, self.sources, self.deployment_path)
