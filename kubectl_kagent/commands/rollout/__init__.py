"""rollout: the group, and history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import completion, options, terminal, usage_source
from kubectl_kagent.cli.command import group
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.duration import Duration
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import one_target
from kubectl_kagent.cli.usage_source import PrometheusOptions
from kubectl_kagent.cluster.side_by_side import both
from kubectl_kagent.errors import UsageError
from kubectl_kagent.lifecycle.history import revisions as past
from kubectl_kagent.lifecycle.history.rows import HistoryRow, rows
from kubectl_kagent.model.resources import AGENT, REPLICA_SET, Resource
from kubectl_kagent.model.workload import Workload, named
from kubectl_kagent.render import history as screen
from kubectl_kagent.render.output import Output

_VERBS = {verb: f"{__name__}.{verb}" for verb in ("diff", "undo", "status", "restart")}


@group(short_help="Manage rollouts: history, diff, undo, status, restart", modules=_VERBS)
def rollout() -> None:
    """Manage the rollout of an agent or MCP server."""


@rollout.command(
    short_help="List the revisions of the effective config",
    exclusive=[("--impact", "--revision")],
    needs=dict.fromkeys(("--since", "--prometheus", "--tenant"), ("--impact",)),
)
@options.targets
@click.option(
    "--revision",
    type=int,
    default=0,
    shell_complete=completion.revision,
    help="Show this revision in full; a negative number counts back.",
)
@click.option("--no-record", is_flag=True, help="Do not record anything.")
@click.option(
    "--impact", is_flag=True, help="Show the turns of each revision of an agent: errors, durations, tokens."
)
@click.option(
    "--since",
    type=Duration(),
    help="With --impact: how far to look back; default: to the first revision.",
)
@usage_source.prometheus
@formats("json", "yaml", "wide", "jsonpath")
@terminal.color
@with_controller
def history(
    reach: ControllerAccess,
    target: tuple[str, ...],
    revision: int,
    since: float | None,
    store: PrometheusOptions,
    *,
    no_record: bool,
    impact: bool,
    output: Output,
) -> None:
    """Show every recorded change of the effective config: the spec, ModelConfig, prompts and tool servers.

    This also records what is not recorded yet, as far back as the API server remembers. What looks like a
    secret is masked, except in --revision=N with -o json, yaml or jsonpath, which print it as recorded.

    With --impact, each revision of an agent has its turns, from Prometheus or the controller's records as in
    top, whose page says how they are counted. A revision is in effect from the moment its rollout began
    until the next one's began; one that was never seen ready has no turns of its own, since the pods before
    it answered. Prometheus counts a turn when it has seen its end, the records when it began, so turns that
    were under way during a change may count for either. With less than 20 turns, P95 (~) says little. COST
    is in US dollars at the prices of now, kagent:price_usd_per_token in Prometheus.

    \b
    kubectl kagent rollout history agent/datetime-agent
    # the spec and sources of revision 3, or of the one before the live one
    kubectl kagent rollout history agent/datetime-agent --revision=3
    kubectl kagent rollout history agent/datetime-agent --revision=-1
    # did the new prompt make it worse?
    kubectl kagent rollout history agent/datetime-agent --impact
    """
    resource, name = one_target(target)
    _check(resource, since, impact=impact)
    cluster = reach.connect()
    workload = named(resource, cluster.namespace, name)
    # first what may be refused: then nothing is recorded either
    of_pods = partial(cluster.list_objects, REPLICA_SET, workload.namespace, labels=workload.pod_selector)
    replica_sets, begun = both(of_pods, partial(past.begin, cluster, workload))
    found = past.update(cluster, workload, manager=options.MANAGER, record=not no_record, begun=begun)
    Notes().tell(*found.notes)
    if revision:
        one = found.find(revision)
        if not output.is_text:
            terminal.write(output.view(screen.revision_view(workload.label, one), whole=True))
        else:
            terminal.show(screen.revision_detail(workload.label, one))
        return
    lines = rows(found.now.workload, found.revisions, replica_sets["items"], live=found.live)
    if impact:
        _impact(reach, found.now.workload, lines, since, store, output)
        return
    if not output.is_text:
        terminal.write(output.view(screen.history_view(workload.label, lines)))
        return
    text = screen.history_table(workload.label, lines, now=clock.now(), wide=output.wide)
    terminal.show(text)


def _check(resource: Resource, since: float | None, *, impact: bool) -> None:
    """Raises UsageError for options that do not go together."""
    if impact and resource is not AGENT:
        raise UsageError("--impact is of agents: an MCP server has no turns")
    if since is not None and since < 1:
        raise UsageError("--since must be at least 1s")


def _impact(
    reach: ControllerAccess,
    workload: Workload,
    lines: Sequence[HistoryRow],
    since: float | None,
    store: PrometheusOptions,
    output: Output,
) -> None:
    """The turns of each revision."""
    from kubectl_kagent.cli.impact import measured
    from kubectl_kagent.impact.periods import notes, periods
    from kubectl_kagent.render.impact import impact_of_one
    from kubectl_kagent.render.impact_view import impact_view

    now = clock.now()
    begin = None if since is None else now - timedelta(seconds=since)
    found = periods(workload, lines, now=now, since=begin)
    result, source, gaps = measured(reach, store, found, notes(found), now=now)
    if not output.is_text:
        terminal.write(output.view(impact_view(workload.label, result.rows, gaps, source)))
    else:
        terminal.show(impact_of_one(workload.label, result.rows, wide=output.wide))
