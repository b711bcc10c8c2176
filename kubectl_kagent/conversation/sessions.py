"""A user's sessions, as the controller keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from kubectl_kagent import clock
from kubectl_kagent.backends.controller import Controller, rows
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import KagentError, NotFound, UsageError
from kubectl_kagent.shell import command_line
from kubectl_kagent.wire.ids import agent_of

Json = Mapping[str, Any]
T = TypeVar("T")

_AGAIN_SECONDS = (0.2, 0.8)


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation. ``namespace`` and ``agent`` are empty where the controller names none.

    ``source`` is ``agent`` when another agent began it. A time is None when it is missing or no time.
    """

    id: str
    title: str
    namespace: str
    agent: str
    source: str
    user: str
    created: datetime | None
    updated: datetime | None
    raw: Json


def sessions(controller: Controller, namespace: str | None = None, agent: str = "") -> list[Session]:
    """The user's sessions, the one used last first; of one agent, or of a namespace, or all."""
    found = map(read_session, rows(controller.sessions(), "sessions"))
    return [item for item in found if namespace in (None, item.namespace) and agent in ("", item.agent)]


def sessions_of(
    controllers: Sequence[Controller], namespace: str | None = None, agent: str = ""
) -> list[Session]:
    """The same of all the users as whom the controller is asked."""
    each = side_by_side(lambda controller: sessions(controller, namespace, agent), controllers)
    if len(each) == 1:
        return each[0]
    never = datetime.min.replace(tzinfo=UTC)
    return sorted((item for found in each for item in found), key=lambda item: item.updated or never)[::-1]


def newest(controller: Controller, namespace: str, agent: str) -> str:
    """The id of the session with an agent that was used last, begun by a person. Raises KagentError."""
    own = [item for item in sessions(controller, namespace, agent) if item.source != "agent"]
    if not own:
        raise KagentError(
            f"agent {agent} has no session to continue", hint="leave --continue out to begin one"
        )
    never = datetime.min.replace(tzinfo=UTC)
    return max(own, key=lambda item: item.updated or item.created or never).id


def read_session(raw: Json) -> Session:
    """A session as the controller writes it. Raises KagentError for one without an id."""
    if not isinstance(raw.get("id"), str) or not raw["id"]:
        raise KagentError("the kagent controller lists a session without id")
    namespace, agent = agent_of(_text(raw.get("agent_id")))
    return Session(
        id=raw["id"],
        title=_text(raw.get("name")),
        namespace=namespace,
        agent=agent,
        source=_text(raw.get("source")),
        user=_text(raw.get("user_id")),
        created=clock.parse_or_none(raw.get("created_at")),
        updated=clock.parse_or_none(raw.get("updated_at")),
        raw=raw,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole session as the controller keeps it; events in the order in which they came."""

    session: Session
    events: list[Json]
    tasks: list[Json]


def seen_soon(look: Callable[[], T], absent: type[KagentError] = NotFound) -> T:
    """What ``look`` finds, at the latest a second later.

    kagent 0.9.0 answers 404 for a session that it made a moment ago.
    """
    for pause in _AGAIN_SECONDS:
        try:
            return look()
        except absent:
            clock.sleep(pause)
    return look()


class TasksUnknown(KagentError):
    """The controller lists a session, and has no tasks of it: nothing tells whether there are any."""


def tasks_of(
    controller: Controller, asked: Iterable[str], unknown: Callable[[str], str]
) -> dict[str, list[Json] | TasksUnknown]:
    """The tasks of each of these sessions, with their histories, by its id; the user has no other of them.

    TasksUnknown where a session is listed and its tasks are not to be had; ``unknown`` gives what is not
    known of that session then, as in "whether one waits". All are looked for again together, at the latest
    a second later (see ``seen_soon``).
    """
    found: dict[str, list[Json] | NotFound] = {}
    left = list(asked)
    for pause in (0.0, *_AGAIN_SECONDS):
        if left and pause:
            clock.sleep(pause)
        found |= zip(left, side_by_side(lambda id_: _tasks(controller, id_), left), strict=True)
        left = [id_ for id_ in left if isinstance(found[id_], NotFound)]
    listed = {session.id for session in sessions(controller)} if left else set()
    return {
        id_: _unknown_tasks(controller, unknown(id_), tasks) if isinstance(tasks, NotFound) else tasks
        for id_, tasks in found.items()
        if id_ in listed or not isinstance(tasks, NotFound)
    }


def _tasks(controller: Controller, session: str) -> list[Json] | NotFound:
    try:
        return rows(controller.tasks(session), f"tasks of session {session}")
    except NotFound as error:
        return error


def _unknown_tasks(controller: Controller, what: str, error: NotFound) -> TasksUnknown:
    return TasksUnknown(
        f"{what} is not known: the kagent controller lists the session, and has no tasks of it for user "
        f"{controller.user}",
        hint=error.message,
    )


def fetch(controller: Controller, word: str) -> Kept:
    """A whole session, by its id or the beginning of it.

    Raises NotFound, and UsageError for the beginning of several.
    """
    try:
        return _whole(controller, word)
    except NotFound:
        id_ = _id_of(controller, word) or word
    try:
        return seen_soon(lambda: _whole(controller, id_))
    except NotFound as error:
        raise _unknown(word, "kubectl kagent sessions list -A shows those of the user") from error


def id_of(controller: Controller, word: str) -> str:
    """The id that ``word`` is or begins; empty: the user has none. Raises UsageError for several."""
    return word if controller.has_session(word) else _id_of(controller, word)


def _id_of(controller: Controller, word: str) -> str:
    begins = [item.id for item in sessions(controller) if item.id.startswith(word)]
    if word in begins:
        return word
    if len(begins) > 1:
        raise UsageError(f'"{word}" is the beginning of several sessions: {", ".join(begins[:5])}')
    return begins[0] if begins else ""


def _whole(controller: Controller, id_: str) -> Kept:
    found, tasks = side_by_side(lambda read: read(id_), (controller.session, controller.tasks))
    if not isinstance(found, Mapping) or not isinstance(found.get("session"), Mapping):
        raise KagentError(f"the kagent controller's answer for session {id_} has no session in it")
    events = rows(found.get("events"), f"events of session {id_}")
    return Kept(read_session(found["session"]), events, rows(tasks, f"tasks of session {id_}"))


def delete(controller: Controller, id_: str, *, dry_run: bool) -> None:
    """Delete a session, by its whole id.

    Raises NotFound: the controller itself says "deleted" of any that it doesn't know.
    """
    if not controller.has_session(id_):
        raise _unknown(id_, "an id has to be whole: kubectl kagent sessions list -A shows those of the user")
    try:
        if not dry_run:
            controller.delete_session(id_)
    except KagentError as error:
        if error.open:
            shown = command_line("kubectl kagent sessions show", of=id_, kind="session")
            error.left_open(f"whether session {id_} was deleted", f"{shown} shows it")
        raise


def _unknown(word: str, how: str) -> NotFound:
    return NotFound(f'session "{word}" not found', hint=f"{how}; another user's are found with --user-id")
