"""One turn with an agent, to its end: a stream that breaks is picked up again without repeating anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.conversation.client import A2AClient, Reply
from kubectl_kagent.conversation.decisions import Pending, pending, rejected, unknown_protocol
from kubectl_kagent.conversation.inbox import asked_since, state_in
from kubectl_kagent.conversation.narration import Narration, Shown
from kubectl_kagent.errors import KagentError, Unreachable
from kubectl_kagent.model.events import (
    FINAL_STATES,
    INPUT_REQUIRED,
    ONGOING_STATES,
    PAUSED_STATES,
    Request,
    State,
    TokenUsage,
    Update,
)
from kubectl_kagent.shell import command_line
from kubectl_kagent.wire.a2a import INTERNAL_ERROR, RpcError

_RETRIES = 5
_RETRY_SECONDS = 1.0
_POLL_SECONDS = 1.0

Heard = Iterator[tuple[Reply, list[Shown]]]


@dataclass(slots=True)
class Exchange:
    """A turn as far as it is known. ``state`` is the task's, empty before the first word of it."""

    session: str = ""
    task: str = ""
    state: str = ""
    message: str = ""
    requests: list[Request] = field(default_factory=list)
    prompt_tokens: int = 0
    output_tokens: int = 0

    @property
    def over(self) -> bool:
        return self.state in FINAL_STATES or self.waits

    @property
    def waits(self) -> bool:
        """Nothing more comes until a person acts."""
        return self.state in PAUSED_STATES


@dataclass(slots=True)
class Conversation:
    """Turns with one agent, one after the other, in one session.

    ``turn`` is the one that runs, or ran last; set its session and task to go on with those. ``foreign``: the
    agent asks for approvals in a way that is not known here.
    """

    client: A2AClient
    warn: Callable[[str], None]
    turn: Exchange = field(default_factory=Exchange)
    foreign: bool = False
    _speech: Narration = field(default_factory=Narration)
    _spoke: bool = False
    _polled: bool = False
    _looked_up: bool = False
    _counted: set[str] = field(default_factory=set)
    _decided: Callable[[Update], bool] | None = None  # whether an update is what was just decided

    def say(self, text: str, *, session: str = "") -> Heard:
        """Send ``text``; yield each message of the agent with what of it is to be shown.

        ``turn`` holds the state afterwards. Raises Unreachable when the agent stays away, RpcError when
        the question is refused.
        """
        self.turn, self._speech = Exchange(session=session), Narration()
        self._spoke = self._polled = False
        self._decided = None
        return self._follow(self.client.say(text, session=session))

    def decide(self, decision: Mapping[str, Any], shown: Sequence[Pending]) -> Heard:
        """Answer what the turn waits for (see conversation.decision), and go on with it.

        Raises KagentError, and sends nothing, when that is not what was ``shown`` any more: somebody else may
        have answered it, and the agent gone on to another call; or another task may have asked since.
        """
        turn = self.turn
        self._still_waits(shown)
        self._decided = partial(_waits_so, shown=shown, message=turn.message)
        turn.state, turn.requests = "", []
        self._speech.resume(clock.monotonic(), rejected(shown, decision))
        return self._follow(self.client.decide(decision, task=turn.task, session=turn.session))

    def _still_waits(self, shown: Sequence[Pending]) -> None:
        update = self.client.task(self.turn.task).update
        state = state_in(update)
        if state is None or state.state not in PAUSED_STATES:
            told = state.state if state else "unknown"
            raise KagentError(
                f"task {self.turn.task} no longer waits: it is {told}; nothing was approved or rejected"
            )
        if not _waits_so(update, shown, self.turn.message):
            raise KagentError(
                f"agent {self.client.agent} now waits for something else; nothing was approved or rejected",
                hint="kubectl kagent approvals list -A shows what waits",
            )
        if other := asked_since(self.client.kept(self.turn.session), self.turn.task):
            raise KagentError(
                f"task {other} of the same session may have asked since task {self.turn.task} did, and the "
                "agent takes a decision for what it asked last; nothing was approved or rejected",
                hint=f"decide about task {other} if it waits; then ask the agent anew",
            )

    def _follow(self, stream: Iterator[Reply]) -> Heard:
        lost, self._looked_up = 0, False
        heard = False
        while True:
            try:
                for reply in stream:
                    heard = True
                    lost = lost if self._looked_up else 0  # that is no sign of life
                    yield reply, self._hear(reply)
                    if self._final(reply):
                        break  # something on the way may keep the connection open
            except KagentError as error:
                lost += 1
                # what the controller refuses at once it refuses; later it tells so that its own stream broke
                refused = not isinstance(error, Unreachable) and not (isinstance(error, RpcError) and heard)
                if refused or not self.turn.task or lost > _RETRIES:
                    self._explain(error, heard=heard)
                    raise
                self.warn(f"{error.message}; picking it up again")
            if self.turn.over:
                if self.turn.state == INPUT_REQUIRED and not self.turn.requests:
                    self._recognise(self.client.approvals())
                return
            if not self.turn.task:
                self._without_task()
                return
            self._speech.tear()
            stream = self._again(lost)

    def _recognise(self, extension: str) -> None:
        """Say once that approvals come in a way that is not known here."""
        if extension and not self.foreign:
            self.foreign = True
            self.warn(unknown_protocol(extension))

    def _explain(self, error: KagentError, *, heard: bool) -> None:
        """What was said may be on its way although nothing came back."""
        if error.open and not heard:
            agent, session = self.client.agent, self.turn.session
            if session:
                shown = command_line("kubectl kagent sessions show", of=session, kind="session")
            else:
                shown = command_line("kubectl kagent sessions list", agent, "-n", self.client.namespace)
            error.left_open(f"whether agent {agent} was told", f"{shown} shows what it was told")
        if isinstance(error, RpcError) and error.code == INTERNAL_ERROR and not error.hint:
            where = (f"agent/{self.client.agent}", "-n", self.client.namespace)
            error.hint = f"{command_line('kubectl kagent describe', *where)} tells whether its pods run"

    def _without_task(self) -> None:
        """An agent without tasks answers with a message; without one it has not answered."""
        if not self._spoke:
            raise Unreachable(f"agent {self.client.agent} said nothing, and ended the conversation")
        self.turn.state = "completed"

    def _again(self, lost: int) -> Iterator[Reply]:
        """The task as it stands, then what is to come; polled where the agent can't be subscribed to."""
        clock.sleep(_RETRY_SECONDS if lost else _POLL_SECONDS)
        current = self.client.task(self.turn.task)
        self._check(current)
        self._looked_up = True
        yield current
        self._looked_up = False
        if self._ended(current):
            return
        try:
            yield from self.client.resubscribe(self.turn.task)
        except RpcError as error:
            if not self._polled:
                self._polled = True
                self.warn(f"the stream cannot be resumed ({error.message}): polling the task")

    def _check(self, current: Reply) -> None:
        """Raises KagentError for a task that nothing here would ever end."""
        task, state = self.turn.task, state_in(current.update)
        if not self._is_own(current.update):
            raise KagentError(
                f"the kagent controller answers with a task of session {current.update.context_id} for task "
                f"{task} of session {self.turn.session}"
            )
        if state is None or state.state not in FINAL_STATES | PAUSED_STATES | ONGOING_STATES:
            told = f": {state.state}" if state else ""
            raise KagentError(f"task {task} is in no state that is understood{told}")

    @staticmethod
    def _ended(reply: Reply) -> bool:
        states = [event.state for event in reply.update.events if isinstance(event, State)]
        return bool(states) and (states[-1] in FINAL_STATES or states[-1] in PAUSED_STATES)

    def _final(self, reply: Reply) -> bool:
        """Whether it says of the turn's own task that nothing follows."""
        said = any(event.final for event in reply.update.events if isinstance(event, State))
        return said and self._ended(reply) and self._is_own(reply.update) and self.turn.over

    def _is_own(self, update: Update) -> bool:
        """Whether it is of the turn's task; one that names no task is, unless it is of another session."""
        if update.task_id:
            return update.task_id == self.turn.task
        return update.context_id in ("", self.turn.session)

    def _hear(self, reply: Reply) -> list[Shown]:
        """What it says, whoever says it; what becomes of the turn its own task tells alone."""
        turn, update = self.turn, reply.update
        if not turn.task:  # the first word says which it is, and a later one does not change that
            turn.task, turn.session = update.task_id, update.context_id or turn.session
        if self._is_own(update):
            turn.session = turn.session or update.context_id
            decided, self._decided = self._decided, None
            # by A2A 1.0 a stream begins with the task as it is: that is what was decided, and no news
            if update.whole and decided and decided(update) and not self._looked_up:
                return []
            self._take(update)
        shown = [item for event in update.events for item in self._speech.hear(event, clock.monotonic())]
        self._spoke |= bool(shown)
        return shown

    def _take(self, update: Update) -> None:
        turn = self.turn
        self._recognise(update.approvals)
        for event in update.events:
            if isinstance(event, State):
                turn.state, turn.message = event.state, event.message
            elif isinstance(event, Request) and event not in turn.requests:
                turn.requests.append(event)
            elif isinstance(event, TokenUsage) and event.message_id not in self._counted:
                self._counted |= {event.message_id} - {""}
                turn.prompt_tokens += event.prompt
                turn.output_tokens += event.output


def _waits_so(update: Update, shown: Sequence[Pending], message: str) -> bool:
    """Whether the task waits with just these calls; without any, with these words."""
    state = state_in(update)
    if state is None or state.state not in PAUSED_STATES:
        return False
    now = pending(event for event in update.events if isinstance(event, Request))
    return _are_all(now, shown) and (bool(now) or state.text == message)


def _are_all(now: Sequence[Pending], shown: Sequence[Pending]) -> bool:
    """Whether these are the same calls, in any order: those without ids may be alike."""
    left = list(shown)
    for call in now:
        if call not in left:
            return False
        left.remove(call)
    return not left
