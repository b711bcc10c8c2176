"""Images around this machine's Python: the agent runtime, and the small programs that share its layers."""

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.images.archive import Entry, Image, Layer, read_layers, tree, write_archive, write_layer
from tests.lab.images.libraries import library_entries
from tests.lab.images.shelf import Shelf, key_of, run
from tests.lab.images.static import system_entries

AGENT_RUNTIME = "ghcr.io/kagent-dev/kagent/app:lab"
DATETIME_MCP = "lab.local/datetime-mcp:lab"
STANDIN = "lab.local/kagent-standin:lab"

HERE = Path(__file__).parent
PINS = HERE / "agent-runtime.txt"
STANDIN_SOURCE = HERE.parent / "standin"
DATETIME_SOURCE = HERE.parents[2] / "manifests" / "examples" / "datetime-agent" / "server" / "server.py"
PYTHON = "/usr/bin/python3"
WANTED = ("kagent-adk", "a2a-sdk[http-server]", "openai", "tzdata")
ENVIRONMENT = {
    "HOME": "/home/nonroot",
    "LANG": "C.UTF-8",
    "PATH": "/usr/bin:/bin",
    "PYTHONUNBUFFERED": "1",
    "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
}

# Of the standard library: what no server needs. Of the packages: data and tools that the agent never opens.
STDLIB_LEFT_OUT = (
    "__pycache__",
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "lib2to3",
    "config-*",
    "*-packages",
)
PACKAGES_LEFT_OUT = ("bin", "pyarrow*", "googleapiclient/discovery_cache/documents", "botocore/data")


def agent_runtime(shelf: Shelf) -> Path:
    """kagent's Python runtime, which runs every Declarative agent that asks for it."""
    about = _interpreter()

    def build(scratch: Path, target: Path) -> None:
        interpreter, packages = scratch / "interpreter", scratch / "packages"
        _copy_interpreter(about, interpreter)
        shelf.progress("  installing the agent runtime's Python packages")
        _install_packages(packages / about["site"].lstrip("/"))
        shelf.progress("  compiling them, which makes agents start sooner")
        _compile(interpreter)
        _compile(packages)
        layers = [
            write_layer(scratch / "interpreter.tar", _interpreter_entries(about, interpreter, packages)),
            write_layer(scratch / "packages.tar", tree(packages, "")),
        ]
        write_archive(target, [_image(AGENT_RUNTIME, layers, "-m", "kagent.adk.cli", "static")])

    return shelf.archive("agent-runtime", key_of(_recipe(), PINS, json.dumps(about)), build)


def datetime_mcp(shelf: Shelf, runtime: Path) -> Path:
    """The example's MCP server, on the layers of the agent runtime, which has the `mcp` package."""
    entries = [Entry("app"), Entry("app/server.py", source=DATETIME_SOURCE, mode=0o644)]
    return _on_runtime(shelf, "datetime-mcp", DATETIME_MCP, runtime, entries, "/app/server.py")


def standin(shelf: Shelf, runtime: Path) -> Path:
    """The stand-in controller, on the layers of the agent runtime."""
    package = "app/tests/lab/standin"
    entries = [
        Entry("app/tests/__init__.py", data=b"", mode=0o644),
        Entry("app/tests/lab/__init__.py", data=b"", mode=0o644),
        *(entry for entry in tree(STANDIN_SOURCE, package) if "__pycache__" not in entry.name),
    ]
    return _on_runtime(shelf, "kagent-standin", STANDIN, runtime, entries, "-m", "tests.lab.standin")


def _on_runtime(
    shelf: Shelf, name: str, image: str, runtime: Path, entries: Iterable[Entry], *arguments: str
) -> Path:
    """A small archive: the runtime's layers are not repeated, so the runtime must be imported before it."""
    own = list(entries)

    def build(scratch: Path, target: Path) -> None:
        layers = [*read_layers(runtime), write_layer(scratch / "layer.tar", own)]
        write_archive(target, [_image(image, layers, *arguments)])

    contents = [part for entry in own for part in (entry.name, entry.source) if part is not None]
    return shelf.archive(name, key_of(_recipe(), runtime.name, *arguments, *contents), build)


def _image(name: str, layers: list[Layer], *arguments: str) -> Image:
    return Image(name, layers, [PYTHON, *arguments], ENVIRONMENT, workdir="/app")


def _interpreter() -> dict[str, str]:
    """Where this system's Python keeps its parts."""
    question = """
import json, platform, site, sys, sysconfig
print(json.dumps({
    "version": platform.python_version(), "build": " ".join(platform.python_build()),
    "executable": sys.executable, "stdlib": sysconfig.get_path("stdlib"), "site": site.getsitepackages()[0],
}))
"""
    about: dict[str, str] = json.loads(run([PYTHON, "-c", question], "looking at the system's Python"))
    if tuple(int(part) for part in about["version"].split(".")[:2]) < (3, 11):
        raise LabError(f"the agent image needs {PYTHON} to be Python 3.11 or newer, not {about['version']}")
    return about


def _copy_interpreter(about: dict[str, str], target: Path) -> None:
    stdlib = Path(about["stdlib"])
    ignore = shutil.ignore_patterns(*STDLIB_LEFT_OUT)
    shutil.copytree(stdlib, target / stdlib.relative_to("/"), ignore=ignore, ignore_dangling_symlinks=True)
    (target / "usr/bin").mkdir(parents=True)
    shutil.copy2(Path(about["executable"]).resolve(), target / "usr/bin/python3")
    (target / "usr/bin/python").symlink_to("python3")


def _install_packages(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "--python", PYTHON, "install", "--quiet", "--no-compile"]
    command += ["--disable-pip-version-check", "--root-user-action", "ignore", "--target", str(target)]
    run([*command, "--constraint", PINS, *WANTED], "installing the agent runtime's Python packages")
    for pattern in PACKAGES_LEFT_OUT:
        for path in target.glob(pattern):
            shutil.rmtree(path)


def _compile(root: Path) -> None:
    """Bytecode that is never checked against its source: the files of an image have no times to compare."""
    flags = ["-q", "-j", "2", "--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", "/"]
    run([PYTHON, "-m", "compileall", *flags, root], "compiling the agent runtime")


def _interpreter_entries(about: dict[str, str], interpreter: Path, packages: Path) -> Iterable[Entry]:
    yield from system_entries()
    yield Entry("app")
    yield Entry("config", owner=65532)
    programs = [interpreter / "usr/bin/python3", *interpreter.rglob("*.so"), *packages.rglob("*.so*")]
    yield from library_entries(programs, own=packages)
    yield from tree(interpreter, "")


def _recipe() -> str:
    """This code is part of what an image is made from."""
    return key_of(*(HERE / name for name in ("archive.py", "libraries.py", "static.py", "python.py")))
