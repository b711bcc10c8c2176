"""A turn as the terminal shows it: chat and approvals print it, ask the person, and end alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kubectl_kagent.cli import terminal
from kubectl_kagent.cli.interrupt import first_interrupt
from kubectl_kagent.commands.chat import questions
from kubectl_kagent.conversation.conversation import Conversation, Exchange, Heard
from kubectl_kagent.conversation.decisions import Pending, pending, readable
from kubectl_kagent.conversation.narration import CallEnded, CallStarted, Shown, TextChunk, without_secrets
from kubectl_kagent.conversation.root_span import RootSpan
from kubectl_kagent.errors import InputRequired, Interrupted, KagentError
from kubectl_kagent.masking import masked_value, stream
from kubectl_kagent.render import chat as screen
from kubectl_kagent.render.output import TEXT, Output
from kubectl_kagent.shell import command_line

# where approvals come in a way that is not known here
ELSEWHERE = "decide it in kagent's own UI"


class TaskFailed(KagentError):
    """The agent's task ended otherwise than completed."""


@dataclass(slots=True)
class Talk:
    """A conversation on a terminal or into a pipe. ``calls`` are the tool calls of the last turn.

    ``person``: somebody is there to be asked. With ``otlp`` (a URL) each turn is a trace of its own.
    ``user_flags`` are what a command needs to find the same user's task, if anything.
    """

    conversation: Conversation
    output: Output = TEXT
    person: bool = False
    otlp: str = ""
    user_flags: tuple[str, ...] = ()
    trace: str = ""
    calls: list[CallStarted | CallEnded] = field(default_factory=list)
    _open_line: bool = False
    _words: stream.MaskedStream = field(default_factory=stream.MaskedStream)

    @property
    def turn(self) -> Exchange:
        return self.conversation.turn

    def say(self, text: str) -> None:
        """Ask the agent, in the session of the last turn."""
        session = self.turn.session
        self._whole(lambda: self.conversation.say(text, session=session))

    def decide(self, decision: Mapping[str, Any], shown: Sequence[Pending]) -> None:
        """Answer what the turn waits for, if it still is what was ``shown``."""
        self._whole(lambda: self.conversation.decide(decision, shown))

    def _whole(self, begin: Callable[[], Heard]) -> None:
        """A turn with everything that is asked in it, and its closing line however it ends."""
        self.calls.clear()
        client = self.conversation.client
        root = RootSpan.begin(self.otlp, client.agent) if self.otlp else None
        if root:
            self.trace = root.trace_id
            self.conversation.client = replace(client, headers={"traceparent": root.traceparent})
        heard = begin()
        try:
            self._print(heard)
            while self.person and self.turn.requests and self.turn.waits:
                shown = pending(self.turn.requests)
                decision = self._asked(shown)
                if decision is None:
                    break
                self._print(self.conversation.decide(decision, shown))
        finally:
            if root and (failure := root.end(self.turn)):
                terminal.warn(failure)
            if self.turn.session:
                terminal.say(screen.closing(self.turn, self.trace if root else ""))

    def _asked(self, shown: Sequence[Pending]) -> dict[str, Any] | None:
        try:
            return questions.ask(shown)
        except KeyboardInterrupt as error:
            task = self.turn.task
            raise Interrupted(f"task {task} waits for an answer", self._answering()) from error

    def _print(self, heard: Heard) -> None:
        try:
            with first_interrupt(lambda: bool(self.turn.task), self._cancel):
                for reply, shown in heard:
                    if not self.output.is_text:
                        raw = masked_value(reply.raw) if terminal.masks() else reply.raw
                        terminal.write(json.dumps(raw, ensure_ascii=False) + "\n")
                    else:
                        self._show(shown)
        finally:
            self._end_line()

    def _show(self, shown: Iterable[Shown]) -> None:
        for item in shown:
            if isinstance(item, TextChunk):
                if item.new:
                    self._end_line()
                self._write(self._words.feed(item.text) if terminal.masks() else item.text)
                continue
            self._end_line()
            item = without_secrets(item) if terminal.masks() else item
            terminal.say(screen.tool_line(item))
            if isinstance(item, CallStarted | CallEnded):
                self.calls.append(item)

    def _write(self, text: str) -> None:
        terminal.write(text)
        self._open_line = not text.endswith("\n") if text else self._open_line

    def _end_line(self) -> None:
        self._write(self._words.rest())
        if self._open_line:
            terminal.write("\n")
        self._open_line = False

    def _cancel(self) -> None:
        """Ask once; whether the runtime can is another matter, and said."""
        task = self.turn.task
        try:
            self.conversation.client.cancel(task)
            terminal.say(f"asked to cancel task {task}; Ctrl-C again leaves")
        except KagentError as error:
            terminal.warn(
                f"task {task} is still running: the agent cannot cancel it ({error.message}); "
                "Ctrl-C again leaves"
            )

    def end(self) -> None:
        """Return for a completed task. Raises what the exit code is made from for any other."""
        turn, agent = self.turn, self.conversation.client.agent
        if turn.state == "completed":
            return
        said = " ".join(turn.message.split())
        if turn.waits:
            calls = pending(turn.requests)
            what = "; ".join(map(screen.pending_line, calls)) or said or turn.state
            raise InputRequired(f"agent {agent} waits for somebody: {what}", hint=self._answering())
        raise TaskFailed(f"agent {agent}'s task is {turn.state or 'unknown'}{f': {said}' if said else ''}")

    def _answering(self) -> str:
        """How what the turn waits for is answered."""
        turn, client = self.turn, self.conversation.client
        if self.conversation.foreign:
            return ELSEWHERE
        if not turn.requests:
            return answer_by_chat(client.agent, client.namespace, turn.session, self.user_flags)
        calls = pending(turn.requests)
        if not readable(calls):
            return rejecting(turn.task, self.user_flags)
        answer = ["--answer=TEXT"] if any(call.questions for call in calls) else []
        words = (*answer, *self.user_flags)
        return f"{_deciding('approve', turn.task, words)} (or reject)"


def rejecting(task: str, user_flags: Sequence[str]) -> str:
    """What is left to do about calls that can't be read."""
    return f"{_deciding('reject', task, user_flags)} rejects all of it"


def _deciding(verb: str, task: str, words: Sequence[str]) -> str:
    return command_line(f"kubectl kagent approvals {verb}", *words, of=task, kind="task")


def answer_by_chat(agent: str, namespace: str, session: str, user_flags: Sequence[str]) -> str:
    """How a question is answered that is put in words: as it was asked for."""
    words = (agent, "MESSAGE", "-n", namespace, f"--session={session}", *user_flags)
    return f"{command_line('kubectl kagent chat', *words)} answers it"
