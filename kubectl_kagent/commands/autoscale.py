"""autoscale."""

from __future__ import annotations

import re
from typing import Any

import click

from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import one_target
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import UsageError
from kubectl_kagent.lifecycle.workloads.autoscaler import autoscale as create_autoscaler
from kubectl_kagent.lifecycle.workloads.autoscaler import hpa_object
from kubectl_kagent.lifecycle.workloads.old_kagent import check_leaves_the_count
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render.output import OBJECTS, Output


class Percent(click.ParamType[int]):
    """A utilization like ``70%`` (or 70), of the container's requests."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([1-9][0-9]{0,8})%?", str(value))
        if match is None:
            self.fail(f"{value!r} is not a percentage like 70%", param, ctx)
        return int(match.group(1))


@command(short_help="Let an HPA decide an agent's replicas")
@options.targets
@click.option(
    "--min",
    "minimum",
    type=options.Integer(min=1),
    default=1,
    show_default=True,
    help="Lower limit of the replica count.",
)
@click.option(
    "--max", "maximum", type=options.Integer(min=1), required=True, help="Upper limit of the replica count."
)
@click.option("--cpu", type=Percent(), help="Target CPU utilization, in percent of the requests.")
@click.option("--memory", type=Percent(), help="Target memory utilization, in percent of the requests.")
@formats(*OBJECTS)
@options.mutation
@options.connected
def autoscale(
    cluster: Cluster,
    target: tuple[str, ...],
    minimum: int,
    maximum: int,
    cpu: int | None,
    memory: int | None,
    output: Output,
    dry_run: str,
    manager: str,
) -> None:
    """Create a HorizontalPodAutoscaler on the agent's Deployment and hand the replica count to it.

    The replica count is removed from the Agent, because kagent would set it again whenever the autoscaler
    changes it.

    \b
    kubectl kagent autoscale agent/datetime-agent --min=1 --max=5 --cpu=70%
    """
    if cpu is None and memory is None:
        raise UsageError("no target was given", hint="give one with --cpu or --memory, like --cpu=70%")
    if minimum > maximum:
        raise UsageError(f"--min={minimum} is more than --max={maximum}")
    resource, name = one_target(target)
    workload = Workload(resource, cluster.get(resource, cluster.namespace, name))
    if dry_run == "client":
        body = hpa_object(workload, minimum=minimum, maximum=maximum, cpu=cpu, memory=memory)
        terminal.changed(body, "autoscaled", output, dry_run)
        return
    if workload.is_agent:
        from kubectl_kagent.backends.controller import find_controller  # not for a help

        check_leaves_the_count(lambda: find_controller(cluster), warn=terminal.warn)
    created = create_autoscaler(
        cluster,
        workload,
        minimum=minimum,
        maximum=maximum,
        cpu=cpu,
        memory=memory,
        dry_run=dry_run == "server",
        manager=manager,
    )
    terminal.changed(created, "autoscaled", output, dry_run)
