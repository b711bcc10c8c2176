"""Where manifests come from: files, folders, standard input, and what kustomize builds."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubectl_kagent.errors import KagentError
from kubectl_kagent.lint.documents import LARGEST
from kubectl_kagent.shell import command_line

STDIN = "-"
EXTENSIONS = (".json", ".yaml", ".yml")  # of files in a folder, as kubectl has it
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True, slots=True)
class Source:
    """A file by its name in findings; ``uri`` is that in SARIF. ``built``: its lines are no file's."""

    name: str
    content: bytes
    uri: str
    built: bool = False


def files(names: Sequence[str], stdin: bytes, *, recursive: bool) -> Iterator[Source]:
    """What ``-f`` names. Raises KagentError for what is not there or can't be read, and an empty folder."""
    for name in names:
        if name == STDIN:
            yield Source("<stdin>", stdin, "stdin", built=True)
            continue
        if name.startswith(("http://", "https://")):
            hint = "curl URL | kubectl kagent lint -f -"
            raise KagentError(f"{name} is a URL, and lint asks nobody", hint=hint)
        path = Path(name)
        if _is_folder(path):
            yield from _folder(path, recursive=recursive)
        else:
            yield _read(path)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # such as a name that is too long; why is said where it is read
        return False


def _folder(folder: Path, *, recursive: bool) -> Iterator[Source]:
    found = sorted(folder.rglob("*") if recursive else folder.iterdir())
    chosen = [path for path in found if path.suffix in EXTENSIONS and path.is_file()]
    if not chosen:
        raise KagentError(
            f"{folder} has no file that ends in {', '.join(EXTENSIONS)}",
            hint=None if recursive else "-R looks into the folders in it, too",
        )
    yield from (_read(path) for path in chosen if path.name not in _KUSTOMIZATIONS)


def _read(path: Path) -> Source:
    try:
        with path.open("rb") as file:
            return Source(str(path), file.read(LARGEST + 1), path.as_posix())
    except FileNotFoundError as error:
        raise KagentError(f'the path "{path}" does not exist') from error
    except OSError as error:
        raise KagentError(f'the path "{path}" can\'t be read: {error.strerror}') from error


def built(folder: str) -> Source:
    """What ``kubectl kustomize`` makes of a folder. Raises KagentError where it fails or is not there."""
    program = shutil.which("kubectl")
    if program is None:
        raise KagentError(
            f"kubectl, which builds {folder}, is not found on the PATH",
            hint=f"{command_line('kustomize build', folder)} | kubectl kagent lint -f -",
        )
    if not _is_folder(Path(folder)):  # kustomize would take it for an address, and fetch it
        raise KagentError(f'the folder "{folder}" does not exist')
    done = subprocess.run([program, "kustomize", "--", folder], capture_output=True, check=False)
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().removeprefix("error: ")
        raise KagentError(f"{command_line('kubectl kustomize', folder)}: {told}")
    return Source(f"{folder} (built)", done.stdout, Path(folder).as_posix(), built=True)
