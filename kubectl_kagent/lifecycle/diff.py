"""What differs between two configs of a workload, in the words of its fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.model.revision import Revision, Snapshot, Source
from kubectl_kagent.model.workload import Workload, dig, with_replicas

_PROMPT = ("declarative", "systemMessage")
_TOOLS = ("declarative", "tools")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A value that is not the same; None means: not there. ``where`` names a source, empty is the spec."""

    where: str
    path: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class ToolChange:
    """Tools that one server gained or lost; with no names, the server (or agent) itself came or went."""

    server: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs from one config to the other; ``prompt`` is (old, new) when it changed."""

    prompt: tuple[str, str] | None
    tools: tuple[ToolChange, ...]
    fields: tuple[FieldChange, ...]

    def __bool__(self) -> bool:
        return bool(self.prompt or self.tools or self.fields)


def difference(workload: Workload, old: Revision | Snapshot, new: Revision | Snapshot) -> Difference:
    """From ``old`` to ``new``; replica counts are not config."""
    before = with_replicas(old.spec, workload.deployment_path, None)
    after = with_replicas(new.spec, workload.deployment_path, None)
    prompts = str(dig(before, *_PROMPT) or ""), str(dig(after, *_PROMPT) or "")
    fields = [
        change
        for change in _compare("", "spec", before, after)
        if change.path not in ("spec.declarative.systemMessage", "spec.declarative.tools")
    ]
    tools = _tools(workload, before, after)
    if dig(before, *_TOOLS) != dig(after, *_TOOLS) and not tools:
        fields.append(FieldChange("", "spec.declarative.tools", dig(before, *_TOOLS), dig(after, *_TOOLS)))
    fields += source_changes(old.sources, new.sources)
    return Difference(prompts if prompts[0] != prompts[1] else None, tools, tuple(fields))


def source_changes(old: Sequence[Source], new: Sequence[Source]) -> list[FieldChange]:
    """What differs in the objects that both configs are made from."""
    before = {source.reference: source for source in old}
    after = {source.reference: source for source in new}
    changes: list[FieldChange] = []
    for reference in before.keys() & after.keys():
        where = f"{reference.resource.singular}/{reference.name}"
        changes += _compare(where, "", before[reference].content, after[reference].content)
    return sorted(changes, key=lambda change: (change.where, change.path))


def _compare(where: str, path: str, old: Any, new: Any) -> Iterator[FieldChange]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _compare(where, f"{path}.{key}".lstrip("."), old.get(key), new.get(key))
        return
    yield FieldChange(where, path, old, new)


def _tools(workload: Workload, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[ToolChange, ...]:
    old, new = _servers(workload, before), _servers(workload, after)
    changes = []
    for server in sorted({*old, *new}):
        added = tuple(sorted(new.get(server, set()) - old.get(server, set())))
        removed = tuple(sorted(old.get(server, set()) - new.get(server, set())))
        if added or removed or (server in old) != (server in new):
            changes.append(ToolChange(server, added, removed))
    return tuple(changes)


def _servers(workload: Workload, spec: Mapping[str, Any]) -> dict[str, set[str]]:
    view = Workload(workload.resource, {**workload.obj, "spec": dict(spec)})
    found: dict[str, set[str]] = {}
    for tool in view.tools:
        reference = tool.server
        label = f"{reference.resource.singular}/{reference.name}"
        if reference.namespace != workload.namespace:
            label += f" in {reference.namespace}"
        found.setdefault(label, set()).update(tool.tools)
    return found


def summary(found: Difference) -> str:
    """The difference in a few words for one line: ``prompt, tools +get_date, model gpt-4o → gpt-5``."""
    parts = ["prompt"] if found.prompt else []
    names = [f"+{name}" for change in found.tools for name in change.added or ()]
    names += [f"-{name}" for change in found.tools for name in change.removed or ()]
    whole = [change.server for change in found.tools if not change.added and not change.removed]
    if names or whole:
        parts.append("tools " + " ".join([*names, *whole]))
    parts += [_short(change) for change in found.fields]
    return ", ".join(parts)


def _short(change: FieldChange) -> str:
    path = change.path.removeprefix("spec.").removeprefix("declarative.").removeprefix("byo.")
    if change.where and change.path == "secret":
        return f"secret of {change.where}"
    if change.where and not change.path:
        return f"{change.where} {'deleted' if change.new is None else 'created'}"
    text = f"{change.where} {path}" if change.where else path
    if _small(change.old) and _small(change.new):
        return f"{text} {_word(change.old)} → {_word(change.new)}"
    return text


def _small(value: Any) -> bool:
    return value is None or (isinstance(value, str | int | float | bool) and len(str(value)) <= 24)


def _word(value: Any) -> str:
    return "none" if value is None else str(value)
