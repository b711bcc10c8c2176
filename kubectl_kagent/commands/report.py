"""report."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import click

from kubectl_kagent import __version__, clock
from kubectl_kagent.cli import archive, options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.duration import Duration
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.targets import Targets, parse_targets
from kubectl_kagent.errors import UsageError

_STDOUT = "-"
_SUFFIX = ".zip"


@command(short_help="Write what tells why agents fail to an archive, without secrets")
@options.targets
@options.all_namespaces
@click.option(
    "--since",
    type=Duration(),
    default="24h",
    show_default=True,
    help="Only tasks and lines of logs that are newer than this.",
)
@click.option(
    "--include-messages",
    is_flag=True,
    help="Also prompts, questions, answers, and the arguments and results of tools, with secrets masked.",
)
@click.option(
    "--file",
    metavar="FILE",
    type=click.Path(),
    help="Write the archive to this file, which ends in .zip; - is stdout. "
    "Default: kagent-report-NAME-TIME.zip, with the name of the object or namespace.",
)
@with_controller
def report(
    reach: ControllerAccess,
    target: tuple[str, ...],
    *,
    all_namespaces: bool,
    since: float,
    include_messages: bool,
    file: str | None,
) -> None:
    """Write an archive for somebody who has to find out why agents or MCP servers fail.

    index.html in it says what is wrong, why as far as that is known, and what could not be had; beside it are
    objects, events, revisions, recent tasks, and the logs of all pods and of the controllers. It is about all
    agents and MCP servers of the namespace, or of all with -A, or about those that are named.

    No Secret is read. Values of env, headers and annotations are left out, and so are prompts and messages
    unless they are asked for. Of all other texts only what reads like words, numbers and known names is kept;
    [masked] stands for the rest. A secret that is an ordinary word passes: look at it before you send it.

    The file is a zip file that its owner alone may read; a file that is there is never replaced.

    \b
    kubectl kagent report datetime-agent
    kubectl kagent report -A --since=2h --file=incident.zip
    kubectl kagent report mcpserver/datetime
    """
    targets = parse_targets(target)
    if all_namespaces and target:
        raise UsageError("a resource cannot be retrieved by name across all namespaces")
    if target and not targets.names:
        raise UsageError("name objects, or none at all", hint="for example agent/NAME")
    if since < 1:
        raise UsageError("--since must be at least 1s")
    if file == _STDOUT and sys.stdout.isatty():
        raise UsageError("an archive is nothing for a terminal", hint="name a file with --file")
    if file and file != _STDOUT and not file.lower().endswith(_SUFFIX):
        raise UsageError(
            f"{file} does not end in {_SUFFIX}, and the archive is a zip file",
            hint=f"for example --file=report{_SUFFIX}",
        )
    cluster = reach.connect()
    namespace = None if all_namespaces else cluster.namespace
    made = clock.now()
    folder = f"kagent-report-{_what(targets, namespace)[:_LONGEST_NAME]}-{made:%Y%m%dT%H%M%SZ}"
    path = Path(file or f"{folder}{_SUFFIX}")
    if file != _STDOUT:
        archive.refuse_existing(path)
    from kubectl_kagent.render import report as screen
    from kubectl_kagent.report.gather import Selection, gather

    selection = Selection(namespace, targets.resource, targets.names)
    begin = made - timedelta(seconds=min(since, _LONGEST))
    found = gather(cluster, reach.controller, selection, begin, terminal.say)
    data = archive.packed(folder, screen.files(found, __version__, whole=include_messages), made)
    if file == _STDOUT:
        terminal.write_block(data)
    else:
        archive.save(path, data)
        terminal.write(f"{path}\n")
    Notes().tell(*screen.left_out(found))


_LONGEST_NAME = 100  # letters in the name of a file, which has 255 bytes
_LONGEST = timedelta(days=3650).total_seconds()


def _what(targets: Targets, namespace: str | None) -> str:
    if targets.names:
        return (
            targets.names[0] if len(targets.names) == 1 else f"{len(targets.names)}-{targets.resource.plural}"
        )
    return namespace or "all"
