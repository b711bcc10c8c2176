"""Screens of ``get``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kubectl_kagent.lifecycle.workloads.overview import Overview
from kubectl_kagent.model.conditions import condition
from kubectl_kagent.model.resources import AGENT, MODEL_CONFIG, Resource
from kubectl_kagent.model.revision import parse_time
from kubectl_kagent.model.workload import dig
from kubectl_kagent.render.table import age, plain, table

_STATE_WIDTH = 60


def header(resource: Resource, *, wide: bool, namespaces: bool) -> list[str]:
    """Column names of a workload table."""
    columns = ["NAME", "TYPE", "READY", "UP-TO-DATE", "SCALED-BY"]
    if resource is AGENT:
        columns += ["MODEL", "TOOLS"]
    columns += ["REVISION", "AGE", "STATUS"]
    columns += ["RUNTIME", "CONFIG-HASH", "IMAGE"] if wide and resource is AGENT else []
    columns += ["CONFIG-HASH", "IMAGE"] if wide and resource is not AGENT else []
    return ["NAMESPACE", *columns] if namespaces else columns


def row(item: Overview, *, now: datetime, wide: bool, namespaces: bool) -> list[str]:
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
    resource: Resource, items: Sequence[Overview], *, now: datetime, wide: bool, namespaces: bool
) -> str:
    """The table of ``get agents`` or ``get mcpservers``."""
    lines = [row(item, now=now, wide=wide, namespaces=namespaces) for item in items]
    return table(header(resource, wide=wide, namespaces=namespaces), lines)


def source_table(
    resource: Resource, items: Sequence[Mapping[str, Any]], *, now: datetime, namespaces: bool
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
        created = age(parse_time(metadata["creationTimestamp"]), now)
        line = [metadata["name"], *cells, _accepted(item), created]
        lines.append([metadata["namespace"], *line] if namespaces else line)
    columns += ["ACCEPTED", "AGE"]
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
