"""Screens of ``get``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.lifecycle.workloads.overview import Overview
from kubectl_kagent.model.conditions import condition
from kubectl_kagent.model.resources import AGENT, MODEL_CONFIG, Resource
from kubectl_kagent.model.workload import dig
from kubectl_kagent.render.table import age, plain, table

_STATE_WIDTH = 60


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """The columns that ``-L`` and ``--show-labels`` add after all others."""

    names: tuple[str, ...] = ()
    every: bool = False

    @property
    def header(self) -> list[str]:
        """A label's name without its prefix, as kubectl shortens it."""
        return [name.rpartition("/")[2].upper() for name in self.names] + ["LABELS"] * self.every

    def cells(self, item: Mapping[str, Any]) -> list[str]:
        """The cells of an object under ``header``."""
        labels = dig(item, "metadata", "labels") or {}
        whole = ",".join(f"{name}={labels[name]}" for name in sorted(labels))
        return [str(labels.get(name, "")) for name in self.names] + [whole] * self.every


NO_LABELS = LabelColumns()


def header(
    resource: Resource, *, wide: bool, namespaces: bool, labels: LabelColumns = NO_LABELS
) -> list[str]:
    """Column names of a workload table."""
    columns = ["NAME", "TYPE", "READY", "UP-TO-DATE", "SCALED-BY"]
    if resource is AGENT:
        columns += ["MODEL", "TOOLS"]
    columns += ["REVISION", "AGE", "STATUS"]
    columns += ["RUNTIME", "CONFIG-HASH", "IMAGE"] if wide and resource is AGENT else []
    columns += ["CONFIG-HASH", "IMAGE"] if wide and resource is not AGENT else []
    columns += labels.header
    return ["NAMESPACE", *columns] if namespaces else columns


def row(
    item: Overview, *, now: datetime, wide: bool, namespaces: bool, labels: LabelColumns = NO_LABELS
) -> list[str]:
    """The cells under ``header``."""
    workload, counts = item.workload, item.counts
    cells = [
        workload.name,
        workload.type,
        f"{counts.ready}/{counts.wanted}" if counts else "-",
        str(counts.updated) if counts else "-",
        decides(item),
    ]
    if workload.is_agent:
        hidden = workload.model_config and "model" in item.unknown
        cells += ["<unknown>" if hidden else item.model or "-", str(item.tools)]
    state = plain(item.state)
    state = state if wide else _shortened(state)
    cells += ["<unknown>" if "revision" in item.unknown else item.revision or "-"]
    cells += [age(item.created, now), state]
    if wide:
        cells += [workload.runtime or "-"] if workload.is_agent else []
        cells += [item.config_hash or "-", item.image or "-"]
    cells += labels.cells(workload.obj)
    return [workload.namespace, *cells] if namespaces else cells


def decides(item: Overview) -> str:
    """Who decides the replica count: the object's own spec, an autoscaler (with its limits), or nobody."""
    if "autoscaler" in item.unknown:
        return "<unknown>"
    if item.autoscaler is None:
        return "spec" if item.workload.replicas is not None else "deployment"
    limits = f"{item.autoscaler.minimum}-{item.autoscaler.maximum}"
    kind = "keda" if item.autoscaler.resource.group == "keda.sh" else "hpa"
    return f"{kind} {limits}" + (" and spec!" if item.workload.replicas is not None else "")


def overview_table(
    resource: Resource,
    items: Sequence[Overview],
    *,
    now: datetime,
    wide: bool,
    namespaces: bool,
    labels: LabelColumns = NO_LABELS,
) -> str:
    """The table of ``get agents`` or ``get mcpservers``."""
    lines = [row(item, now=now, wide=wide, namespaces=namespaces, labels=labels) for item in items]
    return table(header(resource, wide=wide, namespaces=namespaces, labels=labels), lines)


def source_table(
    resource: Resource,
    items: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
    namespaces: bool,
    labels: LabelColumns = NO_LABELS,
) -> str:
    """The table of ``get modelconfigs`` or ``get remotemcpservers``."""
    model = resource is MODEL_CONFIG
    columns = ["NAME", "PROVIDER", "MODEL"] if model else ["NAME", "PROTOCOL", "URL", "TOOLS"]
    lines = []
    for item in items:
        spec, metadata = item.get("spec") or {}, item["metadata"]
        if model:
            cells = [spec.get("provider", ""), spec.get("model", "")]
        else:
            tools = dig(item, "status", "discoveredTools") or []
            cells = [spec.get("protocol", ""), spec.get("url", ""), str(len(tools))]
        created = age(clock.parse_time(metadata["creationTimestamp"]), now)
        line = [metadata["name"], *cells, _accepted(item), created, *labels.cells(item)]
        lines.append([metadata["namespace"], *line] if namespaces else line)
    columns += ["ACCEPTED", "AGE", *labels.header]
    return table(["NAMESPACE", *columns] if namespaces else columns, lines)


def _accepted(item: Mapping[str, Any]) -> str:
    accepted = condition(item, "Accepted")
    if accepted is None:
        return "Unknown"
    return (
        "True" if accepted.status == "True" else _shortened(plain(f"{accepted.status}: {accepted.message}"))
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _STATE_WIDTH else text[: _STATE_WIDTH - 1] + "…"
