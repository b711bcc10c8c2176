"""The screen of ``describe``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.lifecycle.history.diff import difference, summary
from kubectl_kagent.lifecycle.workloads.description import Description, ResolvedTools
from kubectl_kagent.lifecycle.workloads.overview import Overview
from kubectl_kagent.masking import masked
from kubectl_kagent.model.conditions import conditions
from kubectl_kagent.model.kubernetes_event import last_seen
from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render.escapes import visible
from kubectl_kagent.render.overview import decides
from kubectl_kagent.render.table import age, plain, table

_EVENTS = 10
_REVISIONS = 5
_PROMPT_LINES = 12


def description(found: Description, *, now: datetime, prompt: bool = True) -> str:
    """The whole screen; sections without content say ``<none>``, those that may not be read ``<unknown>``.

    ``prompt``: whether the prompt is shown.
    """
    workload = found.overview.workload
    sections = [
        _facts(found.overview, now),
        *([_prompt(workload)] if prompt and workload.prompt else []),
        *([_tools(found.tools)] if workload.is_agent else []),
        _conditions(workload, now),
        _section("Revisions", _revisions(found, now), unknown="revision" in found.unknown),
        _section("Pods", _pods(found.pods, now), unknown="pods" in found.unknown),
        _section("Events", _events(found.events, now), unknown="events" in found.unknown),
    ]
    return "".join(sections)


def _facts(item: Overview, now: datetime) -> str:
    workload, counts = item.workload, item.counts
    facts: dict[str, str] = {
        "Name": workload.name,
        "Namespace": workload.namespace,
        "Kind": f"{workload.resource.kind} ({workload.resource.api_version})",
        "Type": workload.type + (f", {workload.runtime} runtime" if workload.runtime else ""),
        "Created": f"{age(item.created, now)} ago",
        "Description": str(workload.spec.get("description") or ""),
        "Status": item.state,
        "Replicas": "no Deployment"
        if counts is None
        else f"{counts.ready} ready of {counts.wanted}, {counts.updated} up to date",
        "Scaled by": decides(item),
        "Config hash": item.config_hash,
        "Image": item.image,
    }
    if workload.model_config:
        model = "<unknown>" if "model" in item.unknown else item.model
        facts["Model"] = f"{model} (ModelConfig {workload.model_config.name})"
    return "".join(f"{name + ':':<14}{plain(value)}\n" for name, value in facts.items() if value)


def _section(title: str, body: str, *, unknown: bool = False) -> str:
    nothing = "<unknown>" if unknown else "<none>"
    return f"{title}:\n{_indented(body)}" if body else f"{title + ':':<14}{nothing}\n"


def _prompt(workload: Workload) -> str:
    lines = masked(workload.prompt).splitlines()
    shown = [visible(line.expandtabs(4)) for line in lines[:_PROMPT_LINES]]
    if len(lines) > _PROMPT_LINES:
        shown.append(f"... {len(lines) - _PROMPT_LINES} more lines")
    return _section("Prompt", "\n".join(shown))


def _tools(tools: Sequence[ResolvedTools]) -> str:
    return _section("Tools", "\n".join(line for tool in tools for line in _tool_lines(tool)))


def _tool_lines(tool: ResolvedTools) -> Iterator[str]:
    reference = tool.reference.server
    yield plain(
        f"{reference.resource.singular}/{reference.name}"
        + (f" {tool.address}" if tool.address else "")
        + (f" ({tool.problem})" if tool.problem else "")
    )
    for name in tool.reference.tools:
        marks = ["asks for approval"] if name in tool.reference.approvals else []
        marks += ["not offered by the server"] if name in tool.missing else []
        yield f"  {plain(name)}" + (f" ({', '.join(marks)})" if marks else "")


def _conditions(workload: Workload, now: datetime) -> str:
    rows = [
        [
            item.type,
            item.status,
            age(clock.parse_time(item.since), now) if item.since else "<unknown>",
            item.reason,
            item.message,
        ]
        for item in conditions(workload.obj)
    ]
    return _section(
        "Conditions", table(["TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"], rows) if rows else ""
    )


def _revisions(found: Description, now: datetime) -> str:
    workload = found.overview.workload
    rows = []
    for before, revision in zip((None, *found.revisions), found.revisions, strict=False):
        change = summary(difference(workload, before, revision)) if before else "first recorded"
        told = revision.recurrence + change
        rows.append([str(revision.number), age(revision.changed_at, now), revision.changed_by, told])
    header = ["REVISION", "AGE", "CHANGED-BY", "CHANGE"]
    return table(header, rows[-_REVISIONS:]) if rows else ""


def _pods(pods: Sequence[Mapping[str, Any]], now: datetime) -> str:
    rows = []
    for pod in map(Pod, pods):
        created = age(clock.parse_time(pod.created), now)
        cells = [pod.name, f"{pod.ready}/{len(pod.main_containers)}", pod.status, str(pod.restarts), created]
        rows.append([*cells, pod.last_failure or "-"])
    return table(["NAME", "READY", "STATUS", "RESTARTS", "AGE", "LAST-FAILURE"], rows) if rows else ""


def _events(events: Sequence[Mapping[str, Any]], now: datetime) -> str:
    rows = []
    for event in events[-_EVENTS:]:
        involved = event.get("involvedObject") or {}
        rows.append(
            [
                str(event.get("type", "")),
                str(event.get("reason", "")),
                age(last_seen(event), now),
                f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}",
                str(event.get("message", "")),
            ]
        )
    return table(["TYPE", "REASON", "AGE", "OBJECT", "MESSAGE"], rows) if rows else ""


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.removesuffix("\n").split("\n"))
