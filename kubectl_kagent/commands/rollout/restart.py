"""rollout restart."""

from __future__ import annotations

from kubectl_kagent import clock
from kubectl_kagent.cli import drain, options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import parse_targets
from kubectl_kagent.cli.waiting import waits_for
from kubectl_kagent.errors import KagentError, NotFound, done_so_far
from kubectl_kagent.lifecycle.rollout import wait as rollout
from kubectl_kagent.lifecycle.rollout.restart import Paused, refusal
from kubectl_kagent.lifecycle.rollout.restart import restart as restart_workload
from kubectl_kagent.lifecycle.workloads.deployment import own_deployments
from kubectl_kagent.lifecycle.workloads.scaling import current_replicas
from kubectl_kagent.lifecycle.workloads.users import sessions_that_end
from kubectl_kagent.model.resources import MCP_SERVER
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render.output import OBJECTS, Output


@command(short_help="Restart the pods of agents and MCP servers")
@options.targets
@waits_for("the new pods")
@drain.flag
@options.selector
@options.everything
@formats(*OBJECTS)
@options.mutation
@with_controller
def restart(
    reach: ControllerAccess,
    target: tuple[str, ...],
    *,
    wait: bool,
    timeout: float,
    drain_first: bool,
    selector: str | None,
    all_: bool,
    output: Output,
    dry_run: str,
    manager: str,
) -> None:
    """Replace the pods with new ones of the same config, as a rollout of their Deployment.

    The restart is noted where the controllers keep it: on an agent's Deployment, or in an MCPServer's spec.
    -o prints that object.

    With --drain it waits before the change until no task of the agent is at work, as far as the controller's
    records of the users that --user-id names tell, and changes nothing when that takes longer than --timeout.
    Without it a pod has 30s to finish what it works on, and longer tasks are cut off.

    \b
    kubectl kagent rollout restart agent/datetime-agent --wait
    kubectl kagent rollout restart agents --all --drain --timeout=10m
    kubectl kagent rollout restart mcpservers --all
    """
    cluster, targets = reach.connect(), parse_targets(target)

    def find() -> list[Workload]:
        listed = targets.list(cluster, cluster.namespace, selector=selector, all_=all_)
        return [Workload(targets.resource, item) for item in listed]

    def find_to_drain() -> list[Workload]:
        """What would be refused is refused before the wait."""
        found = find()
        if len(found) == 1:
            deployment = own_deployments(cluster, found)[found[0].key]
            if current_replicas(found[0], deployment) and (error := refusal(found[0], deployment)):
                raise error
        return found

    if drain_first:
        drain.wait_for_tasks(reach, targets.resource, find_to_drain, timeout, dry_run=dry_run)
    workloads = find()
    if not workloads:
        terminal.say(f"No {targets.resource.plural} matched in {cluster.namespace} namespace.")
    restarted: list[Workload] = []
    refused = 0
    waits = wait and dry_run == "none"
    # where an agent's mark goes, the count of what has none of its own, and whether it is paused
    deployments = own_deployments(cluster, [each for each in workloads if each.replicas != 0])
    counts = {each.key: current_replicas(each, deployments.get(each.key)) for each in workloads}
    rollout.check_readable(cluster, [each for each in workloads if counts[each.key]] if waits else ())
    if targets.resource is MCP_SERVER:
        going = [
            each for each in workloads if counts[each.key] and not refusal(each, deployments.get(each.key))
        ]
        for line in sessions_that_end(cluster, going):
            terminal.warn(line)
    for workload in workloads:
        deployment = deployments.get(workload.key)
        if counts[workload.key] == 0:
            terminal.warn(f"{workload.label} has no replicas: there is nothing to restart")
            continue
        try:
            done = restart_workload(
                cluster, workload, deployment, now=clock.now(), dry_run=dry_run, manager=manager
            )
        except (NotFound, Paused) as error:  # such a one does not keep the others from it
            if len(workloads) == 1:
                raise
            terminal.warn(error.explained)
            refused += 1
            continue
        terminal.changed(workload.obj if output.is_text else done, "restarted", output, dry_run)
        restarted.append(workload)
    voice = rollout.Voice(terminal.say, terminal.warn)
    for workload in restarted if waits else ():
        with done_so_far(f"{workload.label} is restarted", rollout.status_hint(workload)):
            rollout.follow(cluster, workload, voice, timeout=timeout)
    if refused:
        raise KagentError(f"{refused} of {len(workloads)} {targets.resource.plural} were not restarted")
