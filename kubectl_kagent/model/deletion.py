"""An object that is being deleted: until its finalizers are done it is there, and looks like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def deletion(obj: Mapping[str, Any]) -> str:
    """``being deleted: finalizers a, b``, as far as any hold it; empty for what nobody deleted."""
    if not obj["metadata"].get("deletionTimestamp"):
        return ""
    return ": ".join(filter(None, ("being deleted", finalizers(obj))))


def finalizers(obj: Mapping[str, Any]) -> str:
    """``finalizers a, b``: what has to be done before a deletion; empty without any."""
    names = ", ".join(map(str, obj["metadata"].get("finalizers") or ()))
    return f"finalizers {names}" if names else ""
