"""The recorder's image, by the steps of its Dockerfile: on this machine's Python instead of the image's.

Two archives, since packages change seldom and our own code with every edit.
"""

import json
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.images.archive import Entry, Image, Layer, read_layers, tree, write_archive, write_layer
from tests.lab.images.libraries import library_entries
from tests.lab.images.python import PYTHON
from tests.lab.images.shelf import Shelf, key_of, run
from tests.lab.layout import CHECKOUT

RECORDER = "lab.local/kagent-recorder:lab"
_PACKAGES = "lab.local/kagent-recorder-packages:lab"

DOCKERFILE = CHECKOUT / "manifests" / "recorder" / "Dockerfile"
_HERE = Path(__file__).parent
_PROGRAMS = {"pip": [sys.executable, "-m", "pip", "--python", PYTHON], "python": [PYTHON]}
_QUIET = {"PIP_QUIET": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}


@dataclass
class Stage:
    """From one FROM to the next: files of the checkout, commands on them, what the image says of itself."""

    base: str
    name: str = ""
    copied: list[str] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    from_stages: dict[str, tuple[str, str]] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    user: str = ""
    entrypoint: list[str] = field(default_factory=list)

    def add(self, instruction: str, rest: str) -> None:
        """Raises ValueError for an instruction that this does not know."""
        words = shlex.split(rest)
        match instruction:
            case "COPY" if words[0].startswith("--from="):
                self.from_stages[words[0].removeprefix("--from=")] = (words[1], words[2])
            case "COPY":
                self.copied += words[:-1]
            case "RUN":
                self.commands.append(words)
            case "ENV":
                self.env |= dict(word.split("=", 1) for word in words)
            case "USER":
                self.user = rest
            case "ENTRYPOINT":
                self.entrypoint = json.loads(rest)
            case "WORKDIR":
                pass  # a scratch directory
            case _:
                raise ValueError(f"{DOCKERFILE} has an instruction {instruction}")


def stages(text: str) -> list[Stage]:
    found: list[Stage] = []
    for line in text.splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name))
        elif line and not line.startswith("#"):
            found[-1].add(instruction, rest)
    return found


def packages(shelf: Shelf, runtime: Path) -> Path:
    """What the program needs, on the agent runtime's first layer, which is the interpreter."""
    stage = _stage("packages")

    def build(scratch: Path, target: Path) -> None:
        shelf.progress("  installing the recorder's Python packages")
        layer = _carried_out(stage, scratch)
        write_archive(target, [Image(_PACKAGES, [read_layers(runtime)[0], layer], [PYTHON])])

    return shelf.archive("kagent-recorder-packages", _key(stage, runtime), build)


def program(shelf: Shelf, below: Path) -> Path:
    """The recorder, on the layers of its packages, which must be imported before it."""
    stage, final = _stage("program"), stages(DOCKERFILE.read_text())[-1]

    def build(scratch: Path, target: Path) -> None:
        layers = [*read_layers(below), _carried_out(stage, scratch)]
        write_archive(target, [Image(RECORDER, layers, final.entrypoint, final.env, final.user)])

    return shelf.archive("kagent-recorder", _key(stage, below), build)


def _stage(name: str) -> Stage:
    return next(stage for stage in stages(DOCKERFILE.read_text()) if stage.name == name)


def _key(stage: Stage, below: Path) -> str:
    code = [_HERE / name for name in ("archive.py", "libraries.py", "recorder.py")]
    return key_of(below.name, DOCKERFILE, *code, *(CHECKOUT / name for name in stage.copied))


def _carried_out(stage: Stage, scratch: Path) -> Layer:
    """The layer that the image has of a stage: its folder ``app``."""
    for name in stage.copied:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, scratch / name)
    for word, *rest in stage.commands:
        run([*_PROGRAMS[word], *rest], f"building the recorder's {stage.name}", cwd=scratch, **_QUIET)
    app = scratch / "app"
    entries = [Entry("app"), *tree(app, "app"), *library_entries(sorted(app.rglob("*.so*")), own=app)]
    return write_layer(scratch / f"{stage.name}.tar", entries)
