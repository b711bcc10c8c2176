"""scale, hibernate and wake."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import click

from kubectl_kagent.cli import drain, options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.duration import Duration
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import Targets, parse_targets
from kubectl_kagent.cli.waiting import waits_for
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import both
from kubectl_kagent.errors import KagentError, Unchanged, UsageError, done_so_far
from kubectl_kagent.lifecycle.workloads import scaling
from kubectl_kagent.lifecycle.workloads.autoscaler import Autoscaler
from kubectl_kagent.lifecycle.workloads.old_kagent import check_leaves_the_count
from kubectl_kagent.lifecycle.workloads.users import sessions_that_end
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render.output import OBJECTS, Output

# The CRDs store what is more than an int32 too, and a controller that reads it can't list the kind any more.
_COUNT = options.Integer(min=0, max=2**31 - 1)


@command(
    short_help="Set the replica count of agents and MCP servers",
    needs=dict.fromkeys(
        ("--current-replicas", "--resource-version", "--timeout", "--wait", "--drain"), ("--replicas",)
    ),
)
@options.targets
@click.option("--replicas", type=_COUNT, help="The new replica count.")
@click.option(
    "--release", is_flag=True, help="Remove the count from the object, so that an autoscaler decides."
)
@click.option("--current-replicas", type=int, help="Scale only if this is the current count.")
@click.option("--resource-version", help="Scale only if this is the current resource version.")
@click.option("--force", is_flag=True, help="Scale even if an autoscaler targets the Deployment.")
@waits_for("the pods")
@drain.flag
@options.selector
@options.everything
@options.error_unchanged
@formats(*OBJECTS)
@options.mutation
@with_controller
def scale(
    reach: ControllerAccess,
    target: tuple[str, ...],
    replicas: int | None,
    *,
    release: bool,
    current_replicas: int | None,
    resource_version: str | None,
    force: bool,
    timeout: float,
    wait: bool,
    drain_first: bool,
    selector: str | None,
    all_: bool,
    error_unchanged: bool,
    output: Output,
    dry_run: str,
    manager: str,
) -> None:
    """Set the replica count in the Agent or MCPServer itself, so that the controller keeps it.

    With --drain it waits, before it scales an agent down, until no task of it is at work, as far as the
    controller's records of the users that --user-id names tell, and changes nothing when that takes longer
    than --timeout. Without it a pod has 30s to finish what it works on, and longer tasks are cut off.

    \b
    # three replicas of an agent, and wait for them
    kubectl kagent scale agent/datetime-agent --replicas=3 --wait
    # an MCP server, but only when it has one replica now
    kubectl kagent scale mcpserver/datetime --current-replicas=1 --replicas=2
    # leave the count to an autoscaler from now on
    kubectl kagent scale agent/datetime-agent --release
    """
    if (replicas is None) == (not release):
        raise UsageError("give either --replicas=COUNT or --release")
    cluster, targets = reach.connect(), parse_targets(target)

    def scaled_down() -> list[Workload]:
        found = _workloads(cluster, targets, selector, all_=all_)
        now = scaling.current_counts(cluster, found)
        return [each for each in found if (now[each.key] or 0) > (replicas or 0)]

    if drain_first:
        drain.wait_for_tasks(reach, targets.resource, scaled_down, timeout, dry_run=dry_run)
    workloads, scalers = both(
        partial(_workloads, cluster, targets, selector, all_=all_), partial(_autoscalers, cluster)
    )
    if resource_version and len(workloads) > 1:
        raise UsageError("cannot use --resource-version with multiple resources")
    expect = scaling.Expect(current_replicas, resource_version)
    changed = False
    waits = replicas is not None and wait and dry_run == "none"
    if waits:
        _check_readable(cluster, workloads)
    counts = scaling.current_counts(cluster, workloads)
    if release and workloads[0].is_agent:
        check_leaves_the_count(lambda: reach.controllers()[0], warn=terminal.warn)
    if replicas is not None:
        _warn_of_sessions(cluster, workloads, counts, replicas)
    for workload in workloads:
        before = counts[workload.key]
        if replicas is None:
            done = scaling.release_replicas(
                cluster,
                workload,
                before=before,
                scalers=scalers,
                dry_run=dry_run,
                manager=manager,
                warn=terminal.warn,
            )
            changed |= done.changed
            terminal.changed(done.obj, "released", output, dry_run)
            continue
        if scaler := scaling.scaler_of(workload, scalers):
            scaling.check_not_autoscaled(workload, scaler, force=force, warn=terminal.warn)
        done = scaling.scale(
            cluster, workload, replicas, before=before, expect=expect, dry_run=dry_run, manager=manager
        )
        changed |= done.changed
        terminal.changed(done.obj, "scaled", output, dry_run)
    if waits:
        _await_pods(cluster, workloads, f"is scaled to {replicas}", timeout)
    if error_unchanged and not changed:
        raise Unchanged("nothing changed: every object is already as asked")


@command(short_help="Scale to zero and remember the count", needs={"--timeout": ("--drain",)})
@options.targets
@click.option("--force", is_flag=True, help="Scale even if an autoscaler scales it up again.")
@drain.flag
@click.option(
    "--timeout",
    type=Duration(),
    default="5m",
    show_default=True,
    help="How long --drain waits; 0: no limit.",
)
@options.selector
@options.everything
@formats(*OBJECTS)
@options.mutation
@with_controller
def hibernate(
    reach: ControllerAccess,
    target: tuple[str, ...],
    *,
    force: bool,
    drain_first: bool,
    timeout: float,
    selector: str | None,
    all_: bool,
    output: Output,
    dry_run: str,
    manager: str,
) -> None:
    """Scale to zero and remember the replica count for wake, and whether an autoscaler decided it.

    An HPA leaves alone what is scaled to zero; KEDA scales it up again unless its ScaledObject is paused.

    With --drain it waits before the change until no task of the agent is at work, as far as the controller's
    records of the users that --user-id names tell, and changes nothing when that takes longer than --timeout.
    Without it a pod has 30s to finish what it works on, and longer tasks are cut off.

    \b
    # scale every agent of the namespace to zero over the weekend
    kubectl kagent hibernate agents --all
    """
    cluster, targets = reach.connect(), parse_targets(target)

    def find() -> list[Workload]:
        return _workloads(cluster, targets, selector, all_=all_)

    if drain_first:
        drain.wait_for_tasks(reach, targets.resource, find, timeout, dry_run=dry_run)
    workloads, scalers = both(find, partial(_autoscalers, cluster))
    counts = scaling.current_counts(cluster, workloads)
    _warn_of_sessions(cluster, workloads, counts, 0)
    for workload in workloads:
        if workload.replicas == 0:
            terminal.warn(f"{workload.label} already has no replicas")
            terminal.changed(workload.obj, "unchanged", output, dry_run)
            continue
        if scaler := scaling.scaler_of(workload, scalers):
            scaling.check_stays_asleep(workload, scaler, force=force, warn=terminal.warn)
        done = scaling.scale(
            cluster,
            workload,
            0,
            before=counts[workload.key],
            expect=scaling.Expect(),
            dry_run=dry_run,
            manager=manager,
            remember=True,
        )
        terminal.changed(done.obj, "hibernated", output, dry_run)


@command(short_help="Restore the replica count that hibernate remembered")
@options.targets
@options.selector
@options.everything
@formats(*OBJECTS)
@options.mutation
@options.connected
def wake(
    cluster: Cluster,
    target: tuple[str, ...],
    selector: str | None,
    *,
    all_: bool,
    output: Output,
    dry_run: str,
    manager: str,
) -> None:
    """Restore the replica count that hibernate remembered, or 1 if there is none.

    Where an autoscaler or "kubectl scale deploy" decided the count before, it does so again.

    \b
    kubectl kagent wake agent/datetime-agent
    """
    workloads = _workloads(cluster, parse_targets(target), selector, all_=all_)
    counts = scaling.current_counts(cluster, workloads)
    asleep = [each for each in workloads if counts[each.key] == 0]
    scalers = None
    if any(scaling.sleeps_released(each) or each.replicas is None for each in asleep):
        scalers = _autoscalers(cluster)
    for workload in workloads:
        scaler = scaling.scaler_of(workload, scalers)
        if counts[workload.key] != 0:
            terminal.warn(f"{workload.label} is awake")
            terminal.changed(workload.obj, "unchanged", output, dry_run)
            continue
        if workload.replicas is None and scaler and not scaler.leaves_zero:
            terminal.warn(f"{scaler.label} decides the count of {workload.label}, and has it at 0")
            terminal.changed(workload.obj, "unchanged", output, dry_run)
            continue
        replicas = scaling.wake_replicas(workload)
        if scaling.sleeps_released(workload) or (workload.replicas is None and scaler):
            obj = scaling.wake_released(cluster, workload, replicas, dry_run=dry_run, manager=manager)
            terminal.changed(obj, f"woken to {replicas} and released", output, dry_run)
            if scaler and scaler.paused:
                terminal.warn(
                    f"{scaler.label} is still paused, and may put the count back; to let it decide again: "
                    f"{scaler.unpausing(workload.namespace)}"
                )
            elif scalers is not None:
                who = scaler.label if scaler else f"kubectl scale deploy {workload.name}"
                terminal.say(f"from now on {who} decides its count")
            continue
        done = scaling.scale(
            cluster,
            workload,
            replicas,
            before=0,
            expect=scaling.Expect(replicas=0),
            dry_run=dry_run,
            manager=manager,
        )
        terminal.changed(done.obj, f"woken to {replicas}", output, dry_run)


def _check_readable(cluster: Cluster, workloads: list[Workload]) -> None:
    """Raises KagentError where nobody may watch their pods."""
    from kubectl_kagent.lifecycle.rollout.wait import check_readable  # only who waits loads it

    check_readable(cluster, workloads)


def _await_pods(cluster: Cluster, workloads: list[Workload], done: str, timeout: float) -> None:
    from kubectl_kagent.lifecycle.rollout.wait import Voice, follow, status_hint

    for workload in workloads:
        with done_so_far(f"{workload.label} {done}", status_hint(workload)):
            follow(cluster, workload, Voice(terminal.say, terminal.warn), timeout=timeout)


def _autoscalers(cluster: Cluster) -> Mapping[tuple[str, str], Autoscaler] | None:
    return scaling.known_autoscalers(cluster, cluster.namespace, warn=terminal.warn)


def _warn_of_sessions(
    cluster: Cluster, workloads: list[Workload], counts: dict[tuple[str, str], int], replicas: int
) -> None:
    """What becomes of the agents' sessions with MCP servers: each lives in one pod."""
    servers = [each for each in workloads if not each.is_agent]
    for line in sessions_that_end(cluster, [each for each in servers if counts[each.key] > replicas]):
        terminal.warn(line)
    for server in servers if replicas > 1 else ():
        terminal.warn(
            f"a session with {server.label} lives in one of its pods, and each request goes to any of "
            f'{replicas}: unless it keeps no sessions, agents get "Session not found" now and then'
        )


def _workloads(cluster: Cluster, targets: Targets, selector: str | None, *, all_: bool) -> list[Workload]:
    """Those to scale. Raises KagentError when there are none, as kubectl scale does."""
    found = targets.list(cluster, cluster.namespace, selector=selector, all_=all_)
    if not found:
        raise KagentError(f"no {targets.resource.plural} matched in {cluster.namespace} namespace")
    return [Workload(targets.resource, item) for item in found]
