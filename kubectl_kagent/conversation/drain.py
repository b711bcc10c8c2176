"""Wait until no task of an agent is at work, as far as the controller's records tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kubectl_kagent import clock
from kubectl_kagent.backends.controller import Controller
from kubectl_kagent.backends.versions import uses_are_timed
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.conversation.inbox import read_task, state_in
from kubectl_kagent.conversation.sessions import Json, Session, TasksUnknown, sessions, tasks_of
from kubectl_kagent.errors import Forbidden, TimedOut, Unreachable
from kubectl_kagent.model.events import FINAL_STATES, PAUSED_STATES
from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.resources import POD
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.shell import command_line

_INTERVAL = 2.0
_ALWAYS = datetime.min.replace(tzinfo=UTC)
# Nothing of these is lost with a pod: what waits for a person is taken up by the next one.
_AT_REST = FINAL_STATES | PAUSED_STATES


@dataclass(frozen=True, slots=True)
class AtWork:
    """A task that a pod of the agent of that name works on."""

    agent: str
    task: str
    user: str


def drain(
    cluster: Cluster,
    controllers: Sequence[Controller],
    agents: Sequence[Workload],
    say: Callable[[str], None],
    warn: Callable[[str], None],
    *,
    timeout: float,
) -> None:
    """Look every two seconds until none is at work in the records of these users; ``timeout`` 0: no limit.

    Raises TimedOut, and what the first look raises; later the controller may be away for a while.
    """
    deadline = clock.monotonic() + timeout if timeout else math.inf
    looking = _Looking(cluster, controllers, agents, warn, use_is_timed=uses_are_timed(controllers[0]))
    found: list[AtWork] | None = None
    away = False
    while True:
        before = found
        try:
            found = looking.look()
        except Unreachable as error:
            if found is None or clock.monotonic() >= deadline:
                raise
            if not away:
                warn(f"{error.message}; trying again")
            away = True
        else:
            away = False
            if not found:
                say(f"no task of {_names(agents)} is at work")
                return
            if found != before:
                say(f"Waiting for {_told(found)} to end...")
        left = deadline - clock.monotonic()
        if left <= 0:
            told = f"timed out after {timeout:g}s waiting for {_told(found)} to end: nothing was changed"
            first = found[0]
            shown = command_line(
                "kubectl kagent trace show", f"--user-id={first.user}", of=first.task, kind="turn"
            )
            raise TimedOut(told, hint=f"{shown} shows what it is at")
        clock.sleep(min(_INTERVAL, left))


def _names(agents: Sequence[Workload]) -> str:
    return f'agent "{agents[0].name}"' if len(agents) == 1 else f"{len(agents)} agents"


def _told(found: Sequence[AtWork]) -> str:
    one = len(found) == 1
    tasks = ", ".join(f'{item.task} of agent "{item.agent}" ({item.user})' for item in found)
    return f"{'task' if one else f'{len(found)} tasks:'} {tasks}"


@dataclass(slots=True)
class _Looking:
    """Looks again and again; what did not change since the last look is not asked for again.

    Without ``use_is_timed`` nothing tells what did not change.
    """

    cluster: Cluster
    controllers: Sequence[Controller]
    agents: Sequence[Workload]
    warn: Callable[[str], None]
    use_is_timed: bool
    _idle: dict[tuple[str, str], datetime] = field(default_factory=dict)  # when used last, by user and id
    _blind: bool = False

    def look(self) -> list[AtWork]:
        """Tasks at work now. What was last heard of before the containers started is over."""
        starts = self._starts()
        listed = side_by_side(sessions, self.controllers)
        asked = [
            (
                controller,
                [
                    (session, start)
                    for session in found
                    if (start := starts.get((session.namespace, session.agent)))
                    and self._may_work(controller, session, start)
                ],
            )
            for controller, found in zip(self.controllers, listed, strict=True)
        ]
        tasks = side_by_side(lambda one: _kept(one[0], [session.id for session, _ in one[1]]), asked)
        at_work: list[AtWork] = []
        for (controller, begun), kept in zip(asked, tasks, strict=True):
            for session, start in begun:
                used = session.updated if self.use_is_timed else None
                ids = [id_ for task in kept.get(session.id, ()) if (id_ := _at_work(task, used, start))]
                if not ids and session.id in kept and used:
                    self._idle[controller.user, session.id] = used
                at_work += [AtWork(session.agent, id_, controller.user) for id_ in ids]
        return at_work

    def _may_work(self, controller: Controller, session: Session, start: datetime) -> bool:
        used = session.updated if self.use_is_timed else None
        return used is None or (used >= start and self._idle.get((controller.user, session.id)) != used)

    def _starts(self) -> dict[tuple[str, str], datetime]:
        """When the oldest running container of each agent started, by namespace and name."""
        one = self.agents[0]
        labels = one.pod_selector if len(self.agents) == 1 else "app=kagent"
        try:
            pods = self.cluster.list_objects(POD, one.namespace, labels=labels)["items"]
        except Forbidden as error:
            if not self._blind:
                self.warn(f"tasks of pods that are gone may be waited for: {error.explained}")
            self._blind = True
            return dict.fromkeys((agent.key for agent in self.agents), _ALWAYS)
        return {
            agent.key: start
            for agent in self.agents
            if (start := _oldest(pod for pod in pods if agent.selects(pod)))
        }


def _oldest(pods: Iterable[Json]) -> datetime | None:
    """When the agent's container that runs longest started; None: none runs."""
    runs = [pod.run(pod.default_container) for pod in map(Pod, pods)]
    return min((clock.parse_or_none(run.began) or _ALWAYS for run in runs if run.running), default=None)


def _kept(controller: Controller, asked: Iterable[str]) -> dict[str, list[Json]]:
    """The tasks of sessions that were listed, without those that are gone. Raises TasksUnknown."""
    kept: dict[str, list[Json]] = {}
    found = tasks_of(controller, asked, lambda id_: f"whether a task of session {id_} is at work")
    for session, tasks in found.items():
        if isinstance(tasks, TasksUnknown):
            tasks.hint = f"nothing was changed; {tasks.hint}"
            raise tasks
        kept[session] = tasks
    return kept


def _at_work(task: Json, used: datetime | None, start: datetime) -> str:
    """The id of a task that is at work, or in a state that is not understood; empty: it is not.

    ``used`` is when its session was used last, if that is known.
    """
    update = read_task(task)
    state = state_in(update)
    heard = (state and clock.parse_or_none(state.timestamp)) or used
    if (heard and heard < start) or (state and state.state in _AT_REST):
        return ""
    return update.task_id or "without an id"
