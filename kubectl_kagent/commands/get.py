"""get: the table that tells the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import Targets, parse_targets
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.feed import Feed
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import NotFound, UsageError
from kubectl_kagent.lifecycle.workloads.overview import Overview, overviews
from kubectl_kagent.model.resources import DEPLOYMENT, LISTABLE, WORKLOADS, Resource
from kubectl_kagent.render import overview as screen
from kubectl_kagent.render import sort_by
from kubectl_kagent.render.output import Output
from kubectl_kagent.render.table import table


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which objects, and in what order."""

    cluster: Cluster
    targets: Targets
    namespace: str | None
    labels: str | None
    fields: str | None
    sort_by: str | None
    ignore_missing: bool
    watch: bool
    missing: dict[str, NotFound] = field(default_factory=dict)

    def read(self) -> list[Mapping[str, Any]]:
        """The objects as served; ``missing`` gets an error for each name that is not there.

        Raises NotFound for the only one, and where they are watched.
        """
        resource = self.targets.resource
        if self.targets.names:
            items: list[Mapping[str, Any]] = [
                item for item in side_by_side(self._named, self.targets.names) if item is not None
            ]
        else:
            listing = self.cluster.list_objects(
                resource, self.namespace, labels=self.labels, fields=self.fields
            )
            typed = {"apiVersion": resource.api_version, "kind": resource.kind}
            items = [typed | item for item in listing["items"]]
        return sort_by.in_order(items, self.sort_by) if self.sort_by else items

    def _named(self, name: str) -> dict[str, Any] | None:
        try:
            return self.cluster.get(self.targets.resource, self.cluster.namespace, name)
        except NotFound as error:
            if self.ignore_missing:
                return None
            if self.watch or len(self.targets.names) == 1:
                raise
            self.missing[name] = error
            return None

    def end(self) -> None:
        """Raises NotFound when names were not there: what was found is printed, as kubectl does."""
        missing = [self.missing[name] for name in self.targets.names if name in self.missing]
        for error in missing[:-1]:
            terminal.fail(error)
        if missing:
            raise missing[-1]


@command(short_help="List agents, MCP servers, model configs and remote MCP servers")
@options.listable
@click.option(
    "-w", "--watch", is_flag=True, help="After listing, watch for changes and print each line that changes."
)
@options.all_namespaces
@options.selector
@click.option("--field-selector", metavar="FIELDS", help="Field selector, like metadata.name!=x.")
@click.option("--sort-by", "order", metavar="JSONPATH", help="Sort by this field, like .metadata.name.")
@click.option("--no-headers", is_flag=True, help="Print a table without its header.")
@click.option("--show-labels", is_flag=True, help="Add a column with all labels.")
@click.option(
    "-L",
    "--label-columns",
    multiple=True,
    metavar="LABEL,...",
    help="Add a column for each of these labels; may be repeated.",
)
@click.option("--ignore-not-found", is_flag=True, help="Exit with 0 and print nothing for what is not there.")
@formats("json", "yaml", "name", "wide", "jsonpath", "custom-columns")
@terminal.color
@options.connected
def get(
    cluster: Cluster,
    target: tuple[str, ...],
    *,
    watch: bool,
    all_namespaces: bool,
    selector: str | None,
    field_selector: str | None,
    order: str | None,
    no_headers: bool,
    show_labels: bool,
    label_columns: tuple[str, ...],
    ignore_not_found: bool,
    output: Output,
) -> None:
    """List agents (the default), mcpservers, modelconfigs or remotemcpservers.

    READY and UP-TO-DATE come from the Deployment, because kagent's own Ready stays True in a stuck rollout
    and is False for a hibernated agent. SCALED-BY says who decides the replica count.

    \b
    kubectl kagent get agents
    kubectl kagent get mcpservers -A -o wide
    kubectl kagent get agent datetime-agent -w
    kubectl kagent get agents --no-headers --sort-by=.metadata.creationTimestamp -L team
    """
    targets = parse_targets(target, LISTABLE)
    if targets.names and (all_namespaces or selector or field_selector):
        raise UsageError("a resource cannot be retrieved by name across all namespaces or with a selector")
    if order:
        sort_by.check(order)
    namespace = None if all_namespaces else cluster.namespace
    asked = _Asked(
        cluster,
        targets,
        namespace,
        selector,
        field_selector,
        None if watch else order,
        ignore_not_found,
        watch,
    )
    if output.is_text:
        names = tuple(filter(None, (name for word in label_columns for name in word.split(","))))
        labels = screen.LabelColumns(names, show_labels)
        if watch and order:
            terminal.warn("-w prints lines as they change: --sort-by is ignored")
        _show(asked, labels, wide=output.wide, watch=watch, header=not no_headers)
        asked.end()
        return
    if watch:
        raise UsageError(
            "-w prints tables only", hint="kubectl get -w -o json follows the objects themselves"
        )
    items = asked.read()
    if items or not (targets.names and (ignore_not_found or asked.missing)):
        text = output.objects(items, single=len(targets.names) == 1)
        terminal.write(_without_header(text) if no_headers and output.name == "custom-columns" else text)
    asked.end()


def _show(asked: _Asked, labels: screen.LabelColumns, *, wide: bool, watch: bool, header: bool) -> None:
    resource, namespace, now = asked.targets.resource, asked.namespace, clock.now()
    if resource not in WORKLOADS:
        if watch:
            raise UsageError(f"-w works on {' and '.join(item.plural for item in WORKLOADS)}")
        items = asked.read()
        text = screen.source_table(resource, items, now=now, namespaces=namespace is None, labels=labels)
        _print(text if items else "", asked, header=header)
        return
    notes = Notes()

    def look() -> list[Overview]:
        return overviews(asked.cluster, resource, namespace, asked.read, warn=notes.tell)

    found = look()
    how: dict[str, Any] = {"wide": wide, "namespaces": namespace is None, "labels": labels}
    if found or watch:
        _print(screen.overview_table(resource, found, now=now, **how), asked, header=header)
    else:
        _print("", asked, header=header)
    if watch:
        for item in _changes(asked.cluster, resource, namespace, look, found):
            cells = screen.row(item, now=clock.now(), **how)
            terminal.show(_without_header(table(screen.header(resource, **how), [cells])))


def _print(text: str, asked: _Asked, *, header: bool) -> None:
    """A table; without one, that there is nothing to show."""
    if text:
        terminal.show(text if header else _without_header(text))
    elif not (asked.ignore_missing or asked.missing):
        where = f" in {asked.namespace} namespace." if asked.namespace else ""
        terminal.say(f"No resources found{where}")


def _without_header(text: str) -> str:
    return text.partition("\n")[2]


def _changes(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    look: Callable[[], list[Overview]],
    shown: list[Overview],
) -> Iterator[Overview]:
    """Lines that differ from what was last shown, for ever."""
    last = {item.workload.uid: _visible(item) for item in shown}
    kinds = (resource, DEPLOYMENT)
    feed = Feed(cluster, namespace, kinds, say=terminal.say, lost=terminal.trying_again)
    with closing(feed):
        while True:
            if feed.next(timeout=1) is None:
                continue
            while feed.next(timeout=0) is not None:
                pass  # one look answers for all that came at once
            try:
                found = look()
            except NotFound:
                continue
            for item in found:
                if last.get(item.workload.uid) != _visible(item):
                    last[item.workload.uid] = _visible(item)
                    yield item


def _visible(item: Overview) -> list[str]:
    return screen.row(item, now=item.created, wide=True, namespaces=True)
