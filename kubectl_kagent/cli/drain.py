"""--drain: wait for the tasks of agents before their pods go."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kubectl_kagent.cli import terminal
from kubectl_kagent.cli.controller_access import ControllerAccess
from kubectl_kagent.errors import UsageError
from kubectl_kagent.model.workload import Workload

flag = click.option(
    "--drain",
    "drain_first",
    is_flag=True,
    help="First wait until no task of the agent is at work, 5m at most unless --timeout says otherwise.",
)


def wait_for_tasks(reach: ControllerAccess, workloads: Sequence[Workload], timeout: float) -> None:
    """Return once none is at work, as far as the records of the users tell; ``timeout`` 0: no limit.

    Raises UsageError for MCP servers, and what ``drain`` raises.
    """
    from kubectl_kagent.conversation.drain import drain  # not for a help

    for workload in workloads:
        if not workload.is_agent:
            raise UsageError("--drain is of agents: what an MCP server works on is not recorded")
    if workloads:
        terminal.say(f"looking for tasks {reach.whose}")
        drain(reach.connect(), reach.controllers(), workloads, terminal.say, terminal.warn, timeout=timeout)
