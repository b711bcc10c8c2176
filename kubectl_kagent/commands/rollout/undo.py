"""rollout undo, and rollback."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import one_target
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import KagentError, Unchanged, done_so_far
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history import undo as rollback
from kubectl_kagent.lifecycle.history.diff import difference
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.undo import UndoPlan
from kubectl_kagent.lifecycle.history.verification import expected_hash, verify
from kubectl_kagent.lifecycle.rollout.wait import Voice, follow, may_follow
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render import undo as screen
from kubectl_kagent.render.history import diff_text
from kubectl_kagent.render.output import OBJECTS, TEXT, Output


@command(short_help="Return to an earlier revision")
@options.targets
@click.option("--to-revision", type=int, default=0, help="Revision to return to; 0: the newest that differs.")
@click.option(
    "--with-sources", is_flag=True, help="Restore shared ModelConfigs, tool servers, ConfigMaps too."
)
@click.option("--wait", is_flag=True, help="Wait until the pods of the restored config are available.")
@click.option("--timeout", type=options.Duration(), default="5m", show_default=True, help="Limit of --wait.")
@options.error_unchanged
@formats(*OBJECTS)
@options.mutation
@options.connected
def undo(
    cluster: Cluster,
    target: tuple[str, ...],
    to_revision: int,
    *,
    with_sources: bool,
    wait: bool,
    timeout: float,
    error_unchanged: bool,
    output: Output,
    dry_run: str,
    manager: str,
) -> None:
    """Put the config of an earlier revision back, keep the replica count, and check that it is back.

    "rolled back" is printed only once the controller runs the config hash that the revision had.

    \b
    kubectl kagent rollout undo agent/datetime-agent
    kubectl kagent rollback agent/datetime-agent --to-revision=3 --wait
    # what would it change?
    kubectl kagent rollout undo agent/datetime-agent --dry-run=server
    """
    resource, name = one_target(target)
    workload = Workload(resource, cluster.get(resource, cluster.namespace, name))
    if wait:
        may_follow(cluster, workload)
    roll_back(
        cluster,
        workload,
        lambda past: rollback.choose(past, to_revision),
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
) -> None:
    """Undo to what ``target`` picks and say what is true; ``wait`` is how long for the pods (0: no limit)."""
    past = history.update(cluster, workload, manager=manager, record=dry_run == "none")
    said: set[str] = set()
    _warn_once(past.notes if dry_run == "none" else (), said)
    chosen = target(past)
    planned = rollback.plan(cluster, past, chosen)
    left = tuple(source for source in planned.sources if not (with_sources and source.restorable))
    if not planned.spec_differs and len(left) == len(planned.sources):
        _skip(past, planned, error_unchanged=error_unchanged)
        return
    for line in screen.announcement(past, planned, left):
        terminal.say(line)
    if dry_run != "none":
        _preview(cluster, past, planned, with_sources=with_sources, dry_run=dry_run, output=output)
        return
    done = rollback.undo(
        cluster,
        planned,
        with_sources=with_sources,
        manager=manager,
        cause=screen.cause(planned, with_sources=with_sources),
    )
    _warn_once(done.notes, said)
    restored = Workload(workload.resource, done.obj)
    with done_so_far() as so_far:
        rollback.say_restored(so_far, planned, done.restored_sources)
        seen = verify(cluster, restored, chosen, expected="" if left else expected_hash(past, chosen))
        _warn_once(_settle(cluster, restored, manager), said)
        terminal.changed(done.obj, screen.outcome(planned, done, seen, left), output)
        if wait is not None:
            follow(cluster, restored, Voice(terminal.say, terminal.warn), timeout=wait)


def _settle(cluster: Cluster, restored: Workload, manager: str) -> tuple[str, ...]:
    """Note the config hash on the new revision: a later look does it too, so that a failure is only said."""
    try:
        return history.update(cluster, restored, manager=manager).notes
    except KagentError as error:
        return (f"config hash, image and time ready are not noted: {error.explained}",)


def _preview(
    cluster: Cluster, past: History, planned: UndoPlan, *, with_sources: bool, dry_run: str, output: Output
) -> None:
    """The difference on stderr and the object as it would be on stdout; the server may have its say."""
    number = planned.target.number
    found = difference(planned.workload, past.now.snapshot, planned.target)
    for line in diff_text("live", f"revision {number}", found).splitlines():
        terminal.say(line)
    preview: Mapping[str, Any] = {**planned.workload.obj, "spec": dict(planned.spec)}
    if dry_run == "server":
        preview = rollback.try_out(cluster, planned, with_sources=with_sources)
    terminal.changed(preview, f"rolled back to revision {number}", output, dry_run)


def _skip(past: History, planned: UndoPlan, *, error_unchanged: bool) -> None:
    """There is nothing to restore in the object itself: say so, or that the difference is shared."""
    label = past.now.workload.label
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


def _warn_once(notes: Iterable[str], said: set[str]) -> None:
    """Notes are told by what they are about, whichever object their reason names."""
    for note in notes:
        about = note.partition(":")[0]
        if about not in said:
            said.add(about)
            terminal.warn(note)
