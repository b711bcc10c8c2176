"""What a report is made of, as far as it can be had; what can't is a note in its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar

from kubectl_kagent import clock
from kubectl_kagent.backends.controller import Controller
from kubectl_kagent.check import facts as facts_
from kubectl_kagent.check.facts import CheckFacts
from kubectl_kagent.check.findings import CheckReport
from kubectl_kagent.check.report import judge
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.lookup import look_up
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import KagentError, NotFound, ResourceMissing
from kubectl_kagent.lifecycle.history.rows import HistoryRow, rows
from kubectl_kagent.lifecycle.workloads.description import Description, describe
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, EVENT, POD, REPLICA_SET, WORKLOADS, Resource
from kubectl_kagent.model.trace import Turn
from kubectl_kagent.model.workload import Reference, Workload
from kubectl_kagent.report.logs import ContainerLog, read_logs
from kubectl_kagent.telemetry.traces.query import Query
from kubectl_kagent.telemetry.traces.sources import records as records_of

T = TypeVar("T")
Object = Mapping[str, Any]

# So many at most: a report is read by people, and sent by mail.
WORKLOADS_AT_MOST = 100
TURNS_AT_MOST = 20  # of one agent
# What is said of one of these is said of no other object.
_SHARED = ("cluster", "crds", "controllers", "access", "telemetry")


@dataclass(frozen=True, slots=True)
class Selection:
    """The workloads that a report is about: those of these names, or all of a namespace (None: of all)."""

    namespace: str | None
    resource: Resource = AGENT
    names: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        if self.names:
            return f"{self.resource.singular} {', '.join(f'{self.namespace}/{name}' for name in self.names)}"
        return f"namespace {self.namespace}" if self.namespace else "all namespaces"


@dataclass(frozen=True, slots=True)
class WorkloadReport:
    """One workload; ``description`` is None where it may not be made. Turns are newest first."""

    workload: Workload
    description: Description | None
    history: tuple[HistoryRow, ...]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Gathered:
    """All of it, as it was served: nothing leaves but through a Redaction.

    ``notes`` say what could not be had or was left out.
    """

    selection: Selection
    made: datetime
    since: datetime
    facts: CheckFacts
    check: CheckReport
    workloads: tuple[WorkloadReport, ...]
    objects: tuple[Object, ...]
    logs: tuple[ContainerLog, ...]
    notes: tuple[Note, ...]


def gather(
    cluster: Cluster,
    controller: Callable[[], Controller],
    selection: Selection,
    since: datetime,
    tell: Callable[[str], None],
) -> Gathered:
    """Look at all of it. Raises NotFound for a name that is not there, Unreachable without an API server."""
    made = clock.now()
    named = side_by_side(
        lambda name: cluster.get(selection.resource, selection.namespace, name), selection.names
    )
    tell("checking the cluster")
    facts = facts_.look(cluster, selection.namespace, controller)
    notes: list[Note] = []
    chosen = [Workload(selection.resource, item) for item in named] or _all(facts, selection.title, notes)
    many = "workload" if len(chosen) == 1 else "workloads"
    tell(f"reading {len(chosen)} {many}, with revisions and events")
    described, sets = _described(cluster, chosen, notes)
    references = _references(cluster, chosen, notes)
    tell("reading tasks")
    turns = _turns(controller, chosen, since, made, notes)
    tell("reading logs")
    pods, logs = read_logs(cluster, chosen, since, notes)
    reports = tuple(_report(each, described.get((each.resource, *each.key)), sets, turns) for each in chosen)
    check = judge(facts)
    if selection.names:
        own = (Reference(each.resource, *each.key) for each in chosen)
        check = _concerning(check, {_about(reference) for reference in (*own, *references)})
    return Gathered(
        selection=selection,
        made=made,
        since=since,
        facts=facts,
        check=check,
        workloads=reports,
        objects=_objects(facts, reports, sets, references, pods),
        logs=logs,
        notes=tuple(dict.fromkeys(notes)),
    )


def _all(facts: CheckFacts, title: str, notes: list[Note]) -> list[Workload]:
    """What can't be listed is not checked either, which the check says."""
    answers = [facts.workloads(resource) for resource in WORKLOADS]
    listed = [answer for answer in answers if not isinstance(answer, KagentError)]
    found = [workload for answer in listed for workload in answer]
    if not found and len(listed) == len(answers):
        notes.append(Note(title, "there is no agent and no MCP server"))
    if len(found) > WORKLOADS_AT_MOST:
        left = f"{len(found) - WORKLOADS_AT_MOST} of {len(found)} workloads"
        notes.append(Note(left, f"left out: a report has {WORKLOADS_AT_MOST}; name some, or a namespace"))
    return found[:WORKLOADS_AT_MOST]


def _described(
    cluster: Cluster, workloads: Sequence[Workload], notes: list[Note]
) -> tuple[dict[tuple[Resource, str, str], Description], list[Object]]:
    """What ``describe`` shows of each, and the ReplicaSets."""
    together = groupby(workloads, lambda each: (each.namespace, each.resource.kind))
    groups = [list(group) for _, group in together]
    namespaces = list(dict.fromkeys(each.namespace for each in workloads))
    answers = side_by_side(
        lambda group: _or_error(lambda: describe(cluster, group[0].resource, group)), groups
    )
    found: dict[tuple[Resource, str, str], Description] = {}
    for group, answer in zip(groups, answers, strict=True):
        if isinstance(answer, KagentError):
            what = f"{group[0].resource.plural} of namespace {group[0].namespace}"
            notes.append(Note(what, answer.explained))
            continue
        for each in answer:
            workload = each.overview.workload
            found[workload.resource, *workload.key] = each
            notes += each.notes
    sets: list[Object] = []
    listed = side_by_side(lambda name: _or_error(lambda: cluster.list_objects(REPLICA_SET, name)), namespaces)
    for namespace, listing in zip(namespaces, listed, strict=True):
        if isinstance(listing, KagentError):
            notes.append(Note(f"replicasets of namespace {namespace}", listing.explained))
        else:
            sets += listing["items"]
    return found, sets


def _references(
    cluster: Cluster, workloads: Iterable[Workload], notes: list[Note]
) -> dict[Reference, Object | None]:
    """What the workloads are made from; that one is not there is for the check to say."""
    wanted = {reference for each in workloads for reference in each.references()}
    answers = look_up(cluster, wanted)
    notes += [
        Note(_about(reference), answer.explained)
        for reference, answer in answers.items()
        if isinstance(answer, KagentError) and not isinstance(answer, NotFound | ResourceMissing)
    ]
    return {
        reference: None if isinstance(answer, KagentError) else answer
        for reference, answer in answers.items()
    }


def _turns(
    controller: Callable[[], Controller],
    workloads: Iterable[Workload],
    since: datetime,
    now: datetime,
    notes: list[Note],
) -> dict[tuple[str, str], tuple[Turn, ...]]:
    """The newest turns of each agent, of the user who asks."""
    agents = [each for each in workloads if each.is_agent]
    source = _or_error(controller) if agents else None
    if source is None:
        return {}
    if isinstance(source, KagentError):
        notes.append(Note("tasks", source.explained))
        return {}
    records = records_of((source,))

    def read(agent: Workload) -> Any:
        name = f"{agent.namespace}/{agent.name}"
        query = Query(name, since.timestamp(), now.timestamp(), TURNS_AT_MOST)
        return _or_error(lambda: records.turns(query))

    found: dict[tuple[str, str], tuple[Turn, ...]] = {}
    for agent, record in zip(agents, side_by_side(read, agents), strict=True):
        if isinstance(record, KagentError):
            notes.append(Note(f"tasks of agent {agent.namespace}/{agent.name}", record.explained))
        else:
            found[agent.key] = record.turns
            notes += [Note(gap) for gap in record.gaps]
    return found


def _report(
    workload: Workload,
    found: Description | None,
    sets: Sequence[Object],
    turns: Mapping[tuple[str, str], tuple[Turn, ...]],
) -> WorkloadReport:
    own = [item for item in sets if workload.selects(item)]
    revisions = found.revisions if found else ()
    history = rows(workload, revisions, own, live=revisions[-1] if revisions else None)
    return WorkloadReport(
        workload, found, tuple(history), turns.get(workload.key, ()) if workload.is_agent else ()
    )


_OBJECT = re.compile(r"\b[a-z]+ [a-z0-9.-]+/[a-z0-9.-]+")  # as ``_about`` names one


def _concerning(check: CheckReport, about: set[str]) -> CheckReport:
    """What is said of these objects, and of what all share."""
    return CheckReport(
        tuple(
            section
            if section.name in _SHARED
            else replace(
                section,
                findings=tuple(each for each in section.findings if each.about in about),
                unchecked=tuple(each for each in section.unchecked if not _is_of_another(each, about)),
            )
            for section in check.sections
        )
    )


def _is_of_another(note: Note, about: set[str]) -> bool:
    named = _OBJECT.search(note.about)
    return named is not None and named[0] not in about


def _about(reference: Reference) -> str:
    return f"{reference.resource.singular} {reference.namespace}/{reference.name}"


def _objects(
    facts: CheckFacts,
    reports: Sequence[WorkloadReport],
    sets: Iterable[Object],
    references: Mapping[Reference, Object | None],
    pods: Iterable[Object],
) -> tuple[Object, ...]:
    """Each once, those that people wrote first; a list leaves out what its items are."""
    chosen = [each.workload for each in reports]
    own = [item for item in map(facts.deployment, chosen) if item]
    found = [
        *((each.resource, each.obj) for each in chosen),
        *((reference.resource, item) for reference, item in references.items() if item),
        *((DEPLOYMENT, item.obj) for item in own),
        *((DEPLOYMENT, item) for status in facts.controllers.values() for item in status.deployments),
        *((REPLICA_SET, item) for item in sets if any(each.selects(item) for each in chosen)),
        *((POD, item) for item in pods),
        *((EVENT, event) for each in reports if each.description for event in each.description.events),
    ]
    typed = {
        (kind, item["metadata"].get("namespace"), item["metadata"]["name"]): {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
        }
        | dict(item)
        for kind, item in found
    }
    return tuple(typed.values())


def _or_error(read: Callable[[], T]) -> T | KagentError:
    try:
        return read()
    except KagentError as error:
        return error
