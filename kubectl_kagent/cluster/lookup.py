"""Many objects by name with few requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from kubectl_kagent.cluster import Cluster, Object
from kubectl_kagent.cluster.refusals import not_found
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import Forbidden, KagentError
from kubectl_kagent.model.place import place_of
from kubectl_kagent.model.workload import Reference

Answers = dict[Reference, Object | KagentError]


def look_up(cluster: Cluster, references: Iterable[Reference]) -> Answers:
    """What each reference names: the object, or the error that asking for it ends with.

    One object of a kind is asked for by its name. Several are found in the list of their namespace, or of all
    namespaces when they are in several. Where a list is forbidden, it is tried with less.
    """
    wanted = sorted(set(references), key=lambda ref: (ref.resource.full_name, ref.namespace, ref.name))
    kinds = [list(group) for _, group in groupby(wanted, lambda ref: ref.resource.full_name)]
    return _joined(side_by_side(lambda group: _of_kind(cluster, group), kinds))


def _of_kind(cluster: Cluster, references: Sequence[Reference]) -> Answers:
    namespaces = [list(group) for _, group in groupby(references, lambda ref: ref.namespace)]
    if len(namespaces) > 1:
        try:
            return _listed(cluster, references, None)
        except Forbidden:
            pass
    return _joined(side_by_side(lambda group: _of_namespace(cluster, group), namespaces))


def _of_namespace(cluster: Cluster, references: Sequence[Reference]) -> Answers:
    can_exist = [reference for reference in references if reference.can_exist]
    if len(can_exist) > 1:
        try:
            return _listed(cluster, references, can_exist[0].namespace)
        except Forbidden:
            pass
    return _joined(side_by_side(lambda reference: {reference: _named(cluster, reference)}, references))


def _listed(cluster: Cluster, references: Sequence[Reference], namespace: str | None) -> Answers:
    """Raises Forbidden."""
    resource = references[0].resource
    try:
        items = cluster.list_objects(resource, namespace)["items"]
    except Forbidden:
        raise
    except KagentError as error:
        return dict.fromkeys(references, error)
    typed = {"apiVersion": resource.api_version, "kind": resource.kind}
    found = {place_of(item): typed | item for item in items}
    return {ref: found.get((ref.namespace, ref.name)) or not_found(resource, ref.name) for ref in references}


def _named(cluster: Cluster, reference: Reference) -> Object | KagentError:
    try:
        return cluster.get(reference.resource, reference.namespace, reference.name)
    except KagentError as error:
        return error


def _joined(parts: Iterable[Answers]) -> Answers:
    return {reference: answer for part in parts for reference, answer in part.items()}
