"""Screens of rollout history and rollout diff."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypedDict

from kubectl_kagent import clock
from kubectl_kagent.lifecycle.history.diff import Difference
from kubectl_kagent.lifecycle.history.rows import HistoryRow
from kubectl_kagent.masking import masked_value
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.snapshot import ConfigSource
from kubectl_kagent.render.escapes import visible
from kubectl_kagent.render.output import to_yaml
from kubectl_kagent.render.table import age, plain, table


def history_table(label: str, rows: Sequence[HistoryRow], *, now: datetime, wide: bool) -> str:
    """The table of ``rollout history``, one row a revision, the live one marked with ``*``."""
    header = ["REVISION", "AGE", "CHANGED-BY", "CONFIG-HASH", "READY", "CHANGE", "CHANGE-CAUSE"]
    if wide:
        header.append("IMAGE")
    lines = []
    for row in rows:
        if row.gap_before:
            lines.append([*["..."] * 5, "changes in between were not seen", *["..."] * (1 + wide)])
        number = "-" if row.number is None else f"{row.number}{'*' if row.live else ''}"
        cells = [
            number,
            age(row.changed_at, now),
            row.changed_by,
            row.config_hash or "<unknown>",
            f"{row.ready}/{row.pods}" if row.pods else "0",
            row.change,
            row.cause,
        ]
        lines.append([*cells, row.image] if wide else cells)
    return f"{plain(label)}\n{table(header, lines)}"


class HistoryRowView(TypedDict):
    """A revision, or a config of which only a ReplicaSet is left."""

    revision: Annotated[
        int | None, "number of the revision; null: nobody recorded it, its ReplicaSet is there"
    ]
    live: Annotated[bool, "whether it is the config that the object has now"]
    changedAt: Annotated[str, "when the config became this one"]
    changedBy: Annotated[str, "field manager of the change; empty: not known"]
    configHash: Annotated[str | None, "kagent's hash of the rendered config; null: it was never seen running"]
    image: Annotated[str | None, "image of the agent's container; null: it was never seen running"]
    pods: Annotated[int, "number of pods that run it now"]
    readyPods: Annotated[int, "number of those pods that are ready"]
    change: Annotated[str, "what changed since the revision before, in words"]
    changeCause: Annotated[str | None, "annotation `kubernetes.io/change-cause`; null: none"]
    rollbackOf: Annotated[int | None, "the newest earlier revision with the same config; null: none"]
    gapBefore: Annotated[bool, "whether changes before it may have gone unseen"]


class HistoryView(TypedDict):
    """History of one object."""

    object: Annotated[str, "the object, like `agent.kagent.dev/NAME`"]
    revisions: Annotated[list[HistoryRowView], "oldest first"]


def history_view(label: str, rows: Sequence[HistoryRow]) -> HistoryView:
    """The same for ``-o json|yaml``."""
    return {
        "object": label,
        "revisions": [
            {
                "revision": row.number,
                "live": row.live,
                "changedAt": clock.timestamp(row.changed_at),
                "changedBy": row.changed_by,
                "configHash": row.config_hash or None,
                "image": row.image or None,
                "pods": row.pods,
                "readyPods": row.ready,
                "change": row.change,
                "changeCause": row.cause or None,
                "rollbackOf": row.rollback_of,
                "gapBefore": row.gap_before,
            }
            for row in rows
        ],
    }


def revision_detail(label: str, revision: Revision) -> str:
    """The screen of ``rollout history --revision=N``, masked."""
    lines = [f"{label} with revision #{revision.number}"]
    facts = {
        "Changed at": clock.timestamp(revision.changed_at),
        "Changed by": revision.changed_by,
        "Config hash": revision.config_hash or "<unknown>: it was never seen running",
        "Ready at": revision.ready_at or "<never seen ready>",
        "Image": revision.image,
        "Rollback of" if revision.is_undo else "Same as": str(revision.rollback_of or ""),
        "Change cause": revision.change_cause,
    }
    lines += [f"{name + ':':<14}{value}" for name, value in facts.items() if value]
    text = "\n".join(map(plain, lines)) + "\n"
    text += "Spec:\n" + _indented(to_yaml(masked_value(revision.spec)))
    for source in revision.sources:
        reference = source.reference
        text += plain(f"Source {reference.resource.kind} {reference.namespace}/{reference.name}:") + "\n"
        text += _indented(
            "<not there>\n" if source.content is None else to_yaml(masked_value(source.content))
        )
    return text


class SourceView(TypedDict):
    """An object that the config is made from."""

    apiVersion: Annotated[str, "its API group and version"]
    kind: Annotated[str, "its kind, like `ModelConfig`"]
    namespace: Annotated[str, "its namespace"]
    name: Annotated[str, "its name"]
    keys: Annotated[list[str], "the keys that are used, of a ConfigMap; empty: the whole object is used"]
    uid: Annotated[str, "its uid; empty: it did not exist"]
    generation: Annotated[int, "its generation (of a ConfigMap and a Service the resource version)"]
    content: Annotated[
        dict[str, Any] | None,
        "what the config depends on in it; null: it did not exist",
    ]


class RevisionView(TypedDict):
    """One revision, whole."""

    object: Annotated[str, "the object, like `agent.kagent.dev/NAME`"]
    revision: Annotated[int | None, "number of the revision; null: the live config, not recorded"]
    changedAt: Annotated[str, "when the config became this one"]
    changedBy: Annotated[str, "field manager of the change; empty: not known"]
    changeCause: Annotated[str | None, "annotation `kubernetes.io/change-cause`; null: none"]
    configHash: Annotated[str | None, "kagent's hash of the rendered config; null: it was never seen running"]
    image: Annotated[str | None, "image of the agent's container; null: it was never seen running"]
    readyAt: Annotated[str | None, "when pods of it were first seen ready; null: never"]
    rollbackOf: Annotated[int | None, "the newest earlier revision with the same config; null: none"]
    gapBefore: Annotated[bool, "whether changes before it may have gone unseen"]
    spec: Annotated[dict[str, Any], "the object's spec, nothing masked: it may have to be put back by hand"]
    sources: Annotated[list[SourceView], "what the config is made from beside the spec, nothing masked"]


def revision_view(label: str, revision: Revision) -> RevisionView:
    """One revision for ``-o json|yaml``, whole: it may have to be put back by hand.

    The live config has no number when it is not recorded.
    """
    return {
        "object": label,
        "revision": revision.number if revision.name else None,
        "changedAt": clock.timestamp(revision.changed_at),
        "changedBy": revision.changed_by,
        "changeCause": revision.change_cause or None,
        "configHash": revision.config_hash or None,
        "image": revision.image or None,
        "readyAt": revision.ready_at or None,
        "rollbackOf": revision.rollback_of,
        "gapBefore": revision.gap_before,
        "spec": dict(revision.spec),
        "sources": [_source(source) for source in revision.sources],
    }


def _source(source: ConfigSource) -> SourceView:
    reference = source.reference
    return {
        "apiVersion": reference.resource.api_version,
        "kind": reference.resource.kind,
        "namespace": reference.namespace,
        "name": reference.name,
        "keys": list(reference.keys),
        "uid": source.uid,
        "generation": source.generation,
        "content": None if source.content is None else dict(source.content),
    }


def diff_text(old: str, new: str, found: Difference) -> str:
    """The semantic diff: prompt as a text diff, tools, then the other fields. Empty when nothing differs."""
    lines: list[str] = []
    if found.prompt:
        lines += ["prompt:", *(f"  {line}" for line in _text_diff(old, new, *found.prompt))]
    if found.tools:
        lines.append("tools:")
        for change in found.tools:
            lines += [f"  + {name} ({change.server})" for name in change.added]
            lines += [f"  - {name} ({change.server})" for name in change.removed]
            if not change.added and not change.removed:
                lines.append(f"  {change.sign} {change.server}")
    where = None
    for field in found.fields:
        if field.where != where:
            where = field.where
            lines.append(f"{where}:" if where else "spec:")
        path = field.path.removeprefix("spec.")
        if field.path == "secret":
            lines.append("  the secret it uses was changed (its value is not recorded)")
        elif not field.path:
            lines.append(f"  {'deleted' if field.new is None else 'created'}")
        elif _is_text(field.old) or _is_text(field.new):
            diff = _text_diff(old, new, str(field.old or ""), str(field.new or ""))
            lines += [f"  {path}:", *(f"    {line}" for line in diff)]
        else:
            lines += [f"  - {path}: {_value(field.old)}"] if field.old is not None else []
            lines += [f"  + {path}: {_value(field.new)}"] if field.new is not None else []
    return "".join(f"{visible(line)}\n" for line in lines)


def _is_text(value: Any) -> bool:
    """Whether it has several lines, like a prompt in a ConfigMap."""
    return isinstance(value, str) and "\n" in value.strip("\n")


def _text_diff(old: str, new: str, before: str, after: str) -> list[str]:
    diff = list(difflib.unified_diff(before.splitlines(), after.splitlines(), old, new, lineterm=""))
    return diff or ["(only how its lines end differs)"]


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _indented(text: str) -> str:
    return "".join(f"  {visible(line)}\n" for line in text.splitlines())
