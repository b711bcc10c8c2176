"""The panels of a dashboard as they are drawn: rows open, one after the other."""

from __future__ import annotations

from typing import Any

Panel = dict[str, Any]


class UnknownShape(Exception):
    """The dashboard has something that is not drawn here; the text says what."""


def panels(dashboard: dict[str, Any]) -> list[Panel]:
    """All panels of a classic dashboard (schemaVersion 42), those of collapsed rows too, in their places.

    Raises UnknownShape on a panel that repeats by a variable.
    """
    found: list[Panel] = []
    pushed = 0  # grid rows by which the panels of the rows above that were collapsed move the rest down
    for panel in sorted(
        dashboard["panels"], key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"])
    ):
        found.append(_moved(panel, pushed))
        inside = panel.get("panels") or []
        if inside:
            below = panel["gridPos"]["y"] + panel["gridPos"]["h"]
            up = min(one["gridPos"]["y"] for one in inside) - below
            found += [_moved(one, pushed - up) for one in inside]
            pushed += max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in inside) - below - up
    for panel in found:
        if panel.get("repeat"):
            raise UnknownShape(f"panel {name(panel)!r} repeats by ${panel['repeat']}")
    return found


def twins(drawn: list[Panel]) -> list[str]:
    """A sentence for each panel that has the id of one before it: Grafana would give it another."""
    seen: dict[int, Panel] = {}
    return [
        f"{name(panel)}: has the id of {name(seen[panel['id']])}, {panel['id']}"
        for panel in drawn
        if seen.setdefault(panel["id"], panel) is not panel
    ]


def name(panel: Panel) -> str:
    """What a message calls a panel."""
    return panel.get("title") or f"a {panel['type']} panel without a title"


def _moved(panel: Panel, down: int) -> Panel:
    place = panel["gridPos"]
    config = panel.get("fieldConfig") or {}
    config = {"defaults": config.get("defaults") or {}, "overrides": config.get("overrides") or []}
    return {**panel, "gridPos": {**place, "y": place["y"] + down}, "fieldConfig": config}
