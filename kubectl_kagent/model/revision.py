"""A revision: one effective config of a workload, as it is kept in a ControllerRevision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.errors import KagentError, Unreadable
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, RECORDED, Resource
from kubectl_kagent.model.workload import CHANGE_CAUSE, Reference, Workload, dig, whole_number, with_replicas

FORMAT = "kubectl-kagent/v1"
LABEL_KIND = "kubectl-kagent/kind"
LABEL_NAME = "kubectl-kagent/name"
LABEL_HASH = "kubectl-kagent/hash"
RECORDED_BY = "kubectl-kagent/recorded-by"
CAUSE_SEEN = "kubectl-kagent/change-cause-seen"
ROLLBACK_OF = "kubectl-kagent/rollback-of"
CONFIG_HASH = "kubectl-kagent/config-hash"
TEMPLATE_HASH = "kubectl-kagent/template-hash"
IMAGE = "kubectl-kagent/image"
READY_AT = "kubectl-kagent/ready-at"
LAST_SEEN = "kubectl-kagent/last-seen"

_MAX_NAME = 253  # DNS subdomain
_MAX_LABEL = 63
LAST_NUMBER = 2**31 - 1  # as far as ``whole_number`` counts

_MALFORMED = (AttributeError, LookupError, TypeError, ValueError, OverflowError, RecursionError, Unreadable)

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
    def content(self) -> Manifest:
        """What makes two snapshots the same config: spec without replicas, and the sources' content."""
        spec = with_replicas(self.spec, self.deployment_path, None)
        sources = [
            [
                source.reference.resource.kind,
                source.reference.namespace,
                source.reference.name,
                source.content,
            ]
            for source in self.sources
        ]
        return {"spec": spec, "sources": sources}

    @property
    def hash(self) -> str:
        return digest(self.content)


@dataclass(frozen=True, slots=True)
class Revision:
    """A recorded snapshot. ``rollback_of`` is the newest earlier revision with the same content.

    ``stored_version`` is the resource version of its own object, ``resource_version`` that of the snapshot.
    """

    number: int
    name: str
    hash: str
    spec: Mapping[str, Any]
    sources: tuple[ConfigSource, ...]
    resource_version: int
    generation: int
    changed_by: str
    changed_at: datetime
    gap_before: bool
    annotations: Mapping[str, str] = field(default_factory=dict)
    stored_version: str = field(default="", compare=False)

    @property
    def change_cause(self) -> str:
        return self.annotations.get(CHANGE_CAUSE, "")

    @property
    def recorded_by(self) -> str:
        return self.annotations.get(RECORDED_BY, "")

    @property
    def rollback_of(self) -> int | None:
        return whole_number(self.annotations.get(ROLLBACK_OF)) or None

    @property
    def config_hash(self) -> str:
        return self.annotations.get(CONFIG_HASH, "")

    @property
    def template_hash(self) -> str:
        return self.annotations.get(TEMPLATE_HASH, "")

    @property
    def image(self) -> str:
        return self.annotations.get(IMAGE, "")

    @property
    def ready_at(self) -> str:
        return self.annotations.get(READY_AT, "")


def revision_object(
    workload: Workload,
    snapshot: Snapshot,
    number: int,
    *,
    annotations: Mapping[str, str],
    gap_before: bool,
) -> Manifest:
    """The ControllerRevision for ``snapshot`` as revision ``number``; its name claims the number."""
    data: Manifest = {
        "apiVersion": FORMAT,
        "spec": dict(snapshot.spec),
        "sources": [source.to_data() for source in snapshot.sources],
        "resourceVersion": str(snapshot.resource_version),
        "generation": snapshot.generation,
        "changedBy": snapshot.changed_by,
        "changedAt": clock.timestamp(snapshot.changed_at),
    }
    if gap_before:
        data["gapBefore"] = True
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": revision_name(workload, number),
            "namespace": workload.namespace,
            "labels": {**selector(workload), LABEL_HASH: snapshot.hash},
            "annotations": dict(annotations),
            "ownerReferences": [
                {
                    "apiVersion": workload.resource.api_version,
                    "kind": workload.resource.kind,
                    "name": workload.name,
                    "uid": workload.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "revision": number,
        "data": data,
    }


def number_in(name: str) -> int:
    """The number that a revision's name claims; 0 for a name that claims none that there may be."""
    return whole_number(name.rpartition("-r")[2]) or 0


class MalformedRevision(KagentError):
    """An object that has our labels and is not a revision of ours."""


def read_revision(obj: Mapping[str, Any]) -> Revision:
    """The revision that a ControllerRevision of ours holds. Raises MalformedRevision when it holds none."""
    try:
        return _read_revision(obj)
    except _MALFORMED as error:
        name = dig(obj, "metadata", "name")
        raise MalformedRevision(f"controllerrevision.apps/{name} holds no revision of ours") from error


def _read_revision(obj: Mapping[str, Any]) -> Revision:
    metadata, data = obj["metadata"], obj["data"]
    spec, number = data["spec"], int(obj["revision"])
    if number > LAST_NUMBER:
        raise ValueError("revision")
    if not isinstance(spec, Mapping):
        raise TypeError("spec")
    canonical_json(data)  # raises for what nobody could compare or write back
    Workload(AGENT, {"metadata": metadata, "spec": spec}).references()  # raises where others would stumble
    return Revision(
        number=number,
        name=metadata["name"],
        hash=metadata["labels"][LABEL_HASH],
        spec=spec,
        sources=tuple(map(ConfigSource.from_data, data.get("sources") or ())),
        resource_version=int(data["resourceVersion"]),
        generation=int(data["generation"]),
        changed_by=str(data.get("changedBy") or ""),
        changed_at=clock.parse_time(data["changedAt"]),
        gap_before=bool(data.get("gapBefore")),
        annotations=metadata.get("annotations") or {},
        stored_version=str(metadata.get("resourceVersion") or ""),
    )


def owner_uid(obj: Mapping[str, Any]) -> str:
    """The uid of the object that controls ``obj``; empty when none does."""
    return str(_owner(obj).get("uid", ""))


def is_owned_by_a(resource: Resource, obj: Mapping[str, Any]) -> bool:
    """Whether what controls ``obj``, or did, is of that kind."""
    owner = _owner(obj)
    group = str(owner.get("apiVersion", "")).partition("/")[0]
    return (group, owner.get("kind")) == (resource.group, resource.kind)


def _owner(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    for owner in dig(obj, "metadata", "ownerReferences") or ():
        if owner.get("controller"):
            found: Mapping[str, Any] = owner
            return found
    return {}


def selector(workload: Workload) -> dict[str, str]:
    """The labels that all revisions of ``workload`` carry."""
    return {
        LABEL_KIND: workload.resource.singular,
        LABEL_NAME: _shorten(workload.name, _MAX_LABEL),
    }


def is_revision_of(obj: Mapping[str, Any], workload: Workload) -> bool:
    """Whether ``obj`` claims to be a revision of this very object, and not of a deleted namesake."""
    labels = dig(obj, "metadata", "labels") or {}
    return owner_uid(obj) == workload.uid and selector(workload).items() <= labels.items()


def label_selector(labels: Mapping[str, str]) -> str:
    """The selector of the revisions of which one, or their workload's ``selector``, has those labels."""
    return ",".join(f"{key}={labels.get(key, '')}" for key in (LABEL_KIND, LABEL_NAME))


def revision_name(workload: Workload, number: int) -> str:
    """``<kind>-<object>-r<N>``, shortened with a hash past the name limit."""
    suffix = f"-r{number}"
    return _shorten(f"{workload.resource.singular}-{workload.name}", _MAX_NAME - len(suffix)) + suffix


def _shorten(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[: limit - 9].rstrip('-.')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
