"""observe install."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress

import click

from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.waiting import waits_for
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.commands.observe.bundle_flags import EXCLUSIVE, BundleFlags, bundle_flags, namespace
from kubectl_kagent.errors import NotFound, done_so_far
from kubectl_kagent.model.resources import ALERTMANAGER_CONFIG, DEPLOYMENT
from kubectl_kagent.observe import changes, install_options
from kubectl_kagent.observe.bundle import DEFAULT_NAMESPACE, Object, label_of
from kubectl_kagent.observe.for_alertmanager import SECRET
from kubectl_kagent.observe.ready import wait_until_ready
from kubectl_kagent.observe.removal import Installed, delete, superseded, try_to_delete
from kubectl_kagent.observe.status.senders import helm_values
from kubectl_kagent.render.output import OBJECTS, Output

_HEARD = (
    f"Slack and PagerDuty hear of alerts once the Secret {SECRET} is in namespace {{}}, and an Alertmanager "
    "object selects alertmanagerconfig/kagent with alertmanagerConfigMatcherStrategy None: see "
    "docs/alerting.md"
)
_RECORDER = "kagent-recorder"
_NO_RECORDER = (
    "the recorder is not installed, and history has what the API server remembers: --recorder-image=IMAGE "
    "brings it, see docs/recorder.md"
)
_TRACES = "kagent sends no traces unless its Helm values say so: "


@command(short_help="Apply the bundle", exclusive=EXCLUSIVE)
@bundle_flags
@click.option(
    "--force-conflicts", is_flag=True, help="Change what others made or changed, and manage it from then on."
)
@waits_for("the bundle's pods")
@formats(*OBJECTS)
@options.mutation
@options.connection_in(DEFAULT_NAMESPACE)
def install(
    connect: options.Connect,
    *,
    flags: BundleFlags,
    force_conflicts: bool,
    wait: bool,
    timeout: float,
    output: Output,
    dry_run: str,
    manager: str,
) -> None:
    """Apply the observability bundle on the server side; what is there already and the same stays untouched.

    Every object is tried first. Nothing is changed if others made or changed something that is in the way:
    each conflict is named. An option that is given at one install and not at the next is undone by it, which
    is said, and what an earlier version installed and this one has no more is deleted.

    \b
    kubectl kagent observe install --wait
    # and Slack and PagerDuty hear of alerts
    kubectl kagent observe install --grafana-url=https://grafana.example.org
    # and the recorder runs, whose image is yours to build
    kubectl kagent observe install --recorder-image=registry.example.com/kagent-recorder:0.1.0
    # what would it do?
    kubectl kagent observe install --dry-run=server
    """
    objects = flags.objects(connect)
    if dry_run == "client":
        _print(((item, "applied") for item in objects), len(objects), output, dry_run)
        return
    cluster = connect()
    found = changes.changes(cluster, objects, manager=manager)
    if not force_conflicts:
        try:
            changes.check(found)
        except changes.Refused as error:
            for line in error.conflicts:
                terminal.say(line)
            raise
    pruned = superseded(cluster, namespace(), objects, manager=manager)
    try_to_delete(cluster, pruned)
    _tell_undone(found, flags.as_typed)
    if dry_run == "server":
        _print(((change.after, change.verb) for change in found), len(found), output, dry_run)
    else:
        done = changes.apply(cluster, found, manager=manager, force=force_conflicts)
        _print(done, len(found), output, dry_run)
    _prune(cluster, pruned, output, dry_run)
    if dry_run == "server":
        _tell_of_no_recorder(found, pruned, flags)
        return
    if wait:
        with done_so_far("the bundle is installed", f"kubectl get pods -n {namespace()}"):
            wait_until_ready(cluster, found, timeout=timeout, tell=terminal.say)
    if any(change.live is None for change in found):
        values = (f"{name}={value}" for name, value in helm_values(namespace()).items())
        terminal.say(_TRACES + ", ".join(values))
    _tell_of_no_recorder(found, pruned, flags)
    if any(change.live is None and change.resource is ALERTMANAGER_CONFIG for change in found):
        terminal.say(_HEARD.format(namespace()))


def _tell_undone(found: Sequence[changes.Change], options: Sequence[str]) -> None:
    live = next((change.live for change in found if install_options.is_holder(change.wanted)), None)
    if undone := install_options.left_out(install_options.recorded(live), options):
        terminal.warn(f"{shlex.join(undone)}: given at the last install, not at this one, which undoes it")


def _tell_of_no_recorder(
    found: Sequence[changes.Change], pruned: Sequence[Installed], flags: BundleFlags
) -> None:
    if not flags.recorder_image and (any(change.live is None for change in found) or _had_recorder(pruned)):
        terminal.say(_NO_RECORDER)


def _had_recorder(pruned: Sequence[Installed]) -> bool:
    return any(item.resource is DEPLOYMENT and item.name == _RECORDER for item in pruned)


def _prune(cluster: Cluster, pruned: Sequence[Installed], output: Output, dry_run: str) -> None:
    with done_so_far("the bundle is installed", "the same observe install goes on where it ended"):
        for item in pruned:
            if dry_run == "none":
                with suppress(NotFound):
                    delete(cluster, item)
            if output.is_text:
                terminal.changed(item.obj, "pruned", output, dry_run)


def _print(results: Iterable[tuple[Object, str]], count: int, output: Output, dry_run: str) -> None:
    """A line for each object as it is done, or all of them in the end as ``output`` asks."""
    shown = []
    with done_so_far() as done:
        for item, verb in results:
            shown.append(item)
            if output.is_text:
                terminal.changed(item, verb, output, dry_run)
            if "deletionTimestamp" in item["metadata"]:
                terminal.warn(f"{label_of(item)} is being deleted: install again when it is gone")
            if dry_run == "none":
                done.text = f"{len(shown)} of {count} objects are installed"
                done.hint = "the same observe install goes on where it ended"
        if not output.is_text:
            terminal.write(output.objects(shown, single=False))
