"""top: how much agents, tools and models are used, how fast they are, and how often they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.output import formats
from kubectl_kagent.errors import KagentError, UsageError
from kubectl_kagent.model.usage import AGENTS, MODELS, TOOLS, UsageTable, Wanted
from kubectl_kagent.render.output import TEXT, Output

if TYPE_CHECKING:
    from kubectl_kagent.backends.prometheus import Prometheus

NO_PROMETHEUS = "none"
_CALLS = {AGENTS: "turns", TOOLS: "calls of tools", MODELS: "calls of models"}


@command(short_help="Show rates, errors, durations and tokens of agents, tools or models")
@click.argument("kind", type=click.Choice([AGENTS, TOOLS, MODELS]), default=AGENTS)
@click.option(
    "--since", type=options.Duration(), default="1h", show_default=True, help="How far to look back."
)
@click.option("--sort-by", "column", default="", metavar="COLUMN", help="Column to sort by; default: calls.")
@click.option(
    "--prometheus",
    "url",
    default="",
    metavar="URL",
    help="Ask only this Prometheus; none: ask only the controller. Default: the one in the cluster, if any.",
)
@options.all_namespaces
@formats("json", "yaml", "wide", "jsonpath")
@terminal.color
@options.controller
def top(
    reach: options.ControllerAccess,
    kind: str,
    since: float,
    column: str,
    url: str,
    *,
    all_namespaces: bool,
    output: Output,
) -> None:
    """Show how often agents, tools or models were used, how long they took, and how often they failed.

    The numbers come from Prometheus if it has the span metrics of an OpenTelemetry Collector, else from the
    controller's records; stderr says which. Span metrics count the turns of all users, and give P50 and P95
    as estimates. They need the dimensions gen_ai.operation.name, gen_ai.tool.name and gen_ai.request.model,
    and for tokens the counter of the collector in manifests/observability. Records are those of one user
    (--user-id).

    ERRORS counts the turns or calls that failed. In Prometheus, that is what their spans say, and an agent's
    errors are the failed calls of its model, which end a turn. Unless the collector adds it, the spans of
    the Python runtime do not say that a tool failed, and the spans of the Go runtime, or of a model behind
    Ollama, do not say that the model failed. Prometheus counts a turn in which a person was asked as two,
    before and after the answer; records count it as one, and leave the wait out of P50 and P95.

    \b
    kubectl kagent top
    kubectl kagent top tools -A --since=24h --sort-by=errors -o wide
    kubectl kagent top models --prometheus=none
    """
    from kubectl_kagent.render import top as screen

    wide = output.wide
    if since < 1:
        raise UsageError("--since must be at least 1s")
    namespace = None if all_namespaces else reach.namespace()
    by_agent = output != TEXT and kind == TOOLS
    wanted = Wanted(kind, namespace, since, clock.now().timestamp(), by_agent=by_agent)
    screen.ordered((), wanted, column, wide=wide)
    usage, source = _ask(reach, url, wanted)
    rows = screen.ordered(usage.rows, wanted, column, wide=wide)
    if not output.is_text:
        terminal.write(output.view(screen.usage_view(usage, rows, wanted, source)))
    elif rows:
        terminal.show(screen.usage_table(rows, wanted, wide=wide))
    else:
        where = f" in namespace {namespace}" if namespace else ""
        terminal.say(f"No {_CALLS[kind]} found{where} in the last {screen.span(since)}")


def _ask(reach: options.ControllerAccess, url: str, wanted: Wanted) -> tuple[UsageTable, str]:
    """What the first source says that has any, and its name. A Prometheus that was named is asked alone."""
    from kubectl_kagent.backends.prometheus import at_address, find_prometheus

    if url and url != NO_PROMETHEUS:
        return _prometheus(reach, at_address(url), wanted)
    found = None if url or reach.url else find_prometheus(reach.connect())
    if found is not None:
        name = f"Prometheus ({found.name})"
        try:
            usage, source = _prometheus(reach, found, wanted)
            if usage.rows:
                return usage, source
            terminal.say(f"nothing in {name}")
        except KagentError as error:
            terminal.warn(f"{name} can't be asked: {error.explained}")
    return _records(reach, wanted)


def _prometheus(
    reach: options.ControllerAccess, prometheus: Prometheus, wanted: Wanted
) -> tuple[UsageTable, str]:
    from kubectl_kagent.telemetry.usage import agents as top_agents
    from kubectl_kagent.telemetry.usage import metrics as top_metrics

    usage = top_metrics.usage(prometheus, wanted)
    if not reach.url:
        usage = top_agents.with_doubled(usage, reach.connect(), wanted)
    source = _told(usage, f"Prometheus ({prometheus.name})")
    if usage.rows and wanted.kind != TOOLS and not any(row.tokens for row in usage.rows):
        terminal.say("tokens are not in it: --prometheus=none counts those of your own sessions")
    return usage, source


def _records(reach: options.ControllerAccess, wanted: Wanted) -> tuple[UsageTable, str]:
    from kubectl_kagent.telemetry.usage import records as top_records

    controller = reach.controller()
    usage = top_records.usage(controller, None if reach.url else reach.connect(), wanted)
    return usage, _told(usage, f"the kagent controller's records of user {controller.user}")


def _told(usage: UsageTable, source: str) -> str:
    for gap in usage.gaps:
        terminal.warn(gap)
    if usage.rows:
        terminal.say(f"from {source}")
    return source
