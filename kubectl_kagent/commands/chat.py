"""chat: one message to an agent, streamed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TextIO

import click

from kubectl_kagent import options
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.kagent import find_controller
from kubectl_kagent.commands import terminal
from kubectl_kagent.conversation.a2a import DEFAULT_USER, AgentLine
from kubectl_kagent.conversation.chat import Conversation, Turn
from kubectl_kagent.conversation.speech import Shown, Words
from kubectl_kagent.conversation.wire import RpcError
from kubectl_kagent.errors import InputRequired, KagentError, Usage
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.render import turn as screen


@click.command(short_help="Ask an agent")
@click.argument("agent", shell_complete=options.complete_target)
@click.argument("message", required=False)
@click.option("-f", "--filename", type=click.File("r"), help="Read the message from this file; - is stdin.")
@click.option("--session", default="", help="Go on with this session.")
@click.option("--user-id", default=DEFAULT_USER, show_default=True, help="The user to speak as.")
@click.option("--kagent-namespace", metavar="NAME", help="Where kagent runs; default: wherever it is.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@options.connected
def chat(
    cluster: Cluster,
    agent: str,
    message: str | None,
    filename: TextIO | None,
    session: str,
    user_id: str,
    kagent_namespace: str | None,
    output: str,
) -> None:
    """Ask an agent and print its answer as it comes; tool calls go to stderr.

    The message is the argument, a file, or stdin. Ends with 0 when the task is completed, 1 when it
    failed, 7 when it waits for an approval or an answer. Ctrl-C cancels the task.

    \b
    kubectl kagent chat datetime-agent 'what time is it in Berlin?'
    git diff | kubectl kagent chat reviewer
    # every event as a line of JSON
    kubectl kagent chat datetime-agent 'what time is it?' -o json
    """
    text = _message(message, filename)
    name = options.parse_targets((agent,), (AGENT,)).names[0]
    cluster.get(AGENT, cluster.namespace, name)  # a wrong name is kubectl's error, not the controller's
    line = AgentLine(cluster, find_controller(cluster, kagent_namespace), cluster.namespace, name, user_id)
    conversation = Conversation(line, terminal.warn)
    spoke = False
    try:
        for reply, shown in conversation.say(text, session=session):
            if output == "json":
                terminal.write(json.dumps(reply.raw, ensure_ascii=False) + "\n")
            else:
                spoke |= _show(shown)
    except KeyboardInterrupt:
        _cancel(line, conversation.turn)
        raise
    if spoke:
        terminal.write("\n")
    terminal.say(screen.closing(conversation.turn))
    _end(name, conversation.turn)


def _message(message: str | None, filename: TextIO | None) -> str:
    if message is not None and filename is not None:
        raise Usage("give the message as an argument or with -f, not both")
    if message is None and filename is None and sys.stdin.isatty():
        raise Usage("no message", hint="kubectl kagent chat AGENT 'what time is it?'")
    text = message if message is not None else (filename or sys.stdin).read()
    if not text.strip():
        raise Usage("the message is empty")
    return text


def _show(shown: Iterable[Shown]) -> bool:
    """Print what is to be shown; whether the agent spoke."""
    spoke = False
    for item in shown:
        if isinstance(item, Words):
            terminal.write(item.text)
            spoke = True
        else:
            terminal.say(screen.tool_line(item))
    return spoke


def _cancel(line: AgentLine, turn: Turn) -> None:
    """Ask once; whether the runtime can is another matter, and said."""
    if not turn.task:
        return
    try:
        line.cancel(turn.task)
        terminal.say(f"task {turn.task} canceled")
    except RpcError as error:
        terminal.warn(f"task {turn.task} goes on: the agent can't cancel it ({error.message})")


def _end(agent: str, turn: Turn) -> None:
    if turn.state == "completed":
        return
    if turn.requests:
        raise InputRequired(
            f"agent {agent} waits for somebody: {'; '.join(map(screen.request_line, turn.requests))}",
            hint=f"kubectl kagent chat {agent} --session={turn.session} goes on with the conversation",
        )
    said = f": {turn.message.strip()}" if turn.message.strip() else ""
    raise KagentError(f"agent {agent}'s task is {turn.state or 'unknown'}{said}")
