"""Who made a change: the field manager that owns the fields that are different. Pure.

managedFields give times in whole seconds, so with quick edits the newest entry may be another
writer's; but the server hands every field that an update changes to its writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kubectl_kagent.model.revision import parse_time
from kubectl_kagent.model.workload import dig

_CONFIG = ("spec", "data")


def author(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[str, datetime]:
    """Field manager and time of the write that made ``after`` out of ``before`` (None: not known)."""
    entries = [
        entry
        for entry in dig(after, "metadata", "managedFields") or ()
        if entry.get("time") and not entry.get("subresource")
    ]
    if not entries:
        created = dig(after, "metadata", "creationTimestamp")
        return "", parse_time(created) if created else datetime.fromtimestamp(0, UTC)
    newest = max(entries, key=lambda entry: str(entry["time"]))
    if before is not None:
        for path in _changed(before, after):
            owners = [entry for entry in entries if _owns(entry.get("fieldsV1") or {}, path)]
            if owners:
                newest = max(owners, key=lambda entry: str(entry["time"]))
                break
    return str(newest.get("manager", "")), parse_time(newest["time"])


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for root in _CONFIG:
        yield from _different(before.get(root), after.get(root), (root,))


def _different(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Paths of the values in ``new`` that are not in ``old``; what was removed has no owner any more."""
    if isinstance(new, Mapping) and new:
        for key, value in new.items():
            yield from _different(dig(old, key), value, (*path, key))
    elif old != new and new is not None:
        yield path


def _owns(fields: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    node: Any = fields
    for step in path:
        node = node.get(f"f:{step}")
        if node is None:
            return False
        if not node:
            return True  # an atomic value: whole lists and maps are owned as one
    return True
