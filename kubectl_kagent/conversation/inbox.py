"""What waits for a person, across a user's agents and sessions, as the controller keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from kubectl_kagent import clock
from kubectl_kagent.backends.controller import Controller, rows
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.conversation.decisions import Pending, pending
from kubectl_kagent.conversation.sessions import Json, Session, sessions
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.model.events import PAUSED_STATES, Request, State, Update
from kubectl_kagent.wire import a2a
from kubectl_kagent.wire.a2a_v1 import to_v03


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task that waits: ``message`` is what the agent says about it, ``since`` None when nothing tells."""

    session: Session
    task: str
    calls: tuple[Pending, ...]
    message: str
    since: datetime | None


def inbox(
    controller: Controller, namespace: str | None, warn: Callable[[str], None], *, agent: str = ""
) -> list[Waiting]:
    """Tasks that wait for a person, the longest wait first, in ``namespace`` (None: all).

    ``agent`` limits the list to one; ``warn`` is told of tasks whose state is unknown. A sub-agent's own
    session is left out: the agent that called it asks for what it waits for. Raises KagentError.
    """
    asked = [item for item in sessions(controller, namespace, agent) if item.source != "agent"]
    found = side_by_side(lambda session: _tasks(controller, session), asked)
    both = [(session, task) for session, tasks in zip(asked, found, strict=True) for task in tasks]
    waiting = [item for session, task in both if (item := _waiting(session, task, warn))]
    never = datetime.max.replace(tzinfo=UTC)
    return sorted(waiting, key=lambda item: item.since or never)


def find(waiting: list[Waiting], word: str, state_of: Callable[[str], str]) -> Waiting:
    """The task that ``word`` names, by its id or the beginning of it.

    Raises KagentError when it names several, or one that does not wait (``state_of`` tells what it does).
    """
    found = [item for item in waiting if item.task.startswith(word)]
    exact = [item for item in found if item.task == word]
    if len(found) == 1 or exact:
        return (exact or found)[0]
    if found:
        names = ", ".join(item.task for item in found)
        raise KagentError(f'"{word}" is the beginning of several tasks that wait: {names}')
    state = state_of(word)
    told = f"task {word} does not wait for anybody: it is {state}" if state else f"no task {word} waits"
    raise KagentError(told, hint="kubectl kagent approvals list -A shows what waits")


def check_asked_last(waiting: list[Waiting], found: Waiting) -> None:
    """Raises KagentError when ``found`` may not be the last that its session asked for.

    The runtime goes by its session, not by the task: it makes the call that it asked for last.
    """
    for other in waiting:
        same = other.session == found.session and other.task != found.task
        if same and not (other.since and found.since and other.since < found.since):
            raise KagentError(
                f"session {found.session.id} waits with task {other.task} too, and its agent takes a "
                "decision for what it asked last; nothing was approved or rejected",
                hint=f"decide about task {other.task}, then ask the agent anew for what task {found.task} "
                "wants",
            )


def state_of(controller: Controller, task: str) -> str:
    """The state of a task; empty when the controller does not know it."""
    try:
        raw = controller.task(task)
    except NotFound:
        return ""
    state = _state(_update(raw)) if isinstance(raw, dict) else None
    return state.state if state else "in no state that is understood"


def _tasks(controller: Controller, session: Session) -> list[Json]:
    try:
        return rows(controller.tasks(session.id), f"tasks of session {session.id}")
    except NotFound:
        return []  # deleted since it was listed


def _waiting(session: Session, task: Json, warn: Callable[[str], None]) -> Waiting | None:
    update = _update(task)
    state = _state(update)
    if state is None:
        warn(f"session {session.id} has a task in no state that is understood: {update.task_id or '?'}")
        return None
    if state.state not in PAUSED_STATES:
        return None
    requests = [event for event in update.events if isinstance(event, Request)]
    return Waiting(
        session,
        update.task_id,
        pending(requests),
        state.message or state.state,
        clock.parse_or_none(state.timestamp),
    )


def _update(task: Json) -> Update:
    return a2a.read(to_v03(task))


def _state(update: Update) -> State | None:
    return next(_states(update), None)


def _states(update: Update) -> Iterator[State]:
    return (event for event in update.events if isinstance(event, State))
