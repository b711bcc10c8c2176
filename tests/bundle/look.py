"""What a panel needs so that nothing in it is cut, without drawing it: legends, columns, empty cells.

The sizes are those of Grafana: 24 columns of the grid in a window 1600 px wide, a legend below a panel is at
most 35 % of its height, and a column without a width is 150 px wide unless it says less.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bundle.contents import Json

_GRID_COLUMN = 65.3  # px with the gap beside it, in a window of 1600
_PADDING = 24  # px of a panel and the gap
_COLUMN = 150
_WIDE = 12  # grid columns


def problems(panel: Json) -> Iterator[str]:
    """What would be cut, or say the wrong thing."""
    if panel["type"] == "timeseries":
        yield from _of_legend(panel)
    if panel["type"] == "table" and panel.get("transformations"):
        yield from _of_table(panel)


def _of_legend(panel: Json) -> Iterator[str]:
    legend = panel["options"]["legend"]
    if legend["placement"] == "bottom" and (legend["displayMode"] != "list" or legend["calcs"]):
        yield "a legend below that is more than names: it would be cut"
    if legend["placement"] == "right" and panel["gridPos"]["w"] < _WIDE:
        yield "a legend beside a panel that is not wide"


def _of_table(panel: Json) -> Iterator[str]:
    config = panel["fieldConfig"]
    cells = [one for one in config["overrides"] if one["matcher"] == {"id": "byRegexp", "options": ".*"}]
    if {"id": "noValue", "value": "-"} not in [item for one in cells for item in one["properties"]]:
        yield "empty cells say what is missing in the whole table"
    needed = sum(_width(config, name) for name in columns(panel))
    room = panel["gridPos"]["w"] * _GRID_COLUMN - _PADDING
    if needed > room:
        yield f"its columns need {needed} px, and it has {room:.0f}"


def columns(panel: Json) -> list[str]:
    """The names of a table's columns."""
    return list(panel["transformations"][-1]["options"]["renameByName"].values())


def _width(config: Json, name: str) -> int:
    """The least that a column takes."""
    own = [
        {item["id"]: item["value"] for item in one["properties"]}
        for one in config["overrides"]
        if one["matcher"] == {"id": "byName", "options": name}
    ]
    widths = [one["custom.width"] for one in own if "custom.width" in one]
    return int(widths[-1] if widths else config["defaults"]["custom"].get("minWidth", _COLUMN))
