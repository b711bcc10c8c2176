"""The revisions of all agents of a namespace, as far as they are recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.impact.periods import Period, notes, periods
from kubectl_kagent.lifecycle.history.revisions import read_revisions
from kubectl_kagent.lifecycle.history.rows import rows
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION, REPLICA_SET
from kubectl_kagent.model.revision import LABEL_KIND, owner_uid
from kubectl_kagent.model.workload import Workload

Object = Mapping[str, Any]
_LISTS = (
    (AGENT, None),
    (CONTROLLER_REVISION, f"{LABEL_KIND}={AGENT.singular}"),
    (REPLICA_SET, "app=kagent"),  # as kagent labels the pods of its agents
)


def agent_periods(
    cluster: Cluster, namespace: str | None, *, now: datetime, since: datetime
) -> tuple[list[Period], list[Note]]:
    """The periods of each agent (None: of all namespaces), and what they do not tell. Nothing is recorded."""
    agents, revisions, replica_sets = side_by_side(
        lambda one: cluster.list_objects(one[0], namespace, labels=one[1])["items"], _LISTS
    )
    owned = defaultdict(list)
    for item in revisions:
        owned[owner_uid(item)].append(item)
    placed = defaultdict(list)
    for item in replica_sets:
        labels = item["metadata"].get("labels") or {}
        placed[item["metadata"].get("namespace"), labels.get("kagent")].append(item)
    found: list[Period] = []
    told: list[Note] = []
    unknown = []
    for workload in (Workload(AGENT, item) for item in agents):
        own, said = _of(workload, owned[workload.uid], placed[workload.key], now=now, since=since)
        found += own
        told += said
        unknown += [] if own else [f"{workload.namespace}/{workload.name}"]
    if unknown:
        told.append(Note(f"no revision and no ReplicaSet is known of {', '.join(unknown)}"))
    return found, told


def _of(
    workload: Workload,
    revisions: Iterable[Object],
    replica_sets: list[Object],
    *,
    now: datetime,
    since: datetime,
) -> tuple[list[Period], list[Note]]:
    unread: list[Note] = []
    read = read_revisions(revisions, workload, warn=lambda line: unread.append(Note(line)))
    found = periods(workload, rows(workload, read, replica_sets), now=now, since=since)
    return found, [*unread, *notes(found)]
