"""A revision: one effective config of a workload, as it is kept in a ControllerRevision."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.errors import KagentError, Unreadable
from kubectl_kagent.model.resources import AGENT, WORKLOADS, Resource
from kubectl_kagent.model.snapshot import ConfigSource, Snapshot, content_hash
from kubectl_kagent.model.workload import CHANGE_CAUSE, Workload, dig, whole_number, with_replicas

FORMAT = "kubectl-kagent/v1"
LABEL_KIND = "kubectl-kagent/kind"
LABEL_NAME = "kubectl-kagent/name"
LABEL_HASH = "kubectl-kagent/hash"
RECORDED_BY = "kubectl-kagent/recorded-by"
CAUSE_SEEN = "kubectl-kagent/change-cause-seen"
ROLLBACK_OF = "kubectl-kagent/rollback-of"
UNDO_TO = "kubectl-kagent/undo-to"
CONFIG_HASH = "kubectl-kagent/config-hash"
TEMPLATE_HASH = "kubectl-kagent/template-hash"
IMAGE = "kubectl-kagent/image"
READY_AT = "kubectl-kagent/ready-at"
LAST_SEEN = "kubectl-kagent/last-seen"

_MAX_NAME = 253  # DNS subdomain
_MAX_LABEL = 63
LAST_NUMBER = 2**31 - 1  # as far as ``whole_number`` counts

_MALFORMED = (AttributeError, LookupError, TypeError, ValueError, OverflowError, RecursionError, Unreadable)

_RESOURCES = {resource.singular: resource for resource in WORKLOADS}

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Revision:
    """A recorded snapshot. ``rollback_of`` is the newest earlier revision with the same content.

    Whether an undo brought that back or somebody wrote the same again tells ``is_undo``.
    ``hash`` is that of the content, which can't be changed: the label that shows it can.
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
    def is_undo(self) -> bool:
        return self.rollback_of is not None and UNDO_TO in self.annotations

    @property
    def recurrence(self) -> str:
        """What a list of changes says first: ``rollback of 3: `` or ``same as 3: ``; empty for a new one."""
        if self.rollback_of is None:
            return ""
        return f"{'rollback of' if self.is_undo else 'same as'} {self.rollback_of}: "

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
    Workload(AGENT, {"metadata": metadata, "spec": spec}).references()  # raises where others would stumble
    labels = metadata["labels"]
    if LABEL_HASH not in labels:
        raise LookupError(LABEL_HASH)
    sources = tuple(map(ConfigSource.from_data, data.get("sources") or ()))
    path = Workload(_RESOURCES[labels[LABEL_KIND]], {"spec": spec}).deployment_path
    with_replicas(spec, path, 0)  # raises where an undo could not keep the live count
    return Revision(
        number=number,
        name=metadata["name"],
        hash=content_hash(spec, sources, path),  # raises for what nobody could compare or write back
        spec=spec,
        sources=sources,
        resource_version=int(data["resourceVersion"]),
        generation=int(data["generation"]),
        changed_by=str(data.get("changedBy") or ""),
        changed_at=clock.parse_time(data["changedAt"]),
        gap_before=bool(data.get("gapBefore")),
        annotations=metadata.get("annotations") or {},
        stored_version=str(metadata.get("resourceVersion") or ""),
    )


def noted_config_hash(obj: Mapping[str, Any]) -> str:
    """The config hash that is noted on a ControllerRevision, of which the metadata will do; empty without."""
    return str(dig(obj, "metadata", "annotations", CONFIG_HASH) or "")


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
