"""logs: the lines of all pods of an agent or MCP server, in order."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.controller_access import CONTROLLER_FLAGS, ControllerAccess, with_controller
from kubectl_kagent.cli.duration import Duration
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import parse_targets
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import JsonService
from kubectl_kagent.cluster.tenant import AsTenant
from kubectl_kagent.errors import KagentError, NotFound, UsageError
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render.log import Screen
from kubectl_kagent.render.output import Output
from kubectl_kagent.telemetry.logs import places
from kubectl_kagent.telemetry.logs.lines import Level, chooser
from kubectl_kagent.telemetry.logs.loki import Pods, find_loki
from kubectl_kagent.telemetry.logs.merge import Texts
from kubectl_kagent.telemetry.logs.notices import ContainerRef
from kubectl_kagent.telemetry.logs.older import Elsewhere
from kubectl_kagent.telemetry.logs.places import Containers
from kubectl_kagent.telemetry.logs.reader import Start
from kubectl_kagent.telemetry.logs.related import RelatedLines, Subject, of_session, of_task
from kubectl_kagent.telemetry.logs.session import LogPlan, LogSession

_LOKI_SPAN = timedelta(days=1)
_LEVELS = [level.name.lower() for level in Level]


class _Pattern(click.ParamType[re.Pattern[str]]):
    name = "regex"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> re.Pattern[str]:
        try:
            return re.compile(str(value))
        except (re.error, OverflowError, RecursionError) as error:
            self.fail(f'"{value}" is not a regular expression: {error}', param, ctx)


# RFC 3339, with what kubectl (Go's time.Parse) takes beside it: a comma, an hour of one digit.
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d{1,2})(:\d\d:\d\d)(?:[.,](\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _time(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """In UTC, as every API server and Loki reads it."""
    if not value:
        return None
    try:
        found = _RFC3339.fullmatch(value)
        if found is None:
            raise ValueError
        day, hour, rest, fraction, zone = found.groups()
        moment = datetime.fromisoformat(f"{day}T{hour:0>2}{rest}.{fraction or 0}{zone.upper()}")
        # the first and the last day of all time have none everywhere
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        raise UsageError(f'"{value}" is not a time', hint="write it like 2026-11-23T08:00:00Z") from None


@command(
    short_help="Print the logs of all pods of an agent or MCP server",
    exclusive=[("--since-time", "--since"), ("--task", "--session", "--trace")],
    needs=dict.fromkeys(CONTROLLER_FLAGS, ("--task", "--session")),
)
@options.targets
@click.option("--controller", is_flag=True, help="Print the logs of the kagent and kmcp controllers.")
@click.option("-f", "--follow", is_flag=True, help="Follow the logs, including those of new pods.")
@click.option("-p", "--previous", is_flag=True, help="Print the logs of each container's previous run.")
@click.option(
    "-c",
    "--container",
    metavar="NAME",
    help="This container; default: the one that the pod's annotation names, else kagent's own.",
)
@click.option("--all-containers", is_flag=True, help="All containers of each pod, init containers too.")
@click.option(
    "--tail", type=int, default=-1, metavar="LINES", help="Only the last lines of each container; -1: all."
)
@click.option("--since", type=Duration(), metavar="DURATION", help="Only lines newer than this.")
@click.option("--since-time", callback=_time, metavar="TIME", help="Only lines after this time (RFC 3339).")
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@click.option(
    "--prefix/--no-prefix",
    default=None,
    help="Begin each line with its pod; default: if there are several pods.",
)
@click.option("--level", type=click.Choice(_LEVELS), help="Only lines of this level or worse.")
@click.option("-i", "--include", type=_Pattern(), multiple=True, help="Only lines that match REGEX.")
@click.option("-e", "--exclude", type=_Pattern(), multiple=True, help="No lines that match REGEX.")
@click.option("-H", "--highlight", type=_Pattern(), multiple=True, help="Highlight what matches REGEX.")
@click.option("--task", metavar="ID", help="Only lines about this task.")
@click.option("--session", metavar="ID", help="Only lines about this session.")
@click.option("--trace", metavar="ID", help="Only lines that name this trace.")
@formats("default", "raw", "json", default="default")
@click.option(
    "--loki", metavar="URL", help="Also print older lines from this Loki; auto: find it by its label."
)
@options.tenant
@click.option("--ignore-errors", is_flag=True, help="Only warn about containers that can't be read.")
@click.option(
    "--max-log-requests",
    type=int,
    default=50,
    show_default=True,
    help="Maximum number of containers to follow; those of new pods wait.",
)
@click.option(
    "--pod-running-timeout",
    type=Duration(),
    default="20s",
    show_default=True,
    help="How long to wait until a pod runs.",
)
@options.selector
@options.all_namespaces
@terminal.color
@terminal.secrets
@with_controller
def logs(
    reach: ControllerAccess,
    target: tuple[str, ...],
    *,
    controller: bool,
    follow: bool,
    previous: bool,
    container: str | None,
    all_containers: bool,
    tail: int,
    since: float | None,
    since_time: str | None,
    timestamps: bool,
    prefix: bool | None,
    level: str | None,
    include: tuple[re.Pattern[str], ...],
    exclude: tuple[re.Pattern[str], ...],
    highlight: tuple[re.Pattern[str], ...],
    task: str | None,
    session: str | None,
    trace: str | None,
    output: Output,
    loki: str | None,
    tenant: str,
    ignore_errors: bool,
    max_log_requests: int,
    pod_running_timeout: float,
    selector: str | None,
    all_namespaces: bool,
) -> None:
    """Print the logs of all pods of an agent or MCP server, sorted by time.

    With -f new pods are included, and no line is lost or repeated when a container restarts, its log is
    rotated or a connection breaks; stderr names each interruption. What looks like a secret is masked.

    \b
    kubectl kagent logs datetime-agent -f
    kubectl kagent logs mcpserver/datetime --since=10m --level=warn
    # all agents of a team, as JSON
    kubectl kagent logs agents -l team=sre -A -o json
    # what an agent did for one task, even if its runtime writes no ids into its log
    kubectl kagent logs datetime-agent --task=01a20616-7eb6-7d88-a259-3f672270e33a
    # also what the node has dropped by now, and what deleted pods wrote
    kubectl kagent logs datetime-agent --since=12h --loki=auto
    kubectl kagent logs --controller --tail=100
    """
    if task or session:
        reach.check_one_user()
    cluster = reach.connect()
    if follow and previous:
        raise UsageError("-p shows a run that has ended: it can't be followed")
    if loki and (previous or tail >= 0 or controller):
        raise UsageError("--loki goes with --since and --since-time, not with -p, --tail or --controller")
    workloads = _workloads(cluster, target, selector, controller=controller, all_namespaces=all_namespaces)
    where = places.of_controllers(cluster) if controller else places.of_workloads(cluster, workloads)
    containers = Containers(container, all_containers)
    bright = terminal.colour_wanted()
    screen = Screen(output.name, timestamps, prefix, bright, highlight, terminal.is_shown(), terminal.masks())

    subject = _subject(reach, task, session, trace, goes_on=follow)

    def texts(source: ContainerRef) -> Texts:
        shown = screen.texts(source)
        related = RelatedLines(subject).choose if subject else None
        choose = chooser(Level[level.upper()] if level else None, include, exclude)

        def some(lines: list[bytes]) -> tuple[list[bytes], bytes]:
            chosen = screen.lines(related(lines) if related else lines)
            chosen = choose(chosen) if choose else chosen
            return chosen, shown(chosen)

        return some

    start = Start(
        since_time=since_time,
        since_seconds=None if since is None else max(1, round(since)),
        tail=tail if tail >= 0 else None,
        previous=previous,
    )
    pods = places.started_pods(cluster, where, pod_running_timeout)
    containers.check(pods)
    if not pods and not loki:
        _no_pods(workloads, follow=follow)
    older = None
    if loki:
        http = AsTenant(find_loki(cluster, loki), tenant)
        older = _elsewhere(http, workloads, containers.names(pods), start)
    reading = LogSession(cluster, LogPlan(containers.of, texts, start, max_log_requests, older), terminal.say)
    try:
        for block in reading.follow(pods, where) if follow else reading.past(pods):
            terminal.write_block(block)
    except KeyboardInterrupt:
        terminal.write_block(reading.rest())
        raise
    _end(reading, ignore_errors=ignore_errors)


def _subject(
    reach: ControllerAccess,
    task: str | None,
    session: str | None,
    trace: str | None,
    *,
    goes_on: bool,
) -> Subject | None:
    if trace:
        return Subject(trace)
    if not (task or session):
        return None
    subject = Subject(task or session or "")
    try:
        controller = reach.controller()
        subject = (
            of_task(controller, task, goes_on=goes_on)
            if task
            else of_session(controller, subject.id, goes_on=goes_on)
        )
    except NotFound as error:
        other = "an id has to be whole, and another user's is found with --user-id"
        terminal.warn(f"only lines that name it are shown: {error.explained}; {other}")
    except KagentError as error:
        terminal.warn(f"only lines that name it are shown: {error.explained}")
    return subject


def _workloads(
    cluster: Cluster, target: tuple[str, ...], selector: str | None, *, controller: bool, all_namespaces: bool
) -> list[Workload]:
    if controller:
        if target or selector:
            raise UsageError("--controller takes neither names nor a selector")
        return []
    targets = parse_targets(target)
    if all_namespaces and targets.names:
        raise UsageError("a resource cannot be retrieved by name across all namespaces")
    namespace = None if all_namespaces else cluster.namespace
    found = targets.list(cluster, namespace, selector=selector)
    if not found:
        where = f" in {namespace} namespace" if namespace else ""
        raise KagentError(f"no {targets.resource.plural} match {selector}{where}")
    return [Workload(targets.resource, item) for item in found]


def _elsewhere(
    http: JsonService, workloads: list[Workload], containers: tuple[str, ...], start: Start
) -> Elsewhere:
    now = clock.now()
    since = start.since(now) or now - _LOKI_SPAN
    if not start.since(now):
        terminal.say(f"asking Loki for lines since {since:%Y-%m-%dT%H:%M:%SZ}; --since says another time")
    owners = tuple((workload.namespace, workload.name) for workload in workloads)
    return Elsewhere(http, Pods(owners, containers), since)


def _no_pods(workloads: list[Workload], *, follow: bool) -> None:
    """Say that there are none yet. Raises KagentError when they are not waited for."""
    if not workloads:
        message, hint = "the kagent and kmcp controllers have no pods", "is kagent installed in this cluster?"
    elif len(workloads) == 1:
        only = workloads[0]
        message, hint = f"{only.label} has no pods", f"kubectl kagent describe {only.typed} shows why"
    else:
        kind, namespaces = workloads[0].resource.plural, {workload.namespace for workload in workloads}
        where = "-A" if len(namespaces) > 1 else f"-n {workloads[0].namespace}"
        message, hint = (
            f"none of the {len(workloads)} {kind} has pods",
            f"kubectl kagent get {kind} {where} shows why",
        )
    if not follow:
        raise KagentError(message, hint=hint)
    terminal.say(f"{message}; waiting for some")


def _end(session: LogSession, *, ignore_errors: bool) -> None:
    errors = session.failed
    for error in errors if ignore_errors else errors[:-1]:
        terminal.warn(error.message) if ignore_errors else terminal.say(error.line)
    if errors and not ignore_errors:
        raise errors[-1]
