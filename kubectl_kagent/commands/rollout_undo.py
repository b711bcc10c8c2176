"""rollout undo, and rollback."""

from __future__ import annotations

from collections.abc import Iterable

import click

from kubectl_kagent import options
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import KagentError, Unchanged
from kubectl_kagent.lifecycle import history
from kubectl_kagent.lifecycle import undo as rollback
from kubectl_kagent.lifecycle.diff import difference
from kubectl_kagent.lifecycle.history import History
from kubectl_kagent.lifecycle.scaling import current_replicas, wait_scaled
from kubectl_kagent.lifecycle.undo import Plan
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render import undo as screen
from kubectl_kagent.render.history import diff_text
from kubectl_kagent.render.output import changed


@click.command(short_help="Return to an earlier revision")
@options.targets
@click.option("--to-revision", type=int, default=0, help="Revision to return to; 0: the newest that differs.")
@click.option(
    "--with-sources", is_flag=True, help="Restore shared ModelConfigs, tool servers, ConfigMaps too."
)
@click.option("--wait", is_flag=True, help="Wait until the pods of the restored config are available.")
@click.option("--timeout", type=options.Duration(), default="5m", show_default=True, help="Limit of --wait.")
@options.error_unchanged
@options.output()
@options.mutation
@options.connected
def undo(
    cluster: Cluster,
    target: tuple[str, ...],
    to_revision: int,
    with_sources: bool,
    wait: bool,
    timeout: float,
    error_unchanged: bool,
    output: str,
    dry_run: str,
    manager: str,
) -> None:
    """Put the config of an earlier revision back, keep the replica count, and check that it is back.

    "rolled back" is printed only once the controller runs the config hash that the revision had.

    \b
    kubectl kagent rollout undo agent/datetime-agent
    kubectl kagent rollout undo agent/datetime-agent --to-revision=3 --wait
    # what would it change?
    kubectl kagent rollout undo agent/datetime-agent --dry-run=server
    """
    resource, name = options.one_target(target)
    workload = Workload(resource, cluster.get(resource, cluster.namespace, name))
    past = history.update(cluster, workload, manager=manager, record=dry_run == "none")
    _warn(past.notes if dry_run == "none" else ())
    chosen = rollback.choose(past, to_revision)
    todo = rollback.plan(cluster, past, chosen)
    left = tuple(source for source in todo.sources if not (with_sources and source.restorable))
    if not todo.spec_differs and len(left) == len(todo.sources):
        _skip(past, todo, error_unchanged=error_unchanged)
        return
    _warn(screen.announcement(past, todo, left), prefix="")
    planned = f"rolled back to revision {chosen.number}"
    if dry_run != "none":
        found = difference(workload, past.now.snapshot, chosen)
        click.echo(diff_text("live", f"revision {chosen.number}", found), nl=False, err=True)
    if dry_run == "client":
        preview = {**workload.obj, "spec": dict(todo.spec)}
        click.echo(changed(preview, planned, output, dry_run), nl=False)
        return
    done = rollback.undo(
        cluster,
        todo,
        with_sources=with_sources,
        dry_run=dry_run == "server",
        manager=manager,
        cause=f"kubectl kagent rollout undo {resource.singular}/{name} --to-revision={chosen.number}"
        + (" --with-sources" if with_sources else ""),
    )
    if dry_run == "server":
        click.echo(changed(done.obj, planned, output, dry_run), nl=False)
        return
    _warn(done.notes)
    expected = "" if left else rollback.expected_hash(past, chosen)
    seen = rollback.verify(cluster, done, chosen, expected=expected)
    restored = Workload(resource, done.obj)
    history.update(cluster, restored, manager=manager)  # notes the config hash on the new revision
    click.echo(changed(done.obj, screen.outcome(todo, done, seen, left), output), nl=False)
    if wait:
        wait_scaled(cluster, restored, current_replicas(cluster, restored), timeout=timeout)


def _skip(past: History, todo: Plan, *, error_unchanged: bool) -> None:
    """There is nothing to restore in the object itself: say so, or that the difference is shared."""
    label = past.now.workload.label
    if todo.sources:
        shared = "; ".join(screen.describe(source) for source in todo.sources)
        raise KagentError(
            f"nothing in {label} itself differs from revision {todo.target.number}; "
            f"what differs is shared: {shared}",
            hint=screen.restore_hint(todo),
        )
    text = f"{label} skipped rollback (current spec already matches revision {todo.target.number})"
    if error_unchanged:
        raise Unchanged(text)
    click.echo(text)


def _warn(lines: Iterable[str], prefix: str = "Warning: ") -> None:
    for line in lines:
        click.echo(f"{prefix}{line}", err=True)
