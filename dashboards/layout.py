"""Where panels stand: lines of panels that fill the grid's width, below rows that say what they are about."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import attr
from grafanalib import core

from dashboards.panels import House

WIDTH = 24
_IDS = 10**6


@dataclass(frozen=True)
class Row:
    """A heading and its panels; those side by side have one height and fill the width."""

    title: str
    panels: Sequence[House]


def place(rows: Sequence[Row]) -> list[core.Panel]:
    """All panels with their places and ids.

    Raises ValueError if a line has a gap or two heights, or two panels of one kind have one title.
    """
    placed: list[core.Panel] = []
    y = 0
    for row in rows:
        placed.append(
            core.RowPanel(
                title=row.title, gridPos=core.GridPos(1, WIDTH, 0, y), id=stable_id(f"row/{row.title}")
            )
        )
        y += 1
        for line in _lines(row):
            x, height = 0, line[0].size[1]
            for panel in line:
                width = panel.size[0]
                placed.append(
                    attr.evolve(
                        panel,
                        gridPos=core.GridPos(height, width, x, y),
                        id=stable_id(f"{panel.kind}/{panel.title}"),
                    )
                )
                x += width
            y += height
    twins = [
        panel.title for number, panel in enumerate(placed) if panel.id in {one.id for one in placed[:number]}
    ]
    if twins:
        raise ValueError(f"{twins}: another panel has the id")
    return placed


def stable_id(name: str) -> int:
    """A panel's id from its kind and title, so that links to it hold wherever it stands."""
    return zlib.crc32(name.encode()) % _IDS + 1


def _lines(row: Row) -> list[list[House]]:
    lines: list[list[House]] = [[]]
    for panel in row.panels:
        if _width(lines[-1]) + panel.size[0] > WIDTH:
            lines.append([])
        lines[-1].append(panel)
    for line in lines:
        if _width(line) != WIDTH or len({panel.size[1] for panel in line}) != 1:
            raise ValueError(f"{row.title}: {[(panel.title, panel.size) for panel in line]} leaves a gap")
    return lines


def _width(line: Sequence[House]) -> int:
    return sum(panel.size[0] for panel in line)
