"""record: the recorder as a process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.feed import Feed
from kubectl_kagent.lifecycle.history.recorder import WATCHED, Recorded, Recorder
from kubectl_kagent.render.table import plain


@command(short_help="Record every change of a config as it happens")
@options.all_namespaces
@click.option(
    "--field-manager",
    "manager",
    default=f"{options.MANAGER}-recorder",
    show_default=True,
    help="Name of the manager that owns the revisions' fields.",
)
@click.option(
    "--metrics-address",
    metavar="HOST:PORT",
    help="Serve /metrics (revisions, changes, who made the last one), /healthz and /readyz there, to anybody "
    "who can reach it; :PORT is every address.",
)
@options.connected
def record(cluster: Cluster, *, all_namespaces: bool, manager: str, metrics_address: str | None) -> None:
    """Record every change of the effective config of agents and MCP servers until stopped.

    Several recorders may run at once. A recorder that was down for less time than the API server remembers
    (five minutes by default) misses nothing.

    \b
    # everything in the cluster
    kubectl kagent record -A

    # and tell Prometheus of it
    kubectl kagent record -A --metrics-address=127.0.0.1:9464
    """
    namespace = None if all_namespaces else cluster.namespace
    where = "all namespaces" if all_namespaces else f"namespace {cluster.namespace}"
    before = signal.signal(signal.SIGTERM, _stop)
    recorder = Recorder(cluster, manager, terminal.say, namespace)
    feed = Feed(cluster, namespace, WATCHED, say=terminal.say, lost=terminal.trying_again)
    try:
        with _served(recorder, feed, metrics_address):
            terminal.say(f"recording {where}")
            for done in recorder.run(feed):
                _tell(done)
    finally:
        signal.signal(signal.SIGTERM, before)
        feed.close()


def _tell(done: Recorded) -> None:
    revision = done.revision
    by = f" by {revision.changed_by}" if revision.changed_by else ""
    before = f" ({revision.recurrence.removesuffix(': ')})" if revision.recurrence else ""
    line = f"{done.workload.namespace}/{done.workload.name}: {done.change}{by}{before}"
    terminal.done(f"{done.workload.resource.singular} revision {revision.number} {plain(line)}")


@contextmanager
def _served(recorder: Recorder, feed: Feed, address: str | None) -> Iterator[None]:
    """The metrics are served there meanwhile; nothing without an address."""
    if not address:
        yield
        return
    from kubectl_kagent.backends.metrics_server import MetricsServer
    from kubectl_kagent.lifecycle.history.recorder_metrics import families

    server = MetricsServer(
        address,
        lambda: families(recorder.memory()),
        is_alive=lambda: recorder.is_alive,
        is_ready=lambda: feed.is_whole,
    )
    try:
        yield
    finally:
        server.close()


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
