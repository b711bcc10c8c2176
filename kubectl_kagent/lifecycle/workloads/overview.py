"""What ``get`` shows: each workload with the truth about its pods, from the Deployment and not from Ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.lifecycle.workloads.autoscaler import Autoscaler
from kubectl_kagent.lifecycle.workloads.surroundings import (
    Part,
    Surroundings,
    Warn,
    surroundings,
    with_newer_deployments,
    with_whole_revisions,
)
from kubectl_kagent.model.deployment import Counts, Deployment
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.place import Place
from kubectl_kagent.model.resources import CONTROLLER_REVISION, Resource
from kubectl_kagent.model.revision import LABEL_KIND, noted_config_hash, number_in
from kubectl_kagent.model.stage import status_of
from kubectl_kagent.model.workload import Workload, dig, without_replicas


@dataclass(frozen=True, slots=True)
class Overview:
    """One line of ``get``. ``counts`` is None without a Deployment; ``revision`` is empty if not recorded.

    ``unknown`` names what may not be read.
    """

    workload: Workload
    counts: Counts | None
    autoscaler: Autoscaler | None
    model: str
    tools: int
    revision: str
    config_hash: str
    image: str
    state: str
    created: datetime
    unknown: frozenset[Part]


def overviews(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    read: Callable[[], Iterable[Mapping[str, Any]]],
    *,
    warn: Warn,
) -> list[Overview]:
    """Those of the workloads that are ``read``, of a namespace (None: of all), in their order.

    Raises what ``read`` raises, and Forbidden without Deployments; ``warn`` hears what else may not be read.
    All of it is read at the same time.
    """
    notes, labels = list[Note](), f"{LABEL_KIND}={resource.singular}"
    reads: tuple[Callable[[], Any], ...] = (
        read,
        lambda: surroundings(
            cluster,
            resource,
            namespace,
            lambda: cluster.list_metadata(CONTROLLER_REVISION, namespace, labels=labels)["items"],
            warn=notes.append,
        ),
    )
    found, around = side_by_side(_call, reads)
    workloads = [Workload(resource, item) for item in found]
    for note in notes:
        warn(note)
    around = with_newer_deployments(cluster, around, workloads, namespace)
    return overviews_of(workloads, with_whole_revisions(cluster, around, workloads, namespace, labels))


def _call(read: Callable[[], Any]) -> Any:
    return read()


def overviews_of(workloads: Iterable[Workload], around: Surroundings) -> list[Overview]:
    """One line of ``get`` for each. Pure."""
    workloads = list(workloads)
    newest = around.newest_revisions(workloads)
    return [
        overview(
            workload,
            around.deployment(workload),
            around.scalers.get(workload.key),
            _model_name(workload, around.models),
            newest.get(workload.key),
            around.unknown,
        )
        for workload in workloads
    ]


def overview(
    workload: Workload,
    deployment: Deployment | None,
    autoscaler: Autoscaler | None,
    model: str,
    revision: Mapping[str, Any] | None,
    unknown: frozenset[Part] = frozenset(),
) -> Overview:
    """Join what was read about one workload. Pure."""
    config_hash = deployment.config_hash(workload) if deployment else ""
    return Overview(
        workload=workload,
        counts=deployment.counts if deployment else None,
        autoscaler=autoscaler,
        model=model,
        tools=sum(len(tool.tools) for tool in workload.tools),
        revision=_revision(workload, revision, config_hash),
        config_hash=config_hash,
        image=deployment.image if deployment else "",
        state=status_of(workload, deployment).text,
        created=clock.parse_time(workload.obj["metadata"]["creationTimestamp"]),
        unknown=unknown,
    )


def _revision(workload: Workload, revision: Mapping[str, Any] | None, config_hash: str) -> str:
    """The newest revision's number; when something else runs than it recorded, what is known of that."""
    if revision is None:
        return ""
    number = str(number_in(revision["metadata"]["name"]) or "")
    if not _runs_another(revision, config_hash):
        return number
    # a source that was changed and not recorded yet can't be told from what no revision holds
    return f"{number}, rendered anew" if _has_spec_of(workload, revision) else "not recorded"


def _runs_another(revision: Mapping[str, Any], config_hash: str) -> bool:
    """Whether that hash is not the one that the revision had, as far as both are known."""
    noted = noted_config_hash(revision)
    return bool(noted and config_hash) and noted != config_hash


def _has_spec_of(workload: Workload, revision: Mapping[str, Any]) -> bool:
    """Whether the workload's spec, apart from its replica count, is the one that was recorded."""
    recorded = dig(revision, "data", "spec")
    if not isinstance(recorded, Mapping):
        return False
    resource = workload.resource
    return without_replicas(resource, workload.spec) == without_replicas(resource, recorded)


def _model_name(workload: Workload, models: Mapping[Place, Mapping[str, Any]]) -> str:
    reference = workload.model_config
    if reference is None:
        return ""
    found = models.get((reference.namespace, reference.name))
    return str(dig(found, "spec", "model") or "") if found else f"{reference.name} (missing)"
