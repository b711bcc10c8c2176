"""rollout undo, and rollback."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import click

from kubectl_kagent.cli import completion, drain, options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import one_target
from kubectl_kagent.cli.waiting import waits_for
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import KagentError, Unchanged, done_so_far
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history import undo as undoing
from kubectl_kagent.lifecycle.history.diff import difference
from kubectl_kagent.lifecycle.history.restoring import client_dry_run, say_restored, server_dry_run
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.undo_plan import UndoPlan, choose, plan
from kubectl_kagent.lifecycle.rollout.wait import Voice, check_readable, follow
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import Workload, named
from kubectl_kagent.render import undo as screen
from kubectl_kagent.render.history import diff_text
from kubectl_kagent.render.output import OBJECTS, TEXT, Output

_NOTHING = "nothing was rolled back"


@command(short_help="Roll back to an earlier revision")
@options.targets
@click.option(
    "--to-revision",
    type=int,
    default=0,
    shell_complete=completion.revision,
    help="Revision to roll back to; 0: the newest one that differs.",
)
@click.option(
    "--with-sources", is_flag=True, help="Also restore shared ModelConfigs, tool servers and ConfigMaps."
)
@waits_for("the pods of the restored config")
@drain.flag
@options.error_unchanged
@formats(*OBJECTS)
@options.mutation
@with_controller
def undo(
    reach: ControllerAccess,
    target: tuple[str, ...],
    to_revision: int,
    *,
    with_sources: bool,
    wait: bool,
    timeout: float,
    drain_first: bool,
    error_unchanged: bool,
    output: Output,
    dry_run: str,
    manager: str,
) -> None:
    """Restore the config of an earlier revision, keep the replica count, and check the result.

    It prints "rolled back" only when the Deployment has the config hash of that revision again, and is not
    paused.

    With --drain it waits before the change until no task of the agent is at work, as far as the controller's
    records of the users that --user-id names tell, and changes nothing when that takes longer than --timeout.
    Without it a pod has 30s to finish what it works on, and longer tasks are cut off.

    \b
    kubectl kagent rollout undo agent/datetime-agent
    kubectl kagent rollback agent/datetime-agent --to-revision=3 --wait
    # show what it would change
    kubectl kagent rollout undo agent/datetime-agent --dry-run=server
    """
    cluster, (resource, name) = reach.connect(), one_target(target)
    workload = named(resource, cluster.namespace, name)

    def find() -> list[Workload]:
        """What would be refused is refused before the wait."""
        if wait:
            check_readable(cluster, [workload])
        choose(history.update(cluster, workload, manager=manager, record=False), to_revision)
        return [workload]

    if drain_first:
        drain.wait_for_tasks(reach, resource, find, timeout, dry_run=dry_run)
    elif wait:
        check_readable(cluster, [workload])
    roll_back(
        cluster,
        workload,
        lambda past: choose(past, to_revision),
        with_sources=with_sources,
        error_unchanged=error_unchanged,
        output=output,
        dry_run=dry_run,
        manager=manager,
        wait=timeout if wait else None,
    )


def roll_back(
    cluster: Cluster,
    workload: Workload,
    target: Callable[[History], Revision],
    *,
    with_sources: bool = False,
    error_unchanged: bool = False,
    output: Output = TEXT,
    dry_run: str = "none",
    manager: str = options.MANAGER,
    wait: float | None = None,
) -> str:
    """Undo to what ``target`` picks and say what is true; ``wait`` is how long for the pods (0: no limit).

    What came of it, in a few words.
    """
    past = history.update(cluster, workload, manager=manager, record=dry_run == "none")
    notes = Notes()
    notes.tell(*(past.notes if dry_run == "none" else ()))
    planned = plan(cluster, past, target(past), with_sources=with_sources)
    if not planned.changes_anything:
        _skip(planned, error_unchanged=error_unchanged)
        return _NOTHING
    for line in screen.announcement(planned):
        terminal.say(line)
    if dry_run != "none":
        _preview(cluster, planned, dry_run=dry_run, output=output)
        return _NOTHING
    done = undoing.roll_back(cluster, planned, manager=manager, tell=notes.tell)
    with done_so_far() as so_far:
        say_restored(so_far, planned, done.restored.sources)
        terminal.changed(done.restored.obj, screen.outcome(done), output)
        if held_back := screen.held_back(done):
            terminal.warn(held_back)
        if wait is not None:
            follow(cluster, done.workload, Voice(terminal.say, terminal.warn), timeout=wait)
            with suppress(KagentError):  # the undo is done; only that its pods were ready is noted
                history.update(cluster, done.workload, manager=manager)
    return screen.in_short(done)


def _preview(cluster: Cluster, planned: UndoPlan, *, dry_run: str, output: Output) -> None:
    """The difference on stderr and the object as it would be on stdout; the server may have its say."""
    number = planned.target.number
    found = difference(planned.workload, planned.past.now.snapshot, screen.reached(planned))
    for line in diff_text("live", f"revision {number}", found).splitlines():
        terminal.say(line)
    preview = client_dry_run(planned) if dry_run == "client" else server_dry_run(cluster, planned)
    terminal.changed(preview, screen.foreseen(planned), output, dry_run)


def _skip(planned: UndoPlan, *, error_unchanged: bool) -> None:
    """There is nothing to restore in the object itself: say so, or that the difference is shared."""
    label = planned.workload.label
    if planned.sources:
        shared = "; ".join(screen.describe(source) for source in planned.sources)
        raise KagentError(
            f"nothing in {label} itself differs from revision {planned.target.number}; "
            f"what differs is shared: {shared}",
            hint=screen.restore_hint(planned),
        )
    text = f"{label} skipped rollback (current spec already matches revision {planned.target.number})"
    if error_unchanged:
        raise Unchanged(text)
    terminal.write_line(text)
