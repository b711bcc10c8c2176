"""approvals: what waits for a person, across agents and sessions, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import completion, everybody, options, terminal
from kubectl_kagent.cli.command import group
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.ids import id_in
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import agent_name
from kubectl_kagent.commands.chat.questions import chosen
from kubectl_kagent.commands.chat.talk import ELSEWHERE, Talk, answer_by_chat, rejecting
from kubectl_kagent.conversation.client import A2AClient
from kubectl_kagent.conversation.conversation import Conversation, Exchange
from kubectl_kagent.conversation.decisions import (
    UNREADABLE,
    Pending,
    Verdict,
    decision,
    readable,
    rejection,
    unknown_protocol,
)
from kubectl_kagent.conversation.inbox import Waiting, find, inbox, inbox_of, state_of
from kubectl_kagent.errors import KagentError, UsageError
from kubectl_kagent.render import approvals as screen
from kubectl_kagent.render.chat import asked_line
from kubectl_kagent.render.output import Output

_formats = formats("text", "json", default="text")


@group(short_help="List, approve or reject what waits for a person")
def approvals() -> None:
    """List and decide what agents ask of a person: approvals of tool calls, and answers to questions."""


@approvals.command("list", short_help="List what waits, the longest first", needs=everybody.NEEDS)
@click.argument("agent", required=False, default="", shell_complete=completion.agent)
@options.all_namespaces
@everybody.flags
@formats("json", "yaml", "name", "wide", "jsonpath")
@terminal.color
@with_controller
def list_(
    reach: ControllerAccess,
    agent: str,
    *,
    all_namespaces: bool,
    others: everybody.Others,
    output: Output,
) -> None:
    """List what waits in the user's sessions, one line for each tool call or question.

    The controller keeps sessions by user, and has no list of users: whose to look through is said with
    --user-id, once for each. --all-users adds those whom traces name, if there is a Tempo; who was not traced
    is missing.

    \b
    kubectl kagent approvals list -A
    kubectl kagent approvals list datetime-agent -o json
    kubectl kagent approvals list -A --user-id=ann@example.com --user-id=bob@example.com
    """
    name = agent_name(agent) if agent else ""
    namespace = None if all_namespaces else reach.namespace()
    reach = everybody.added(reach, others)
    found = inbox_of(reach.controllers(), namespace, terminal.warn, agent=name)
    for extension in sorted({item.extension for item in found} - {""}):
        terminal.warn(unknown_protocol(extension))
    if not found:
        of = f" of agent {name}" if name else ""
        where = f" in {namespace} namespace" if namespace else ""
        terminal.say(f"Nothing{of} waits for a person{where} ({reach.whose}).")
    if output.is_text and found:
        reach.tell_whose()
        users, now = len(reach.users) > 1, clock.now()
        terminal.show(screen.approvals_table(found, now=now, namespaces=all_namespaces, users=users))
    elif output.is_text:
        return
    elif output.name == "name":
        terminal.write_ids("task", [item.task for item in found])
    else:
        terminal.write(output.view(screen.approvals_view(found)))


_yes = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


@approvals.command(short_help="Approve the calls of a task, or answer its questions")
@click.argument("task", shell_complete=completion.waiting_task)
@click.option(
    "--call", "calls", multiple=True, metavar="ID", help="Approve only this call; the others are rejected."
)
@click.option("--reason", default="", metavar="TEXT", help="Why the others are rejected.")
@click.option(
    "--answer",
    "answers",
    multiple=True,
    metavar="TEXT",
    help="Answer to a question; with several questions, one for each in order.",
)
@_yes
@_formats
@with_controller
def approve(
    reach: ControllerAccess,
    task: str,
    calls: tuple[str, ...],
    reason: str,
    answers: tuple[str, ...],
    *,
    yes: bool,
    output: Output,
) -> None:
    """Approve everything that a task waits for, and follow the rest of the turn as chat does.

    The calls are printed with all their arguments, and then you are asked to confirm, unless --call or --yes
    is given. Nothing is sent if the agent waits for something else by then, or when another task of the
    session may have asked since: the agent would take the decision for what it asked last.

    TASK is the id of the task or the beginning of it. kagent decides all calls of a task at once: with
    --call only the named calls are approved, and all others are rejected. Nothing is approved beside a call
    that can't be read; a question in words, without a call, is answered with chat.

    \b
    kubectl kagent approvals approve 2a9d5f30
    kubectl kagent approvals approve 2a9d5f30 --call=call_7 --reason='not on a Friday'
    kubectl kagent approvals approve 2a9d5f30 --answer=PostgreSQL
    """
    if reason and not calls:
        raise UsageError("--reason goes with --call: it is what the other calls are rejected with")
    agreed = yes or bool(calls)
    _decide(
        reach,
        task,
        lambda found: _approval(reach, found, calls, reason, answers),
        "approve",
        agreed=agreed,
        output=output,
    )


@approvals.command(short_help="Reject all calls of a task")
@click.argument("task", shell_complete=completion.waiting_task)
@click.option("--reason", default="", metavar="TEXT", help="Why the calls are rejected; the agent is told.")
@_yes
@_formats
@with_controller
def reject(reach: ControllerAccess, task: str, reason: str, *, yes: bool, output: Output) -> None:
    """Reject everything that a task waits for, and follow the rest of the turn as chat does.

    As with approve, the calls are printed, and then you are asked to confirm, unless --yes is given.
    Nothing is sent either when another task of the session may have asked since.

    \b
    kubectl kagent approvals reject 2a9d5f30 --reason='not on a Friday'
    """
    _decide(reach, task, lambda found: rejection(found.calls, reason), "reject", agreed=yes, output=output)


def _decide(
    reach: ControllerAccess,
    word: str,
    decided: Callable[[Waiting], dict[str, Any]],
    verb: str,
    *,
    agreed: bool,
    output: Output,
) -> None:
    task = id_in(word, "task", "kubectl kagent approvals list -A shows what waits")
    controller = reach.controller()
    waiting = inbox(controller, None, terminal.warn)
    if word != task and any(item.task == word for item in waiting):  # ids are agents' own words
        raise UsageError(
            f'"{word}" is task {task}, and the id of another task that waits',
            hint=f"{task} names the one, task/{word} the other",
        )
    found = find(waiting, task, lambda task: state_of(controller, task))
    session = found.session
    line = A2AClient(controller, session.namespace, session.agent)
    if not found.calls and (extension := found.extension or line.approvals()):
        raise KagentError(unknown_protocol(extension), hint=ELSEWHERE)
    told = decided(found)
    _show(found)
    if not agreed:
        _agree(verb)
    conversation = Conversation(line, terminal.warn)
    conversation.turn = Exchange(session=session.id, task=found.task, message=found.message)
    talk = Talk(conversation, output, user_flags=reach.user_flags)
    talk.decide(told, found.calls)
    talk.end()


def _show(found: Waiting) -> None:
    """What is decided about, whole: a mask could hide what a call does."""
    session = found.session
    terminal.say(f"agent {session.agent} of namespace {session.namespace} waits with task {found.task}:")
    for call in found.calls:
        terminal.say_whole(f"? {asked_line(call)}" + (f"  [{call.id}]" if call.id else ""))
    if not found.calls:
        terminal.say_whole(f"? {found.message}")


def _agree(verb: str) -> None:
    """Raises UsageError when nobody is there to ask, KagentError when the answer is no."""
    if not terminal.person():
        raise UsageError(
            f"cannot ask whether to {verb} this: there is no terminal",
            hint="--yes confirms everything that is printed above"
            + (", --call=ID approves one call of it" if verb == "approve" else ""),
        )
    try:
        while (answer := terminal.ask(f"{verb}? [y]es, [n]o: ").strip().lower()) not in ("y", "yes"):
            if answer in ("n", "no"):
                raise EOFError
    except EOFError:
        raise KagentError("nothing was approved or rejected") from None


def _approval(
    reach: ControllerAccess, found: Waiting, calls: tuple[str, ...], reason: str, answers: tuple[str, ...]
) -> dict[str, Any]:
    """The decision that approves, of what waits, what the command line says.

    Raises UsageError where that makes no sense, KagentError where not all of it can be read.
    """
    if not found.calls:
        said, session = " ".join(found.message.split()), found.session
        raise UsageError(
            f"task {found.task} waits with nothing to approve: {said}",
            hint=answer_by_chat(session.agent, session.namespace, session.id, reach.user_flags),
        )
    if not readable(found.calls):
        _show(found)
        shown = "kubectl kagent approvals list -A -o json has it whole"
        raise KagentError(UNREADABLE, hint=f"{rejecting(found.task, reach.user_flags)}; {shown}")
    return decision(found.calls, _verdicts(found.calls, calls, reason, answers))


def _verdicts(
    pending: Sequence[Pending], calls: tuple[str, ...], reason: str, answers: tuple[str, ...]
) -> list[Verdict]:
    known = [item.id for item in pending]
    for call in calls:
        if not call:
            raise UsageError("--call names no call")
        if known.count(call) > 1:
            raise UsageError(
                f'{known.count(call)} calls of the task have the id "{call}"',
                hint="without --call all of them are approved",
            )
        if call not in known:
            ids = ", ".join(filter(None, known)) or "calls without ids"
            raise UsageError(f'the task does not wait for a call "{call}"', hint=f"it waits for {ids}")
    asks = [item for item in pending if item.questions and (not calls or item.id in calls)]
    if asks and not answers:
        raise UsageError(
            "the task waits for an answer: " + "; ".join(item.question for item in asks[0].questions),
            hint="give it with --answer, one for each question",
        )
    if answers and not asks:
        raise UsageError("the task asks no question: it waits for an approval")
    return [
        Verdict(approved=False, reason=reason)
        if calls and item.id not in calls
        else Verdict(approved=True, answers=_answers(item, answers) if item.questions else ())
        for item in pending
    ]


def _answers(call: Pending, given: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Of one question that takes several choices all answers, else one for each question."""
    if len(call.questions) == 1 and call.questions[0].multiple:
        return (tuple(word for text in given for word in chosen(call.questions[0], text)),)
    if len(given) != len(call.questions):
        raise UsageError(
            f"the task asks {len(call.questions)} questions, and {len(given)} answers were given"
        )
    return tuple(chosen(question, text) for question, text in zip(call.questions, given, strict=True))
