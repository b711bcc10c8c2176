"""chat without a message on a terminal: one question after the other, with line editing and history."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kubectl_kagent import clock
from kubectl_kagent.cli import terminal
from kubectl_kagent.commands.chat.talk import Talk
from kubectl_kagent.conversation.narration import CallStarted
from kubectl_kagent.errors import KagentError
from kubectl_kagent.masking import masked
from kubectl_kagent.render import chat as screen
from kubectl_kagent.render.table import plain
from kubectl_kagent.shell import command_line

_HELP = """\
/session  the session, and how to come back to it
/tools    the tool calls of the last answer, with everything they were given and gave
/trace    every call of a model or tool in the last answer, with its time and tokens
/quit     leave (or Ctrl-D); Ctrl-C cancels the answer that is being given
"""
_KEPT_LINES = 1000


def converse(talk: Talk, ask: Callable[[str], None]) -> None:
    """Until the person leaves; ``ask`` has a turn of ``talk`` from a question to its end."""
    agent = talk.conversation.client.agent
    terminal.say(f"agent {agent}; /help lists the commands, Ctrl-D leaves")
    with _history() as remember:
        for text in _lines(f"{plain(agent)}> "):
            if masked(text) == text:  # the history is a file
                remember(text)
            if text == "/quit":
                return
            try:
                if re.fullmatch(r"/[a-z]*", text):
                    with suppress(KeyboardInterrupt):  # it ends a look, not the chat
                        _command(talk, text)
                else:
                    ask(text)
            except KagentError as error:
                terminal.fail(error)


def _lines(prompt: str) -> Iterator[str]:
    """What is typed, without empty lines; Ctrl-C drops a line that is being typed."""
    while True:
        try:
            text = terminal.ask(prompt).strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text:
            yield text


def _command(talk: Talk, word: str) -> None:
    commands: dict[str, Callable[[Talk], Iterable[str]]] = {
        "/help": lambda _: _HELP.splitlines(),
        "/session": _session,
        "/tools": _tools,
        "/trace": _trace,
    }
    known = commands.get(word)
    for line in known(talk) if known else [f"no such command: {word}; /help lists them"]:
        terminal.say(line)


def _session(talk: Talk) -> Iterator[str]:
    session, client = talk.turn.session, talk.conversation.client
    if not session:
        yield "no session yet: it begins with the first question"
        return
    yield f"session {session}"
    where = (client.agent, "-n", client.namespace, f"--session={session}")
    yield f"{command_line('kubectl kagent chat', *where)} comes back to it"


def _tools(talk: Talk) -> Iterator[str]:
    if not talk.calls:
        yield "no tool was called"
    for item in talk.calls:
        if isinstance(item, CallStarted):
            yield f"→ {screen.call_text(item.call)}"
            continue
        yield f"{screen.tool_line(item).partition(':')[0]}:"
        yield from (f"  {line}" for line in item.result.text.split("\n"))


def _trace(talk: Talk) -> Iterator[str]:
    """The last turn as the controller keeps it; a trace that was sent somewhere has an ID of its own."""
    from kubectl_kagent.conversation.sessions import seen_soon
    from kubectl_kagent.render.trace import turn_tree
    from kubectl_kagent.telemetry.traces.query import NoSuchTurn
    from kubectl_kagent.telemetry.traces.secrets import without_secrets
    from kubectl_kagent.telemetry.traces.sources import records

    if talk.trace:
        yield f"trace {talk.trace}"
    if not talk.turn.task:
        yield "the controller keeps nothing of it" if talk.trace else "nothing was asked yet"
        return
    now = clock.now()
    kept = records((talk.conversation.client.controller,))
    record = seen_soon(lambda: kept.find(talk.turn.session, now.timestamp()), NoSuchTurn)
    for gap in record.gaps:
        terminal.warn(gap)
    for turn in record.turns:
        if turn.task == talk.turn.task:
            turn = without_secrets(turn) if terminal.masks() else turn
            yield from turn_tree(turn, now=now, columns=terminal.columns()).splitlines()


@contextmanager
def _history() -> Iterator[Callable[[str], None]]:
    """Line editing with the lines of earlier chats; gives a function that keeps a line."""
    try:
        import readline
    except ImportError:  # not part of every Python
        yield lambda _: None
        return
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(state) / "kubectl-kagent" / "chat_history"
    readline.set_auto_history(False)  # answers to questions are none of it
    with suppress(OSError):
        readline.read_history_file(path)
    try:
        yield readline.add_history
    finally:
        readline.set_history_length(_KEPT_LINES)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            readline.write_history_file(path)
        except OSError as error:
            terminal.warn(f"the lines of this chat are not kept: {error}")
