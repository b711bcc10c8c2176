"""observe export."""

from __future__ import annotations

from pathlib import Path

import click

from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.commands.observe.bundle_flags import EXCLUSIVE, BundleFlags, bundle_flags
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import NAMESPACE
from kubectl_kagent.observe.bundle import DEFAULT_NAMESPACE, Object, resource_of
from kubectl_kagent.render import observe as screen


@command(short_help="Print the bundle's objects as YAML, or write them to a folder", exclusive=EXCLUSIVE)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
@bundle_flags
@options.connection_in(DEFAULT_NAMESPACE)
def export(connect: options.Connect, folder: Path | None, *, flags: BundleFlags) -> None:
    """Print the objects that install applies as YAML, or write them to DIR with a kustomization.yaml.

    With --operator or --plain no cluster is asked. Traces go to tempo.monitoring:4317 then, and logs to
    http://loki.monitoring:3100, unless you name other addresses. No GrafanaDashboards are among the objects,
    and they lack the labels by which your Prometheus object may select rules and monitors
    (kube-prometheus-stack: release); without both options the cluster is asked for these.

    A Namespace is among them only where it is the usual one: another has to be there already. DIR must be
    new, empty, or of an earlier export, whose files are replaced.

    \b
    kubectl kagent observe export --plain | kubectl apply --server-side -f -
    # where a Prometheus without an operator can mount its rules
    kubectl kagent observe export --plain -n monitoring | kubectl apply --server-side -f -
    # for a repository that Argo CD or Flux reads
    kubectl kagent observe export --operator clusters/prod/kagent-observability
    """
    objects = [item for item in flags.objects_for_any(connect) if not _is_theirs(item)]
    if folder is None:
        terminal.write(screen.documents(objects))
        return
    written = screen.folder(objects)
    _write(folder, written)
    terminal.done(f"{folder}: {len(objects)} objects")


def _is_theirs(item: Object) -> bool:
    """A namespace that is not the bundle's own, whose labels are not ours to set."""
    return resource_of(item) is NAMESPACE and item["metadata"]["name"] != DEFAULT_NAMESPACE


def _write(folder: Path, written: dict[str, str]) -> None:
    """Raises KagentError for a folder that has something else in it, or can't be written."""
    try:
        before = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if before and not _is_exported(folder):
            raise KagentError(f"{folder} is not empty and was not exported to", hint="name another folder")
        folder.mkdir(parents=True, exist_ok=True)
        for name in before - written.keys():
            if name.endswith(".yaml"):
                (folder / name).unlink()
        for name, text in written.items():
            (folder / name).write_text(text)
    except OSError as error:
        raise KagentError(f"{folder}: {error.strerror}") from error


def _is_exported(folder: Path) -> bool:
    path = folder / screen.KUSTOMIZATION
    return path.is_file() and path.read_bytes().startswith(screen.MARK.encode())
