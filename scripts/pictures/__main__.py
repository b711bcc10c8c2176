"""``python -m scripts.pictures``: the command line; see the package's docstring for what it is for.

Without the address of a Prometheus it starts one that knows a made-up fleet (tests/bundle).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.generate import ROOT
from scripts.pictures.layout import Panel, UnknownShape, name, twins
from scripts.pictures.machine import Studio
from scripts.pictures.scene import WIDTH, Stage, scene_of
from scripts.pictures.sources import QueryFailed, Range, Sources
from tests.bundle.prometheus import prometheus as fleet_prometheus
from tests.lab.errors import LabError
from tests.lab.progress import Progress

DASHBOARDS = ROOT / "dashboards" / "generated"
PICTURES = ROOT / "build" / "pictures"


def main() -> int:
    """Draw and judge each dashboard; 1 if something is wrong with one."""
    options = _options()
    paths = options.dashboards or sorted(DASHBOARDS.glob("*.json"))
    if not paths:
        sys.stderr.write(f"error: no dashboard in {DASHBOARDS.relative_to(ROOT)}\n")
        return 1
    end = options.at or int(time.time())
    span = Range(end - int(options.hours * 3600), end)
    try:
        with _prometheus(options.prometheus, span) as prometheus, Studio(Progress()) as studio:
            addresses = (prometheus, options.loki, options.tempo)
            sources = Sources(*(address.rstrip("/") for address in addresses))
            return _draw_all(studio, paths, Stage(sources, span, options.agent), options)
    except LabError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _draw_all(studio: Studio, paths: list[Path], stage: Stage, options: argparse.Namespace) -> int:
    is_fine = True
    for path in paths:
        target = options.out / f"{path.stem}.{options.type}"
        found = picture(studio, json.loads(path.read_text()), stage, target)
        sys.stdout.write("".join(f"{path.stem}: {line}\n" for line in [*found.problems, *found.notes]))
        is_fine = is_fine and not found.problems
    return 0 if is_fine else 1


@contextmanager
def _prometheus(address: str, span: Range) -> Iterator[str]:
    if address:
        yield address
        return
    with TemporaryDirectory() as folder, fleet_prometheus(Path(folder), span.start, span.end) as made_up:
        yield made_up


@dataclass(frozen=True)
class Findings:
    """A line for each problem, and for each note: what nobody draws, which query finds nothing."""

    problems: list[str]
    notes: list[str]


def picture(studio: Studio, dashboard: Mapping[str, Any], stage: Stage, target: Path) -> Findings:
    """Draw one dashboard, and say what was found."""
    try:
        scene = scene_of(dashboard, stage)
    except (UnknownShape, QueryFailed) as error:
        return Findings([f"wrong: {error}"], [])
    verdict = studio.draw(scene, target, WIDTH)
    panels = scene["panels"]

    def lines(found: list[dict[str, Any]]) -> list[str]:
        return [f"{name(panels[one['panel']])}: {one['problem']}" for one in found]

    problems = [f"the page failed: {crash}" for crash in verdict["crashes"]]
    problems += [*twins(panels), *lines(verdict["problems"])]
    notes = [*lines(verdict["blanks"]), *_without_result(panels)]
    return Findings([f"wrong: {problem}" for problem in problems], [f"note: {note}" for note in notes])


def _without_result(panels: list[Panel]) -> list[str]:
    return [
        f"{name(panel)}: query {answer['refId']} finds nothing"
        for panel in panels
        for answer in panel["answers"]
        if answer.get("result") == []
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.pictures", description="Draw and judge dashboards."
    )
    parser.add_argument(
        "dashboards", nargs="*", type=Path, help="JSON files; those of dashboards/generated if none"
    )
    parser.add_argument(
        "--prometheus", default="", metavar="URL", help="without it, one with a made-up fleet"
    )
    parser.add_argument(
        "--loki", default="", metavar="URL", help="without it, panels with logs are left blank"
    )
    parser.add_argument(
        "--tempo", default="", metavar="URL", help="without it, searches for traces are left blank"
    )
    parser.add_argument("--hours", type=float, default=6, help="how far back (6)")
    parser.add_argument("--at", type=int, metavar="SECONDS", help="the end of the range, in Unix time (now)")
    parser.add_argument("--out", type=Path, default=PICTURES, metavar="FOLDER")
    parser.add_argument("--type", choices=("png", "webp"), default="png", help="webp is a fifth of the size")
    parser.add_argument("--agent", default="", metavar="NAME", help="of the agent's dashboard (the first)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
