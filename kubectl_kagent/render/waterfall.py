"""A turn's steps as bars over time, fitted to the width of the terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kubectl_kagent.model.trace import OPEN, UNKNOWN, WAIT, Step, Turn
from kubectl_kagent.render.table import clip, width
from kubectl_kagent.render.trace import label, took, top_lines

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_DURATION = 9
_NARROWEST_BAR = 10


def waterfall(turn: Turn, *, now: datetime, columns: int) -> str:
    """A line for each step: what it is, a bar from its begin to its end, and how long it took.

    What waits for a person is hollow; what has no end yet goes on to the edge. Nothing leaves the window that
    the turn itself has: a step whose clock is wrong is cut there, and marked.
    """
    window = _window(turn, now)
    names = [f"{'  ' * depth}{label(step)}" for step, depth in _lines(turn.root, 0)]
    most = max(10, columns - _DURATION - _NARROWEST_BAR - 4)
    room = min(max(map(width, names)), most, max(10, columns * 2 // 5))
    bar = max(_NARROWEST_BAR, columns - room - _DURATION - 4)
    lines = top_lines(turn, now, columns)
    for (step, _), name in zip(_lines(turn.root, 0), names, strict=True):
        shown = _clip_left(name, room)
        line = f"{shown}{' ' * (room - width(shown))} ▕{_bar(step, window, bar)}▏ {_took(step)}"
        lines.append(line.rstrip())
    for step in turn.root.below():
        lines += [clip(f"! {label(step)}: {mark}", columns) for mark in step.marks]
    return "".join(f"{line}\n" for line in lines)


def _lines(step: Step, depth: int) -> Iterator[tuple[Step, int]]:
    yield step, depth
    for inner in step.steps:
        yield from _lines(inner, depth + 1)


def _clip_left(name: str, room: int) -> str:
    """The name cut to its room, with its indent."""
    indent = len(name) - len(name.lstrip())
    return " " * indent + clip(name, room - indent) if indent < room else clip(name, room)


def _window(turn: Turn, now: datetime) -> tuple[float, float]:
    steps = [turn.root, *turn.root.below()]
    start = turn.root.start
    if start is None:
        start = min((step.start for step in steps if step.start is not None), default=0.0)
    end = turn.root.end
    if end is None:
        last = [value for step in steps for value in (step.start, step.end) if value is not None]
        goes_on = turn.root.status == OPEN and turn.state != UNKNOWN
        end = max([*last, now.timestamp()] if goes_on else last, default=start)
    return start, max(end, start + 1e-6)


def _bar(step: Step, window: tuple[float, float], columns: int) -> str:
    """The step's part of the window; at least a sliver, so that nothing is invisible."""
    if step.start is None:
        return " " * columns
    first, last = window
    scale = columns * 8 / (last - first)
    end = last if step.end is None else step.end
    begin = min(max(0, round((step.start - first) * scale)), columns * 8 - 1)
    stop = min(max(begin + 1, round((end - first) * scale)), columns * 8)
    cell = begin // 8
    if step.kind == WAIT or step.status == OPEN:
        filled = max(1, -(-stop // 8) - cell)
        return " " * cell + "░" * filled + " " * (columns - cell - filled)
    eighths = max(1, stop - cell * 8)
    filled, rest = divmod(eighths, 8)
    text = " " * cell + "█" * filled + (_EIGHTHS[rest] if rest else "")
    return text + " " * (columns - len(text))


def _took(step: Step) -> str:
    return "" if step.seconds is None else took(step.seconds)
