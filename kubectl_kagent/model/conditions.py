"""Conditions, which all of Kubernetes' controllers write into status in the same form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; ``since``: its last transition (RFC 3339) or empty; ``observed``: a generation or 0."""

    type: str
    status: str
    reason: str
    message: str
    since: str
    observed: int

    @property
    def text(self) -> str:
        """What it says to people: the message, else the reason."""
        return self.message or self.reason or self.type


def conditions(obj: Mapping[str, Any] | None) -> tuple[Condition, ...]:
    """The conditions of any object, in its own order."""
    items = ((obj or {}).get("status") or {}).get("conditions") or ()
    return tuple(
        Condition(
            str(item.get("type") or ""),
            str(item.get("status") or ""),
            str(item.get("reason") or ""),
            str(item.get("message") or ""),
            str(item.get("lastTransitionTime") or ""),
            int(item.get("observedGeneration") or 0),
        )
        for item in items
    )


def condition(obj: Mapping[str, Any] | None, type_: str, status: str | None = None) -> Condition | None:
    """The condition of that type, if its status is ``status`` (None: any)."""
    for item in conditions(obj):
        if item.type == type_ and status in (None, item.status):
            return item
    return None
