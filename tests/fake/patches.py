"""JSON merge patch (RFC 7396) and JSON patch (RFC 6902), as far as the plugin uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fake.copies import copied


class PatchError(Exception):
    """The patch does not fit the document."""


def apply_merge_patch(target: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return copied(patch)
    result = copied(dict(target)) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply_merge_patch(result.get(key), value)
    return result


def apply_json_patch(target: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    result = copied(target)
    for operation in operations:
        *path, last = [
            part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]
        ]
        holder = result
        for step in path:
            holder = _child(holder, step)
        _apply(holder, last, operation)
    return result


def _child(holder: Any, step: str) -> Any:
    try:
        return holder[int(step) if isinstance(holder, list) else step]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PatchError(f"nothing at {step}") from error


def _apply(holder: Any, last: str, operation: Mapping[str, Any]) -> None:
    verb, value = operation["op"], copied(operation.get("value"))
    if verb not in ("add", "remove", "replace", "test"):
        raise NotImplementedError(f"JSON patch operation {verb}")
    if verb != "add":
        present = _child(holder, last)
        if verb == "test" and present != value:
            raise PatchError(f"{last} is not {value}")
    key: Any = last
    if isinstance(holder, list):
        key = len(holder) if last == "-" else int(last)
    if verb == "remove":
        del holder[key]
    elif verb == "add" and isinstance(holder, list):
        holder.insert(key, value)
    elif verb != "test":
        holder[key] = value
