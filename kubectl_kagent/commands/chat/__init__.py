"""chat: ask an agent, once or in a dialog."""

from __future__ import annotations

import sys
from typing import TextIO

import click

from kubectl_kagent.backends.controller import Controller
from kubectl_kagent.backends.otlp_receiver import address
from kubectl_kagent.cli import completion, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import agent_name
from kubectl_kagent.commands.chat.reasons import explained
from kubectl_kagent.commands.chat.talk import Talk
from kubectl_kagent.conversation.client import A2AClient
from kubectl_kagent.conversation.conversation import Conversation
from kubectl_kagent.conversation.sessions import id_of, newest
from kubectl_kagent.errors import KagentError, UsageError
from kubectl_kagent.render.output import Output


@command(short_help="Ask an agent, once or in a dialog", exclusive=[("--session", "--continue")])
@click.argument("agent", shell_complete=completion.agent)
@click.argument("message", required=False)
@click.option("-f", "--filename", type=click.File("r"), help="Read the message from this file; - is stdin.")
@click.option(
    "--session",
    default="",
    metavar="ID",
    shell_complete=completion.session,
    help="Continue this session, or the one that begins so.",
)
@click.option("--continue", "go_on", is_flag=True, help="Continue the newest session with the agent.")
@formats("text", "json", default="text")
@click.option(
    "--otlp-endpoint",
    default="",
    metavar="URL",
    callback=lambda _context, _parameter, value: address(value) if value else "",
    help="Send the root span of each turn to this OTLP receiver; port 4317 is gRPC, any other HTTP.",
)
@terminal.secrets
@with_controller
def chat(
    reach: ControllerAccess,
    agent: str,
    message: str | None,
    filename: TextIO | None,
    session: str,
    *,
    go_on: bool,
    output: Output,
    otlp_endpoint: str,
) -> None:
    """Ask an agent and print its answer as it comes; tool calls go to stderr.

    The message is the argument (- is stdin), a file, or stdin; at a terminal, a dialog begins if there is
    none. When the agent asks for an approval or an answer, you are asked at the terminal. Exits with 0 when
    the task is completed, 1 when it failed, and 7 when it waits for a person. Ctrl-C cancels the task; a
    second Ctrl-C leaves.

    What looks like a secret is masked, except in what you are asked to approve. With -o json each event is
    masked by itself: a secret that is split over several events is not seen.

    \b
    kubectl kagent chat datetime-agent 'what time is it in Berlin?'
    kubectl kagent chat datetime-agent
    git diff | kubectl kagent chat reviewer
    # print each event as a line of JSON
    kubectl kagent chat datetime-agent 'what time is it?' -o json
    """
    text = _message(message, filename)
    if text is None and not output.is_text:
        raise UsageError("-o json needs a message", hint="give it as an argument, with -f, or on stdin")
    name = agent_name(agent)
    reach.check_one_user()
    reach.agent(name)
    controller, namespace = reach.controller(), reach.namespace()
    line = A2AClient(controller, namespace, name)
    conversation = Conversation(line, terminal.warn)
    session = newest(controller, namespace, name) if go_on else _session(controller, session)
    conversation.turn.session = session
    person = terminal.person() and output.is_text
    talk = Talk(conversation, output, person, otlp_endpoint, reach.user_flags)

    def ask(text: str) -> None:
        with explained(reach, line, talk.turn.session):
            talk.say(text)
            talk.end()

    if text is None:
        from kubectl_kagent.commands.chat.dialog import converse

        converse(talk, ask)
        return
    ask(text)


def _session(controller: Controller, word: str) -> str:
    """The id of the session to continue, of which ``word`` may be the beginning; said when there is none."""
    if not word:
        return ""
    try:
        found = id_of(controller, word)
    except UsageError:
        raise
    except KagentError as error:
        terminal.warn(f"whether session {word} is there is not known: {error.message}")
        return word
    if not found:
        terminal.warn(f"user {controller.user} has no session {word} to continue: a new one begins")
    return found or word


def _message(message: str | None, filename: TextIO | None) -> str | None:
    """The message; None when a person is there to type it."""
    if message is not None and filename is not None:
        raise UsageError("give the message as an argument or with -f, not both")
    if message is None and filename is None and sys.stdin.isatty():
        return None
    try:
        text = message if message not in (None, "-") else (filename or sys.stdin).read()
    except UnicodeDecodeError as error:
        raise UsageError(f"the message is not {error.encoding.upper()} text: {error.reason}") from error
    if not text.strip():
        raise UsageError("the message is empty", hint="give it as an argument, with -f, or on stdin")
    return text
