"""What differs between two configs of a workload, in the words of its fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from kubectl_kagent.masking import masked_apart
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.snapshot import ConfigSource, Snapshot
from kubectl_kagent.model.workload import Workload, dig, without_replicas

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
    """Tools taken from one server, now or before; ``sign`` is + or - when the server itself came or went.

    An agent as a tool, and a server of which no tool is named, come and go without names.
    """

    server: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    sign: str


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs from one config to the other; ``prompt`` is (old, new) when it changed."""

    prompt: tuple[str, str] | None
    tools: tuple[ToolChange, ...]
    fields: tuple[FieldChange, ...]

    def __bool__(self) -> bool:
        return bool(self.prompt or self.tools or self.fields)


def difference(workload: Workload, old: Revision | Snapshot, new: Revision | Snapshot) -> Difference:
    """From ``old`` to ``new``, with secrets masked; replica counts are not config."""
    before, after = masked_apart(*(without_replicas(workload.resource, side.spec) for side in (old, new)))
    prompts = str(dig(before, *_PROMPT) or ""), str(dig(after, *_PROMPT) or "")
    prompt = prompts if prompts[0] != prompts[1] else None
    tools = _tools(workload, before, after)
    settings = _compare_settings(_settings(workload, before), _settings(workload, after))
    fields = []
    for change in _compare("", "spec", before, after):
        if change.path == "spec.declarative.tools":
            fields += settings or ([] if tools else [change])  # at least their order is another
        elif not (prompt and change.path == "spec.declarative.systemMessage"):
            fields.append(change)
    fields += source_changes(old.sources, new.sources)
    return Difference(prompt, tools, tuple(fields))


def source_changes(old: Sequence[ConfigSource], new: Sequence[ConfigSource]) -> list[FieldChange]:
    """What differs in the objects that both configs are made from, masked."""
    before = {source.reference: source for source in old}
    after = {source.reference: source for source in new}
    changes: list[FieldChange] = []
    for reference in before.keys() & after.keys():
        where = f"{reference.resource.singular}/{reference.name}"
        changes += _compare(where, "", *masked_apart(before[reference].content, after[reference].content))
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
        sign = "" if server in old and server in new else "+" if server in new else "-"
        if added or removed or sign:
            changes.append(ToolChange(server, added, removed, sign))
    return tuple(changes)


def _servers(workload: Workload, spec: Mapping[str, Any]) -> dict[str, set[str]]:
    """The tools by the label of the server (or agent) they are taken from."""
    view = Workload(workload.resource, {**workload.obj, "spec": dict(spec)})
    found: dict[str, set[str]] = {}
    for tool in view.tools:
        reference = tool.server
        label = f"{reference.resource.singular}/{reference.name}"
        if reference.namespace != workload.namespace:
            label += f" in {reference.namespace}"
        found.setdefault(label, set()).update(tool.tools)
    return found


def _settings(workload: Workload, spec: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What else is set about each server, like the tools that ask for approval."""
    found: dict[str, list[Any]] = {}
    for tool in dig(spec, *_TOOLS) or ():
        for label in _servers(workload, {"declarative": {"tools": [tool]}}):
            server = {
                key: value for key, value in (tool.get("mcpServer") or {}).items() if key != "toolNames"
            }
            found.setdefault(label, []).append({**tool, "mcpServer": server})
    return found


def _compare_settings(old: Mapping[str, list[Any]], new: Mapping[str, list[Any]]) -> list[FieldChange]:
    return [
        change
        for label in sorted(old.keys() & new.keys())
        for before, after in zip_longest(old[label], new[label])
        for change in _compare("", f"spec.declarative.tools[{label}]", before, after)
    ]


def summary(found: Difference) -> str:
    """The difference in a few words for one line: ``prompt, tools +get_date, model gpt-4o → gpt-5``."""
    parts = ["prompt"] if found.prompt else []
    names = [f"+{name}" for change in found.tools for name in change.added]
    names += [f"-{name}" for change in found.tools for name in change.removed]
    whole = [
        f"{change.sign}{change.server}" for change in found.tools if not change.added and not change.removed
    ]
    if names or whole:
        parts.append("tools " + " ".join([*names, *whole]))
    parts += [_short(change) for change in found.fields]
    return ", ".join(parts)


def _short(change: FieldChange) -> str:
    path = change.path.removeprefix("spec.").removeprefix("declarative.").removeprefix("byo.")
    if change.path == "secret":
        return f"secret of {change.where}"
    if not change.path:
        return f"{change.where} {'deleted' if change.new is None else 'created'}"
    text = f"{change.where} {path}" if change.where else path
    if _small(change.old) and _small(change.new):
        return f"{text} {_word(change.old)} → {_word(change.new)}"
    return text


def _small(value: Any) -> bool:
    return value is None or (isinstance(value, str | int | float | bool) and len(str(value)) <= 24)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)
