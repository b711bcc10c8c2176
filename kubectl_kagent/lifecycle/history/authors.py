"""Who made a change: the field manager that owns the fields that are different. Pure.

managedFields give times in whole seconds, so with quick edits the newest entry may be another
writer's; but the server hands every field that an update changes to its writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.model.workload import dig

_CONFIG = ("spec", "data")


def author(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[str, datetime]:
    """Field manager and time of the write that made ``after`` out of ``before`` (None: not known).

    A write that changed only the status has no author: the controller tells there what somebody else did.
    """
    only_status = (
        before is not None
        and before.get("status") != after.get("status")
        and all(before.get(root) == after.get(root) for root in _CONFIG)
    )
    entries = [
        entry
        for entry in dig(after, "metadata", "managedFields") or ()
        if entry.get("time") and bool(entry.get("subresource")) == only_status
    ]
    if not entries:
        created = dig(after, "metadata", "creationTimestamp")
        return "", clock.parse_time(created) if created else datetime.fromtimestamp(0, UTC)
    newest = max(entries, key=lambda entry: str(entry["time"]))
    for path in _changed(before, after) if before is not None else ():
        owned, by = max(((_owned(entry.get("fieldsV1") or {}, path), entry) for entry in entries), key=_order)
        if owned:
            newest = by
            break
    return "" if only_status else str(newest.get("manager", "")), clock.parse_time(newest["time"])


def written_by_owner(
    obj: Mapping[str, Any], path: tuple[str, ...], *, subresource: str = ""
) -> datetime | None:
    """When the manager that owns the field at ``path`` last wrote to ``obj``; None: nobody owns it."""
    times = [
        entry["time"]
        for entry in dig(obj, "metadata", "managedFields") or ()
        if entry.get("time")
        and (entry.get("subresource") or "") == subresource
        and _owned(entry.get("fieldsV1") or {}, path) == len(path)
    ]
    return clock.parse_time(max(times)) if times else None


def is_traceless(before: Mapping[str, Any], after: Mapping[str, Any], *, since: datetime | None) -> bool:
    """Whether the write that made ``after`` only removed fields, and left no manager and no time.

    The server takes a removed field from its owner, and notes who removed it only with what they own besides.
    ``since`` is when ``before`` was written, None for the newest time in it.
    """
    removed = any(before.get(root) != after.get(root) for root in _CONFIG)
    if not removed or any(dig(after, *path) is not None for path in _changed(before, after)):
        return False
    known = max(_times(before), default="") if since is None else clock.timestamp(since)
    return bool(known) and max(_times(after), default="") <= known


def _times(obj: Mapping[str, Any]) -> list[str]:
    """When managers wrote something of the config that is there still."""
    return [
        str(entry["time"])
        for entry in dig(obj, "metadata", "managedFields") or ()
        if entry.get("time")
        and not entry.get("subresource")
        and any(_owned(entry.get("fieldsV1") or {}, (root,)) for root in _CONFIG)
    ]


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for root in _CONFIG:
        yield from _different(before.get(root), after.get(root), (root,))


def _different(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Paths of the values in ``new`` that are not in ``old``; what was removed has no owner any more."""
    if isinstance(new, Mapping) and new:
        for key, value in new.items():
            yield from _different(dig(old, key), value, (*path, key))
    elif old != new:
        yield path


def _order(candidate: tuple[int, Mapping[str, Any]]) -> tuple[int, str]:
    owned, entry = candidate
    return owned, str(entry["time"])


def _owned(fields: Mapping[str, Any], path: tuple[str, ...]) -> int:
    """How many steps of ``path`` the fields follow; 0 when they don't own the value at its end.

    They may end before: lists and some maps are owned as one, and so looks a map whose keys are others'.
    """
    node: Any = fields
    for depth, step in enumerate(path):
        node = node.get(f"f:{step}") if isinstance(node, Mapping) else None
        if node is None:
            return 0
        if not node:
            return depth + 1
    return len(path)
