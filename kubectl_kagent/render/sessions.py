"""Screens of ``sessions list`` and ``sessions export``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypedDict

from kubectl_kagent.conversation.sessions import Kept, Session
from kubectl_kagent.masking import masked
from kubectl_kagent.render.table import age, clip, table

_TITLE_WIDTH = 40


def sessions_table(
    items: Sequence[Session], *, now: datetime, wide: bool, namespaces: bool, users: bool
) -> str:
    """The table of ``sessions list``; ``users``: with whose each session is."""
    columns = ["SESSION", "AGENT", "TITLE", "STARTED-BY", "LAST-USED", "AGE"] + (["USER"] if users else [])
    lines = []
    for item in items:
        cells = [item.id, item.agent, masked(item.title) if wide else clip(masked(item.title), _TITLE_WIDTH)]
        cells += ["agent" if item.source == "agent" else "user"]
        cells += [age(time, now) if time else "<unknown>" for time in (item.updated, item.created)]
        cells += [item.user] if users else []
        lines.append([item.namespace, *cells] if namespaces else cells)
    return table(["NAMESPACE", *columns] if namespaces else columns, lines)


class SessionsView(TypedDict):
    """Sessions of the users that are meant."""

    items: Annotated[
        list[dict[str, Any]],
        "sessions as the kagent controller has them (`id`, `name`, `user_id`, `agent_id`, `created_at`, "
        "`updated_at` and others), the one used last first",
    ]


class ExportView(TypedDict):
    """A whole session, as the kagent controller keeps it."""

    session: Annotated[dict[str, Any], "the session as the kagent controller has it"]
    events: Annotated[list[dict[str, Any]], "what happened in it, oldest first: rows with one ADK event each"]
    tasks: Annotated[list[dict[str, Any]], "its tasks as A2A has them, with their history and artifacts"]


def sessions_view(items: Sequence[Session]) -> SessionsView:
    """The same as data, in the controller's own words."""
    return {"items": [dict(item.raw) for item in items]}


def export_view(kept: Kept) -> ExportView:
    """A whole session as data, in the controller's own words."""
    return {
        "session": dict(kept.session.raw),
        "events": [dict(event) for event in kept.events],
        "tasks": [dict(task) for task in kept.tasks],
    }
