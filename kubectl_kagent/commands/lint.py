"""lint."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kubectl_kagent.cli import terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.output import formats
from kubectl_kagent.errors import KagentError, UsageError
from kubectl_kagent.render.output import Output

_FAILED = 1


@command(
    short_help="Find what is wrong with manifests, without a cluster",
    exclusive=(("--filename", "--kustomize"),),
)
@click.option(
    "-f",
    "--filename",
    "names",
    metavar="FILE",
    multiple=True,
    type=click.Path(),
    help="File or folder of manifests; - is standard input.",
)
@click.option("-R", "--recursive", is_flag=True, help="Look into the folders in a folder, too.")
@click.option(
    "-k",
    "--kustomize",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Folder that kubectl kustomize builds.",
)
@click.option(
    "--crds",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File or folder of kagent's CRDs to check by; default: those of kagent 0.10 and kmcp 0.3.",
)
@click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    default="default",
    show_default=True,
    help="Namespace of objects that name none.",
)
@formats("json", "yaml", "jsonpath", "sarif", "junit")
@terminal.color
def lint(
    *,
    names: tuple[str, ...],
    recursive: bool,
    folder: str | None,
    crds: Path | None,
    namespace: str,
    output: Output,
) -> None:
    """Check manifests of agents, MCP servers and models, without a cluster.

    What the API server would refuse (fields, types, CEL rules) is found, and what works and will hurt. Each
    rule has a section in docs/lint.md, and is ignored by a comment or an annotation that says why. What
    can't be judged from the files is said, and never taken for right.

    Exit code 0: there is no error, though there may be warnings; 1: there is.

    \b
    kubectl kagent lint -f agent.yaml
    kubectl kagent lint -R -f deploy/ -o sarif > lint.sarif
    kubectl kagent lint -k overlays/prod
    helm template . | kubectl kagent lint -f -
    """
    from kubectl_kagent.lint import crds as schemas
    from kubectl_kagent.lint import linter, sources
    from kubectl_kagent.lint.documents import LARGEST
    from kubectl_kagent.render import lint as screen

    if not names and folder is None:
        raise UsageError("which manifests? -f or -k is missing", hint="kubectl kagent lint -f FILE")
    stdin = sys.stdin.buffer.read(LARGEST + 1) if sources.STDIN in names else b""
    read = [sources.built(folder)] if folder else list(sources.files(names, stdin, recursive=recursive))
    found = linter.lint(read, schemas.given(crds) if crds else schemas.packed(), namespace)
    if not found.objects and not found.findings:
        raise KagentError(f"no object in {', '.join(source.name for source in read)}")
    if output.is_text:
        terminal.show(screen.lint_screen(found))
    elif output.name == "junit":
        terminal.write(screen.lint_junit(found))
    elif output.name == "sarif":
        from kubectl_kagent.render.sarif import lint_sarif

        terminal.write(lint_sarif(found, {source.name: source for source in read}))
    else:
        terminal.write(output.view(screen.lint_view(found)))
    if found.failed:
        click.get_current_context().exit(_FAILED)
