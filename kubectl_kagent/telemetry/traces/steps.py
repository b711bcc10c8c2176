"""What all sources of traces do with the steps they found: pair, sort, mark. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kubectl_kagent.model.trace import NO_TIME, OK, OPEN, SKEW, WAIT, Step

# Clocks of two machines are never the same; less than this is not worth a mark.
_TOLERANCE = 0.1


def wait(start: float | None) -> Step:
    """A person was asked, and has not answered yet."""
    return Step(WAIT, "a person", start=start, status=OPEN)


def waits(step: Step) -> bool:
    """Whether a call waits for a person."""
    return bool(step.steps) and step.steps[-1].kind == WAIT and step.steps[-1].status == OPEN


def decided(step: Step, when: float | None, decision: str = "") -> Step:
    """The call after a person's answer: ``decision`` says which."""
    *before, last = step.steps
    return replace(step, steps=(*before, replace(last, end=when, status=OK, result=decision)))


def paired(steps: Iterable[Step]) -> list[Step]:
    """Sorted by time, and a call that was asked about and then answered is one step that waited."""
    done: list[Step] = []
    asked: dict[str, int] = {}
    for step in sorted(steps, key=_by_start):
        place = asked.pop(step.id, None) if step.id and asked else None
        if place is None:
            place = len(done)
            done.append(step)
        else:
            before = decided(done[place], step.start)
            done[place] = replace(step, start=before.start, steps=(*before.steps, *step.steps))
        if step.id and waits(done[place]):
            asked[step.id] = place
    return done


def _by_start(step: Step) -> tuple[bool, float]:
    return (step.start is None, step.start or 0.0)


def marked(step: Step, parent: Step | None = None) -> Step:
    """The step and all in it, with marks where times can't be true."""
    marks: list[str] = []
    if step.start is None:
        marks.append(NO_TIME)
    elif step.end is not None and step.end < step.start:
        marks.append(f"{SKEW}: ends {_apart(step.start - step.end)} before it begins")
    elif parent is not None:
        marks += _beside(step.start, step.end, parent)
    inner = tuple(marked(inner, step) for inner in step.steps)
    if not marks and not inner:
        return step
    return replace(step, marks=(*step.marks, *marks), steps=inner)


def _beside(start: float, end: float | None, parent: Step) -> list[str]:
    """What is wrong with the times of a step, seen from the one that it belongs to."""
    if parent.start is not None and start < parent.start - _TOLERANCE:
        return [f"{SKEW}: begins {_apart(parent.start - start)} before its parent"]
    last = start if end is None else end
    if parent.end is not None and last > parent.end + _TOLERANCE:
        return [f"{SKEW}: ends {_apart(last - parent.end)} after its parent"]
    return []


def _apart(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 60 else f"{seconds / 60:.0f}m"
