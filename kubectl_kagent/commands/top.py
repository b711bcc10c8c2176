"""top: how much agents, tools and models are used, how fast they are, and how often they fail."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import options, terminal, usage_source
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.duration import Duration
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.usage_source import PrometheusOptions
from kubectl_kagent.errors import UsageError
from kubectl_kagent.model.usage import AGENTS, MODELS, TOOLS, UsageTable, Wanted
from kubectl_kagent.render.output import TEXT, Output

if TYPE_CHECKING:
    from kubectl_kagent.backends.prometheus import Prometheus
    from kubectl_kagent.telemetry.traces.sources import TraceSource

_REVISION = "revision"
_CALLS = {AGENTS: "turns", TOOLS: "calls of tools", MODELS: "calls of models"}


class _Kind(click.Choice[str]):
    """One of them, in the singular too, as with kubectl top pod."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        plural = f"{value}s"
        return super().convert(plural if plural in self.choices else value, param, ctx)


@command(short_help="Show rates, errors, durations and tokens of agents, tools or models")
@click.argument("kind", type=_Kind([AGENTS, TOOLS, MODELS]), default=AGENTS)
@click.option("--since", type=Duration(), default="1h", show_default=True, help="How far to look back.")
@click.option(
    "--by", type=click.Choice([_REVISION]), help="Count the turns of each revision of an agent for itself."
)
@click.option(
    "--sort-by",
    "column",
    default="",
    metavar="COLUMN",
    help="Column to sort by; default: calls, and with --by agents and their revisions in time order.",
)
@usage_source.prometheus
@options.all_namespaces
@formats("json", "yaml", "wide", "jsonpath")
@terminal.color
@with_controller
def top(
    reach: ControllerAccess,
    kind: str,
    since: float,
    by: str | None,
    column: str,
    store: PrometheusOptions,
    *,
    all_namespaces: bool,
    output: Output,
) -> None:
    """Show how often agents, tools or models were used, how long they took, and how often they failed.

    The numbers come from Prometheus if it has the span metrics of an OpenTelemetry Collector, else from the
    controller's records; stderr says which. Span metrics count the turns of all users, have no tokens, and
    give P50 and P95 as estimates. They need the dimensions gen_ai.operation.name, gen_ai.tool.name and
    gen_ai.request.model; without the prefix of newer connectors, or in milliseconds, they will do. Records
    are those of the users that --user-id names.

    ERRORS counts the turns or calls that failed. In Prometheus, that is what their spans say, and an agent's
    errors are the failed calls of its model, which end a turn. Unless the collector adds it, the spans of
    the Python runtime do not say that a tool failed, and the spans of the Go runtime, or of a model behind
    Ollama, do not say that the model failed. Prometheus counts a turn in which a person was asked as two,
    before and after the answer; records count it as one, and leave the wait out of P50 and P95.

    With --by=revision, each recorded revision of an agent has a row with its turns, as in rollout history
    --impact, whose page says when a revision is in effect; FROM is not before the time that --since asks
    for. Nothing is recorded.

    \b
    kubectl kagent top
    kubectl kagent top tools -A --since=24h --sort-by=errors -o wide
    kubectl kagent top models --prometheus=none
    # which change of the last week made agents slower, or fail?
    kubectl kagent top --by=revision --since=168h
    """
    from kubectl_kagent.render import top as screen

    wide = output.wide
    if since < 1:
        raise UsageError("--since must be at least 1s")
    if by and kind != AGENTS:
        raise UsageError(f"--by={by} is of agents: {kind} have no revisions of their own")
    namespace = None if all_namespaces else reach.namespace()
    if by:
        _by_revision(reach, namespace, since, column, store, output)
        return
    by_agent = output != TEXT and kind == TOOLS
    wanted = Wanted(kind, namespace, since, clock.now().timestamp(), by_agent=by_agent)
    screen.ordered((), wanted, column, wide=wide)
    (usage, without_tokens), source = usage_source.ask(
        reach,
        store,
        prometheus=lambda found: _prometheus(reach, found, wanted),
        records=lambda kept: _records(reach, kept, wanted),
        has_any=lambda answer: bool(answer[0].rows),
    )
    if usage.rows and without_tokens:
        terminal.say("tokens are not in it: --prometheus=none counts those of your own sessions")
    rows = screen.ordered(usage.rows, wanted, column, wide=wide)
    if not output.is_text:
        terminal.write(output.view(screen.usage_view(usage, rows, wanted, source)))
    elif rows:
        terminal.show(screen.usage_table(rows, wanted, wide=wide))
    else:
        where = f" in namespace {namespace}" if namespace else ""
        whose = "" if source.startswith("Prometheus") else f" ({reach.whose})"
        terminal.say(f"No {_CALLS[kind]} found{where} in the last {screen.span(since)}{whose}")


def _told(usage: UsageTable) -> UsageTable:
    for gap in usage.gaps:
        terminal.warn(gap)
    return usage


def _prometheus(reach: ControllerAccess, prometheus: Prometheus, wanted: Wanted) -> tuple[UsageTable, bool]:
    """The usage, and whether its tokens are counted elsewhere only."""
    from kubectl_kagent.telemetry.usage import agents as top_agents
    from kubectl_kagent.telemetry.usage import metrics as top_metrics

    usage = top_metrics.usage(prometheus, wanted)
    if not reach.url:
        usage = top_agents.with_doubled(usage, reach.connect(), wanted)
    return _told(usage), wanted.kind != TOOLS and not any(row.tokens for row in usage.rows)


def _records(reach: ControllerAccess, kept: TraceSource, wanted: Wanted) -> tuple[UsageTable, bool]:
    from kubectl_kagent.telemetry.usage import records as top_records

    return _told(top_records.usage(kept, None if reach.url else reach.connect(), wanted)), False


def _by_revision(
    reach: ControllerAccess,
    namespace: str | None,
    since: float,
    column: str,
    store: PrometheusOptions,
    output: Output,
) -> None:
    """The turns of each revision of the agents."""
    from kubectl_kagent.cli.impact import measured
    from kubectl_kagent.impact.agents import agent_periods
    from kubectl_kagent.render import impact as screen
    from kubectl_kagent.render.impact_view import agents_impact_view

    wide, namespaces, now = output.wide, namespace is None, clock.now()
    screen.ordered((), column, wide=wide, namespaces=namespaces)
    periods, notes = agent_periods(reach.connect(), namespace, now=now, since=now - timedelta(seconds=since))
    impact, source, gaps = measured(reach, store, periods, notes, now=now)
    rows = screen.ordered(impact.rows, column, wide=wide, namespaces=namespaces)
    if not output.is_text:
        terminal.write(output.view(agents_impact_view(rows, since, gaps, source)))
    elif rows:
        terminal.show(screen.impact_of_agents(rows, wide=wide, namespaces=namespaces))
    else:
        where = f" in namespace {namespace}" if namespace else ""
        terminal.say(f"No agents found{where}")
