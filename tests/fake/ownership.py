"""managedFields: who wrote which field, and when. Lists count as one field, as in kagent's CRDs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]

_SERVER_OWNED = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
)


def managed_fields(
    before: Mapping[str, Any], after: Mapping[str, Any], manager: str, time: str, *, subresource: str = ""
) -> list[dict[str, Any]]:
    """The entries after a write: the writer gets what it added or changed.

    Who only removes fields leaves no trace; and an entry that owns nothing any more is dropped.
    """
    old, new = dict(_fields(_content(before))), dict(_fields(_content(after)))
    written = {path for path, value in new.items() if path not in old or old[path] != value}
    entries = {
        (entry["manager"], entry.get("subresource", "")): (
            entry["time"],
            (set(_owned(entry["fieldsV1"])) & set(new)) - written,
        )
        for entry in (before.get("metadata") or {}).get("managedFields") or ()
    }
    if written:
        _, had = entries.get((manager, subresource), ("", set()))
        entries[manager, subresource] = (time, had | written)
    return [
        _entry(after, *writer, *mark)
        for writer, mark in sorted(entries.items(), key=lambda item: (item[1][0], item[0]))
        if mark[1]
    ]


def _entry(
    obj: Mapping[str, Any], manager: str, subresource: str, time: str, paths: set[Path]
) -> dict[str, Any]:
    entry = {
        "apiVersion": obj.get("apiVersion"),
        "fieldsType": "FieldsV1",
        "fieldsV1": _tree(paths),
        "manager": manager,
        "operation": "Update",
        "time": time,
    }
    return {**entry, "subresource": subresource} if subresource else entry


def _content(obj: Mapping[str, Any]) -> dict[str, Any]:
    content = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
    metadata = obj.get("metadata") or {}
    own = {key: value for key, value in metadata.items() if key not in _SERVER_OWNED}
    return {**content, "metadata": own} if own else content


def _fields(node: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield (*path, key), "a map"
            yield from _fields(value, (*path, key))
        else:
            yield (*path, key), value


def _tree(paths: set[Path]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path in sorted(paths, key=len, reverse=True):
        node = root
        for step in path:
            node = node.setdefault(f"f:{step}", {})
        if node:
            node["."] = {}
    return root


def _owned(tree: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    for key, below in tree.items():
        if key == ".":
            yield path
        elif below:
            yield from _owned(below, (*path, key.removeprefix("f:")))
        else:
            yield (*path, key.removeprefix("f:"))
