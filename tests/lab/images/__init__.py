"""The images the lab's pods run, made from what the machine has; no registry and no container engine."""

from collections.abc import Callable
from pathlib import Path

from tests.lab.images import python, recorder, static
from tests.lab.images.python import AGENT_RUNTIME, DATETIME_MCP, STANDIN
from tests.lab.images.recorder import RECORDER
from tests.lab.images.shelf import Shelf
from tests.lab.images.static import BYO_AGENT, BYO_AGENT_NEXT, CONTROLLER, GO_RUNTIME, PAUSE

__all__ = [
    "AGENT_RUNTIME",
    "BYO_AGENT",
    "BYO_AGENT_NEXT",
    "CONTROLLER",
    "DATETIME_MCP",
    "GO_RUNTIME",
    "PAUSE",
    "RECORDER",
    "STANDIN",
    "build_all",
]


def build_all(
    cache: Path, progress: Callable[[str], None], controller: Path | None, go_adk: Path | None
) -> list[Path]:
    """Every image archive, to be imported in this order; what is already in the cache is not built again."""
    shelf = Shelf(cache / "images", progress)
    archives = [static.pause(shelf), static.byo_agent(shelf)]
    if controller:
        archives.append(static.go_program(shelf, "controller", CONTROLLER, controller))
    if go_adk:
        archives.append(static.go_program(shelf, "golang-adk", GO_RUNTIME, go_adk))
    runtime = python.agent_runtime(shelf)
    packages = recorder.packages(shelf, runtime)
    on_runtime = [python.datetime_mcp(shelf, runtime), python.standin(shelf, runtime)]
    return [*archives, runtime, *on_runtime, packages, recorder.program(shelf, packages)]
