"""rollout diff."""

from __future__ import annotations

import os

import click

from kubectl_kagent.cli import completion, external_diff, options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.targets import one_target
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import NotFound
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.diff import difference
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.masking import masked_apart
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import named
from kubectl_kagent.render.history import diff_text, revision_view
from kubectl_kagent.render.output import to_yaml


@command(short_help="Show what changed between two revisions")
@click.argument("target", metavar="TYPE/NAME | NAME", shell_complete=completion.target)
@click.argument("old", type=int, required=False, shell_complete=completion.revision)
@click.argument("new", type=int, required=False, shell_complete=completion.revision)
@click.option("--no-record", is_flag=True, help="Do not record anything.")
@terminal.color
@options.connected
def diff(cluster: Cluster, target: str, old: int | None, new: int | None, *, no_record: bool) -> None:
    """Show what changed between two revisions, by default between the live one and the one before it.

    Prompts are shown as a text diff, and tools as added or removed. If KUBECTL_EXTERNAL_DIFF is set, that
    program gets both revisions as YAML files. What looks like a secret is masked.

    \b
    # what caused the newest rollout?
    kubectl kagent rollout diff agent/datetime-agent
    # from revision 3 to the live one, and from 3 to 5
    kubectl kagent rollout diff agent/datetime-agent 3
    kubectl kagent rollout diff agent/datetime-agent 3 5
    """
    resource, name = one_target((target,))
    past = history.update(
        cluster, named(resource, cluster.namespace, name), manager=options.MANAGER, record=not no_record
    )
    workload = past.now.workload
    Notes().tell(*past.notes)
    before, after = _pair(past, old, new)
    if external := os.environ.get("KUBECTL_EXTERNAL_DIFF", "").strip():
        _run_external(external, workload.label, before, after)
        return
    found = difference(workload, before, after)
    if not found:
        terminal.say(f"{_title(before)} and {_title(after)} are the same config")
        return
    terminal.show(diff_text(_title(before), _title(after), found))


def _pair(past: History, old: int | None, new: int | None) -> tuple[Revision, Revision]:
    if not past.revisions:
        raise NotFound(f"nothing is recorded of {past.now.workload.label}")
    after = past.find(new) if new is not None else past.live or _unrecorded(past)
    if old is not None:
        return past.find(old), after
    earlier = [revision for revision in past.revisions if revision.number < after.number]
    if not earlier:
        raise NotFound(
            f"{past.now.workload.label} has no revision before {after.number}: history starts there"
        )
    return earlier[-1], after


def _unrecorded(past: History) -> Revision:
    """The live config as the revision that it is not: refused, too large, or not to be recorded."""
    now = past.now.snapshot
    return Revision(
        number=past.revisions[-1].number + 1,
        name="",
        hash=now.hash,
        spec=now.spec,
        sources=now.sources,
        resource_version=now.resource_version,
        generation=now.generation,
        changed_by=now.changed_by,
        changed_at=now.changed_at,
        gap_before=False,
    )


def _title(revision: Revision) -> str:
    return f"revision {revision.number}" if revision.name else "live"


def _run_external(command: str, label: str, before: Revision, after: Revision) -> None:
    views = masked_apart(*(revision_view(label, revision) for revision in (before, after)))
    files = [
        (f"{_title(revision).replace(' ', '-')}.yaml", to_yaml(shown))
        for revision, shown in zip((before, after), views, strict=True)
    ]
    external_diff.run_on_files(command, *files)
