"""What an install would change in a cluster, tried on the server before anything is written; and doing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import FieldConflict, KagentError, NotFound
from kubectl_kagent.model.resources import NAMESPACE, Resource
from kubectl_kagent.model.workload import dig
from kubectl_kagent.observe.bundle import BUNDLE, PART_OF, SELECTOR, label_of, resource_of

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """An object of the bundle: as it is in the cluster (None: not there), and as an apply would leave it.

    ``conflicts`` are why the server would refuse it, for people; ``after`` is what force would make then. An
    object in a namespace that is not there yet can't be tried: ``after`` is what is sent.
    """

    wanted: Object
    live: Object | None
    after: Object
    conflicts: tuple[str, ...] = ()

    @property
    def resource(self) -> Resource:
        return resource_of(self.wanted)

    @property
    def label(self) -> str:
        return label_of(self.wanted)

    @property
    def namespace(self) -> str:
        return str(self.wanted["metadata"].get("namespace") or "")

    @property
    def verb(self) -> str:
        """kubectl's word for what an apply does: ``created``, ``configured`` or ``unchanged``."""
        if self.live is None:
            return "created"
        return "unchanged" if _decided(self.after) == _decided(self.live) else "configured"


def _decided(obj: Mapping[str, Any]) -> Object:
    """An object without what its controllers may write between two looks at it."""
    metadata = dict(obj["metadata"])
    metadata.pop("resourceVersion", None)
    entries = metadata.get("managedFields") or ()
    metadata["managedFields"] = [{**entry, "time": None} for entry in entries if not entry.get("subresource")]
    return {key: value for key, value in obj.items() if key != "status"} | {"metadata": metadata}


class Refused(KagentError):
    """Objects of the bundle are in the way of others' edits; ``conflicts`` has a line for each of them."""

    def __init__(self, conflicts: Sequence[str]) -> None:
        many = f"{len(conflicts)} conflict{'' if len(conflicts) == 1 else 's'}"
        super().__init__(
            f"{many} with what others made or changed: nothing was installed",
            hint="kubectl kagent observe diff shows the changes; --force-conflicts makes them all the same",
        )
        self.conflicts = tuple(conflicts)


def changes(cluster: Cluster, objects: Sequence[Object], *, manager: str) -> list[Change]:
    """What an apply of ``objects`` would do, in their order. Nothing is written.

    A Namespace that is not the bundle's stays as it is, and is left out.
    """
    lives = side_by_side(lambda item: _live(cluster, item), objects)
    pairs = [
        (item, live)
        for item, live in zip(objects, lives, strict=True)
        if resource_of(item) is not NAMESPACE or live is None or _is_ours(live)
    ]
    new = {
        item["metadata"]["name"] for item, live in pairs if resource_of(item) is NAMESPACE and live is None
    }

    def tried(pair: tuple[Object, Object | None]) -> Change:
        item, live = pair
        if item["metadata"].get("namespace") in new:
            return Change(item, None, item)
        return _tried(cluster, item, live, manager)

    return side_by_side(tried, pairs)


def _live(cluster: Cluster, item: Object) -> Object | None:
    metadata = item["metadata"]
    try:
        return cluster.get(resource_of(item), metadata.get("namespace"), metadata["name"])
    except NotFound:
        return None


def _is_ours(live: Mapping[str, Any]) -> bool:
    return bool(dig(live, "metadata", "labels", PART_OF) == BUNDLE)


def _tried(cluster: Cluster, item: Object, live: Object | None, manager: str) -> Change:
    found = (
        []
        if live is None or _is_ours(live)
        else [f"{label_of(item)} was made by others (no label {SELECTOR})"]
    )
    if live is not None and _is_ours(live) and (other := _subjects(live) - _subjects(item)):
        places = ", ".join(sorted(other))
        found.append(f"{label_of(item)} is of the installation in namespace {places}, which would lose it")
    try:
        after = _apply(cluster, item, manager, dry_run=True)
    except FieldConflict as error:
        found += [f"{label_of(item)} {field} is managed by {other}" for field, other in error.fields]
        after = _apply(cluster, item, manager, dry_run=True, force=True)
    return Change(item, live, after, tuple(found))


def _subjects(binding: Mapping[str, Any]) -> set[str]:
    """The namespaces of the accounts that a binding names: there is one binding in the cluster."""
    subjects = binding.get("subjects")
    found = (dig(subject, "namespace") for subject in (subjects if isinstance(subjects, list) else ()))
    return {str(namespace) for namespace in found if namespace}


def _apply(
    cluster: Cluster, item: Object, manager: str, *, dry_run: bool = False, force: bool = False
) -> Object:
    namespace = str(item["metadata"].get("namespace") or "")
    return cluster.apply(resource_of(item), namespace, item, manager=manager, dry_run=dry_run, force=force)


def check(found: Sequence[Change]) -> None:
    """Raises Refused when others made or changed what an apply would change."""
    if conflicts := [line for change in found for line in change.conflicts]:
        raise Refused(conflicts)


def apply(
    cluster: Cluster, found: Sequence[Change], *, manager: str, force: bool
) -> Iterator[tuple[Object, str]]:
    """Carry out what was tried: each object as it is then, and ``created``, ``configured`` or ``unchanged``.

    What would stay as it is is not sent again. Raises FieldConflict, without ``force``, for what somebody
    changed since it was tried.
    """
    for change in found:
        if change.live is not None and change.verb == "unchanged":
            yield change.live, change.verb
        else:
            yield _apply(cluster, change.wanted, manager, force=force), change.verb
