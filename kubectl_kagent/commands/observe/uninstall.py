"""observe uninstall."""

from __future__ import annotations

import click

from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.commands.observe.bundle_flags import namespace
from kubectl_kagent.errors import KagentError, UsageError, done_so_far
from kubectl_kagent.model.resources import NAMESPACE
from kubectl_kagent.observe.bundle import DEFAULT_NAMESPACE
from kubectl_kagent.observe.removal import Removal, delete, removal, try_to_delete, why_left
from kubectl_kagent.render.output import TEXT


@command(short_help="Delete what install made")
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
@options.mutation
@options.connection_in(DEFAULT_NAMESPACE)
def uninstall(connect: options.Connect, *, yes: bool, dry_run: str, manager: str) -> None:
    """Delete the objects that have the bundle's label and were applied by our field manager, and no others.

    The namespace goes with them, and every Secret in it, unless it has other objects of the bundle's kinds.
    What is left is said, with the reason.

    \b
    kubectl kagent observe uninstall --dry-run=client
    kubectl kagent observe uninstall --yes
    """
    cluster, place = connect(), namespace()
    found = removal(cluster, place, manager=manager)
    for line in found.left:
        terminal.warn(f"left: {line}")
    if not found.deleted:
        terminal.say(f"nothing of the bundle is installed in namespace {place}")
        return
    if dry_run != "client":
        try_to_delete(cluster, found.deleted)
    if dry_run == "none" and not yes:
        _agree(found, place)
    with done_so_far() as done:
        for count, item in enumerate(found.deleted, 1):
            if dry_run == "none":
                # somebody may have put something into it since, above all while we asked
                if item.resource is NAMESPACE and (reason := why_left(cluster, item, found.deleted)):
                    terminal.warn(f"left: {reason}")
                    continue
                delete(cluster, item)
                done.text = f"{count} of {len(found.deleted)} objects are deleted"
                done.hint = "kubectl kagent observe uninstall goes on where it ended"
            terminal.changed(item.obj, "deleted", TEXT, dry_run)


def _agree(found: Removal, place: str) -> None:
    """Raises UsageError when nobody is there to ask, KagentError when the answer is no."""
    if not terminal.person():
        raise UsageError(
            "cannot ask whether to delete the bundle: there is no terminal",
            hint="--yes deletes what --dry-run=client prints",
        )
    for item in found.deleted:
        terminal.say(item.label)
    whole = any(item.resource is NAMESPACE for item in found.deleted)
    also = ", with the namespace and all Secrets in it" if whole else ""
    try:
        question = f"delete these {len(found.deleted)} objects of namespace {place}{also}? [y]es, [n]o: "
        while (answer := terminal.ask(question).strip().lower()) not in ("y", "yes"):
            if answer in ("n", "no"):
                raise EOFError
    except EOFError:
        raise KagentError("nothing was deleted") from None
