"""managedFields: who wrote which field, and when. Lists count as one field, as in kagent's CRDs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.fake.copies import copied

Path = tuple[str, ...]
# manager, operation, subresource; and when it wrote last, and what it owns
_Writer = tuple[str, str, str]
_Mark = tuple[str, set[Path]]

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
    entries: dict[_Writer, _Mark] = {
        writer: (moment, (owned & set(new)) - written) for writer, (moment, owned) in _entries(before).items()
    }
    if written:
        writer = (manager, "Update", subresource)
        _, had = entries.get(writer, ("", set()))
        entries[writer] = (time, had | written)
    return _listed(after, entries)


class Applied:
    """A server-side apply of ``body`` by ``manager`` onto ``before``, which is empty where nothing is."""

    def __init__(self, before: Mapping[str, Any], body: Mapping[str, Any], manager: str) -> None:
        self._before, self._body = before, body
        self._writer: _Writer = (manager, "Apply", "")
        self._owners = _entries(before)
        self._wanted = dict(_fields(_content(body)))
        live = dict(_fields(_content(before)))
        self._changed = {path for path, value in self._wanted.items() if live.get(path) != value}

    @property
    def conflicts(self) -> list[tuple[str, str]]:
        """Fields that would be changed though others own them, as paths, and their managers."""
        return [
            (f".{'.'.join(path)}", writer[0])
            for writer, (_, owned) in sorted(self._owners.items())
            for path in sorted(owned & self._changed)
            if writer != self._writer
        ]

    def merged(self) -> dict[str, Any]:
        """The object after it: without what ``manager`` alone had applied and does no longer."""
        result = copied(dict(self._before))
        _, had = self._owners.get(self._writer, ("", set()))
        others = {
            path for writer, (_, owned) in self._owners.items() if writer != self._writer for path in owned
        }
        for path in sorted(had - set(self._wanted) - others, key=len, reverse=True):
            _remove(result, path)
        return dict(_merged(result, self._body))

    def managed_fields(self, after: Mapping[str, Any], time: str) -> list[dict[str, Any]]:
        """The entries after it; the time stays as it was when nothing changed."""
        there = set(dict(_fields(_content(after))))
        entries: dict[_Writer, _Mark] = {
            writer: (moment, (owned & there) - (self._changed if writer != self._writer else set()))
            for writer, (moment, owned) in self._owners.items()
        }
        moment, had = self._owners.get(self._writer, ("", set()))
        same = had == set(self._wanted) and not self._changed
        entries[self._writer] = (moment if same else time, set(self._wanted))
        return _listed(after, entries)


def _remove(node: dict[str, Any], path: Path) -> None:
    *holders, last = path
    for step in holders:
        node = node.get(step) or {}
    if not isinstance(node.get(last), Mapping) or not node[last]:
        node.pop(last, None)


def _merged(into: Any, body: Any) -> Any:
    if not isinstance(body, Mapping) or not isinstance(into, Mapping):
        return copied(body)
    return {**into, **{key: _merged(into.get(key), value) for key, value in body.items()}}


def _entries(obj: Mapping[str, Any]) -> dict[_Writer, _Mark]:
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): (
            entry["time"],
            set(_owned(entry["fieldsV1"])),
        )
        for entry in (obj.get("metadata") or {}).get("managedFields") or ()
    }


def _listed(obj: Mapping[str, Any], entries: Mapping[_Writer, _Mark]) -> list[dict[str, Any]]:
    return [
        _entry(obj, writer, *mark)
        for writer, mark in sorted(entries.items(), key=lambda item: (item[1][0], item[0]))
        if mark[1]
    ]


def _entry(obj: Mapping[str, Any], writer: _Writer, time: str, paths: set[Path]) -> dict[str, Any]:
    manager, operation, subresource = writer
    entry = {
        "apiVersion": obj.get("apiVersion"),
        "fieldsType": "FieldsV1",
        "fieldsV1": _tree(paths),
        "manager": manager,
        "operation": operation,
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
