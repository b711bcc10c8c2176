"""Where an object is: by its namespace and name what is listed of several kinds is joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Place = tuple[str, str]


def place_of(obj: Mapping[str, Any]) -> Place:
    """Namespace and name; the namespace is empty for what is in none. Raises LookupError without a name."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def by_place(items: Iterable[Mapping[str, Any]]) -> dict[Place, Mapping[str, Any]]:
    """Objects of one kind by their namespace and name."""
    return {place_of(item): item for item in items}
