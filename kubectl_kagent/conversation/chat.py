"""One turn with an agent, to its end: a stream that breaks is picked up again without repeating anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kubectl_kagent.conversation.a2a import AgentLine, Reply
from kubectl_kagent.conversation.speech import Shown, Speech
from kubectl_kagent.conversation.wire import RpcError
from kubectl_kagent.errors import Unreachable
from kubectl_kagent.model.turn import FINAL_STATES, PAUSED_STATES, Request, State, Usage

_RETRIES = 5
_RETRY_SECONDS = 1.0
_POLL_SECONDS = 1.0


@dataclass(slots=True)
class Turn:
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
        return self.state in FINAL_STATES or self.state in PAUSED_STATES


@dataclass(slots=True)
class Conversation:
    """Turns with one agent, one after the other, in one session."""

    line: AgentLine
    warn: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    turn: Turn = field(default_factory=Turn)

    def say(self, text: str, *, session: str = "") -> Iterator[tuple[Reply, list[Shown]]]:
        """Send ``text``; yield each message of the agent with what of it is to be shown.

        ``turn`` holds the state afterwards. Raises Unreachable when the agent stays away, RpcError when
        the question is refused.
        """
        self.turn = Turn(session=session)
        speech = Speech()
        stream = self.line.say(text, session=session)
        lost = 0
        while True:
            try:
                for reply in stream:
                    lost = 0
                    yield reply, self._hear(speech, reply)
            except Unreachable as error:
                lost += 1
                if not self.turn.task or lost > _RETRIES:
                    raise
                self.warn(f"{error.message}; picking it up again")
            if self.turn.over:
                return
            if not self.turn.task:
                raise Unreachable(f"agent {self.line.agent} said nothing, and ended the conversation")
            stream = self._again(lost)

    def _again(self, lost: int) -> Iterator[Reply]:
        """The task as it stands, then what is to come; polled where the agent can't be subscribed to."""
        self.sleep(_RETRY_SECONDS if lost else _POLL_SECONDS)
        current = self.line.task(self.turn.task)
        yield current
        if self._ended(current):
            return
        try:
            yield from self.line.resubscribe(self.turn.task)
        except RpcError:
            return  # not to be had of this runtime: the task is asked for again

    @staticmethod
    def _ended(reply: Reply) -> bool:
        states = [event.state for event in reply.update.events if isinstance(event, State)]
        return bool(states) and (states[-1] in FINAL_STATES or states[-1] in PAUSED_STATES)

    def _hear(self, speech: Speech, reply: Reply) -> list[Shown]:
        turn, update = self.turn, reply.update
        turn.task = update.task_id or turn.task
        turn.session = update.context_id or turn.session
        shown: list[Shown] = []
        for event in update.events:
            if isinstance(event, State):
                turn.state, turn.message = event.state, event.message or turn.message
            elif isinstance(event, Request) and event.id not in {known.id for known in turn.requests}:
                turn.requests.append(event)
            elif isinstance(event, Usage):
                turn.prompt_tokens += event.prompt
                turn.output_tokens += event.output
            shown += speech.hear(event, self.clock())
        return shown
