"""--drain: wait for the tasks of agents before their pods go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from kubectl_kagent.cli import terminal
from kubectl_kagent.cli.controller_access import ControllerAccess
from kubectl_kagent.errors import UsageError
from kubectl_kagent.model.resources import AGENT, Resource
from kubectl_kagent.model.workload import Workload

flag = click.option(
    "--drain",
    "drain_first",
    is_flag=True,
    help="First wait until no task of the agent is at work, 5m at most unless --timeout says otherwise.",
)


def wait_for_tasks(
    reach: ControllerAccess,
    resource: Resource,
    find: Callable[[], Sequence[Workload]],
    timeout: float,
    *,
    dry_run: str,
) -> None:
    """Return once no task of those that ``find`` finds is at work, as far as the records of the users tell.

    ``timeout`` 0: no limit. A dry run waits for nothing. Raises UsageError for MCP servers, before anything
    is asked, and what ``find`` and ``drain`` raise.
    """
    if resource is not AGENT:
        raise UsageError("--drain is of agents: what an MCP server works on is not recorded")
    if dry_run == "none" and (workloads := find()):
        from kubectl_kagent.conversation.drain import drain  # not for a help

        terminal.say(f"looking for tasks {reach.whose}")
        drain(reach.connect(), reach.controllers(), workloads, terminal.say, terminal.warn, timeout=timeout)
