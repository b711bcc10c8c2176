"""What waits for a person, across a user's agents and sessions, as the controller keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kubectl_kagent import clock
from kubectl_kagent.backends.controller import Controller
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.conversation.decisions import Pending, pending
from kubectl_kagent.conversation.sessions import Json, Session, TasksUnknown, sessions, tasks_of
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.model.events import PAUSED_STATES, Request, State, Update
from kubectl_kagent.wire import a2a
from kubectl_kagent.wire.a2a_v1 import to_v03


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task that waits: ``message`` is what the agent says about it, ``since`` None when nothing tells.

    ``extension`` is the one of A2A by which it asks, if any: none is known here.
    """

    session: Session
    task: str
    calls: tuple[Pending, ...]
    message: str
    since: datetime | None
    extension: str


def inbox(
    controller: Controller, namespace: str | None, warn: Callable[[str], None], *, agent: str = ""
) -> list[Waiting]:
    """Tasks that wait for a person, the longest wait first, in ``namespace`` (None: all).

    ``agent`` limits the list to one; ``warn`` is told of what is unknown. A sub-agent's own
    session is left out: the agent that called it asks for what it waits for. Raises KagentError.
    """
    asked = [item for item in sessions(controller, namespace, agent) if item.source != "agent"]
    found = tasks_of(
        controller, (session.id for session in asked), lambda id_: f"whether a task of session {id_} waits"
    )
    both: list[tuple[Session, Json]] = []
    for session in asked:
        tasks = found.get(session.id, [])
        if isinstance(tasks, TasksUnknown):
            warn(tasks.explained)
        else:
            both += [(session, task) for task in tasks]
    return _longest_first(item for session, task in both if (item := _waiting(session, task, warn)))


def inbox_of(
    controllers: Sequence[Controller], namespace: str | None, warn: Callable[[str], None], *, agent: str = ""
) -> list[Waiting]:
    """The same of all the users as whom the controller is asked."""
    each = side_by_side(lambda controller: inbox(controller, namespace, warn, agent=agent), controllers)
    return _longest_first(item for found in each for item in found)


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
    listed = "kubectl kagent approvals list -A shows what waits"
    others = f"{listed}; another user's is found with --user-id"
    if state in PAUSED_STATES:  # kagent 0.9 shows a task to everybody, its session to its user alone
        raise KagentError(f"task {word} waits ({state}), but in no session that this user began", hint=others)
    if state:
        raise KagentError(f"task {word} does not wait for anybody: it is {state}", hint=listed)
    raise KagentError(f"no task {word} waits", hint=others)


def asked_since(tasks: Sequence[Json], task: str) -> str:
    """The id of another of a session's tasks that may have asked a person after ``task`` did; empty: none.

    The runtime goes by its session, not by the task: it takes a decision for what it asked last, and when
    that has been decided, for words of the user's.
    """
    found = {read_task(raw).task_id: raw for raw in tasks}
    since = _changed(found.pop(task, {}))
    for id_, raw in found.items():
        changed = _changed(raw)
        if _ever_asked(raw) and not (changed and since and changed < since):
            return id_ or "without an id"
    return ""


def _longest_first(waiting: Iterable[Waiting]) -> list[Waiting]:
    never = datetime.max.replace(tzinfo=UTC)
    return sorted(waiting, key=lambda item: item.since or never)


def _changed(task: Json) -> datetime | None:
    """When its state last changed."""
    state = state_in(read_task(task)) if task else None
    return clock.parse_or_none(state.timestamp) if state else None


def _ever_asked(task: Json) -> bool:
    """Whether a person was asked in it, also if that was answered."""
    whole = to_v03(task)
    status = whole.get("status")
    last = status.get("message") if isinstance(status, dict) else None
    said = [message for message in (*a2a.once(whole), last) if isinstance(message, dict)]
    return any(isinstance(item, Request) for message in said for item in a2a.message_events(message))


def state_of(controller: Controller, task: str) -> str:
    """The state of a task; empty when the controller does not know it."""
    try:
        raw = controller.task(task)
    except NotFound:
        return ""
    state = state_in(read_task(raw)) if isinstance(raw, dict) else None
    return state.state if state else "in no state that is understood"


def _waiting(session: Session, task: Json, warn: Callable[[str], None]) -> Waiting | None:
    update = read_task(task)
    state = state_in(update)
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
        state.text,
        clock.parse_or_none(state.timestamp),
        update.approvals,
    )


def read_task(task: Json) -> Update:
    """What a task tells, on whichever wire it came."""
    return a2a.read(to_v03(task))


def state_in(update: Update) -> State | None:
    """The state that it tells; None when there is none that is understood."""
    return next(_states(update), None)


def _states(update: Update) -> Iterator[State]:
    return (event for event in update.events if isinstance(event, State))
