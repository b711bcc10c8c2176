"""sessions: the conversations that the controller keeps."""

from __future__ import annotations

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import completion, everybody, options, terminal
from kubectl_kagent.cli.command import group
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.ids import id_in
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import agent_name
from kubectl_kagent.conversation.sessions import delete, fetch, sessions_of
from kubectl_kagent.errors import UsageError
from kubectl_kagent.render import sessions as screen
from kubectl_kagent.render.output import Output
from kubectl_kagent.shell import command_line


@group(short_help="List, show, delete or export conversations")
def sessions() -> None:
    """List, show, delete or export a user's conversations with agents, which the controller keeps."""


@sessions.command(
    "list", short_help="List the user's sessions, the one used last first", needs=everybody.NEEDS
)
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
    """List the user's sessions with an agent, with all agents of the namespace, or with -A all of them.

    The controller keeps sessions by user, and has no list of users: whose to list is said with --user-id,
    once for each. --all-users adds those whom traces name, if there is a Tempo; who was not traced is
    missing. Who calls an agent without a user is A2A_USER_ and the id of the session.

    STARTED-BY is "agent" when another agent began the session, to talk to a sub-agent.

    \b
    kubectl kagent sessions list
    kubectl kagent sessions list datetime-agent
    kubectl kagent sessions list -A --user-id=ann@example.com --user-id=bob@example.com
    """
    name = agent_name(agent) if agent else ""
    namespace = None if all_namespaces else reach.namespace()
    reach = everybody.added(reach, others)
    found = sessions_of(reach.controllers(), namespace, name)
    if output.name == "name":
        terminal.write_ids("session", [item.id for item in found])
    elif not output.is_text:
        terminal.write(output.view(screen.sessions_view(found)))
    elif found:
        reach.tell_whose()
        users = output.wide or len(reach.users) > 1
        wide, now = output.wide, clock.now()
        terminal.show(
            screen.sessions_table(found, now=now, wide=wide, namespaces=all_namespaces, users=users)
        )
    if not found:
        of = f" of agent {name}" if name else ""
        where = f" in {namespace} namespace" if namespace else ""
        terminal.say(f"No sessions{of} found{where} ({reach.whose}).")


@sessions.command(short_help="Show a session as a transcript")
@click.argument("session", shell_complete=completion.session)
@formats("json", "yaml", "jsonpath")
@terminal.secrets
@with_controller
def show(reach: ControllerAccess, session: str, output: Output) -> None:
    """Show who said what, the tool calls with arguments and results, approvals, and tokens. Times are UTC.

    SESSION is an id, or the beginning of one. What looks like a secret is masked.

    \b
    kubectl kagent sessions show 01a205ee-5c2c-7c37-98b7-5021745c85a8
    """
    from kubectl_kagent.conversation.transcript import transcript
    from kubectl_kagent.render import transcript as screen

    id_ = _id(session)
    kept = fetch(reach.controller(), id_)
    entries = transcript(kept.session.agent, kept.tasks, kept.events)
    if not output.is_text:
        terminal.write(output.view(screen.transcript_view(kept.session, entries), whole=not terminal.masks()))
        return
    terminal.write(screen.transcript_text(kept.session, entries, terminal.without_secrets))
    if not kept.tasks and kept.events:
        exported = command_line("kubectl kagent sessions export", of=kept.session.id, kind="session")
        terminal.warn(
            f"the session has {len(kept.events)} events and no task: its agent keeps none "
            f"({exported} has the events)"
        )


@sessions.command("delete", short_help="Delete sessions")
@click.argument("session", nargs=-1, required=True, shell_complete=completion.session)
@click.option(
    "--dry-run",
    type=click.Choice(["none", "client"]),
    default="none",
    help="client: only print what would be deleted.",
)
@with_controller
def delete_(reach: ControllerAccess, session: tuple[str, ...], dry_run: str) -> None:
    """Delete sessions with their events and tasks. The agent forgets them, too. SESSION is a whole id.

    \b
    kubectl kagent sessions delete 01a205ee-5c2c-7c37-98b7-5021745c85a8
    kubectl kagent sessions list datetime-agent -o name | xargs -d '\\n' kubectl kagent sessions delete --
    """
    ids = [_id(word) for word in session]
    controller = reach.controller()
    for id_ in ids:
        delete(controller, id_, dry_run=dry_run == "client")
        suffix = " (dry run)" if dry_run == "client" else ""
        terminal.done(f"session/{id_} deleted{suffix}")


@sessions.command(short_help="Print a whole session with its events and tasks")
@click.argument("session", shell_complete=completion.session)
@formats("json", "yaml", "md", default="json")
@terminal.secrets
@with_controller
def export(reach: ControllerAccess, session: str, output: Output) -> None:
    """Print a whole session with all its events and tasks; -o md prints the transcript as Markdown.

    SESSION is an id, or the beginning of one. What looks like a secret is masked. With --show-secrets the
    output holds everything that was said, given to tools or sent as headers.

    \b
    kubectl kagent sessions export 01a205ee-5c2c-7c37-98b7-5021745c85a8 > session.json
    """
    id_ = _id(session)
    kept = fetch(reach.controller(), id_)
    if output.name == "md":
        from kubectl_kagent.conversation.transcript import transcript
        from kubectl_kagent.render.transcript import transcript_markdown

        entries = transcript(kept.session.agent, kept.tasks, kept.events)
        terminal.write(transcript_markdown(kept.session, entries, terminal.without_secrets))
        return
    terminal.write(output.view(screen.export_view(kept), whole=not terminal.masks()))


def _id(word: str) -> str:
    shown = "kubectl kagent sessions list -A shows them"
    id_ = id_in(word, "session", shown)
    if "/" in id_:
        raise UsageError(f'"{word}" is not a session', hint=shown)
    return id_
