"""observe diff."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from kubectl_kagent.cli import external_diff, options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.commands.observe.bundle_flags import EXCLUSIVE, BundleFlags, bundle_flags, namespace
from kubectl_kagent.errors import KagentError, UsageError
from kubectl_kagent.observe import changes
from kubectl_kagent.observe.bundle import DEFAULT_NAMESPACE
from kubectl_kagent.observe.removal import Installed, superseded
from kubectl_kagent.render import observe as screen

_FAILED = 2  # as with kubectl diff, 1 says that something differs


@command(short_help="Show what install would change", exclusive=EXCLUSIVE)
@bundle_flags
@click.option(
    "--field-manager", "manager", default=options.MANAGER, show_default=True, help="Field manager of install."
)
@terminal.color
@options.connection_in(DEFAULT_NAMESPACE)
def diff(connect: options.Connect, *, flags: BundleFlags, manager: str) -> None:
    """Show what install would change, as kubectl diff does: the live objects, and what would become of them.

    Exit code 0: nothing differs, 1: something does, more than 1: an error. If KUBECTL_EXTERNAL_DIFF is set,
    that program gets a folder with the live objects and one with the others. What looks like a secret is
    masked.

    \b
    kubectl kagent observe diff
    """
    try:
        cluster, objects = connect(), flags.objects(connect)
        found = changes.changes(cluster, objects, manager=manager)
        pruned = superseded(cluster, namespace(), objects, manager=manager)
        for line in (line for change in found for line in change.conflicts):
            terminal.warn(f"{line}: install changes it only with --force-conflicts")
        differing = [change for change in found if change.verb != "unchanged"]
        code = _show(differing, pruned) if differing or pruned else 0
    except UsageError:
        raise
    except KagentError as error:
        error.exit_code = max(error.exit_code, _FAILED)
        raise
    click.get_current_context().exit(code)


def _show(differing: Sequence[changes.Change], pruned: Sequence[Installed]) -> int:
    """Print the differences, or let the user's program do it: the exit code is its own then."""
    if external := os.environ.get("KUBECTL_EXTERNAL_DIFF", "").strip():
        return external_diff.run_on_folders(external, *screen.diff_folders(differing, pruned))
    terminal.show(screen.diff_text(differing, pruned))
    return 1
