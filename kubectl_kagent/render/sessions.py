"""Screens of ``sessions list``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kubectl_kagent.conversation.sessions import Session
from kubectl_kagent.masking import masked
from kubectl_kagent.render.table import age, clip, table

_TITLE_WIDTH = 40


def sessions_table(items: Sequence[Session], *, now: datetime, wide: bool, namespaces: bool) -> str:
    """The table of ``sessions list``."""
    columns = ["SESSION", "AGENT", "TITLE", "STARTED-BY", "LAST-USED", "AGE"] + (["USER"] if wide else [])
    lines = []
    for item in items:
        cells = [item.id, item.agent, masked(item.title) if wide else clip(masked(item.title), _TITLE_WIDTH)]
        cells += ["agent" if item.source == "agent" else "user"]
        cells += [age(time, now) if time else "<unknown>" for time in (item.updated, item.created)]
        cells += [str(item.raw.get("user_id") or "")] if wide else []
        lines.append([item.namespace, *cells] if namespaces else cells)
    return table(["NAMESPACE", *columns] if namespaces else columns, lines)


def sessions_data(items: Sequence[Session]) -> dict[str, Any]:
    """The same as data, in the controller's own words."""
    return {"items": [dict(item.raw) for item in items]}
