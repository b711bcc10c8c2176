"""Read what a config is made from. Of another namespace only that is kept which kagent lets the agent use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.cluster import Objects
from kubectl_kagent.errors import Forbidden, NotFound
from kubectl_kagent.model.allowed_namespaces import allows
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.paths import by_name
from kubectl_kagent.model.resources import NAMESPACE
from kubectl_kagent.model.snapshot import ConfigSource
from kubectl_kagent.model.workload import Reference, Workload

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReadSource:
    """A source, the object that it is of (None: not there), and a note on what is left out of both."""

    source: ConfigSource
    obj: Object | None
    note: Note | None = None


def read_source(
    cluster: Objects,
    workload: Workload,
    reference: Reference,
    *,
    at: str | None = None,
    recorded: tuple[ConfigSource, ...] = (),
) -> ReadSource:
    """What ``reference`` names, as far as kagent lets ``workload`` use it, at resource version ``at``.

    Where it may not be looked whether kagent does, what is ``recorded`` already of the same object at the
    same generation still counts: a reader with fewer rights finds nothing changed.
    """
    obj = find_source(cluster, reference, at=at)
    if obj is None:
        return ReadSource(ConfigSource.of(reference, None), None)
    label = f"{reference.resource.label(reference.name)} in namespace {reference.namespace}"
    try:
        if allows(obj, workload.namespace, lambda: _labels(cluster, workload.namespace)):
            return ReadSource(ConfigSource.of(reference, obj), obj)
        why = f"{label} does not let agents of {workload.namespace} use it (spec.allowedNamespaces)"
        withheld = ConfigSource.withheld(reference, obj)
    except (Forbidden, NotFound) as error:
        why = f"whether {label} lets agents of {workload.namespace} use it is not known: {error.explained}"
        withheld = ConfigSource.withheld(reference, obj)
        same = [s for s in recorded if (s.reference, s.uid, s.generation) == withheld.key]
        withheld = same[0] if same else withheld
    return ReadSource(withheld, _without_content(obj), Note(f"{why}; of it only uid and generation are kept"))


def find_source(cluster: Objects, reference: Reference, *, at: str | None = None) -> Object | None:
    """The object that ``reference`` names, at resource version ``at`` (default: now).

    A list of one object, which etcd reads by its key. The past can only be listed, so now is listed too.
    """
    if not reference.can_exist:
        return None
    fields = by_name(reference.name)
    listing = cluster.list_objects(reference.resource, reference.namespace, fields=fields, at=at)
    # whoever edits a spec may name anything: what is found is what was named, or nothing
    return next((item for item in listing["items"] if _is(item, reference)), None)


def _is(item: Object, reference: Reference) -> bool:
    metadata = item["metadata"]
    return (metadata.get("namespace"), metadata["name"]) == (reference.namespace, reference.name)


def _labels(cluster: Objects, namespace: str) -> Mapping[str, str]:
    return cluster.get(NAMESPACE, None, namespace)["metadata"].get("labels") or {}


def _without_content(obj: Object) -> Object:
    """Which object, and when it was written; not by whom, nor what."""
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp")
    times = [
        {key: entry[key] for key in ("time", "subresource") if key in entry}
        for entry in metadata.get("managedFields") or ()
    ]
    return {"metadata": {**{key: metadata.get(key) for key in kept}, "managedFields": times}}
