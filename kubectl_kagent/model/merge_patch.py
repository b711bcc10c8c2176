"""What a JSON merge patch makes of an object (RFC 7386), where nothing is sent. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


def merged(obj: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``obj`` with ``patch`` in it: None removes a field, and leaves its parent."""
    result = copy.deepcopy(dict(obj))
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = value
    return result
