"""Turns in a terminal: a list of them, one as a tree. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from kubectl_kagent.model.trace import (
    FAILED,
    LLM,
    NO_RESULT,
    OPEN,
    REJECTED,
    SUBAGENT,
    UNKNOWN,
    WAIT,
    Step,
    Tokens,
    Turn,
)
from kubectl_kagent.render.table import age, clip, plain, table, width
from kubectl_kagent.wire.ids import shown

_STATES = {
    "completed": "Completed",
    "failed": "Failed",
    "canceled": "Canceled",
    "rejected": "Rejected",
    "input-required": "Waiting",
    "auth-required": "Waiting",
    "working": "Running",
    "submitted": "Running",
    UNKNOWN: "Unknown",
}
_SYMBOLS = {"ok": "✓", FAILED: "✗", OPEN: "…", REJECTED: "⊘"}
# The columns of the list, and how wide a terminal must be for each.
_COLUMNS = {
    "AGENT": 0,
    "TASK": 0,
    "TRACE": 0,
    "SESSION": 100,
    "STARTED": 66,
    "DURATION": 0,
    "STATUS": 0,
    "LLM": 90,
    "TOOLS": 0,
    "TOKENS": 80,
    "PROMPT": 0,
    "OUTPUT": 0,
    "QUESTION": 0,
}
_SHORTEST_ID = 8
_TIME = 13
_SHORTEST_QUESTION = 12
_SHORTEST_NAME = 10


def turn_table(
    turns: Sequence[Turn],
    *,
    now: datetime,
    columns: int,
    wide: bool = False,
    agents: bool = False,
    later: bool = False,
) -> str:
    """The list, as wide as ``columns``: the question gets what is left, and a narrow terminal fewer columns.

    ``wide`` cuts and leaves out nothing. ``later``: turns that are not known yet will stand below.
    """
    ids = short_ids(turns, later=later)
    rows = [
        _cells(turn, now) | ({} if wide else {"TASK": task, "SESSION": session})
        for turn, (task, session) in zip(turns, ids, strict=True)
    ]
    header = [name for name in _COLUMNS if _has_room(name, columns, wide=wide, agents=agents)]
    if not wide:
        others = table(header[:-1], [[row[name] for name in header[:-1]] for row in rows])
        room = max(_SHORTEST_QUESTION, columns - max(width(line) + 3 for line in others.split("\n")))
        rows = [row | {"QUESTION": clip(row["QUESTION"], room)} for row in rows]
    return table(header, [[row[name] for name in header] for row in rows])


def _has_room(name: str, columns: int, *, wide: bool, agents: bool) -> bool:
    if name == "AGENT":
        return agents
    if wide or name in ("TRACE", "PROMPT", "OUTPUT"):
        return wide and name != "TOKENS"
    return columns >= _COLUMNS[name]


def _cells(turn: Turn, now: datetime) -> dict[str, str]:
    tokens = turn.tokens
    return {
        "AGENT": turn.agent,
        "TASK": turn.task or turn.trace,
        "TRACE": turn.trace,
        "SESSION": turn.session,
        "STARTED": age(datetime.fromtimestamp(turn.root.start, UTC), now) if turn.root.start else "",
        "DURATION": _duration(turn.root, now, running=turn.running),
        "STATUS": _STATES.get(turn.state, turn.state),
        "LLM": str(len(turn.llm_calls)),
        "TOOLS": _tools(turn),
        "TOKENS": str(tokens.total) if tokens else "",
        "PROMPT": str(tokens.prompt) if tokens else "",
        "OUTPUT": str(tokens.output) if tokens else "",
        "QUESTION": " ".join(turn.question.split()),
    }


def short_ids(turns: Sequence[Turn], *, later: bool = False) -> list[tuple[str, str]]:
    """The task and the session of each as a table has them."""
    tasks, sessions = {turn.task or turn.trace for turn in turns}, {turn.session for turn in turns}
    return [
        (short(turn.task or turn.trace, tasks, later=later), short(turn.session, sessions, later=later))
        for turn in turns
    ]


def short(id_: str, others: set[str], *, later: bool = False) -> str:
    """The beginning of an id that no other one has, at least eight letters of it.

    A UUID of version 7 begins with the time in milliseconds, and its first eight letters with those of a
    minute: where others come ``later``, it is told apart by the whole time.
    """
    timed = later and id_[_TIME : _TIME + 2] == "-7"
    for length in range(_TIME if timed else _SHORTEST_ID, len(id_)):
        if sum(other.startswith(id_[:length]) for other in others) < 2:
            return id_[:length]
    return id_


def _duration(step: Step, now: datetime, *, running: bool) -> str:
    if step.seconds is not None:
        return took(step.seconds)
    if running and step.start:
        return f"{took(max(0.0, now.timestamp() - step.start))}…"
    return ""


def _tools(turn: Turn) -> str:
    bad = sum(step.status == FAILED for step in turn.tools)
    return f"{len(turn.tools)} ({bad} failed)" if bad else str(len(turn.tools))


def took(seconds: float) -> str:
    """A duration as one would say it: 0.4ms, 83ms, 1.4s, 92s, 5m12s, 2h03m."""
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f}ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 119.5:
        return f"{seconds:.0f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


# One turn


def turn_tree(turn: Turn, *, now: datetime, columns: int) -> str:
    """Who, what became of it, and its steps with what they were given and gave."""
    lines = top_lines(turn, now, columns)
    if turn.question:
        lines.append("? " + clip(turn.question, columns - 2))
    lines += _branches(turn.root.steps, "", now, columns)
    if turn.root.error and all(step.error != turn.root.error for step in turn.root.steps):
        lines.append("✗ " + clip(turn.root.error, columns - 2))
    return "".join(f"{line}\n" for line in lines)


def top_lines(turn: Turn, now: datetime, columns: int) -> list[str]:
    """The turn in a line, the ids that it goes by, and what is wrong with its times."""
    said = [turn.agent, _STATES.get(turn.state, turn.state)]
    if turn.root.seconds is not None:
        said.append(took(turn.root.seconds))
    elif turn.root.start is not None:
        said = [turn.agent, *_still(turn, now)]
    if turn.tokens:
        said.append(_counted(turn.tokens))
    if turn.root.start is not None:
        said.append(f"{datetime.fromtimestamp(turn.root.start, UTC):%Y-%m-%d %H:%M:%SZ}")
    ids = [f"{kind} {getattr(turn, kind)}" for kind in ("task", "session", "trace") if getattr(turn, kind)]
    return [*_flow(said, columns), *_flow(ids, columns), *(f"! {mark}" for mark in turn.root.marks)]


def _flow(pieces: Sequence[str], columns: int) -> Iterator[str]:
    """The pieces side by side, in as many lines as they need."""
    line = ""
    for piece in map(plain, pieces):
        if line and width(line) + 2 + width(piece) > columns:
            yield line
            line = ""
        line += f"{'  ' if line else ''}{piece}"
    if line:
        yield line


def _still(turn: Turn, now: datetime) -> list[str]:
    """State and duration of a turn that has no end."""
    since = took(max(0.0, now.timestamp() - (turn.root.start or 0.0)))
    if turn.running:
        return [f"still running {since}"]
    state = _STATES.get(turn.state, turn.state)
    return [
        state,
        f"began {since} ago, its end is not recorded" if turn.state == UNKNOWN else f"for {since} now",
    ]


def _counted(tokens: Tokens) -> str:
    return f"{tokens.prompt}+{tokens.output} tokens"


def _branches(steps: Sequence[Step], indent: str, now: datetime, columns: int) -> Iterator[str]:
    for place, step in enumerate(steps, 1):
        last = place == len(steps)
        head = f"{indent}{'└─' if last else '├─'} "
        yield head + _step_line(step, now, columns - len(head))
        below = indent + ("   " if last else "│  ")
        rest = below + ("│  " if step.steps else "   ")
        for sign, text in _details(step):
            yield rest + sign + clip(text, columns - len(rest) - len(sign))
        yield from _branches(step.steps, below, now, columns)


def _step_line(step: Step, now: datetime, columns: int) -> str:
    """``✓ get_time  17ms``: what a step is, and what it took; the name gives way when there is no room."""
    measures = "".join(f"  {measure}" for measure in _measures(step, now))
    name = clip(label(step), max(_SHORTEST_NAME, columns - len(measures) - 2))
    return f"{_SYMBOLS[REJECTED if _is_rejected(step) else step.status]} {name}{measures}"


def _measures(step: Step, now: datetime) -> Iterator[str]:
    since = "" if step.start is None else took(max(0.0, now.timestamp() - step.start))
    if step.seconds is not None:
        yield took(step.seconds)
    elif step.status == OPEN and since and step.kind == WAIT:
        yield f"for {since} now"
    elif step.status == OPEN and since and not _asked(step) and NO_RESULT not in step.marks:
        yield f"still running {since}"
    if step.tokens:
        yield _counted(step.tokens)
    if step.kind == WAIT and step.result:
        yield step.result


def label(step: Step) -> str:
    """What a step is."""
    name = plain(step.name)
    if step.kind == LLM:
        return f"llm {name}".rstrip()
    if step.kind == WAIT:
        return f"waits for {name}" if step.status == OPEN else f"waited for {name}"
    called = shown(name)  # a store of spans knows a sub-agent by its name alone
    return f"agent/{name}" if step.kind == SUBAGENT and called == name else called


def _is_rejected(step: Step) -> bool:
    """Whether it is a call that a person rejected, or the wait for that."""
    return any(one.kind == WAIT and one.result == REJECTED for one in (step, *step.steps))


def _asked(step: Step) -> bool:
    return any(inner.kind == WAIT and inner.status == OPEN for inner in step.steps)


def _details(step: Step) -> Iterator[tuple[str, str]]:
    """What else is told of a step, a line each: a sign, and a text of any length."""
    for mark in step.marks:
        yield "! ", mark
    if step.args:
        values = {name: json.dumps(value, ensure_ascii=False) for name, value in step.args.items()}
        yield "", " ".join(f"{name}={value}" for name, value in values.items())
    if step.error and step.status == FAILED:
        yield "✗ ", step.error
    elif step.result and step.kind != WAIT:
        yield "→ ", step.result
