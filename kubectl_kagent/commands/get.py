"""get: the table that tells the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import Targets, parse_targets
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.feed import Feed
from kubectl_kagent.errors import NotFound, UsageError
from kubectl_kagent.lifecycle.workloads.overview import Overview, overviews
from kubectl_kagent.model.resources import DEPLOYMENT, LISTABLE, WORKLOADS, Resource
from kubectl_kagent.render import overview as screen
from kubectl_kagent.render.output import Output
from kubectl_kagent.render.table import table


@command(short_help="List agents, MCP servers, model configs and remote MCP servers")
@options.listable
@click.option(
    "-w", "--watch", is_flag=True, help="After listing, watch for changes and print each line that changes."
)
@options.all_namespaces
@options.selector
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
    output: Output,
) -> None:
    """List agents (the default), mcpservers, modelconfigs or remotemcpservers.

    READY and UP-TO-DATE come from the Deployment, because kagent's own Ready stays True in a stuck rollout
    and is False for a hibernated agent. SCALED-BY says who decides the replica count.

    \b
    kubectl kagent get agents
    kubectl kagent get mcpservers -A -o wide
    kubectl kagent get agent datetime-agent -w
    """
    targets = parse_targets(target, LISTABLE)
    if targets.names and (all_namespaces or selector):
        raise UsageError("a resource cannot be retrieved by name across all namespaces or with a selector")
    namespace = None if all_namespaces else cluster.namespace
    if output.is_text:
        _show(cluster, targets, namespace, selector, wide=output.wide, watch=watch)
        return
    if watch:
        raise UsageError(
            "-w prints tables only", hint="kubectl get -w -o json follows the objects themselves"
        )
    if targets.names:
        items = targets.list(cluster, cluster.namespace)
    else:
        typed = {"apiVersion": targets.resource.api_version, "kind": targets.resource.kind}
        listing = cluster.list_objects(targets.resource, namespace, labels=selector)
        items = [typed | item for item in listing["items"]]
    terminal.write(output.objects(items, single=len(targets.names) == 1))


def _show(
    cluster: Cluster,
    targets: Targets,
    namespace: str | None,
    selector: str | None,
    *,
    wide: bool,
    watch: bool,
) -> None:
    resource, now = targets.resource, clock.now()
    if resource not in WORKLOADS:
        if watch:
            raise UsageError(f"-w works on {' and '.join(item.plural for item in WORKLOADS)}")
        items = _sources(cluster, targets, namespace, selector)
        text = screen.source_table(resource, items, now=now, namespaces=namespace is None)
        if items:
            terminal.show(text)
        else:
            terminal.say(_none(namespace))
        return
    notes = Notes()

    def look() -> list[Overview]:
        return overviews(cluster, resource, namespace, names=targets.names, labels=selector, warn=notes.tell)

    found = look()
    if not found and not watch:
        terminal.say(_none(namespace))
        return
    text = screen.overview_table(resource, found, now=now, wide=wide, namespaces=namespace is None)
    terminal.show(text)
    if watch:
        for item in _changes(cluster, resource, namespace, look, found):
            cells = screen.row(item, now=clock.now(), wide=wide, namespaces=namespace is None)
            heading = screen.header(resource, wide=wide, namespaces=namespace is None)
            terminal.show(table(heading, [cells]).split("\n", 1)[1])


def _sources(
    cluster: Cluster, targets: Targets, namespace: str | None, selector: str | None
) -> list[dict[str, object]]:
    if targets.names:
        return targets.list(cluster, cluster.namespace)
    listing = cluster.list_objects(targets.resource, namespace, labels=selector)
    return list(listing["items"])


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


def _none(namespace: str | None) -> str:
    return f"No resources found in {namespace} namespace." if namespace else "No resources found"
