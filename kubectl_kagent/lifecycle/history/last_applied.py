"""What an undo owes to the next ``kubectl apply``, which removes only what it applied the last time. Pure.

Client-side apply compares its file with the annotation last-applied-configuration: what is there, and not in
the file, it removes. What an undo brings back is not there when the undone version did not have it, and so
would stay for ever. Server-side apply removes what it owns, and what an undo brings back is the undo's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.decoding import from_json
from kubectl_kagent.model.workload import LAST_APPLIED, dig

Tree = dict[str, Any]


def noted(obj: Mapping[str, Any], gained: Tree) -> str | None:
    """The last applied configuration of ``obj`` with the fields in it that ``obj`` gains.

    They are part of such an object, like ``{"spec": ...}``. All others stay as they were applied: apply
    compares their values with the live object. None without such a configuration, or for one that can't be
    read.
    """
    try:
        applied = from_json(dig(obj, "metadata", "annotations", LAST_APPLIED) or "null")
    except ValueError:
        return None
    if not gained or not isinstance(applied, Mapping):
        return None
    text = json.dumps(_with(applied, gained), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{text}\n"  # as kubectl ends it


def noting(obj: Mapping[str, Any], gained: Tree) -> list[Tree]:
    """The JSON patch that writes it; empty where there is nothing to write."""
    text = noted(obj, gained)
    path = f"/metadata/annotations/{LAST_APPLIED.replace('/', '~1')}"
    return [] if text is None else [{"op": "replace", "path": path, "value": text}]


def only_in(after: Mapping[str, Any], before: Mapping[str, Any]) -> Tree:
    """The fields of ``after`` that ``before`` does not have, whatever their values; lists are one value."""
    found: Tree = {}
    for key, value in after.items():
        old = before.get(key)
        if key not in before:
            found[key] = value
        elif isinstance(value, Mapping) and isinstance(old, Mapping) and (below := only_in(value, old)):
            found[key] = below
    return found


def paths(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The paths of the values in it: ``spec.declarative.memory.ttlDays``."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from paths(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _with(applied: Mapping[str, Any], gained: Mapping[str, Any]) -> Tree:
    result = dict(applied)
    for key, value in gained.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = _with(below, value)
        result[key] = value
    return result
